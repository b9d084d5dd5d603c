"""Rules of the charge model flat."""

from decimal import Decimal

import pytest

from tests.transforms.charge_models.priced import priced
from transforms.charge_models.flat import flat


@pytest.mark.parametrize("quantity", ["0", "0.000000000001", "1000000"])
def test_a_flat_amount_does_not_depend_on_what_is_used(quantity):
    assert priced(flat, quantity=quantity, flat_amount="49.00") == Decimal(49)
