"""Rules of `usage_cells`: the contract under which usage falls, or the rule by which it waits; day, slot and measure."""

from collections.abc import Sequence
from functools import cache

import polars as pl
import pytest

from data_contracts import Meters, PlanPrices
from tests.tables import rows, texts
from tests.transforms.chain import made
from tests.transforms.worlds import accounts, company, conditions, contracts, events, meters, on_plan, versions

PRICES = """
    price_version_id | price_id | model    | meter   | effective_from_date
    p@1              | p        | per_unit | tokens  | 2026-01-01
    s@1              | s        | per_unit | storage | 2026-01-01
"""
PLANS = """
    plan_id | price_id
    payg    | p
    payg    | s
    gold    | p
    disk    | s
"""
ACCOUNTS = """
    account_id | valid_from
    acme       | 2026-08-10
    plain      | 2020-01-01
    signed     | 2020-01-01
    twice      | 2020-01-01
    apart      | 2020-01-01
"""
CONTRACTS = """
    contract_id | account_id | plan_id | starts_on  | ends_on
    s1          | signed     | gold    | 2026-08-10 | 2026-08-20
    t1          | twice      | gold    | 2026-08-01 | 2026-08-20
    t2          | twice      | gold    | 2026-08-10 | 9999-12-31
    a1          | apart      | gold    | 2026-08-01 | 9999-12-31
    a2          | apart      | disk    | 2026-08-01 | 9999-12-31
"""


USE_COLUMNS = ["account_id", "service_date", "meter", "stated_contract_id"]
# fmt: off
WAITING = [
    pytest.param("ghost", "2026-08-10", "tokens", None, "unknown_account", "account ghost was never delivered", id="an account that was never delivered"),
    pytest.param("ghost", "2026-08-10", "magic", None, "unknown_account", "account ghost was never delivered", id="which is said before that the meter is unknown too"),
    pytest.param("acme", "2026-08-09", "tokens", None, "account_not_valid_yet", "account acme is valid from 2026-08-10", id="the day before the account begins"),
    pytest.param("plain", "2026-08-10", "magic", None, "unknown_meter", "no meter magic in the price book", id="a meter that the book does not know"),
    pytest.param("twice", "2026-08-10", "tokens", None, "two_contracts", "contracts t1, t2 both cover it", id="the first day of two contracts"),
    pytest.param("twice", "2026-08-19", "tokens", None, "two_contracts", "contracts t1, t2 both cover it", id="the last day of two contracts"),
    pytest.param("signed", "2026-08-09", "tokens", "s1", "stated_contract_not_in_force", "contract s1 does not cover account signed on the day", id="the day before the stated contract"),
    pytest.param("signed", "2026-08-20", "tokens", "s1", "stated_contract_not_in_force", "contract s1 does not cover account signed on the day", id="the day on which it has ended"),
    pytest.param("plain", "2026-08-10", "tokens", "s1", "stated_contract_not_in_force", "contract s1 does not cover account plain on the day", id="the contract of another account"),
    pytest.param("plain", "2026-08-10", "tokens", "none", "stated_contract_not_in_force", "contract none does not cover account plain on the day", id="a contract that nobody knows"),
]
COVERED = [
    pytest.param("acme", "2026-08-10", "tokens", None, "default:acme", id="the first day of an account"),
    pytest.param("plain", "2026-08-10", "tokens", None, "default:plain", id="the default plan where nothing is signed"),
    pytest.param("signed", "2026-08-09", "tokens", None, "default:signed", id="the day before the contract starts"),
    pytest.param("signed", "2026-08-10", "tokens", None, "s1", id="its first day"),
    pytest.param("signed", "2026-08-19", "tokens", None, "s1", id="its last day"),
    pytest.param("signed", "2026-08-20", "tokens", None, "default:signed", id="the day on which it has ended"),
    pytest.param("signed", "2026-08-10", "storage", None, "default:signed", id="a meter that the contract does not price"),
    pytest.param("signed", "2026-08-10", "storage", "s1", "s1", id="which a stated contract keeps all the same"),
    pytest.param("signed", "2026-08-10", "tokens", "default:signed", "default:signed", id="the default plan, stated"),
    pytest.param("twice", "2026-08-09", "tokens", None, "t1", id="the day before the second contract"),
    pytest.param("twice", "2026-08-20", "tokens", None, "t2", id="the day after the first"),
    pytest.param("twice", "2026-08-10", "tokens", "t2", "t2", id="one of two, stated"),
    pytest.param("twice", "2026-08-10", "storage", None, "default:twice", id="two contracts that do not price the meter"),
    pytest.param("apart", "2026-08-10", "tokens", None, "a1", id="two contracts with a meter each: the first's"),
    pytest.param("apart", "2026-08-10", "storage", None, "a2", id="and the second's"),
]
# fmt: on
Use = tuple[str, str, str, str | None]


