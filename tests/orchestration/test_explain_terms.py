"""Terms beside the plain ones, from landed files to the line and back, by every charge model that takes them."""

from decimal import Decimal

import pytest

from data_contracts import LineItems
from orchestration import explain
from orchestration.build import Build
from tests.orchestration.test_explain_models import night
from tests.tables import texts

BOOK = """
company: {name: Acme, time_zone: UTC, reporting_currency: USD, default_plan: payg}
products: [{id: api, name: API}]
meters:
  - {id: sold, unit: currency, aggregation: sum, value: amount}
  - {id: handled, unit: currency, aggregation: sum, value: amount}
prices:
  - id: share
    product: api
    meter: sold
    model: graduated_percentage
    currency: USD
    versions:
      - effective_from: 2026-01-01
        tiers: [{up_to: "1000", rate: "0.01", flat_amount: "2"}, {up_to: null, rate: "0.005", flat_amount: "1"}]
  - id: processed
    product: api
    meter: handled
    model: volume
    currency: USD
    versions:
      - effective_from: 2026-01-01
        tiers: [{up_to: "1000", rate: "0.02"}, {up_to: null, rate: "0.015"}]
plans: [{id: payg, prices: [share, processed]}]
"""
EVENTS = """event_id,account_id,meter,occurred_at,quantity,amount,currency
s1,acme,sold,2026-08-03T10:00:00Z,,1000,USD
s2,acme,sold,2026-08-04T10:00:00Z,,200,USD
p1,acme,handled,2026-08-03T10:00:00Z,,900,USD
p2,acme,handled,2026-08-04T10:00:00Z,,200,USD
"""
LINES = {
    # 2 + 1000 × 1 %; then 1 for entering the second band and 200 × 0.5 %
    "share@2026-01-01/{}/usage/2026-08-03": "12",
    "share@2026-01-01/{}/usage/2026-08-04": "2",
    # 900 × 2 %; the month's 1100 pay 1.5 %: 16.50 - 18
    "processed@2026-01-01/{}/usage/2026-08-03": "18",
    "processed@2026-01-01/{}/usage/2026-08-04": "-1.5",
}


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A real night up to the tables as of D, from landed files."""
    return night(tmp_path_factory.mktemp("terms"), BOOK, EVENTS)


def test_the_lines_of_the_month(build):
    found = build.frame(LineItems).select("line_item_id", "amount").collect()
    assert dict(texts(found, ["line_item_id", "amount"])) == {f"default:acme/{name}": LINES[name] for name in LINES}


@pytest.mark.parametrize("name", LINES)
def test_every_line_is_recomputed_from_its_events_and_agrees(build, name):
    found = explain.explained(build, f"default:acme/{name}")
    assert found.agrees, found.as_text()
    assert found.amount == Decimal(LINES[name])
