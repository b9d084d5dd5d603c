"""Rules of `rates`: which version of a price is in force between which instants, for whom."""

import pytest

from data_contracts import PlanPrices
from tests.tables import rows, texts
from tests.transforms.chain import made
from tests.transforms.worlds import accounts, company, contracts, meter, on_plan, versions

BEGINNING, FOREVER = "1900-01-01T00:00:00", "9999-12-31T00:00:00"
VERSION = ["price_version_id", "valid_from_at", "valid_to_at"]
LISTED = [*VERSION, "list_price_version_id"]
PAYG = "payg|USD|UTC"


def rates(prices, columns, *, rate_set=None, agreed="contract_id", account_rows=None, **tables):
    found = made(
        "rates",
        as_of="2026-08-31",
        account_rows=accounts("account_id\nacme") if account_rows is None else account_rows,
        contracts=contracts(agreed),
        meters=meter(),
        price_versions=versions(prices),
        **{"plan_prices": on_plan("p"), "companies": company(), **tables},
    )["rates"]
    return texts(found if rate_set is None else found.filter(rate_set_id=rate_set), columns)


def test_a_version_holds_until_the_next_one_and_the_last_one_for_ever():
    found = rates(
        """
        price_version_id | price_id | model    | effective_from_date
        p@1              | p        | per_unit | 2026-01-01
        p@2              | p        | per_unit | 2026-08-10
        p@3              | p        | per_unit | 2026-08-20
        """,
        VERSION,
    )
    assert found == [
        ("p@1", BEGINNING, "2026-08-10T00:00:00"),
        ("p@2", "2026-08-10T00:00:00", "2026-08-20T00:00:00"),
        ("p@3", "2026-08-20T00:00:00", FOREVER),
    ]


def test_a_date_is_the_accounts_own_day_and_an_instant_is_the_same_everywhere():
    """10 August begins at 15:00Z of the 9th in Tokyo and at 04:00Z in New York; 12:00Z is 12:00Z."""
    found = rates(
        """
        price_version_id | price_id | model    | effective_from_date | effective_from_at
        p@1              | p        | per_unit | 2026-01-01          | null
        p@2              | p        | per_unit | 2026-08-10          | null
        p@3              | p        | per_unit | null                | 2026-08-20T12:00
        """,
        ["rate_set_id", *VERSION],
        account_rows=accounts("account_id | time_zone\n a | UTC\n b | Asia/Tokyo\n c | America/New_York"),
    )
    starts = {(rate_set, version): start for rate_set, version, start, _ in found}
    assert {key: start for key, start in starts.items() if key[1] != "p@1"} == {
        ("payg|USD|UTC", "p@2"): "2026-08-10T00:00:00",
        ("payg|USD|Asia/Tokyo", "p@2"): "2026-08-09T15:00:00",
        ("payg|USD|America/New_York", "p@2"): "2026-08-10T04:00:00",
        ("payg|USD|UTC", "p@3"): "2026-08-20T12:00:00",
        ("payg|USD|Asia/Tokyo", "p@3"): "2026-08-20T12:00:00",
        ("payg|USD|America/New_York", "p@3"): "2026-08-20T12:00:00",
    }


@pytest.mark.parametrize(
    ("zone", "first", "second"),
    [
        pytest.param("UTC", "day", "instant", id="in UTC the day starts two hours before 02:00Z"),
        pytest.param("America/New_York", "instant", "day", id="in New York it starts two hours after it"),
    ],
)
def test_a_day_and_an_instant_overtake_each_other_by_zone(zone, first, second):
    found = rates(
        """
        price_version_id | price_id | model    | effective_from_date | effective_from_at
        day              | p        | per_unit | 2026-08-10          | null
        instant          | p        | per_unit | null                | 2026-08-10T02:00
        """,
        ["price_version_id"],
        account_rows=accounts(f"account_id | time_zone\n a | {zone}"),
    )
    assert found == [(first,), (second,)]


def test_of_a_day_and_an_instant_that_start_together_one_holds_and_the_other_disappears():
    """2026-08-10 in UTC is 2026-08-10T00:00Z: no instant may have two versions."""
    found = rates(
        """
        price_version_id | price_id | model    | effective_from_date | effective_from_at
        p@1              | p        | per_unit | 2026-01-01          | null
        day              | p        | per_unit | 2026-08-10          | null
        instant          | p        | per_unit | null                | 2026-08-10T00:00
        """,
        VERSION,
    )
    assert [row[1:] for row in found] == [(BEGINNING, "2026-08-10T00:00:00"), ("2026-08-10T00:00:00", FOREVER)]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        pytest.param("2020-01-01 | null", "2021-01-01 | null", id="two dates"),
        pytest.param("null | 2020-01-01T00:00", "2021-01-01 | null", id="an instant, then a date"),
        pytest.param("2020-01-01 | null", "null | 2021-01-01T00:00", id="a date, then an instant"),
        pytest.param("null | 2020-01-01T00:00", "null | 2021-01-01T00:00", id="two instants"),
    ],
)
def test_versions_older_than_the_calendar_keep_their_order(earlier, later):
    found = rates(
        f"""
        price_version_id | price_id | model    | effective_from_date | effective_from_at
        earlier          | p        | per_unit | {earlier}
        later            | p        | per_unit | {later}
        """,
        ["price_version_id", "valid_to_at"],
    )
    assert found[-1] == ("later", FOREVER)


