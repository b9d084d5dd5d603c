"""Rules of `usage_levels`: what a cell holds of max, latest, unique_count and weighted_sum, and what a price sees."""

from decimal import Decimal

import polars as pl
import pytest

from data_contracts import Meters, Reversals
from tests.tables import rows, texts
from tests.transforms.chain import made
from tests.transforms.worlds import account, accounts, conditions, events, meter, on_plan, unit_prices, versions

HOUR = 3_600_000_000
DAY = 24 * HOUR
PRICE = """
    price_version_id | price_id | model     | effective_from_date
    p@1              | p        | per_unit  | 2020-01-01
"""


def night(used: str, *, as_of: str = "2026-08-31", until: str = "priced_usage", **given: pl.LazyFrame):
    """A night over usage of one meter with one price of 1 per unit."""
    world = {
        "account_rows": account(),
        "plan_prices": on_plan("p"),
        "price_versions": versions(PRICE),
        "price_tiers": unit_prices(**{"p@1": "1"}),
        **given,
    }
    return made(until, as_of=as_of, usage_events=events(used), **world)


def quantities(priced: pl.DataFrame, kind: str = "revenue") -> dict[str, Decimal]:
    """The quantity of each day that is not 0."""
    daily = priced.filter(pl.col("kind") == kind).group_by("service_date").agg(pl.col("quantity").sum())
    return {str(day): value for day, value in sorted(daily.iter_rows()) if value}


def units(**daily: str) -> dict[str, Decimal]:
    """`units(august_3="5")`."""
    months = {"july": "07", "august": "08", "september": "09", "october": "10", "march": "03"}
    split = ((name.split("_"), value) for name, value in daily.items())
    return {f"2026-{months[month]}-{int(day):02d}": Decimal(value) for (month, day), value in split}


RISING = """
    event_id | occurred_at      | quantity
    a        | 2026-08-03T10:00 | 5
    b        | 2026-08-03T11:00 | 3
    c        | 2026-08-04T12:00 | 9
    d        | 2026-08-05T12:00 | 7
"""


def test_a_day_of_max_is_what_it_adds_to_the_greatest_value_so_far():
    priced = night(RISING, meters=meter(aggregation="max"))["priced_usage"]
    assert quantities(priced) == units(august_3="5", august_4="4")  # 9 in all


def test_max_begins_anew_in_each_billing_period():
    used = RISING + "        e | 2026-09-01T12:00 | 2\n"
    priced = night(used, as_of="2026-09-30", meters=meter(aggregation="max"))["priced_usage"]
    assert quantities(priced) == units(august_3="5", august_4="4", september_1="2")


def test_cells_of_one_counter_of_max_are_one_max():
    used = """
        event_id | occurred_at      | quantity | dimensions
        a        | 2026-08-03T10:00 | 5        | {"region":"eu"}
        b        | 2026-08-03T11:00 | 7        | {"region":"us"}
        c        | 2026-08-04T12:00 | 9        | {"region":"eu"}
        d        | 2026-08-04T12:00 | 6        | {"region":"us"}
    """
    looked_at = "price_id | dimension | value | is_on_line\n p | region | null | false"
    priced = night(used, meters=meter(aggregation="max"), price_conditions=conditions(looked_at))["priced_usage"]
    assert quantities(priced) == units(august_3="7", august_4="2")


def test_groups_are_counted_apart():
    used = """
        event_id | occurred_at      | quantity | dimensions
        a        | 2026-08-03T10:00 | 5        | {"region":"eu"}
        b        | 2026-08-03T11:00 | 7        | {"region":"us"}
    """
    looked_at = "price_id | dimension | value | is_on_line\n p | region | null | true"
    priced = night(used, meters=meter(aggregation="max"), price_conditions=conditions(looked_at))["priced_usage"]
    assert quantities(priced) == units(august_3="12")


def test_the_latest_value_stands_until_another_one_and_is_carried_into_the_next_period():
    used = """
        event_id | occurred_at      | quantity
        b        | 2026-08-03T10:00 | 5
        a        | 2026-08-03T10:00 | 8
        c        | 2026-08-20T11:00 | 3
    """
    found = night(used, as_of="2026-09-02", meters=meter(aggregation="latest", carries_over="true"))
    # Of one instant the greater id is the later: b, not a. September begins with the 3 of August.
    assert quantities(found["priced_usage"]) == units(august_3="5", august_20="-2", september_1="3")
    assert found["usage_levels"].height == 29 + 2  # 3 August to 2 September, a row on each day