def resolved(uses: Sequence[Use], **tables: pl.LazyFrame) -> dict[Use, tuple[str | None, ...]]:
    """What one event of each use falls under: contract, rule and detail."""
    used = "event_id | account_id | occurred_at | meter | contract_id | quantity\n" + "".join(
        f"e{number} | {account} | {day}T12:00 | {meter} | {stated or 'null'} | 1\n"
        for number, (account, day, meter, stated) in enumerate(uses)
    )
    given = {
        "account_rows": accounts(ACCOUNTS),
        "contracts": contracts(CONTRACTS),
        "meters": meters("tokens", "storage"),
        "plan_prices": rows(PlanPrices, PLANS),
        "price_versions": versions(PRICES),
        "companies": company(),
        **tables,
    }
    columns = [*USE_COLUMNS, "contract_id", "suspense_rule", "suspense_detail"]
    found = texts(made("usage_days", as_of="2026-08-31", usage_events=events(used), **given)["usage_days"], columns)
    return {(account, day, meter, stated or None): tuple(rest) for account, day, meter, stated, *rest in found}


@cache
def all_uses() -> dict[Use, tuple[str | None, ...]]:
    return resolved(sorted({case.values[:4] for case in (*WAITING, *COVERED)}, key=str))


@pytest.mark.parametrize(("account", "day", "meter", "stated", "rule", "detail"), WAITING)
def test_usage_that_falls_under_nothing_waits_by_name(account, day, meter, stated, rule, detail):
    assert all_uses()[account, day, meter, stated] == (None, rule, detail)


@pytest.mark.parametrize(("account", "day", "meter", "stated", "contract"), COVERED)
def test_usage_falls_under_the_stated_contract_else_the_one_that_prices_its_meter_else_the_default_plan(
    account, day, meter, stated, contract
):
    assert all_uses()[account, day, meter, stated] == (contract, None, None)


def test_without_a_default_plan_usage_that_no_contract_prices_waits():
    storage = ("signed", "2026-08-10", "storage", None)
    detail = "no signed contract covers meter storage, and there is no default plan"
    assert resolved([storage], companies=company(default_plan_id=None))[storage] == (None, "no_contract", detail)


def test_a_contract_covers_a_meter_by_a_price_that_it_cannot_use_yet():
    """gold prices tokens in EUR from 2027 only: usage waits under the contract, it does not slip to the default plan."""
    prices = (
        "price_version_id | price_id | model | currency | effective_from_date\n p@1 | p | per_unit | EUR | 2027-01-01"
    )
    tokens = ("signed", "2026-08-10", "tokens", None)
    assert resolved([tokens], price_versions=versions(prices))[tokens][0] == "s1"


def cells(used, columns, meter_rows=None, **tables):
    """Cells of `acme`, which begins long ago here."""
    found = made(
        "usage_states",
        as_of="2026-08-31",
        account_rows=accounts("account_id\n acme"),
        meters=meters("tokens") if meter_rows is None else meter_rows,
        plan_prices=on_plan("p"),
        usage_events=events(used),
        **tables,
    )
    return texts(found["usage_states"], columns)


@pytest.mark.parametrize(
    ("aggregation", "value", "measured", "currency"),
    [
        pytest.param("sum", "quantity", "5", "", id="a sum of quantities"),
        pytest.param("sum", "amount", "30", "EUR", id="a sum of amounts, in their currency"),
        pytest.param("count", "quantity", "2", "", id="a count of events"),
    ],
)
def test_a_meter_measures_quantities_amounts_or_events(aggregation, value, measured, currency):
    used = """
        event_id | occurred_at      | quantity | amount | value_currency
        a        | 2026-08-10T10:00 | 2        | 10     | EUR
        b        | 2026-08-10T11:00 | 3        | 20     | EUR
    """
    book = rows(Meters, meter="tokens", aggregation=aggregation, value=value, dimensions="[]")
    found = cells(used, ["quantity", "landed_quantity", "value_currency"], book)
    assert found == [(measured, "5", currency)], "the landed quantity is that of the events, whatever is measured"