def test_versions_beyond_the_calendar_are_not_in_force_yet():
    found = rates(
        """
        price_version_id | price_id | model    | effective_from_date
        p@1              | p        | per_unit | 2026-01-01
        p@2              | p        | per_unit | 2027-01-01
        p@3              | p        | per_unit | 2028-01-01
        """,
        VERSION,
    )
    assert found == [("p@1", BEGINNING, FOREVER)]


def test_a_superseded_version_is_left_out_and_its_correction_stands():
    found = rates(
        """
        price_version_id | price_id | model    | effective_from_date | superseded_on
        p@1              | p        | per_unit | 2026-08-10          | 2026-08-12
        p@1#1            | p        | per_unit | 2026-08-10          | null
        """,
        VERSION,
    )
    assert found == [("p@1#1", "2026-08-10T00:00:00", FOREVER)]


@pytest.mark.parametrize(
    ("entered", "expected"),
    [
        pytest.param("2026-08-01", [("p@1", "2026-08-01", "2026-08-10"), ("p@2", "2026-08-10", "")], id="before the change: both versions, the first from the entry"),
        pytest.param("2026-08-10", [("p@2", "2026-08-10", "")], id="on the day of the change: the new version only"),
        pytest.param("2026-08-11", [("p@2", "2026-08-11", "")], id="after it: the new version from the entry"),
    ],
)  # fmt: skip
def test_a_price_is_sold_from_the_day_on_which_it_entered_the_plan(entered, expected):
    found = rates(
        """
        price_version_id | price_id | model    | effective_from_date
        p@1              | p        | per_unit | 2026-01-01
        p@2              | p        | per_unit | 2026-08-10
        """,
        VERSION,
        plan_prices=rows(PlanPrices, plan_id="payg", price_id="p", effective_from=entered),
    )
    days = [(name, start[:10], "" if end == FOREVER else end[:10]) for name, start, end in found]
    assert days == expected


def test_the_entry_into_the_plan_is_a_local_day_too():
    """1 August in Tokyo."""
    found = rates(
        "price_version_id | price_id | model | effective_from_date\n p@1 | p | per_unit | 2026-01-01",
        VERSION,
        account_rows=accounts("account_id | time_zone\n acme | Asia/Tokyo"),
        plan_prices=rows(PlanPrices, plan_id="payg", price_id="p", effective_from="2026-08-01"),
    )
    assert found == [("p@1", "2026-07-31T15:00:00", FOREVER)]


def test_a_price_outside_of_the_plan_is_not_sold():
    found = rates(
        "price_version_id | price_id | model | effective_from_date\n q@1 | q | per_unit | 2026-01-01", VERSION
    )
    assert found == []


SOLD_AND_NOT = """
    price_version_id | price_id | model    | currency | effective_from_date
    p@1              | p        | per_unit | EUR      | 2026-01-01
    p@1              | p        | per_unit | USD      | 2026-01-01
    p@2              | p        | per_unit | EUR      | 2026-08-10
"""


def test_a_version_without_the_customers_currency_ends_the_earlier_one_and_is_not_sold():
    """From 10 August the price is in euros only: a customer in dollars does not keep the old price, but waits."""
    found = rates(SOLD_AND_NOT, [*VERSION, "currency", "is_sold"])
    assert found == [
        ("p@1", BEGINNING, "2026-08-10T00:00:00", "USD", "true"),
        ("p@2", "2026-08-10T00:00:00", FOREVER, "USD", "false"),
    ]


def test_a_customer_in_the_currency_of_both_versions_is_sold_both():
    found = rates(
        SOLD_AND_NOT, ["price_version_id", "is_sold"], account_rows=accounts("account_id | currency\n a | EUR")
    )
    assert found == [("p@1", "true"), ("p@2", "true")]


def test_a_cost_is_in_its_own_currency_whatever_the_customer_is_billed_in():
    found = rates(
        "price_version_id | price_id | model | currency | kind | effective_from_date\n p@1 | p | per_unit | EUR | cost | 2026-01-01",
        ["rate_set_id", "currency", "is_sold"],
    )
    assert found == [(PAYG, "EUR", "true")]