def test_latest_that_is_not_carried_over_begins_with_nothing():
    used = RISING + "        e | 2026-09-03T12:00 | 2\n"
    priced = night(used, as_of="2026-09-30", meters=meter(aggregation="latest", carries_over="false"))["priced_usage"]
    assert quantities(priced) == units(august_3="3", august_4="6", august_5="-2", september_3="2")


USERS = """
    event_id | occurred_at      | quantity | dimensions
    a        | 2026-08-03T10:00 | 1        | {"region":"eu","user":"ann"}
    b        | 2026-08-03T11:00 | 1        | {"region":"eu","user":"bob"}
    c        | 2026-08-04T12:00 | 1        | {"region":"us","user":"ann"}
    d        | 2026-08-05T12:00 | 1        | {"region":"us","user":"c\\",\\"user\\":\\"d"}
    e        | 2026-09-05T12:00 | 1        | {"region":"us","user":"eve"}
"""
COUNTS_USERS = {"aggregation": "unique_count", "value": "user", "dimensions": '["region","user"]'}


def test_a_value_counts_once_in_a_period_whatever_cell_it_is_used_in():
    looked_at = "price_id | dimension | value | is_on_line\n p | region | null | false"
    found = night(
        USERS,
        as_of="2026-09-30",
        meters=meter(**COUNTS_USERS, carries_over="false"),
        price_conditions=conditions(looked_at),
    )
    assert quantities(found["priced_usage"]) == units(august_3="2", august_5="1", september_5="1")


def test_values_that_are_carried_over_count_in_every_later_period():
    found = night(USERS, as_of="2026-09-30", meters=meter(**COUNTS_USERS, carries_over="true"))
    assert quantities(found["priced_usage"]) == units(august_3="2", august_5="1", september_1="3", september_5="1")


def test_a_cell_with_an_event_without_the_value_waits_by_name():
    used = """
        event_id | occurred_at      | quantity | dimensions
        a        | 2026-08-03T10:00 | 1        | {"user":"ann"}
        b        | 2026-08-03T11:00 | 1        | {}
    """
    priced = night(used, meters=meter(**COUNTS_USERS, carries_over="false"))["priced_usage"]
    revenue = priced.filter(pl.col("kind") == "revenue")
    assert texts(revenue, ["outcome", "rule", "event_count"]) == [("suspense", "no_counted_value", "2")]


def weighted(used: str, zone: str = "UTC", **given):
    given = {"account_rows": account(time_zone=zone), **given}
    return night(used, meters=meter(aggregation="weighted_sum", carries_over="true", negative="allow"), **given)


def test_a_level_weighs_by_the_share_of_the_period_for_which_it_is_held():
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-08-01T00:00 | 31
        b        | 2026-08-11T12:00 | -31
    """
    found = weighted(used, as_of="2026-08-20")
    # 31 for ten and a half of 31 days: 1 on each day, 0.5 on the eleventh, and nothing after it.
    days = {f"august_{day}": "1" for day in range(1, 11)} | {"august_11": "0.5"}
    assert quantities(found["priced_usage"]) == units(**days)
    assert found["usage_levels"].height == 11


@pytest.mark.parametrize(
    ("zone", "day", "hours", "month_hours", "as_of"),
    [
        ("Europe/Berlin", "2026-03-29", 23, 31 * 24 - 1, "2026-03-31"),
        ("Europe/Berlin", "2026-10-25", 25, 31 * 24 + 1, "2026-10-31"),
        ("America/New_York", "2026-03-08", 23, 31 * 24 - 1, "2026-03-31"),
        ("Australia/Lord_Howe", "2026-10-04", 23.5, 31 * 24 - 0.5, "2026-10-31"),
        ("UTC", "2026-10-25", 24, 31 * 24, "2026-10-31"),
    ],
)
def test_a_day_weighs_what_it_lasts_and_a_held_level_comes_to_itself(zone, day, hours, month_hours, as_of):
    used = f"event_id | occurred_at | quantity\n a | {day[:7]}-01T00:00 | {int(month_hours * 1000)}"
    before = f"event_id | occurred_at | quantity\n a | 2026-02-01T00:00 | {int(month_hours * 1000)}"
    assert quantities(weighted(used, zone, as_of=as_of)["priced_usage"])[day] == Decimal(int(hours * 1000))
    daily = quantities(weighted(before, zone, as_of=as_of)["priced_usage"])
    assert sum(value for date, value in daily.items() if date[:7] == day[:7]) == int(month_hours * 1000)


def test_a_level_above_the_bound_waits_by_name_and_overflows_nothing():
    used = "event_id | occurred_at | quantity\n a | 2026-08-30T00:00 | 10000000000000"
    revenue = weighted(used)["priced_usage"].filter(pl.col("kind") == "revenue")
    assert set(texts(revenue, ["outcome", "rule"])) == {("suspense", "amount_bound")}


def test_an_event_that_was_taken_back_was_never_there():
    back = rows(
        Reversals,
        delivery_date="2026-08-20",
        landed_on="2026-08-20",
        event_id="r",
        reversed_event_id="c",
        source="",
        correction="reversal",
        outcome="applied",
        account_id="acme",
        meter="tokens",
        dimensions="{}",
        occurred_at="2026-08-20T00:00",
        reversed_account_id="acme",
        reversed_meter="tokens",
        reversed_dimensions="{}",
        reversed_occurred_at="2026-08-04T12:00",
        reversed_quantity="9",
        reversed_delivery_date="2026-08-03",
        is_in_force="true",
    )
    used = RISING.replace("event_id |", "event_id | delivery_date |")
    used = "\n".join(
        line if "event_id" in line or not line.strip() else line.replace(" | 2026", " | 2026-08-03 | 2026", 1)
        for line in used.split("\n")
    )
    for aggregation, expected in (
        ("max", units(august_3="5", august_5="2")),
        ("latest", units(august_3="3", august_5="4")),
    ):
        priced = night(used, meters=meter(aggregation=aggregation), reversals=back)["priced_usage"]
        assert quantities(priced) == expected


def test_what_cannot_be_priced_is_counted_by_itself_and_nothing_is_lost():
    night_without_price = night(
        RISING, meters=meter(aggregation="max"), plan_prices=on_plan("other"), until="usage_outcomes"
    )
    found = night_without_price["usage_outcomes"]
    assert set(found["outcome"]) == {"suspense", "excluded"}
    assert quantities(found) == units(august_3="5", august_4="4")
    assert quantities(found, "cost") == units(august_3="5", august_4="4")


def test_a_meter_that_adds_up_has_no_level():
    assert night(RISING, meters=meter(), until="usage_levels")["usage_levels"].is_empty()


CHANGED = """
    price_version_id | price_id | model    | effective_from_date | counter_version_id
    p@1              | p        | per_unit | 2020-01-01          | null
    p@2              | p        | per_unit | 2026-08-05          | {counter}
