"""Rules of rate curves: the local time of use decides, one counter and one rounding for all hours."""

from datetime import date

import polars as pl
import pytest

from data_contracts import RateCurves
from tests.tables import rows, texts
from tests.transforms.chain import made
from tests.transforms.worlds import account, company, events, meter, on_plan, tiers, versions

POWER = (
    "price_version_id | price_id | model | effective_from_date | free_units\n p@1 | p | rate_curve | 2026-01-01 | {}"
)
COLUMNS = ["service_date", "quantity", "amount"]


def curve(*times: tuple[str, str], weekdays=range(1, 8), version="p@1"):
    lines = [
        f"{version} | {weekday} | {int(at[:2]) * 60 + int(at[3:])} | {amount}"
        for weekday in weekdays
        for at, amount in times
    ]
    return rows(
        RateCurves, "price_version_id | weekday | starts_at_minute | unit_amount\n" + "\n".join(lines), currency="USD"
    )


# Cheap at night, dear from 17:00 to 20:00.
EVENING = (("00:00", "0.10"), ("06:00", "0.20"), ("17:00", "0.30"), ("20:00", "0.20"))


def lines(used, rate_curves, *, zone="UTC", as_of="2026-10-31", free="null", prices=POWER, **tables):
    return made(
        "line_items",
        as_of=as_of,
        account_rows=account(time_zone=zone),
        companies=company(),
        meters=meter(),
        plan_prices=on_plan("p"),
        price_versions=versions(prices.format(free)),
        rate_curves=rate_curves,
        usage_events=events(used),
        **tables,
    )["line_items"]


def used_at(*instants):
    return "event_id | occurred_at | quantity\n" + "\n".join(f"e{at} | {at} | 1" for at in instants)


def test_each_unit_costs_what_its_local_hour_says_and_a_day_is_one_line():
    """Berlin is two hours ahead in August: 14:59Z is 16:59 at 0.20, 15:00Z is 17:00 at 0.30; 03:59Z at 0.10."""
    used = used_at("2026-08-03T03:59", "2026-08-03T14:59", "2026-08-03T15:00", "2026-08-03T17:59", "2026-08-03T18:00")
    found = lines(used, curve(*EVENING), zone="Europe/Berlin")
    # 0.10 + 0.20 + 0.30 + 0.30 + 0.20
    assert texts(found, COLUMNS)[0] == ("2026-08-03", "5", "1.1")


def test_hours_of_a_period_are_rounded_as_one_total():
    """A tenth of a cent an hour: ten hours are a cent, whatever hours they are."""
    used = used_at(*(f"2026-08-{day:02d}T{hour:02d}:30" for day in (3, 4) for hour in (1, 7, 12, 18, 21)))
    thin = tuple((at, "0.001") for at, _ in EVENING)
    assert texts(lines(used, curve(*thin)), ["amount_exact", "amount"])[:2] == [("0.005", "0.01"), ("0.005", "0")]


SUNDAY = date(2026, 10, 25)
# Two to three in the night costs 1, all else nothing.
NIGHT = (("00:00", "0"), ("02:00", "1"), ("03:00", "0"))


@pytest.mark.parametrize(
    ("instants", "amount"),
    [
        pytest.param(["2026-10-25T00:00", "2026-10-25T00:59"], "2", id="02:00 in summer time"),
        pytest.param(["2026-10-25T01:00", "2026-10-25T01:59"], "2", id="02:00 again, in winter time"),
        pytest.param(["2026-10-24T23:59", "2026-10-25T02:00"], "0", id="01:59 before it and 03:00 after it"),
    ],
)
def test_on_the_day_of_25_hours_an_hour_that_comes_twice_costs_the_same_twice(instants, amount):
    found = lines(used_at(*instants), curve(*NIGHT), zone="Europe/Berlin").filter(service_date=SUNDAY)
    assert texts(found, ["amount"]) == [(amount,)]


@pytest.mark.parametrize(
    ("instants", "amount"),
    [
        # 02:30 comes twice: before it is 1, from it on 2; then the clock goes back and it is 1 again.
        pytest.param(["2026-10-25T00:29"], "1", id="02:29 in summer time"),
        pytest.param(["2026-10-25T00:30"], "2", id="02:30 in summer time"),
        pytest.param(["2026-10-25T01:00"], "1", id="02:00 in winter time"),
        pytest.param(["2026-10-25T01:30"], "2", id="02:30 in winter time"),
    ],
)
def test_a_change_within_the_hour_that_comes_twice_comes_twice(instants, amount):
    halves = (("00:00", "1"), ("02:30", "2"))
    found = lines(used_at(*instants), curve(*halves), zone="Europe/Berlin").filter(service_date=SUNDAY)
    assert texts(found, ["amount"]) == [(amount,)]


@pytest.mark.parametrize(
    ("instant", "amount"),
    [
        pytest.param("2026-03-29T00:59", "0", id="01:59"),
        # 02:30 never comes: at 03:00 it is past it.
        pytest.param("2026-03-29T01:00", "5", id="03:00"),
    ],
)
def test_on_the_day_of_23_hours_a_change_at_a_time_that_never_comes_holds_from_the_next(instant, amount):
    skipped = (("00:00", "0"), ("02:30", "5"))
    found = lines(used_at(instant), curve(*skipped), zone="Europe/Berlin").filter(quantity=1)
    assert texts(found, ["service_date", "amount"]) == [("2026-03-29", amount)]


def test_days_of_the_week_are_those_of_the_account():
    """Sunday 23:30 in UTC is Monday in Auckland."""
    monday = curve(("00:00", "2"), weekdays=[1])
    others = curve(("00:00", "1"), weekdays=range(2, 8))
    both = pl.concat([monday, others])
    used = used_at("2026-08-02T23:30")
    assert texts(lines(used, both, zone="UTC").filter(quantity=1), ["amount"]) == [("1",)]
    assert texts(lines(used, both, zone="Pacific/Auckland").filter(quantity=1), ["amount"]) == [("2",)]


def test_free_units_are_used_up_hour_by_hour():
    """Two are free: the ones at 01:30 and 07:30. 18:30 at 0.30 and the next day's 01:30 at 0.10 are paid."""
    used = used_at("2026-08-03T18:30", "2026-08-03T01:30", "2026-08-03T07:30", "2026-08-04T01:30")
    found = lines(used, curve(*EVENING), free="2")
    assert texts(found, COLUMNS)[:2] == [("2026-08-03", "3", "0.3"), ("2026-08-04", "1", "0.1")]


def test_a_curve_holds_from_its_version_on():
    """Until 5 August a unit costs 1; then the evening costs 0.30."""
    prices = """
        price_version_id | price_id | model      | effective_from_date | unit_amount
        p@0              | p        | per_unit   | 2026-01-01          | 1
        p@1              | p        | rate_curve | 2026-08-05          | null
    """
    flat = tiers(
        "price_version_id | tier | lower_bound | up_to | offset | unit_amount | flat_amount | base_amount\n p@0 | 1 | -1 | null | 0 | 1 | 0 | 0"
    )
    used = used_at("2026-08-04T18:30", "2026-08-05T18:30")
    found = lines(used, curve(*EVENING), prices=prices, price_tiers=flat)
    assert texts(found, COLUMNS)[:2] == [("2026-08-04", "1", "1"), ("2026-08-05", "1", "0.3")]


def test_a_curve_without_usage_is_a_line_of_nothing():
    found = lines("event_id", curve(*EVENING), as_of="2026-08-31")
    assert texts(found, COLUMNS) == [("2026-08-01", "0", "0")]
