"""Meters that do not add up, over several zones and their clock changes: what a period comes to, however it was landed.

`RATEBOOK_PROPERTY_COMPANIES` sets how many histories are drawn for each rule (2 by default, hundreds as the long run).
"""

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from data_contracts import Meters, PriceConditions, PriceVersions, UsageEvents
from tests.properties.companies import frame
from tests.transforms.chain import made
from tests.transforms.worlds import account, company, on_plan

EXAMPLES = int(os.environ.get("RATEBOOK_PROPERTY_COMPANIES", "2"))
AS_OF = "2026-11-30"
# Clocks change by an hour, by half an hour, at midnight, not at all; east and west of Greenwich.
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Tokyo", "America/Santiago")
MONTHS = (datetime(2026, 9, 1), datetime(2026, 10, 1), datetime(2026, 11, 1), datetime(2026, 12, 1))
FIRST = datetime(2026, 9, 1, 12, tzinfo=UTC)
DELIVERIES = ("2026-09-03", "2026-10-30", "2026-11-30")
AGGREGATIONS = ("max", "latest", "unique_count", "weighted_sum")
METERS = [
    {
        "meter": f"{name}_{carries}",
        "aggregation": name,
        "carries_over": carries,
        "value": "user" if name == "unique_count" else "quantity",
        "negative": "allow" if name == "weighted_sum" else "reject",
        "dimensions": '["region","user"]',
    }
    for name in AGGREGATIONS
    for carries in ((False,) if name == "max" else (False, True))
]
Event = dict[str, Any]
few = settings(max_examples=EXAMPLES, deadline=None, print_blob=True)

instants = st.integers(0, 85 * 24 * 3600).map(lambda seconds: FIRST + timedelta(seconds=seconds, microseconds=seconds))
used = st.lists(
    st.tuples(
        st.sampled_from([meter["meter"] for meter in METERS]),
        instants,
        st.sampled_from([Decimal("0.5"), Decimal(1), Decimal(7), Decimal("19.000000000001"), Decimal(-3)]),
        st.sampled_from(("eu", "us")),
        st.sampled_from(("ann", "bob", "cyd")),
    ),
    min_size=1,
    max_size=25,
)


def landed(history: list[tuple[Any, ...]]) -> list[Event]:
    return [
        {
            "event_id": f"e{place:03}",
            "source": "",
            "account_id": "acme",
            "meter": meter,
            "occurred_at": at.replace(tzinfo=None),
            "quantity": quantity if meter.startswith("weighted") else abs(quantity),
            "dimensions": f'{{"region":"{region}","user":"{user}"}}',
            "delivery_date": DELIVERIES[-1],
        }
        for place, (meter, at, quantity, region, user) in enumerate(history)
    ]


def night(events: list[Event], zone: str, **given: pl.LazyFrame) -> dict[str, pl.DataFrame]:
    """A night in which one price for each meter looks at the region, but counts over all regions."""
    prices = [{"price_id": meter["meter"], "meter": meter["meter"]} for meter in METERS]
    versions = [
        price
        | {
            "price_version_id": f"{price['price_id']}@1",
            "currency": "USD",
            "kind": "revenue",
            "model": "per_unit",
            "conditions": "{}",
            "product_id": "api",
            "rounding": "half_up",
            "round_at": "period",
            "free_rule": "first_exhausted",
            "quantity_limit": Decimal(10) ** 12,
            "effective_from_date": datetime(2020, 1, 1).date(),
        }
        for price in prices
    ]
    conditions = [price | {"dimension": "region", "value": None, "is_on_line": False} for price in prices]
    world = {
        "account_rows": account(time_zone=zone),
        "companies": company(billing_starts_on="2026-09-01"),
        "meters": frame(Meters, METERS),
        "plan_prices": on_plan(*[price["price_id"] for price in prices]),
        "price_versions": frame(PriceVersions, versions),
        "price_conditions": frame(PriceConditions, conditions),
        "usage_events": frame(UsageEvents, events),
    }
    return made("priced_usage", as_of=AS_OF, **world | given)


