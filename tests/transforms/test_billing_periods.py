"""Rules of billing periods: counters, rounding, flats and bounds follow the contract, not the calendar."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from tests.tables import texts
from tests.transforms.chain import made
from tests.transforms.worlds import account, company, contracts, events, meter, on_plan, tiers, unit_prices, versions

V = "price_version_id | price_id | model | effective_from_date\n v@1 | v | {} | 2026-01-01"
# Semantics §5: up to 1,000 at 0.10, all of it at 0.08 above.
TWO_TIERS = """
    price_version_id | tier | lower_bound | up_to | offset | unit_amount | flat_amount | base_amount
    v@1              | 1    | -1          | 1000  | 0      | 0.10        | 0           | 0
    v@1              | 2    | 1000        | null  | 0      | 0.08        | 0           | 0
"""
FLAT = """
    price_version_id | tier | lower_bound | up_to | offset | unit_amount | flat_amount | base_amount
    v@1              | 1    | -1          | null  | 0      | 0           | 49          | 49
"""
UNIT = (
    "price_version_id | price_id | model | effective_from_date | minimum_amount\n v@1 | v | per_unit | 2026-01-01 | {}"
)
PERIOD = ["billing_period_start", "billing_period_end"]


def lines(
    interval,
    anchor,
    prices,
    price_tiers,
    used="event_id",
    *,
    as_of="2026-12-31",
    zone="UTC",
    since="2026-08-01",
    first_month=None,
):
    agreed = f"contract_id | account_id | billing_interval | billing_anchor_date\n c | acme | {interval} | {anchor}"
    return made(
        "line_items",
        as_of=as_of,
        account_rows=account(time_zone=zone),
        companies=company(default_plan_id=None, billing_starts_on=first_month or since),
        contracts=contracts(agreed, starts_on=since),
        meters=meter(),
        plan_prices=on_plan("v"),
        price_versions=versions(prices),
        price_tiers=price_tiers,
        usage_events=events(used),
    )["line_items"]


def test_a_counter_runs_from_anchor_to_anchor_across_the_month():
    """Semantics §5: 900 and 150 in October and 200 in November are one period from 15 October: 1,250 × 0.08 = 100.00."""
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-10-15T10:00 | 900
        b        | 2026-10-20T10:00 | 150
        c        | 2026-11-14T23:59 | 200
        d        | 2026-11-15T00:00 | 10
    """
    found = lines(
        "month", "2000-01-15", V.format("volume"), tiers(TWO_TIERS), used, as_of="2026-11-30", since="2026-10-01"
    )
    assert texts(found, ["service_date", *PERIOD, "quantity_before", "amount"]) == [
        ("2026-10-01", "2026-09-15", "2026-10-15", "0", "0"),
        ("2026-10-15", "2026-10-15", "2026-11-15", "0", "90"),
        ("2026-10-20", "2026-10-15", "2026-11-15", "900", "-6"),
        ("2026-11-14", "2026-10-15", "2026-11-15", "1050", "16"),
        ("2026-11-15", "2026-11-15", "2026-12-15", "0", "1"),
    ]


@pytest.mark.parametrize(
    ("interval", "anchor", "starts"),
    [
        pytest.param("month", "2000-01-31", ["2026-07-31", "2026-08-31", "2026-09-30", "2026-10-31"], id="clamped"),
        pytest.param("quarter", "2000-01-01", ["2026-07-01", "2026-10-01"], id="quarter of the calendar"),
        pytest.param("quarter", "2026-09-10", ["2026-06-10", "2026-09-10"], id="quarter from a date"),
        pytest.param("year", "2020-10-05", ["2025-10-05", "2026-10-05"], id="year from a date"),
    ],
)
def test_a_flat_price_is_due_once_per_billing_period_on_its_first_active_day(interval, anchor, starts):
    found = lines(interval, anchor, V.format("flat"), tiers(FLAT), as_of="2026-11-20")
    first_days = [max(start, "2026-08-01") for start in starts]
    assert texts(found, ["billing_period_start", "service_date", "amount"]) == [
        (start, day, "49") for start, day in zip(starts, first_days, strict=True)
    ]


def test_a_week_of_every_anchor_has_seven_days():
    """August 2026 begins on a Saturday; a contract of Mondays has its first whole week from the third."""
    found = lines("week", "2001-01-01", V.format("flat"), tiers(FLAT), as_of="2026-08-16")
    assert texts(found, [*PERIOD, "service_date"]) == [
        ("2026-07-27", "2026-08-03", "2026-08-01"),
        ("2026-08-03", "2026-08-10", "2026-08-03"),
        ("2026-08-10", "2026-08-17", "2026-08-10"),
    ]


