"""Rules of `rated_events`: the fee of each event, in the order in which events use up the allowance."""

from data_contracts import Meters
from tests.tables import rows, texts
from tests.transforms.chain import made
from tests.transforms.worlds import account, accounts, company, contracts, events, on_plan, versions

# Golden figures: 1.2 % + 0.10.
FEE = """
    price_version_id | price_id | model      | effective_from_date | rate  | fixed_amount | free_events | free_amount
    f@1              | f        | percentage | 2026-01-01          | 0.012 | 0.10         | {free}
"""
COLUMNS = ["event_id", "quantity", "amount_exact", "amount"]


def fees(prices, used, columns=COLUMNS, *, sort="occurred_at", rules="first_exhausted", **tables):
    given = {
        "account_rows": account(),
        "companies": company(),
        "meters": rows(Meters, meter="tokens", aggregation="sum", value="amount", dimensions="[]"),
        "plan_prices": on_plan("f", "g"),
        "price_versions": versions(prices, round_at="event", free_rule=rules),
        **tables,
    }
    neutral = {} if "value_currency" in used else {"value_currency": "USD"}
    found = made("rated_events", as_of="2026-09-30", usage_events=events(used, **neutral), **given)["rated_events"]
    return texts(found.sort(sort, "source", "event_id"), columns)


GOLDEN = """
    event_id | occurred_at      | amount
    a        | 2026-08-03T10:00 | 200
    b        | 2026-08-03T11:00 | 100
    c        | 2026-08-04T10:00 | 100
    d        | 2026-08-05T10:00 | 50
"""


def test_three_free_events_or_500_free_leave_the_fourth_of_the_golden_events_to_pay():
    found = fees(FEE.format(free="3 | 500"), GOLDEN, ["event_id", "amount"])
    assert found == [("a", "0"), ("b", "0"), ("c", "0"), ("d", "0.7")]
    both = fees(FEE.format(free="3 | 500"), GOLDEN, ["event_id", "amount"], rules="both_exhausted")
    assert both == [("a", "0"), ("b", "0"), ("c", "0"), ("d", "0")]


def test_events_use_up_the_allowance_in_the_order_of_instant_then_id_then_source_not_of_delivery():
    """One free event: the earliest one, although it came last; among equals the first by id (semantics §1)."""
    used = """
        event_id | source | delivery_date | occurred_at      | amount
        z        | b      | 2026-08-03    | 2026-08-03T10:00 | 10
        y        | a      | 2026-08-04    | 2026-08-03T10:00 | 10
        a        | b      | 2026-08-03    | 2026-08-03T10:00 | 10
        x        | a      | 2026-08-09    | 2026-08-03T10:00 | 10
        late     | a      | 2026-08-02    | 2026-08-03T10:00:00.000001 | 10
    """
    found = fees(FEE.format(free="1 | null"), used, ["event_id", "amount"])
    assert dict(found) == {"a": "0", "x": "0.22", "y": "0.22", "z": "0.22", "late": "0.22"}


def test_an_allowance_begins_anew_with_the_billing_period_of_the_accounts_zone():
    """In Tokyo September begins at 2026-08-31T15:00Z."""
    used = """
        event_id | occurred_at                | amount
        a        | 2026-08-31T14:00           | 10
        b        | 2026-08-31T14:59:59.999999 | 10
        c        | 2026-08-31T15:00           | 10
        d        | 2026-08-31T16:00           | 10
    """
    found = fees(
        FEE.format(free="1 | null"), used, ["event_id", "amount"], account_rows=account(time_zone="Asia/Tokyo")
    )
    assert found == [("a", "0"), ("b", "0.22"), ("c", "0"), ("d", "0.22")]


def test_an_allowance_begins_anew_with_a_version_of_the_price():
    prices = FEE.format(free="1 | null") + "    f@2 | f | percentage | 2026-08-04 | 0.02 | 0 | 1 | null\n"
    used = """
        event_id | occurred_at      | amount
        a        | 2026-08-03T10:00 | 10
        b        | 2026-08-03T11:00 | 10
        c        | 2026-08-04T10:00 | 10
        d        | 2026-08-04T11:00 | 10
    """
    found = fees(prices, used, ["event_id", "price_version_id", "amount"])
    assert found == [("a", "f@1", "0"), ("b", "f@1", "0.22"), ("c", "f@2", "0"), ("d", "f@2", "0.2")]


def test_each_account_has_its_own_allowance():
    used = """
        event_id | account_id | occurred_at      | amount
        a        | acme       | 2026-08-03T10:00 | 10
        b        | beta       | 2026-08-03T11:00 | 10
        c        | acme       | 2026-08-03T12:00 | 10
    """
    found = fees(
        FEE.format(free="1 | null"), used, ["event_id", "amount"], account_rows=accounts("account_id\nacme\nbeta")
    )
    assert found == [("a", "0"), ("b", "0"), ("c", "0.22")]