def aggregate(events: list[Event], meter: dict[str, Any], zone: str, start: datetime, end: datetime) -> Fraction:
    """What a meter comes to in a month, from the definition: no days, no cells, nothing merged."""
    since, until = (at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None) for at in (start, end))
    earliest = datetime.min if meter["carries_over"] else since
    mine = sorted(
        (event for event in events if event["meter"] == meter["meter"] and earliest <= event["occurred_at"] < until),
        key=lambda event: (event["occurred_at"], event["event_id"]),
    )
    if meter["aggregation"] == "unique_count":
        return Fraction(len({event["dimensions"].split('"user":')[1] for event in mine}))
    if meter["aggregation"] == "weighted_sum":
        held = (Fraction(event["quantity"]) * seconds(until - max(event["occurred_at"], since)) for event in mine)
        return sum(held, Fraction(0)) / seconds(until - since)
    values = [Fraction(event["quantity"]) for event in mine]
    return Fraction(0) if not values else max(values) if meter["aggregation"] == "max" else values[-1]


def seconds(elapsed: timedelta) -> Fraction:
    return Fraction(elapsed // timedelta(microseconds=1), 10**6)


@few
@given(used, st.sampled_from(ZONES))
def test_the_days_of_a_month_sum_to_what_the_month_comes_to_by_definition(history, zone):
    events = landed(history)
    priced = night(events, zone)["priced_usage"].filter(kind="revenue", outcome="rated")
    for start, end in pairwise(MONTHS):
        of_month = priced.filter(pl.col("service_date").is_between(start.date(), end.date(), closed="left"))
        found = dict(of_month.group_by("meter").agg(pl.col("quantity").sum()).iter_rows())
        for meter in METERS:
            expected = aggregate(events, meter, zone, start, end)
            quantity = Fraction(found.get(meter["meter"], 0))
            # A weighted sum is rounded once, at the twelfth place of the total.
            assert abs(quantity - expected) <= Fraction(1, 2 * 10**12), (meter, start)


@few
@given(used, st.sampled_from(ZONES), st.randoms(use_true_random=False))
def test_neither_the_order_of_events_nor_the_delivery_that_brought_them_says_anything(history, zone, chance):
    events = landed(history)
    spread = [event | {"delivery_date": chance.choice(DELIVERIES)} for event in events]
    chance.shuffle(spread)
    expected, found = (night(each, zone)["priced_usage"].drop("first_delivery_date") for each in (events, spread))
    assert_frame_equal(expected, found, check_exact=True)


@few
@given(used, st.sampled_from(ZONES))
def test_cells_of_a_counter_come_to_what_one_cell_of_all_of_them_does(history, zone):
    events = landed(history)
    split = night(events, zone)["priced_usage"]
    whole = night(events, zone, price_conditions=PriceConditions.empty().lazy())["priced_usage"]
    day = ["kind", "meter", "service_date"]
    one, other = (
        each.filter(outcome="rated").group_by(day).agg(pl.col("quantity").sum(), pl.col("event_count").sum()).sort(day)
        for each in (split, whole)
    )
    assert_frame_equal(one, other, check_exact=True)


@pytest.mark.parametrize("zone", ZONES)
def test_a_level_held_for_a_whole_month_comes_to_itself_in_every_zone(zone):
    held = [("weighted_sum_True", FIRST - timedelta(days=30), Decimal("19.000000000001"), "eu", "ann")]
    priced = night(landed(held), zone)["priced_usage"].filter(kind="revenue")
    months = priced.group_by(pl.col("service_date").dt.truncate("1mo")).agg(pl.col("quantity").sum())
    whole = months.filter(pl.col("service_date") >= datetime(2026, 9, 1))
    assert whole["quantity"].to_list() == [Decimal("19.000000000001")] * 3
