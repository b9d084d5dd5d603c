"""Rules of `active_prices`, seen in the lines of nothing: which price is active in which month, from which day."""

import polars as pl
import pytest

from data_contracts import PlanPrices
from tests.tables import rows, texts
from tests.transforms.chain import made
from tests.transforms.worlds import accounts, company, contracts, events, meters, on_plan, tiers, unit_prices, versions

P = "price_version_id | price_id | model | effective_from_date\n p@1 | p | per_unit | 2026-01-01"
LINE = ["contract_id", "price_id", "service_date"]


def active(columns=LINE, *, as_of="2026-09-30", prices=P, **given):
    """Lines of nothing up to `as_of`; `acme` on the plan `payg` with p, billed since August, unless said otherwise."""
    known = {
        "account_rows": accounts("account_id\nacme"),
        "companies": company(),
        "meters": meters("tokens", "storage"),
        "plan_prices": on_plan("p"),
        "price_versions": versions(prices),
        "price_tiers": unit_prices(**{"p@1": "1", "p@2": "1", "s@1": "1", "q@1": "1"}),
        **given,
    }
    found = made("line_items", as_of=as_of, **known)["line_items"]
    return sorted(texts(found.filter(quantity=0), columns))


def first_days(**given):
    return [day for _, _, day in active(**given)]


@pytest.mark.parametrize(
    ("billed_since", "as_of", "days"),
    [
        pytest.param("2026-08-01", "2026-08-01", ["2026-08-01"], id="the first night"),
        pytest.param("2026-08-01", "2026-08-31", ["2026-08-01"], id="the last night of a month"),
        pytest.param("2026-08-01", "2026-09-01", ["2026-08-01", "2026-09-01"], id="the first night of the next"),
        pytest.param("2026-08-15", "2026-08-31", ["2026-08-15"], id="billing begins inside the month"),
        pytest.param("2026-12-01", "2027-01-31", ["2026-12-01", "2027-01-01"], id="over the end of a year"),
    ],
)
def test_an_active_price_has_one_line_of_nothing_a_month_from_the_start_of_billing_to_the_night(
    billed_since, as_of, days
):
    assert first_days(as_of=as_of, companies=company(billing_starts_on=billed_since)) == days


def test_a_price_that_was_used_in_a_month_has_no_line_of_nothing_in_it():
    used = events("event_id | occurred_at | quantity\n a | 2026-08-20T10:00 | 1")
    assert first_days(usage_events=used) == ["2026-09-01"]


def test_usage_that_waits_is_no_use_of_the_price():
    """It falls under a contract that is not there; the price of the default plan is unused all the same."""
    used = events("event_id | occurred_at | quantity | contract_id\n a | 2026-08-20T10:00 | 1 | none")
    assert first_days(usage_events=used) == ["2026-08-01", "2026-09-01"]


def test_a_contract_is_active_from_its_first_day_and_the_default_plan_where_it_is_not():
    """The contract covers 10 August to 9 September: the default plan before it and after it."""
    agreed = contracts("contract_id | account_id | starts_on | ends_on\n c | acme | 2026-08-10 | 2026-09-10")
    assert active(contracts=agreed) == [
        ("c", "p", "2026-08-10"),
        ("c", "p", "2026-09-01"),
        ("default:acme", "p", "2026-08-01"),
        ("default:acme", "p", "2026-09-10"),
    ]


def test_the_default_plan_is_active_in_the_gaps_of_several_contracts():
    """b and c overlap from the 12th to the 14th; a ends when b starts: the gaps are the 5th to the 9th, and from the 20th."""
    agreed = contracts("""
        contract_id | account_id | starts_on  | ends_on
        a           | acme       | 2026-08-01 | 2026-08-05
        b           | acme       | 2026-08-10 | 2026-08-15
        c           | acme       | 2026-08-12 | 2026-08-20
    """)
    found = active(contracts=agreed, as_of="2026-08-31")
    assert [row for row in found if row[0] == "default:acme"] == [("default:acme", "p", "2026-08-05")]
    late = active(contracts=agreed, as_of="2026-08-31", companies=company(billing_starts_on="2026-08-06"))
    assert [row for row in late if row[0] == "default:acme"] == [("default:acme", "p", "2026-08-06")]
    later = active(contracts=agreed, as_of="2026-08-31", companies=company(billing_starts_on="2026-08-11"))
    assert [row for row in later if row[0] == "default:acme"] == [("default:acme", "p", "2026-08-20")]


