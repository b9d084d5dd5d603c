"""Rules of the charge model per_unit."""

from decimal import Decimal

import pytest

from tests.transforms.charge_models.priced import priced
from transforms.charge_models.per_unit import per_unit


@pytest.mark.parametrize(
    ("quantity", "unit_amount", "amount"),
    [
        pytest.param("3", "0.10", "0.30", id="three units at 0.10"),
        pytest.param("0", "0.10", "0", id="no units, no charge"),
        pytest.param("0.5", "0.01", "0.005", id="a fraction pays its share, unrounded"),
        pytest.param("7", "0", "0", id="a price of zero is a price"),
        pytest.param("1500000", "0.0000025", "3.75", id="1.5 M tokens at 2.50 per million"),
        pytest.param("0.000000000001", "0.000000000001", "0.000000000000000000000001", id="to the 24th place"),
    ],
)
def test_every_unit_costs_the_same(quantity, unit_amount, amount):
    assert priced(per_unit, quantity=quantity, unit_amount=unit_amount) == Decimal(amount)