def test_amounts_in_two_currencies_are_two_cells():
    used = """
        event_id | occurred_at      | amount | value_currency
        a        | 2026-08-10T10:00 | 10     | EUR
        b        | 2026-08-10T11:00 | 20     | USD
        c        | 2026-08-10T12:00 | null   | null
    """
    book = rows(Meters, meter="tokens", aggregation="sum", value="amount", dimensions="[]")
    assert cells(used, ["value_currency", "quantity"], book) == [("", "0"), ("EUR", "10"), ("USD", "20")]


def test_usage_of_an_unknown_meter_is_a_sum_of_quantities_over_no_dimension():
    used = """
        event_id | occurred_at      | meter | quantity | dimensions
        a        | 2026-08-10T10:00 | magic | 2        | {"region":"eu"}
        b        | 2026-08-10T11:00 | magic | 3        | {"region":"us"}
    """
    assert cells(used, ["meter", "dimensions", "quantity"]) == [("magic", "{}", "5")]


def test_a_cell_keeps_the_dimensions_that_a_price_looks_at_and_no_other():
    used = """
        event_id | occurred_at      | quantity | dimensions
        a        | 2026-08-10T10:00 | 1        | {"model":"m","region":"eu"}
        b        | 2026-08-10T11:00 | 2        | {"model":"m","region":"us"}
        c        | 2026-08-10T12:00 | 4        | {"model":"n","region":"us"}
        d        | 2026-08-10T13:00 | 8        | {"region":"us"}
    """
    looked_at = conditions("price_id | dimension | value\n p | model | m")
    found = cells(used, ["dimensions", "quantity"], price_conditions=looked_at)
    assert found == [('{"model":"m"}', "3"), ('{"model":"n"}', "4"), ("{}", "8")]


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        pytest.param("UTC", ["2026-08-09", "2026-08-10", "2026-08-10", "2026-08-10"], id="UTC turns at 00:00Z"),
        pytest.param("Asia/Tokyo", ["2026-08-10", "2026-08-10", "2026-08-10", "2026-08-11"], id="Tokyo at 15:00Z"),
        pytest.param("America/New_York", ["2026-08-09", "2026-08-09", "2026-08-10", "2026-08-10"], id="New York at 04:00Z"),
    ],
)  # fmt: skip
def test_usage_belongs_to_the_day_of_its_instant_in_the_accounts_zone(zone, expected):
    used = """
        event_id | occurred_at                | quantity
        a        | 2026-08-09T23:59:59.999999 | 1
        b        | 2026-08-10T00:00           | 2
        c        | 2026-08-10T04:00           | 4
        d        | 2026-08-10T15:00           | 8
    """
    found = made(
        "usage_states",
        as_of="2026-08-31",
        account_rows=accounts(f"account_id | time_zone\n acme | {zone}"),
        usage_events=events(used),
    )["usage_states"]
    days = dict.fromkeys(expected, 0)
    for day, quantity in zip(expected, (1, 2, 4, 8), strict=True):
        days[day] += quantity
    assert texts(found, ["service_date", "quantity"]) == [(day, str(sum_)) for day, sum_ in days.items()]


def test_usage_before_the_account_began_has_the_day_of_its_first_zone():
    used = "event_id | occurred_at\n a | 2026-08-09T20:00"
    account_rows = accounts("account_id | time_zone | valid_from\n acme | Asia/Tokyo | 2026-08-20")
    found = made("usage_states", as_of="2026-08-31", account_rows=account_rows, usage_events=events(used))
    assert texts(found["usage_states"], ["service_date"]) == [("2026-08-10",)]