def test_a_default_plan_whose_meter_is_covered_throughout_is_not_active():
    agreed = contracts("contract_id | account_id | starts_on\n c | acme | 2026-08-01")
    assert {row[0] for row in active(contracts=agreed)} == {"c"}


def test_a_contract_covers_meter_by_meter():
    """Its plan prices tokens only: storage stays with the default plan, tokens do not."""
    agreed = contracts("contract_id | account_id | plan_id | starts_on\n c | acme | gold | 2026-08-01")
    prices = """
        price_version_id | price_id | model    | meter   | effective_from_date
        p@1              | p        | per_unit | tokens  | 2026-01-01
        s@1              | s        | per_unit | storage | 2026-01-01
    """
    plans = rows(PlanPrices, "plan_id | price_id\n payg | p\n payg | s\n gold | p")
    found = active(contracts=agreed, prices=prices, plan_prices=plans, as_of="2026-08-31")
    assert found == [("c", "p", "2026-08-01"), ("default:acme", "s", "2026-08-01")]


@pytest.mark.parametrize(
    ("entered", "days"),
    [
        pytest.param("2026-08-01", ["2026-08-01", "2026-09-01"], id="on the first of the month"),
        pytest.param("2026-08-31", ["2026-08-31", "2026-09-01"], id="on its last day"),
        pytest.param("2026-09-30", ["2026-09-30"], id="on the night's day"),
        pytest.param("2026-10-01", [], id="on the day after"),
    ],
)
def test_a_price_is_active_from_the_day_on_which_it_entered_the_plan(entered, days):
    plans = rows(PlanPrices, plan_id="payg", price_id="p", effective_from=entered)
    assert first_days(plan_prices=plans) == days


def test_a_price_is_active_from_its_first_version_and_by_the_version_in_force_then():
    prices = """
        price_version_id | price_id | model    | effective_from_date
        p@1              | p        | per_unit | 2026-08-10
        p@2              | p        | per_unit | 2026-08-20
    """
    found = active(["price_version_id", "service_date"], prices=prices)
    assert found == [("p@1", "2026-08-10"), ("p@2", "2026-09-01")]


def test_a_version_that_is_not_sold_in_the_currency_is_not_active():
    prices = """
        price_version_id | price_id | model    | currency | effective_from_date
        p@1              | p        | per_unit | EUR      | 2026-01-01
        p@2              | p        | per_unit | USD      | 2026-08-20
    """
    assert first_days(prices=prices) == ["2026-08-20", "2026-09-01"]


def test_days_are_those_of_the_accounts_zone():
    """A price that starts at 2026-08-20T20:00Z starts on the 21st in Tokyo."""
    prices = "price_version_id | price_id | model | effective_from_at\n p@1 | p | per_unit | 2026-08-20T20:00"
    found = {
        zone: first_days(prices=prices, account_rows=accounts(f"account_id | time_zone\n acme | {zone}"))[0]
        for zone in ("UTC", "Asia/Tokyo", "America/New_York")
    }
    assert found == {"UTC": "2026-08-20", "Asia/Tokyo": "2026-08-21", "America/New_York": "2026-08-20"}