"""


@pytest.mark.parametrize(
    ("counter", "expected"),
    [
        # Of the new version's part the greatest is 7; going on, nothing is greater than the 9 of the day before.
        pytest.param("null", units(august_3="5", august_4="4", august_5="7"), id="restart"),
        pytest.param("p@1", units(august_3="5", august_4="4"), id="continue"),
    ],
)
def test_a_new_version_counts_anew_unless_it_continues(counter, expected):
    given = {
        "price_versions": versions(CHANGED.format(counter=counter)),
        "price_tiers": unit_prices(**{"p@1": "1", "p@2": "2"}),
    }
    assert quantities(night(RISING, meters=meter(aggregation="max"), **given)["priced_usage"]) == expected


BOTH = ("parent", "child", "child", "parent", "parent")


def test_accounts_that_pool_share_one_set_of_values():
    header, *lines = USERS.strip().split("\n")
    of_both = [f"{header} | account_id", *(f"{line} | {name}" for line, name in zip(lines, BOTH, strict=True))]
    owners = accounts("account_id | parent_account_id\n parent | null\n child | parent")
    pooled = versions(PRICE, pool="payer")
    given = {"account_rows": owners, "price_versions": pooled, "meters": meter(**COUNTS_USERS, carries_over="false")}
    found = night("\n".join(of_both), as_of="2026-09-30", **given)["priced_usage"]
    # ann and bob; ann again by the other account; a third one; and in September one.
    assert quantities(found) == units(august_3="2", august_5="1", september_5="1")


def test_meters_that_add_up_stay_as_they_are_beside_one_that_does_not():
    used = """
        event_id | meter | occurred_at      | quantity
        a        | peak  | 2026-08-03T10:00 | 5
        b        | peak  | 2026-08-03T11:00 | 3
        c        | calls | 2026-08-03T12:00 | 9
        d        | calls | 2026-08-04T12:00 | 7
        e        | calls | 2026-08-05T12:00 | 1
    """
    both = rows(Meters, "meter | aggregation\n peak | max\n calls | sum", value="quantity", dimensions="[]")
    priced = """
        price_version_id | price_id | meter | model    | effective_from_date
        p@1              | p        | peak  | per_unit | 2020-01-01
        q@1              | q        | calls | per_unit | 2020-01-01
    """
    given = {"meters": both, "price_versions": versions(priced), "plan_prices": on_plan("p", "q")}
    found = night(used, price_tiers=unit_prices(**{"p@1": "1", "q@1": "1"}), **given)["priced_usage"]
    assert quantities(found) == units(august_3="14", august_4="7", august_5="1")
