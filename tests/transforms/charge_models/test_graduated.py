"""Rules of the charge model graduated: golden figures of semantics §8, tier by tier."""

from decimal import Decimal

import pytest

from tests.transforms.charge_models.priced import priced
from transforms.charge_models.graduated import graduated

# 1000 @ 0.010 + 5, 5000 @ 0.008 + 3, above @ 0.005 + 0: what is due below each tier, its own flat included.
FIRST = {"offset": "0", "base_amount": "5", "unit_amount": "0.010"}
SECOND = {"offset": "1000", "base_amount": "18", "unit_amount": "0.008"}  # 1000 × 0.010 + 5 + 3
THIRD = {"offset": "5000", "base_amount": "50", "unit_amount": "0.005"}  # 18 + 4000 × 0.008 + 0


@pytest.mark.parametrize(
    ("quantity", "tier", "amount"),
    [
        pytest.param("0", FIRST, "5", id="tier one's flat is due at zero"),
        pytest.param("0.5", FIRST, "5.005", id="half a unit: 5 + 0.5 × 0.010"),
        pytest.param("1000", FIRST, "15", id="the bound belongs to the tier below: 5 + 1000 × 0.010"),
        pytest.param("1000.5", SECOND, "18.004", id="half a unit in tier two: 18 + 0.5 × 0.008"),
        pytest.param("1001", SECOND, "18.008", id="one unit in tier two"),
        pytest.param("5000", SECOND, "50", id="tier two is full: 18 + 4000 × 0.008"),
        pytest.param("20000", THIRD, "125", id="the open tier: 50 + 15000 × 0.005"),
    ],
)
def test_each_band_is_charged_at_its_own_rate(quantity, tier, amount):
    assert priced(graduated, quantity=quantity, **tier) == Decimal(amount)


def test_a_bound_without_a_flat_above_is_no_jump():
    """At 5,000 tier two and tier three say the same: 18 + 4000 × 0.008 = 50 + 0 × 0.005."""
    assert priced(graduated, quantity="5000", **SECOND) == priced(graduated, quantity="5000", **THIRD)