def test_a_price_has_one_line_a_month_also_where_the_account_changes_within_it():
    """The payer changes on 10 August, the plan on the 20th; p is in both plans, q in the new one only."""
    account_rows = accounts("""
        delivery_date | account_id | parent_account_id | valid_from
        2026-08-01    | group      | null              | 2020-01-01
        2026-08-01    | acme       | null              | 2020-01-01
        2026-08-02    | acme       | group             | 2026-08-10
    """)
    agreed = contracts("""
        contract_id | account_id | plan_id | valid_from | valid_to
        c           | acme       | payg    | 2020-01-01 | 2026-08-20
        c           | acme       | gold    | 2026-08-20 | 9999-12-31
    """)
    prices = P + "\n q@1 | q | per_unit | 2026-01-01"
    plans = rows(PlanPrices, "plan_id | price_id\n payg | p\n gold | p\n gold | q")
    found = active(account_rows=account_rows, contracts=agreed, prices=prices, plan_prices=plans, as_of="2026-08-31")
    assert [row for row in found if row[0] == "c"] == [("c", "p", "2026-08-01"), ("c", "q", "2026-08-20")]


def test_the_flat_of_an_unused_month_is_due_once():
    """5.00 a month, whether a version changes in it or not."""
    prices = """
        price_version_id | price_id | model     | effective_from_date
        p@1              | p        | graduated | 2026-01-01
        p@2              | p        | graduated | 2026-08-15
    """
    tiers = unit_prices(**{"p@1": "1", "p@2": "1"}).with_columns(flat_amount=5, base_amount=5)
    tiers = tiers.cast(unit_prices(**{"p@1": "1"}).collect_schema())
    found = active(["price_version_id", "service_date", "amount"], prices=prices, price_tiers=tiers)
    assert found == [("p@1", "2026-08-01", "5"), ("p@2", "2026-09-01", "5")]


def test_the_default_plan_is_active_in_each_state_of_the_account_by_that_states_prices():
    """Sold in euros only; the account is billed in euros from September, and the contract ended on 5 August."""
    account_rows = accounts("""
        delivery_date | account_id | currency | valid_from
        2026-08-01    | acme       | USD      | 2020-01-01
        2026-08-02    | acme       | EUR      | 2026-09-01
    """)
    agreed = contracts("contract_id | account_id | ends_on\n c | acme | 2026-08-05")
    found = active(
        account_rows=account_rows,
        contracts=agreed,
        prices=P.replace("model", "model | currency").replace("per_unit", "per_unit | EUR"),
        price_tiers=unit_prices(**{"p@1": "1"}).with_columns(currency=pl.lit("EUR")),
    )
    assert found == [("default:acme", "p", "2026-09-01")]


def test_a_price_of_time_is_due_once_a_month_and_the_default_plans_not_while_a_contract_is_in_force():
    """On the default plan in August until the 10th, under contract c from then on, which ends with the month."""
    found = made(
        "line_items",
        as_of="2026-09-30",
        account_rows=accounts("account_id\nacme"),
        companies=company(),
        contracts=contracts(
            "contract_id | account_id | starts_on  | ends_on    | valid_from | plan_id\n"
            " c          | acme       | 2026-08-10 | 2026-09-01 | 2026-08-10 | signed"
        ),
        plan_prices=rows(PlanPrices, "plan_id | price_id\n payg | rent\n signed | fee"),
        price_versions=versions(
            "price_version_id | price_id | model | effective_from_date\n"
            " rent@1 | rent | flat | 2026-01-01\n rent@2 | rent | flat | 2026-08-05\n fee@1 | fee | flat | 2026-01-01",
            meter="",
        ),
        price_tiers=tiers(
            "price_version_id | tier | lower_bound | flat_amount | base_amount\n"
            " rent@1 | 1 | -1 | 7 | 7\n rent@2 | 1 | -1 | 8 | 8\n fee@1 | 1 | -1 | 20 | 20"
        ),
    )["line_items"]
    columns = ["contract_id", "price_version_id", "charge_kind", "service_date", "amount"]
    assert texts(found.sort("service_date"), columns) == [
        ("default:acme", "rent@1", "recurring", "2026-08-01", "7"),
        ("c", "fee@1", "recurring", "2026-08-10", "20"),
        ("default:acme", "rent@2", "recurring", "2026-09-01", "8"),
    ]
