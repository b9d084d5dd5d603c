"""The reference's aggregations against figures: max, latest, unique_count, and levels weighed by time."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from tests.oracle.reference import Account, Contract, Graduated, Meter, PerUnit, Price, Tier, Version, expected
from tests.oracle.reference.aggregations import held
from tests.oracle.small_worlds import price, rows, use, world

D = Decimal
ONE = [price(PerUnit(D(1)))]


def of(aggregation, **more):
    return {"meters": (Meter("tokens", aggregation, **more),)}


def test_max_adds_what_lies_above_the_largest_so_far():
    used = [use(f"2026-08-0{day}T10:00Z", quantity) for day, quantity in ((3, "5"), (4, "3"), (5, "8"))]
    result = expected(world(ONE, used, **of("max")))
    assert rows(result, "quantity_before", "quantity", "amount_exact") == [(0, 5, 5), (5, 0, 0), (5, 3, 3)]


def test_the_largest_of_a_day_is_not_its_sum_and_a_reversal_takes_it_back():
    used = [use("2026-08-03T10:00Z", "5"), use("2026-08-03T11:00Z", "9", id="wrong")]
    undone = use("2026-08-03T12:00Z", id="undo", reverses="wrong")
    assert rows(expected(world(ONE, used, **of("max"))), "quantity") == [(9,)]
    assert rows(expected(world(ONE, [*used, undone], **of("max"))), "quantity") == [(5,)]


def test_a_new_month_has_a_new_maximum():
    used = [use("2026-08-31T10:00Z", "5"), use("2026-09-01T10:00Z", "2")]
    assert rows(expected(world(ONE, used, as_of=date(2026, 9, 1), **of("max"))), "quantity") == [(5,), (2,)]


def test_a_maximum_under_a_new_version_begins_anew_or_goes_on():
    for how, quantities in (("restart", [(5,), (7,)]), ("continue", [(5,), (2,)])):
        versions = (
            Version(date(2026, 1, 1), {"USD": PerUnit(D(1))}),
            Version(date(2026, 8, 10), {"USD": PerUnit(D(1))}, on_price_change=how),
        )
        used = [use("2026-08-03T10:00Z", "5"), use("2026-08-12T10:00Z", "7")]
        result = expected(world([Price("p", "tokens", "per_unit", versions)], used, **of("max")))
        assert rows(result, "quantity") == quantities


def test_latest_is_the_last_value_and_may_give_back():
    """17 on 25 January, 10 on the 27th, 15 on 4 February: 17, then -7, then 5."""
    signed = (Contract("c1", "acme", "pro", date(2026, 1, 15), anchor=15),)
    known = {"contracts": signed, "billing_starts_on": date(2026, 1, 1), "as_of": date(2026, 2, 14)}
    values = (("01-25", "17"), ("01-27", "10"), ("02-04", "15"))
    used = [use(f"2026-{day}T10:00Z", value) for day, value in values]
    assert rows(expected(world(ONE, used, **known, **of("latest"))), "quantity", "amount") == [
        (17, D("17.00")),
        (-7, D("-7.00")),
        (5, D("5.00")),
    ]


def test_of_two_values_at_one_instant_the_larger_id_is_the_last():
    used = [use("2026-08-03T10:00Z", "1", id="b"), use("2026-08-03T10:00Z", "2", id="a")]
    assert rows(expected(world(ONE, used, **of("latest"))), "quantity") == [(1,)]


def test_a_level_is_carried_into_the_next_month_or_is_not():
    used = [use("2026-08-30T10:00Z", "4")]
    carried = expected(world(ONE, used, as_of=date(2026, 9, 2), **of("latest", carries=True)))
    assert rows(carried, "service_date", "quantity") == [
        (date(2026, 8, 30), 4),
        (date(2026, 8, 31), 0),
        (date(2026, 9, 1), 4),
        (date(2026, 9, 2), 0),
    ]
    forgotten = expected(world(ONE, used, as_of=date(2026, 9, 2), **of("latest")))
    assert rows(forgotten, "service_date", "quantity") == [(date(2026, 8, 30), 4), (date(2026, 9, 1), 0)]


def test_unique_count_counts_each_value_once_a_month():
    days = ((3, "ann"), (4, "bob"), (4, "ann"), (5, "ann"))
    used = [use(f"2026-08-0{day}T1{at}:00Z", dimensions={"user": user}) for at, (day, user) in enumerate(days)]
    meter = of("unique_count", dimensions=("user",), unique_by="user")
    assert rows(expected(world(ONE, used, **meter)), "service_date", "quantity") == [
        (date(2026, 8, 3), 1),
        (date(2026, 8, 4), 1),
        (date(2026, 8, 5), 0),
    ]


def test_groups_count_their_own_values():
    used = [
        use(f"2026-08-03T1{at}:00Z", dimensions={"user": user, "region": region})
        for at, (user, region) in enumerate((("ann", "eu"), ("ann", "us"), ("bob", "us")))
    ]
    meter = of("unique_count", dimensions=("user", "region"), unique_by="user")
    result = expected(world([price(PerUnit(D(1)), group_by=("region",))], used, **meter))
    assert rows(result, "dimensions", "quantity") == [('{"region":"eu"}', 1), ('{"region":"us"}', 2)]


# --- weighted sums ----------------------------------------------------------------------------------------------------

MONTH = {
    "contracts": (Contract("c1", "acme", "pro", date(2023, 1, 1)),),
    "billing_starts_on": date(2023, 8, 1),
    "as_of": date(2023, 8, 31),
}
EVER = [price(PerUnit(D(1)), effective_from=date(2020, 1, 1))]


def at(instant, change):
    return use(instant, change, id=f"{instant}{change}")


@pytest.mark.parametrize(
    ("changes", "total"),
    [
        pytest.param([("01T00:00", "1000")], "1000", id="there from the first second on"),
        pytest.param([("01T00:00", "2"), ("01T01:00", "3")], "4.99597", id="a second one an hour later"),
        pytest.param(
            [
                ("01T00:00", "2"),
                ("01T01:00", "3"),
                ("01T01:30", "1"),
                ("01T02:00", "-4"),
                ("01T04:00", "-2"),
                ("01T05:00", "10"),
                ("01T05:30", "-10"),
            ],
            "0.02218",
            id="up and down in one night",
        ),
        pytest.param([("01T00:00", "3"), ("01T00:00", "3.0")], "6", id="two at one instant"),
    ],
)
def test_a_change_weighs_the_seconds_until_the_end_of_the_month(changes, total):
    used = [at(f"2023-08-{instant}Z", change) for instant, change in changes]
    result = expected(world(EVER, used, **MONTH, **of("weighted_sum", negative=True)))
    quantity = sum(line.quantity for line in result.lines)
    assert round(quantity, 5) == Fraction(total)
    assert len(result.lines) == 31  # one a day


def test_a_level_of_before_weighs_the_whole_month_where_it_is_carried():
    used = [at("2023-07-10T00:00Z", "1000"), at("2023-08-01T00:00Z", "2"), at("2023-08-01T01:00Z", "-2")]
    for carries, quantity in ((True, 1000 + Fraction(2, 31 * 24)), (False, Fraction(2, 31 * 24))):
        meter = of("weighted_sum", negative=True, carries=carries)
        result = expected(world(EVER, used, **MONTH | {"billing_starts_on": date(2023, 7, 1)}, **meter))
        of_august = [line for line in result.lines if line.billing_period_start == date(2023, 8, 1)]
        assert sum(line.quantity for line in of_august) == held(quantity)


@pytest.mark.parametrize(
    ("month", "hours", "short_or_long_day"),
    [
        pytest.param(3, 31 * 24 - 1, (29, 23), id="summer time begins on 29 March"),
        pytest.param(10, 31 * 24 + 1, (25, 25), id="and ends on 25 October"),
    ],
)
def test_days_of_23_and_25_hours_weigh_their_hours(month, hours, short_or_long_day):
    day, length = short_or_long_day
    first = date(2026, month, 1)
    accounts = (Account("acme", "USD", "Europe/Berlin"),)
    signed = (Contract("c1", "acme", "pro", date(2026, 1, 1)),)
    known = {"accounts": accounts, "contracts": signed, "billing_starts_on": first, "as_of": first.replace(day=31)}
    used = [use(datetime(2026, month - 1, 28 if month == 3 else 30, 23 if month == 3 else 22, tzinfo=UTC), "10")]
    result = expected(world(ONE, used, **known, **of("weighted_sum")))
    lines = {line.service_date.day: line.quantity for line in result.lines}
    assert abs(lines[day] - Fraction(10 * length, hours)) < Fraction(1, 10**12)
    assert lines[1] == held(Fraction(10 * 24, hours))
    assert sum(lines.values()) == 10


def test_a_running_quantity_is_held_to_twelve_places():
    result = expected(world(EVER, [at("2023-08-01T00:00Z", "1")], **MONTH, **of("weighted_sum")))
    # 1/31 = 0.0322580645161290…, 2/31 = 0.0645161290322580…, 3/31 = 0.0967741935483870…
    assert [line.quantity for line in result.lines[:3]] == [
        Fraction("0.032258064516"),
        Fraction("0.032258064516"),
        Fraction("0.032258064516"),
    ]
    assert sum(line.quantity for line in result.lines) == 1


def test_a_level_belongs_to_the_account_whoever_sold_it_before():
    signed = (
        Contract("c1", "acme", "pro", date(2023, 1, 1), date(2023, 8, 11)),
        Contract("c2", "acme", "pro", date(2023, 8, 11)),
    )
    used = [at("2023-08-06T00:00Z", "31")]
    result = expected(world(EVER, used, **MONTH | {"contracts": signed}, **of("weighted_sum")))
    days = [(line.contract_id, line.service_date.day) for line in result.lines if line.quantity]
    assert days == [("c1", day) for day in range(6, 11)] + [("c2", day) for day in range(11, 32)]


def test_tiers_of_a_level_are_reached_day_by_day():
    sold = price(Graduated((Tier(D(5), D(1)), Tier(None, D(0)))), effective_from=date(2020, 1, 1))
    result = expected(world([sold], [at("2023-08-01T00:00Z", "31")], **MONTH, **of("weighted_sum")))
    assert rows(result, "quantity", "amount_exact") == [(1, 1)] * 5 + [(1, 0)] * 26