def test_each_fee_is_rounded_by_itself_and_kept_exact_beside():
    """0.70 % of 50.50 at 1.2 % + 0.10: 0.706 twice is 0.71 twice, not 1.41."""
    used = """
        event_id | occurred_at      | amount
        a        | 2026-08-03T10:00 | 50.50
        b        | 2026-08-03T11:00 | 50.50
    """
    assert fees(FEE.format(free="null | null"), used) == [
        ("a", "50.5", "0.706", "0.71"),
        ("b", "50.5", "0.706", "0.71"),
    ]


def test_a_fee_in_yen_has_no_parts():
    """3.6 % of 1,000 and of 1,250 yen: 36, and 45; of 1,013 it is 36.468 -> 36, of 1,014 it is 36.504 -> 37."""
    prices = """
        price_version_id | price_id | model      | currency | effective_from_date | rate  | fixed_amount
        f@1              | f        | percentage | JPY      | 2026-01-01          | 0.036 | 0
    """
    used = """
        event_id | occurred_at      | amount | value_currency
        a        | 2026-08-03T10:00 | 1013   | JPY
        b        | 2026-08-03T11:00 | 1014   | JPY
    """
    found = fees(prices, used, account_rows=account(currency="JPY"))
    assert found == [("a", "1013", "36.468", "36"), ("b", "1014", "36.504", "37")]


def test_a_fee_of_an_override_stands_beside_the_fee_of_the_list_price():
    """The list gives one free event and takes 1.2 % + 0.10; the contract takes 1 % of everything."""
    prices = """
        price_version_id | price_id | model      | contract_id | effective_from_date | rate  | fixed_amount | free_events
        f@1              | f        | percentage | null        | 2026-01-01          | 0.012 | 0.10         | 1
        c/f@1            | f        | percentage | c           | 2026-01-01          | 0.01  | 0            | null
    """
    used = """
        event_id | occurred_at      | amount
        a        | 2026-08-03T10:00 | 10
        b        | 2026-08-03T11:00 | 10
    """
    agreed = contracts("contract_id | account_id | has_overrides\n c | acme | true")
    columns = ["event_id", "price_version_id", "list_price_version_id", "amount", "list_amount"]
    assert fees(prices, used, columns, contracts=agreed) == [
        ("a", "c/f@1", "f@1", "0.1", "0"),
        ("b", "c/f@1", "f@1", "0.1", "0.22"),
    ]


def test_where_the_list_price_has_no_rate_the_fee_is_its_own_list_amount():
    prices = """
        price_version_id | price_id | model      | contract_id | effective_from_date | rate | fixed_amount
        f@1              | f        | per_unit   | null        | 2026-01-01          | null | null
        c/f@1            | f        | percentage | c           | 2026-01-01          | 0.01 | 0
    """
    used = "event_id | occurred_at | amount\n a | 2026-08-03T10:00 | 10"
    agreed = contracts("contract_id | account_id | has_overrides\n c | acme | true")
    assert fees(prices, used, ["amount", "list_amount"], contracts=agreed) == [("0.1", "0.1")]


def test_an_event_of_two_prices_has_a_fee_of_each():
    prices = """
        price_version_id | price_id | model      | is_additive | effective_from_date | rate  | fixed_amount
        f@1              | f        | percentage | false       | 2026-01-01          | 0.012 | 0.10
        g@1              | g        | percentage | true        | 2026-01-01          | 0     | 0.03
    """
    used = "event_id | occurred_at | amount\n a | 2026-08-03T10:00 | 50"
    assert fees(prices, used, ["price_id", "amount"]) == [("f", "0.7"), ("g", "0.03")]


def test_events_that_are_held_or_priced_by_quantity_have_no_fee():
    """An amount in yen waits; per_unit prices quantities, not events."""
    used = """
        event_id | occurred_at      | amount | value_currency
        a        | 2026-08-03T10:00 | 50     | JPY
        b        | 2026-08-03T10:00 | null   | null
    """
    assert fees(FEE.format(free="null | null"), used) == []
    per_unit = "price_version_id | price_id | model | effective_from_date\n f@1 | f | per_unit | 2026-01-01"
    assert fees(per_unit, GOLDEN) == []


def test_a_fee_knows_the_place_from_which_its_event_came():
    used = "event_id | occurred_at | amount | delivery_date | source_file | source_line\n a | 2026-08-03T23:30 | 50 | 2026-08-04 | usage_events/f.csv | 7"
    columns = ["service_date", "delivery_date", "source_file", "source_line", "contract_id", "currency"]
    found = fees(FEE.format(free="null | null"), used, columns)
    assert found == [("2026-08-03", "2026-08-04", "usage_events/f.csv", "7", "default:acme", "USD")]