ONE_OVERRIDE = """
    price_version_id | price_id | model    | contract_id | effective_from_date
    p@1              | p        | per_unit | null        | 2026-01-01
    p@2              | p        | per_unit | null        | 2026-08-10
    c/p@1            | p        | per_unit | c           | {override}
"""
WITH_OVERRIDES = "contract_id | account_id | has_overrides\n c | acme | true"


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        pytest.param(
            "2026-08-05",
            [
                ("p@1", BEGINNING, "2026-08-05T00:00:00", "p@1"),
                ("c/p@1", "2026-08-05T00:00:00", "2026-08-10T00:00:00", "p@1"),
                ("c/p@1", "2026-08-10T00:00:00", FOREVER, "p@2"),
            ],
            id="before the plan's change: cut there, so that the list price is the right one",
        ),
        pytest.param(
            "2026-08-10",
            [
                ("p@1", BEGINNING, "2026-08-10T00:00:00", "p@1"),
                ("c/p@1", "2026-08-10T00:00:00", FOREVER, "p@2"),
            ],
            id="with the plan's change: no piece of no length",
        ),
        pytest.param(
            "2026-08-15",
            [
                ("p@1", BEGINNING, "2026-08-10T00:00:00", "p@1"),
                ("p@2", "2026-08-10T00:00:00", "2026-08-15T00:00:00", "p@2"),
                ("c/p@1", "2026-08-15T00:00:00", FOREVER, "p@2"),
            ],
            id="after it: the plan's versions hold until then",
        ),
        pytest.param(
            "2027-08-15",
            [
                ("p@1", BEGINNING, "2026-08-10T00:00:00", "p@1"),
                ("p@2", "2026-08-10T00:00:00", FOREVER, "p@2"),
            ],
            id="not yet: the plan's versions alone",
        ),
    ],
)
def test_an_override_holds_from_its_day_and_the_plans_versions_before(override, expected):
    found = rates(ONE_OVERRIDE.format(override=override), LISTED, agreed=WITH_OVERRIDES, rate_set="payg|USD|UTC|c")
    assert found == expected


def test_an_override_is_the_list_price_of_nobody_else():
    found = rates(ONE_OVERRIDE.format(override="2026-08-05"), LISTED, agreed=WITH_OVERRIDES, rate_set=PAYG)
    assert [row[0] for row in found] == ["p@1", "p@2"]


def test_an_override_reaches_no_customer_but_its_own():
    """Contract c got its own price on 10 August: its state before that shares the rate set of everybody on the plan."""
    found = rates(
        """
        price_version_id | price_id | model    | contract_id | effective_from_date
        p@1              | p        | per_unit | null        | 2026-01-01
        c/p@1            | p        | per_unit | c           | 2026-08-10
        """,
        ["price_version_id"],
        agreed="""
            contract_id | account_id | valid_from | valid_to   | has_overrides
            c           | acme       | 2020-01-01 | 2026-08-10 | false
            c           | acme       | 2026-08-10 | 9999-12-31 | true
        """,
        rate_set=PAYG,
    )
    assert found == [("p@1",)]


def test_an_override_without_a_list_price_before_it_is_its_own_list_price():
    """The plan sells p from 20 August; the contract's own price of it begins then too, not before."""
    found = rates(
        """
        price_version_id | price_id | model    | contract_id | effective_from_date
        p@1              | p        | per_unit | null        | 2026-08-20
        c/p@1            | p        | per_unit | c           | 2026-08-10
        """,
        LISTED,
        agreed=WITH_OVERRIDES,
        rate_set="payg|USD|UTC|c",
    )
    assert found == [
        ("c/p@1", "2026-08-10T00:00:00", "2026-08-20T00:00:00", "c/p@1"),
        ("c/p@1", "2026-08-20T00:00:00", FOREVER, "p@1"),
    ]


def test_an_override_enters_with_its_price_into_the_plan():
    found = rates(
        """
        price_version_id | price_id | model    | contract_id | effective_from_date
        p@1              | p        | per_unit | null        | 2026-01-01
        c/p@1            | p        | per_unit | c           | 2026-01-01
        """,
        LISTED,
        agreed=WITH_OVERRIDES,
        rate_set="payg|USD|UTC|c",
        plan_prices=rows(PlanPrices, plan_id="payg", price_id="p", effective_from="2026-08-20"),
    )
    assert found == [("c/p@1", "2026-08-20T00:00:00", FOREVER, "p@1")]


def test_versions_of_an_override_follow_each_other_beside_the_plans():
    found = rates(
        """
        price_version_id | price_id | model    | contract_id | effective_from_date
        p@1              | p        | per_unit | null        | 2026-01-01
        p@2              | p        | per_unit | null        | 2026-08-12
        c/p@1            | p        | per_unit | c           | 2026-08-05
        c/p@2            | p        | per_unit | c           | 2026-08-20
        """,
        LISTED,
        agreed=WITH_OVERRIDES,
        rate_set="payg|USD|UTC|c",
    )
    assert [(row[0], row[1][:10], row[3]) for row in found] == [
        ("p@1", "1900-01-01", "p@1"),
        ("c/p@1", "2026-08-05", "p@1"),
        ("c/p@1", "2026-08-12", "p@2"),
        ("c/p@2", "2026-08-20", "p@2"),
    ]
