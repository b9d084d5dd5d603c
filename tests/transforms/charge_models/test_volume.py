"""Rules of the charge model volume: golden figures of semantics §8."""

from decimal import Decimal

import pytest

from tests.transforms.charge_models.priced import priced
from transforms.charge_models.volume import volume

FIRST = {"flat_amount": "5", "unit_amount": "0.010"}
SECOND = {"flat_amount": "3", "unit_amount": "0.008"}
THIRD = {"flat_amount": "0", "unit_amount": "0.005"}


@pytest.mark.parametrize(
    ("quantity", "tier", "amount"),
    [
        pytest.param("0", FIRST, "5", id="tier one's flat is due at zero"),
        pytest.param("1000", FIRST, "15", id="1000 × 0.010 + 5"),
        pytest.param("1001", SECOND, "11.008", id="one more costs less: 1001 × 0.008 + 3"),
        pytest.param("5000", SECOND, "43", id="5000 × 0.008 + 3"),
        pytest.param("5001", THIRD, "25.005", id="5001 × 0.005 + 0"),
    ],
)
def test_all_units_are_charged_at_the_rate_of_their_total(quantity, tier, amount):
    assert priced(volume, quantity=quantity, **tier) == Decimal(amount)
