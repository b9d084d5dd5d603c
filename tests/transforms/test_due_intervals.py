"""Rules of flat prices with an interval of their own: once in each, whole, whatever the billing period."""

import pytest

from tests.tables import texts
from tests.transforms.chain import made
from tests.transforms.worlds import account, company, contracts, events, meters, on_plan, tiers, versions

SUPPORT = """
    price_version_id | price_id | model | meter | effective_from_date | due_interval
    s@1              | s        | flat  | {}    | 2026-01-01          | {}
"""
TIER = "price_version_id | tier | lower_bound | up_to | offset | unit_amount | flat_amount | base_amount\n s@1 | 1 | -1 | null | 0 | 0 | 49 | 49"


def due(interval, billing, *, since="2026-08-01", ends="9999-12-31", as_of="2026-12-31", of="", used="event_id"):
    agreed = f"""
        contract_id | account_id | billing_interval | billing_anchor_date | starts_on | ends_on
        c           | acme       | {billing}         | 2000-01-01          | {since}   | {ends}
    """
    found = made(
        "line_items",
        as_of=as_of,
        account_rows=account(),
        companies=company(default_plan_id=None, billing_starts_on="2026-08-01"),
        contracts=contracts(agreed),
        meters=meters("tokens"),
        plan_prices=on_plan("s"),
        price_versions=versions(SUPPORT.format(of, interval)),
        price_tiers=tiers(TIER),
        usage_events=events(used),
    )["line_items"]
    paid = found.filter(found["amount"] > 0)
    assert set(paid["amount"]) <= {49}
    return texts(paid, ["service_date", "billing_period_start"]), found


@pytest.mark.parametrize(
    ("interval", "billing", "as_of", "expected"),
    [
        pytest.param(
            "month",
            "quarter",
            "2026-10-31",
            [("2026-08-01", "2026-07-01"), ("2026-09-01", "2026-07-01"), ("2026-10-01", "2026-10-01")],
            id="each month of a quarter",
        ),
        pytest.param(
            "quarter",
            "month",
            "2026-12-31",
            [("2026-08-01", "2026-08-01"), ("2026-10-01", "2026-10-01")],
            id="each quarter",
        ),
        pytest.param(
            "year", "month", "2027-01-31", [("2026-08-01", "2026-08-01"), ("2027-01-01", "2027-01-01")], id="each year"
        ),
        pytest.param(
            "day", "month", "2026-08-03", [(f"2026-08-0{day}", "2026-08-01") for day in (1, 2, 3)], id="each day"
        ),
    ],
)
def test_a_price_of_time_is_due_once_in_each_of_its_intervals(interval, billing, as_of, expected):
    assert due(interval, billing, as_of=as_of)[0] == expected


def test_weeks_and_months_need_not_fit():
    """Weeks from Saturday 1 January 2000 on: 1 August 2026 is a Saturday; the week of 29 August reaches into September."""
    paid, found = due("week", "month", as_of="2026-09-05")
    assert [day for day, _ in paid] == [
        "2026-08-01",
        "2026-08-08",
        "2026-08-15",
        "2026-08-22",
        "2026-08-29",
        "2026-09-05",
    ]
    # September has a line of its own for the rest of that week, on which nothing is due.
    assert ("2026-09-01", "0") in texts(found, ["service_date", "amount"])


def test_it_is_whole_also_for_a_part_of_its_interval():
    assert due("year", "month", since="2026-08-20", ends="2026-09-10")[0] == [("2026-08-20", "2026-08-01")]


def test_with_a_meter_it_is_due_with_the_first_usage_of_the_interval():
    used = "event_id | occurred_at | quantity\n a | 2026-08-07T10:00 | 1\n b | 2026-09-07T10:00 | 1\n c | 2026-10-07T10:00 | 1"
    assert due("quarter", "month", of="tokens", used=used, as_of="2026-10-31")[0] == [
        ("2026-08-07", "2026-08-01"),
        ("2026-10-07", "2026-10-01"),
    ]
