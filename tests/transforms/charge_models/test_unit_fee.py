"""Rules of the charge model unit_fee: the units of an event that are not free, at the unit price."""

from decimal import Decimal

import pytest

from tests.transforms.charge_models.priced import priced
from transforms.charge_models.unit_fee import unit_fee


@pytest.mark.parametrize(
    ("charged", "free", "amount"),
    [
        pytest.param("1.5", False, "0.02265", id="1.5 × 0.0151, unrounded"),
        pytest.param("0", False, "0", id="an event of no units"),
        pytest.param("3", True, "0", id="a wholly free event"),
    ],
)
def test_an_event_costs_its_units_that_are_not_free(charged, free, amount):
    assert priced(unit_fee, charged_value=charged, is_free=free, rate="0.0151") == Decimal(amount)
