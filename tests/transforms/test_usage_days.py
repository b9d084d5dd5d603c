"""Rules of `usage_days`: the states of all deliveries, merged."""

import pytest

from data_contracts import RepeatedEvents
from tests.tables import rows, texts
from tests.transforms.chain import made
from tests.transforms.worlds import account, events, meter, on_plan, versions

PRICE = "\nprice_version_id | price_id | model | effective_from_date\n p@1 | p | per_unit | 2026-01-01"


def days(used, columns, **tables):
    found = made(
        "usage_days",
        as_of="2026-08-31",
        **{"account_rows": account(), **tables},
        meters=meter(),
        plan_prices=on_plan("p"),
        price_versions=versions(PRICE),
        usage_events=events(used),
    )
    return texts(found["usage_days"], columns)


def test_usage_in_several_deliveries_is_what_it_would_be_in_one():
    columns = ["service_date", "contract_id", "event_count", "quantity", "landed_quantity"]
    used = """
        event_id | delivery_date | occurred_at      | quantity
        a        | 2026-08-03    | 2026-08-03T10:00 | 10
        b        | 2026-08-04    | 2026-08-03T11:00 | 0.5
        c        | {last}        | 2026-08-03T12:00 | 40
        d        | {last}        | 2026-08-04T12:00 | 80
    """
    together = [("2026-08-03", "default:acme", "3", "50.5", "50.5"), ("2026-08-04", "default:acme", "1", "80", "80")]
    for last in ("2026-08-03", "2026-08-04", "2026-08-29"):
        assert days(used.format(last=last), columns) == together


@pytest.mark.parametrize(
    ("delivered", "late"),
    [
        pytest.param("2026-08-09", "0", id="early, by a feed that runs ahead"),
        pytest.param("2026-08-10", "0", id="on the day"),
        pytest.param("2026-08-11", "0", id="on the next day, as feeds west of Greenwich must"),
        pytest.param("2026-08-12", "1", id="two days after"),
    ],
)
def test_usage_is_late_when_it_comes_more_than_a_day_after_its_day(delivered, late):
    used = f"event_id | delivery_date | occurred_at | quantity\n a | {delivered} | 2026-08-10T12:00 | 1"
    assert days(used, ["late_event_count", "first_delivery_date"]) == [(late, delivered)]


def test_the_day_that_usage_is_late_for_is_the_accounts():
    """2026-08-10T16:00Z is 11 August in Tokyo, so the 12th is in time."""
    used = "event_id | delivery_date | occurred_at | quantity\n a | 2026-08-12 | 2026-08-10T16:00 | 1"
    found = days(used, ["service_date", "late_event_count"], account_rows=account(time_zone="Asia/Tokyo"))
    assert found == [("2026-08-11", "0")]


def test_late_events_and_duplicates_are_counted_by_delivery_and_added_up():
    used = """
        event_id | delivery_date | occurred_at      | quantity
        a        | 2026-08-10    | 2026-08-10T10:00 | 1
        b        | 2026-08-20    | 2026-08-10T11:00 | 1
        c        | 2026-08-20    | 2026-08-10T12:00 | 1
        d        | 2026-08-21    | 2026-08-10T12:00 | 1
    """
    repeated = """
        event_id | delivery_date | occurred_at      | quantity | source_file | source_line
        a        | 2026-08-10    | 2026-08-10T10:00 | 1        | f           | 1
        a        | 2026-08-21    | 2026-08-10T10:00 | 1        | f           | 2
    """
    again = rows(
        RepeatedEvents, repeated, outcome="duplicate", account_id="acme", meter="tokens", dimensions="{}", source=""
    )
    columns = ["event_count", "late_event_count", "duplicate_count", "quantity", "first_delivery_date"]
    assert days(used, columns, repeated_events=again) == [("4", "3", "2", "4", "2026-08-10")]


def test_usage_without_a_contract_stays_and_says_why():
    used = """
        event_id | account_id | occurred_at      | quantity
        a        | acme       | 2026-08-10T10:00 | 1
        b        | ghost      | 2026-08-10T10:00 | 2
    """
    assert days(used, ["account_id", "contract_id", "rate_set_id", "suspense_rule", "quantity"]) == [
        ("acme", "default:acme", "payg|USD|UTC", None, "1"),
        ("ghost", None, None, "unknown_account", "2"),
    ]


def test_usage_that_states_its_contract_is_a_cell_of_its_own():
    used = """
        event_id | contract_id  | occurred_at      | quantity
        a        | null         | 2026-08-10T10:00 | 1
        b        | default:acme | 2026-08-10T10:00 | 2
    """
    assert days(used, ["stated_contract_id", "contract_id", "quantity"]) == [
        ("", "default:acme", "1"),
        ("default:acme", "default:acme", "2"),
    ]
