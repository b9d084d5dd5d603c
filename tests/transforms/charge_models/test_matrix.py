"""Rules of the charge model matrix."""

from decimal import Decimal

import pytest

from tests.transforms.charge_models.priced import priced
from transforms.charge_models.matrix import matrix


@pytest.mark.parametrize(
    ("quantity", "unit_amount", "amount"),
    [
        pytest.param("3", "0.12", "0.36", id="every unit at the price of its cell"),
        pytest.param("0", "0.12", "0", id="nothing costs nothing"),
        pytest.param("-3", "0.12", "-0.36", id="a credit note gives back"),
    ],
)
def test_every_unit_costs_what_its_cell_says(quantity, unit_amount, amount):
    assert priced(matrix, quantity=quantity, unit_amount=unit_amount) == Decimal(amount)
