"""Rules of the charge model dynamic."""

from decimal import Decimal

import pytest

from tests.transforms.charge_models.priced import priced
from transforms.charge_models.dynamic import dynamic


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [
        pytest.param("3", "19.75", id="the amount, however many units"),
        pytest.param("0", "0.0001", id="finer than the minor unit, and without units"),
        pytest.param("-1", "-7.2500", id="a credit note"),
    ],
)
def test_usage_costs_what_its_events_bring(quantity, amount):
    assert priced(dynamic, quantity=quantity, amount=amount) == Decimal(amount)
