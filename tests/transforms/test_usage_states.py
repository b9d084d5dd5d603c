"""Rules of `usage_states`: what one delivery contributes to a cell."""

from data_contracts import RepeatedEvents
from tests.tables import rows, texts
from tests.transforms.chain import made
from tests.transforms.worlds import account, events, meter

COLUMNS = ["delivery_date", "service_date", "event_count", "duplicate_count", "quantity", "landed_quantity"]
NEUTRAL = {"account_id": "acme", "meter": "tokens", "dimensions": "{}"}


def states(used, repeated="", *, by_delivery=False, **tables):
    neutral = {} if not repeated else {**NEUTRAL, "source": ""}
    return made(
        "usage_states",
        as_of="2026-08-31",
        by_delivery=by_delivery,
        **{"account_rows": account(), "meters": meter(), **tables},
        usage_events=events(used),
        repeated_events=rows(RepeatedEvents, repeated, **neutral),
    )["usage_states"]


USED = """
    event_id | delivery_date | occurred_at      | quantity
    a        | 2026-08-03    | 2026-08-03T10:00 | 10
    b        | 2026-08-03    | 2026-08-03T11:00 | 20
    c        | 2026-08-04    | 2026-08-03T12:00 | 40
    d        | 2026-08-04    | 2026-08-04T12:00 | 80
"""


def test_a_delivery_adds_up_what_it_brought_to_each_day():
    assert texts(states(USED), COLUMNS) == [
        ("2026-08-03", "2026-08-03", "2", "0", "30", "30"),
        ("2026-08-04", "2026-08-03", "1", "0", "40", "40"),
        ("2026-08-04", "2026-08-04", "1", "0", "80", "80"),
    ]


def test_duplicates_are_counted_beside_the_usage_and_add_nothing_and_conflicts_are_not_there_at_all():
    repeated = """
        event_id | outcome   | delivery_date | occurred_at      | quantity | source_file | source_line
        a        | duplicate | 2026-08-03    | 2026-08-03T10:00 | 10       | f           | 1
        a        | duplicate | 2026-08-03    | 2026-08-03T10:00 | 10       | f           | 2
        b        | duplicate | 2026-08-04    | 2026-08-03T11:00 | 20       | g           | 1
        b        | conflict  | 2026-08-04    | 2026-08-03T11:00 | 99       | g           | 2
    """
    assert texts(states(USED, repeated), COLUMNS) == [
        ("2026-08-03", "2026-08-03", "2", "2", "30", "30"),
        ("2026-08-04", "2026-08-03", "1", "1", "40", "40"),
        ("2026-08-04", "2026-08-04", "1", "0", "80", "80"),
    ]


def test_duplicates_do_not_count_for_a_meter_that_counts_either():
    repeated = """
        event_id | outcome   | delivery_date | occurred_at      | quantity | source_file | source_line
        a        | duplicate | 2026-08-03    | 2026-08-03T10:00 | 10       | f           | 1
    """
    found = states(USED, repeated, meters=meter(aggregation="count"))
    assert texts(found, COLUMNS)[0] == ("2026-08-03", "2026-08-03", "2", "1", "2", "30")


def test_deliveries_made_one_by_one_are_the_states_of_all_of_them():
    """So a night computes only the delivery that is new."""
    assert states(USED, by_delivery=True).equals(states(USED))


def test_two_sources_may_use_the_same_event_id():
    used = """
        event_id | source | occurred_at      | quantity
        a        | east   | 2026-08-03T10:00 | 1
        a        | west   | 2026-08-03T10:00 | 2
    """
    assert texts(states(used), ["event_count", "quantity"]) == [("2", "3")]


def test_a_quantity_is_kept_to_its_last_digit_in_the_sum():
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-08-03T10:00 | 99999999999999
        b        | 2026-08-03T10:00 | 0.000000000001
    """
    assert texts(states(used), ["quantity"]) == [("99999999999999.000000000001",)]
