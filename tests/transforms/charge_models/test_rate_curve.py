"""Rules of the charge model of a rate curve."""

from decimal import Decimal

from tests.transforms.charge_models.priced import priced
from transforms.charge_models.rate_curve import rate_curve


def test_every_unit_costs_what_its_hours_say():
    """3 × 0.30."""
    assert priced(rate_curve, quantity="3", unit_amount="0.30") == Decimal("0.90")