def test_a_period_begins_with_the_local_day_of_the_account():
    """15 August in Auckland begins at 12:00 of the 14th in UTC."""
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-08-14T11:59 | 1
        b        | 2026-08-14T12:00 | 1
    """
    unit = unit_prices(**{"v@1": "1"})
    found = lines("month", "2000-01-15", V.format("per_unit"), unit, used, as_of="2026-08-31", zone="Pacific/Auckland")
    assert texts(found, ["service_date", *PERIOD]) == [
        ("2026-08-14", "2026-07-15", "2026-08-15"),
        ("2026-08-15", "2026-08-15", "2026-09-15"),
    ]


def test_rounding_runs_on_through_the_period_and_no_further():
    """0.004 a day: 0.012 by 2 September is 0.01, not three times nothing; the next period starts at zero again."""
    days = [date(2026, 8, 31), date(2026, 9, 1), date(2026, 9, 2), date(2026, 9, 15)]
    used = "event_id | occurred_at | quantity\n" + "\n".join(f"{day} | {day}T10:00 | 1" for day in days)
    unit = unit_prices(**{"v@1": "0.004"})
    found = lines("month", "2000-01-15", V.format("per_unit"), unit, used, as_of="2026-09-30", since="2026-08-15")
    assert texts(found, ["service_date", "amount_exact_before", "amount"]) == [
        ("2026-08-31", "0", "0"),
        ("2026-09-01", "0.004", "0.01"),
        ("2026-09-02", "0.008", "0"),
        ("2026-09-15", "0", "0"),
    ]


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        pytest.param("2026-10-09", [], id="the period is open"),
        # 1 August to 9 October are 31 + 30 + 9 = 70 of the 92 days from 10 July: 92 × 70 / 92.
        pytest.param("2026-10-10", [("2026-07-10", "2026-10-09", "70")], id="it has ended"),
    ],
)
def test_a_minimum_is_of_the_whole_billing_period_and_due_when_it_has_ended(as_of, expected):
    found = lines("quarter", "2026-07-10", UNIT.format(92), unit_prices(**{"v@1": "1"}), as_of=as_of)
    bounds = found.filter(charge_kind="minimum_true_up")
    assert texts(bounds, ["billing_period_start", "service_date", "amount"]) == expected


def test_a_total_below_zero_is_judged_by_the_billing_period():
    """-5 on 20 August is more than made good by 14 September, which is in the same period: nothing waits."""
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-08-20T10:00 | -5
        b        | 2026-09-14T10:00 | 8
    """
    agreed = "contract_id | account_id | billing_anchor_date\n c | acme | 2000-01-15"
    found = made(
        "priced_usage",
        as_of="2026-09-30",
        account_rows=account(),
        companies=company(default_plan_id=None),
        contracts=contracts(agreed),
        meters=meter(negative="allow"),
        plan_prices=on_plan("v"),
        price_versions=versions(V.format("volume")),
        price_tiers=tiers(TWO_TIERS),
        usage_events=events(used),
    )["priced_usage"]
    assert set(found.filter(kind="revenue")["outcome"]) == {"rated"}


def test_periods_of_a_contract_are_gapless():
    days = [date(2026, 8, 1) + timedelta(days=days) for days in range(150)]
    used = "event_id | occurred_at | quantity\n" + "\n".join(f"{day} | {day}T10:00 | 1" for day in days)
    found = lines("month", "2000-01-31", V.format("per_unit"), unit_prices(**{"v@1": "1"}), used)
    spans = texts(found.select(PERIOD).unique().sort(PERIOD), PERIOD)
    assert all(end == start for (_, end), (start, _) in pairwise(spans))
    assert len(spans) == 6


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize(
    ("interval", "anchor", "start", "due"),
    [
        # Of 31 July to 30 August, and of 29 July to 4 August, the days from the first of August on.
        pytest.param("month", "2000-01-31", "2026-07-31", "30", id="month"),
        pytest.param("week", "2026-07-29", "2026-07-29", "17.71", id="week"),
    ],
)
def test_days_before_the_first_month_are_not_covered_by_a_minimum(zone, interval, anchor, start, due):
    """31 × 30 / 31 = 30.00 and 31 × 4 / 7 = 17.714…, under a contract that is older than what was delivered."""
    first_month = {"since": "2026-06-01", "first_month": "2026-08-01"}
    found = lines(
        interval, anchor, UNIT.format("31"), unit_prices(**{"v@1": "1"}), as_of="2026-09-02", zone=zone, **first_month
    )
    true_ups = found.filter(charge_kind="minimum_true_up").head(1)
    assert texts(true_ups, ["billing_period_start", "amount"]) == [(start, due)]
