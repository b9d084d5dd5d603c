"""An event priced by itself costs what it costs by its cell; and which accounts are priced by cells at all."""

from datetime import datetime, timedelta
from random import Random

import pytest

from data_contracts import Exclusions, Meters
from tests.tables import rows
from tests.transforms.chain import made
from tests.transforms.worlds import accounts, company, conditions, contracts, events, on_plan, versions
from transforms import event_prices

PRICES = """
    price_version_id | price_id | contract_id | conditions    | effective_from_date | effective_from_at | rate | fixed_amount
    v@1              | v        | null        | {"card":"v"}  | 2026-01-01          | null              | 0.01 | 0.10
    v@2              | v        | null        | {"card":"v"}  | null                | 2026-08-10T11:30  | 0.02 | 0.05
    v@3              | v        | null        | {"card":"v"}  | 2026-08-20          | null              | 0.03 | 0
    a@1              | a        | null        | {"card":"a"}  | 2026-08-05          | null              | 0.04 | 0.01
    c/v@1            | v        | c           | {"card":"v"}  | 2026-01-01          | null              | 0.005 | 0
"""
ACCOUNTS = """
    account_id | delivery_date | valid_from | time_zone
    acme       | 2026-08-01    | 2020-01-01 | UTC
    tokyo      | 2026-08-01    | 2020-01-01 | Asia/Tokyo
    late       | 2026-08-01    | 2026-08-12 | America/New_York
    moved      | 2026-08-01    | 2020-01-01 | America/New_York
    moved      | 2026-08-02    | 2026-08-15 | Asia/Tokyo
    tester     | 2026-08-01    | 2020-01-01 | UTC
"""
CONDITIONS = """
    price_id | dimension | value
    v        | card      | v
    a        | card      | a
"""


@pytest.fixture
def world():
    return {
        "account_rows": accounts(ACCOUNTS),
        "companies": company(),
        "meters": rows(
            Meters, meter="tokens", aggregation="sum", value="amount", dimensions='["card"]', negative="reject"
        ),
        "plan_prices": on_plan("v", "a"),
        "price_versions": versions(PRICES, model="percentage", round_at="event"),
        "price_conditions": conditions(CONDITIONS),
        "contracts": contracts(
            "contract_id | account_id | has_overrides | ends_on\n c | acme | true | 2026-08-25", valid_to="9999-12-31"
        ),
        "exclusions": rows(
            Exclusions,
            "exclusion_id | kind | account_id | effective_from\n tests | revenue | tester | 2026-08-10",
            reason="not ours",
        ),
    }


def payments(seed):
    """Six hundred payments around every change of prices, contracts and zones, some of nobody and of no currency."""
    random = Random(seed)
    who = ["acme", "tokyo", "late", "moved", "tester", "nobody"]
    lines = [
        f"e{number} | {random.choice(who)} | {datetime(2026, 8, 3) + timedelta(minutes=random.randrange(40_000)):%Y-%m-%dT%H:%M} | "
        f"{random.randrange(1, 100_000) / 100} | {random.choice(['USD'] * 9 + ['JPY', 'null'])} | "
        f'{{"card":"{random.choice("vax")}","shop":"{random.choice("12")}"}}'
        for number in range(600)
    ]
    header = "event_id | account_id | occurred_at | amount | value_currency | dimensions"
    return events("\n".join([header, *lines]))


@pytest.mark.parametrize("seed", range(3))
def test_an_event_costs_by_itself_what_it_costs_by_its_cell(world, seed, monkeypatch):
    """The cells are made by the builders of the night; the prices of both ways are compared row by row."""
    given = {**world, "usage_events": payments(seed)}
    alone = made("rated_events", as_of="2026-09-30", **given)["rated_events"]
    monkeypatch.setattr(event_prices, "_accounts_of_doubt", lambda events, _: events["account_id"].unique())
    by_cell = made("rated_events", as_of="2026-09-30", **given)["rated_events"]
    assert alone.height > 100
    assert alone["price_version_id"].n_unique() == 5
    assert alone.sort("event_id").equals(by_cell.sort("event_id"))


def doubted(world, monkeypatch, **given):
    found = []
    seen = event_prices._accounts_of_doubt
    monkeypatch.setattr(event_prices, "_accounts_of_doubt", lambda *asked: found.append(seen(*asked)) or found[-1])
    used = given.pop("usage_events", payments(1))
    made("rated_events", as_of="2026-09-30", **{**world, "usage_events": used, **given})
    return set(found[0])


def test_only_who_moves_or_is_excluded_by_name_is_priced_by_cells(world, monkeypatch):
    assert doubted(world, monkeypatch) == {"moved", "tester"}


def test_an_event_below_zero_that_its_meter_refuses_is_priced_by_its_cell(world, monkeypatch):
    used = """
        event_id | account_id | occurred_at      | amount | value_currency | dimensions
        e        | tokyo      | 2026-08-03T10:00 | -1     | USD            | {"card":"v"}
        f        | acme       | 2026-08-03T10:00 | 1      | USD            | {"card":"v"}
    """
    assert doubted(world, monkeypatch, usage_events=events(used)) == {"moved", "tester", "tokyo"}


@pytest.mark.parametrize(
    "change",
    [
        {"is_converted": "true"},
        {"quantity_limit": "100000"},
        {"group_limit": "1000"},
    ],
    ids=["a converted price", "amounts near the bound of a price", "groups with amounts of their own"],
)
def test_everybody_is_priced_by_cells_where_a_cell_may_be_held(world, monkeypatch, change):
    prices = versions(PRICES, model="percentage", round_at="event", **change)
    assert doubted(world, monkeypatch, price_versions=prices) >= {"acme", "tokyo", "late", "moved", "tester"}
