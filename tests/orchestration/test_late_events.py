"""An allowance is used up in the order of time: what arrives late takes its place, and later events pay for it."""

from datetime import date
from decimal import Decimal

import pytest

from data_contracts import LineItems, RatedEvents
from orchestration import explain
from orchestration.settings import Settings
from tests.orchestration.tiny import put, tables_only
from tests.tables import texts

BOOK = """
company: {name: Acme, time_zone: UTC, reporting_currency: USD, default_plan: payg}
products: [{id: cards, name: Cards}]
meters: [{id: payments, unit: currency, aggregation: sum, value: amount}]
prices:
  - id: card
    product: cards
    meter: payments
    model: percentage
    currency: USD
    versions:
      - effective_from: 2026-01-01
        percentage: {rate: "0.012", fixed: "0.10", free_events: 3, free_amount: "500", free_rule: RULE}
plans: [{id: payg, prices: [card]}]
"""
HEADER = "event_id,account_id,meter,occurred_at,amount,currency\n"
# The golden case of semantics: 200, 100, 100, 50.
ON_TIME = "".join(
    f"{name},acme,payments,2026-08-{day:02d}T10:00:00Z,{amount},USD\n"
    for name, day, amount in (("a", 3, 200), ("c", 5, 100), ("d", 6, 100), ("e", 7, 50))
)
# At the instant of `c`, before it by its id; on a day that was priced already.
LATE = "b,acme,payments,2026-08-05T10:00:00Z,150,USD\n"


def rated(home, rule):
    put(home, "price_book/2026-08-07/book.yaml", BOOK.replace("RULE", rule))
    put(home, "accounts/2026-08-07/accounts.csv", "account_id,name,currency,valid_from\nacme,Acme,USD,2020-01-01\n")
    put(home, "usage_events/2026-08-07/on_time.csv", HEADER + ON_TIME)
    before = tables_only(Settings(home=home), date(2026, 8, 7))
    first = fees(before)
    put(home, "usage_events/2026-08-08/late.csv", HEADER + LATE)
    after = tables_only(Settings(home=home), date(2026, 8, 8))
    return first, fees(after), after


def fees(build):
    return dict(texts(build.frame(RatedEvents).sort("occurred_at", "event_id").collect(), ["event_id", "amount"]))


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        pytest.param(
            "first_exhausted",
            {"a": "0", "c": "0", "d": "0", "e": "0.7"},  # the fourth pays 50 × 1.2 % + 0.10
            # Three events are gone with `c`, at 450 of 500: `d` and `e` pay in full.
            {"a": "0", "b": "0", "c": "0", "d": "1.3", "e": "0.7"},
            id="the first allowance used up ends it",
        ),
        pytest.param(
            "both_exhausted",
            {"a": "0", "c": "0", "d": "0", "e": "0"},
            # 450 before `d`: 50 of it are free, 50 × 1.2 % + 0.10; `e` pays in full.
            {"a": "0", "b": "0", "c": "0", "d": "0.7", "e": "0.7"},
            id="both used up end it",
        ),
    ],
)
def test_a_late_event_is_put_in_its_place_and_later_ones_are_priced_again(tmp_path, rule, before, after):
    first, then, build = rated(tmp_path, rule)
    assert (first, then) == (before, after)
    lines = build.frame(LineItems).sort("service_date").collect()
    assert [Decimal(amount) for (amount,) in texts(lines, ["amount"])] == [
        Decimal(then["a"]),
        Decimal(then["b"]) + Decimal(then["c"]),
        Decimal(then["d"]),
        Decimal(then["e"]),
    ]
    for line in lines["line_item_id"]:
        found = explain.explained(build, line)
        assert found.agrees, found.as_text()