def test_of_several_states_older_than_the_calendar_the_last_one_gives_the_zone():
    """200 accounts moved from UTC to Tokyo in 2021: on 9 August, 20:00Z, all of them have the 10th."""
    names = [f"a{number}" for number in range(200)]
    states = "".join(
        f"2026-08-01 | {name} | UTC        | 2020-01-01\n2026-08-02 | {name} | Asia/Tokyo | 2021-01-01\n"
        for name in names
    )
    used = "event_id | account_id | occurred_at\n" + "".join(f"{name} | {name} | 2026-08-09T20:00\n" for name in names)
    found = made(
        "usage_states",
        as_of="2026-08-31",
        account_rows=accounts("delivery_date | account_id | time_zone | valid_from\n" + states),
        usage_events=events(used),
    )["usage_states"]
    assert set(texts(found, ["service_date"])) == {("2026-08-10",)}


def test_a_day_is_one_cell_unless_a_price_of_the_meter_changes_inside_of_it():
    """At noon the price of tokens changes, the one of storage does not."""
    prices = """
        price_version_id | price_id | model    | meter   | effective_from_date | effective_from_at
        p@1              | p        | per_unit | tokens  | 2026-01-01          | null
        p@2              | p        | per_unit | tokens  | null                | 2026-08-10T12:00
        s@1              | s        | per_unit | storage | 2026-01-01          | null
    """
    used = """
        event_id | occurred_at                | meter   | quantity
        a        | 2026-08-10T11:59:59.999999 | tokens  | 1
        b        | 2026-08-10T12:00           | tokens  | 2
        c        | 2026-08-10T23:00           | tokens  | 4
        d        | 2026-08-10T11:00           | storage | 8
        e        | 2026-08-10T13:00           | storage | 16
        f        | 2026-08-11T11:00           | tokens  | 32
    """
    columns = ["meter", "service_date", "slot_at", "quantity"]
    book = meters("tokens", "storage")
    tables = {"plan_prices": on_plan("p", "s"), "price_versions": versions(prices)}
    found = made(
        "usage_states",
        as_of="2026-08-31",
        account_rows=accounts("account_id\n acme"),
        meters=book,
        usage_events=events(used),
        **tables,
    )["usage_states"]
    assert texts(found, columns) == [
        ("storage", "2026-08-10", "2026-08-10T00:00:00", "24"),
        ("tokens", "2026-08-10", "2026-08-10T00:00:00", "1"),
        ("tokens", "2026-08-10", "2026-08-10T12:00:00", "6"),
        ("tokens", "2026-08-11", "2026-08-11T00:00:00", "32"),
    ]


@pytest.mark.parametrize(
    "moves_to",
    [
        pytest.param("America/New_York", id="west: 1 September begins in Tokyo and goes on in New York"),
        pytest.param("Pacific/Kiritimati", id="east: 31 August ends early"),
    ],
)
def test_a_price_that_starts_with_a_day_prices_all_usage_of_that_day_also_where_the_zone_moves(moves_to):
    """From 1 September 2.00 instead of 1.00; the account leaves Tokyo's days for others on that day."""
    account_rows = accounts(f"""
        delivery_date | account_id | time_zone  | valid_from
        2026-08-01    | acme       | Asia/Tokyo | 2020-01-01
        2026-08-02    | acme       | {moves_to} | 2026-09-01
    """)
    prices = """
        price_version_id | price_id | model    | effective_from_date
        p@1              | p        | per_unit | 2026-01-01
        p@2              | p        | per_unit | 2026-09-01
    """
    hours = [f"{day}T{hour:02}:30" for day in ("2026-08-31", "2026-09-01") for hour in range(24)]
    used = "event_id | occurred_at | quantity\n" + "".join(f"{hour} | {hour} | 1\n" for hour in hours)
    found = made(
        "priced_usage",
        as_of="2026-09-30",
        account_rows=account_rows,
        companies=company(),
        meters=meters("tokens"),
        plan_prices=on_plan("p"),
        price_versions=versions(prices),
        usage_events=events(used),
    )["priced_usage"].filter(pl.col("kind") == "revenue")
    versions_of = {"before": set(), "from": set()}
    for day, version in texts(found, ["service_date", "price_version_id"]):
        versions_of["before" if day < "2026-09-01" else "from"].add(version)
    assert versions_of == {"before": {"p@1"}, "from": {"p@2"}}
    assert found["event_count"].sum() == len(hours)
