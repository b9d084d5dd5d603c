"""Rules of `usage_outcomes`: what became of all accepted usage, once as revenue and once as cost."""

import polars as pl

from data_contracts import Exclusions, Reversals
from tests.tables import rows, texts
from tests.transforms.chain import made
from tests.transforms.worlds import account, company, conditions, events, meters, on_plan, tiers, versions
from transforms.usage_outcomes import usage_outcomes

PRICES = """
    price_version_id | price_id | meter   | model     | is_additive | effective_from_date
    p@1              | p        | tokens  | graduated | false       | 2026-01-01
    x@1              | x        | tokens  | per_unit  | true        | 2026-01-01
    s@1              | s        | storage | per_unit  | false       | 2026-01-01
"""
# 100 tokens are free, then 0.10 each; x takes 0.05 of model m beside it; storage is priced at zero.
TIERS = """
    price_version_id | tier | lower_bound | up_to | offset | unit_amount | flat_amount | base_amount
    p@1              | 1    | -1          | 100   | 0      | 0           | 0           | 0
    p@1              | 2    | 100         | null  | 100    | 0.10        | 0           | 0
    x@1              | 1    | -1          | null  | 0      | 0.05        | 0           | 0
    s@1              | 1    | -1          | null  | 0      | 0           | 0           | 0
"""
OUTCOME = ["meter", "dimensions", "service_date", "outcome", "rule", "event_count", "quantity"]


def outcomes(used, columns=OUTCOME, kind="revenue", **tables):
    found = made(
        "usage_outcomes",
        as_of="2026-08-31",
        account_rows=account(),
        companies=company(),
        meters=meters("tokens", "storage"),
        plan_prices=on_plan("p", "x", "s"),
        price_versions=versions(PRICES),
        price_tiers=tiers(TIERS),
        price_conditions=conditions("price_id | dimension | value\n x | model | m"),
        usage_events=events(used),
        **tables,
    )["usage_outcomes"]
    return texts(found.filter(kind=kind), columns)


def test_usage_with_an_amount_is_priced_and_usage_within_a_free_tier_is_zero_rated():
    """100 on the 3rd are free, 1 on the 4th costs 0.10; storage has a price of zero."""
    used = """
        event_id | meter   | occurred_at      | quantity
        a        | tokens  | 2026-08-03T10:00 | 100
        b        | tokens  | 2026-08-04T10:00 | 1
        c        | storage | 2026-08-04T10:00 | 7
    """
    assert outcomes(used) == [
        ("storage", "{}", "2026-08-04", "zero_rated", "", "1", "7"),
        ("tokens", "{}", "2026-08-03", "zero_rated", "", "1", "100"),
        ("tokens", "{}", "2026-08-04", "priced", "", "1", "1"),
    ]


def test_usage_that_two_prices_rate_counts_once_and_is_priced_if_one_of_them_charges():
    used = 'event_id | occurred_at | quantity | dimensions\n a | 2026-08-03T10:00 | 10 | {"model":"m"}'
    assert outcomes(used) == [("tokens", '{"model":"m"}', "2026-08-03", "priced", "", "1", "10")]


def test_usage_that_waits_or_is_excluded_says_why():
    used = """
        event_id | account_id | meter   | occurred_at      | quantity
        a        | acme       | magic   | 2026-08-03T10:00 | 1
        b        | ghost      | tokens  | 2026-08-03T10:00 | 2
        c        | acme       | storage | 2026-08-03T10:00 | 4
    """
    rules = rows(Exclusions, "exclusion_id | meter | reason\n trial | storage | not sold yet")
    columns = ["meter", "outcome", "rule", "detail", "quantity"]
    assert sorted(outcomes(used, columns, exclusions=rules)) == [
        ("magic", "suspense", "unknown_meter", "no meter magic in the price book", "1"),
        ("storage", "excluded", "trial", "not sold yet", "4"),
        ("tokens", "suspense", "unknown_account", "account ghost was never delivered", "2"),
    ]


def test_slots_and_stated_contracts_of_a_day_are_one_row():
    used = """
        event_id | contract_id  | delivery_date | occurred_at      | quantity
        a        | null         | 2026-08-04    | 2026-08-03T10:00 | 1
        b        | default:acme | 2026-08-03    | 2026-08-03T11:00 | 2
    """
    columns = ["service_date", "outcome", "event_count", "quantity", "first_delivery_date"]
    assert outcomes(used, columns) == [("2026-08-03", "zero_rated", "2", "3", "2026-08-03")]


def test_all_usage_is_there_once_as_revenue_and_once_as_cost():
    used = """
        event_id | account_id | meter   | occurred_at      | quantity
        a        | acme       | tokens  | 2026-08-03T10:00 | 100
        b        | acme       | tokens  | 2026-08-04T10:00 | 1
        c        | ghost      | tokens  | 2026-08-03T10:00 | 2
        d        | acme       | storage | 2026-08-03T10:00 | 4
    """
    for kind in ("revenue", "cost"):
        counted = [
            (int(events_), int(quantity)) for events_, quantity in outcomes(used, ["event_count", "quantity"], kind)
        ]
        assert tuple(map(sum, zip(*counted, strict=True))) == (4, 107)


def test_rated_usage_without_a_line_has_no_outcome_which_the_contract_stops():
    """Lost money is no outcome: the line of the day is taken away, and the table is refused."""
    used = "event_id | occurred_at | quantity\n a | 2026-08-03T10:00 | 1"
    chain = made(
        "line_items",
        as_of="2026-08-31",
        account_rows=account(),
        companies=company(),
        meters=meters("tokens"),
        plan_prices=on_plan("p"),
        price_versions=versions(PRICES),
        price_tiers=tiers(TIERS),
        usage_events=events(used),
    )
    lost = usage_outcomes(
        usage_days=chain["usage_days"].lazy(),
        usage_levels=chain["usage_levels"].lazy(),
        rates=chain["rates"].lazy(),
        account_contracts=chain["account_contracts"].lazy(),
        reversals=Reversals.empty().lazy(),
        priced_usage=chain["priced_usage"].lazy(),
        line_items=chain["line_items"].lazy().filter(pl.lit(value=False)),
    ).collect()
    assert lost.filter(kind="revenue")["outcome"].to_list() == [None]


def test_usage_of_a_meter_without_a_cost_price_is_excluded_as_cost():
    used = "event_id | meter | occurred_at | quantity\n a | storage | 2026-08-03T10:00 | 7"
    columns = ["outcome", "rule", "detail", "event_count", "quantity"]
    told = ("excluded", "not_costed", "no cost price for meter storage", "1", "7")
    assert outcomes(used, columns, kind="cost") == [told]
