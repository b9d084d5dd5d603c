"""Minimum and maximum of a price, from landed files to the lines and back."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from data_contracts import LineItems
from orchestration import explain
from orchestration.build import Build
from tests.orchestration.test_explain_models import night
from tests.tables import texts

BOOK = """
company: {name: Acme, time_zone: UTC, reporting_currency: USD, default_plan: payg}
products: [{id: api, name: API}]
meters:
  - {id: capped, unit: unit, aggregation: sum}
  - {id: thirds, unit: unit, aggregation: sum, dimensions: [group]}
  - {id: least, unit: unit, aggregation: sum}
  - {id: unused, unit: unit, aggregation: sum}
  - {id: changed, unit: unit, aggregation: sum}
  - {id: falling, unit: unit, aggregation: sum}
  - {id: payments, unit: payment, aggregation: sum, value: amount}
prices:
  - id: capped
    product: api
    meter: capped
    model: per_unit
    currency: USD
    versions: [{effective_from: 2026-01-01, unit_amount: "1", maximum: "100"}]
  - id: third
    product: api
    meter: thirds
    model: per_unit
    group_by: [group]
    currency: USD
    versions: [{effective_from: 2026-01-01, unit_amount: "33.335", maximum: "100", minimum: "50"}]
  - id: least
    product: api
    meter: least
    model: per_unit
    currency: USD
    versions: [{effective_from: 2026-01-01, unit_amount: "0.104", minimum: "10"}]
  - id: unused
    product: api
    meter: unused
    model: per_unit
    currency: USD
    versions: [{effective_from: 2026-01-01, unit_amount: "1", minimum: "31"}]
  - id: changed
    product: api
    meter: changed
    model: per_unit
    currency: USD
    versions:
      - {effective_from: 2026-01-01, unit_amount: "1", maximum: "20", minimum: "5"}
      - {effective_from: 2026-08-05, unit_amount: "2", maximum: "30", minimum: "10"}
  - id: falling
    product: api
    meter: falling
    model: volume
    currency: USD
    versions:
      - effective_from: 2026-01-01
        maximum: "80"
        tiers: [{up_to: "1000", unit_amount: "0.10"}, {up_to: null, unit_amount: "0.05"}]
  - id: fee
    product: api
    meter: payments
    model: percentage
    currency: USD
    versions: [{effective_from: 2026-01-01, percentage: {rate: "0.0055"}, maximum: "0.02"}]
plans: [{id: payg, prices: [capped, third, least, unused, changed, falling, fee]}]
"""
ACCOUNTS = """account_id,name,currency,time_zone,valid_from
acme,Acme,USD,UTC,2020-01-01
late,Late,USD,UTC,2026-08-17
"""
EVENTS = """event_id,account_id,meter,occurred_at,quantity,amount,currency,group
a1,acme,capped,2026-08-03T10:00:00Z,60,,,
a2,acme,capped,2026-08-04T10:00:00Z,60,,,
a3,acme,capped,2026-08-05T10:00:00Z,60,,,
b1,acme,thirds,2026-08-03T10:00:00Z,1,,,x
b2,acme,thirds,2026-08-03T10:00:00Z,1,,,y
b3,acme,thirds,2026-08-04T10:00:00Z,1,,,z
c1,acme,least,2026-08-03T10:00:00Z,3,,,
c2,acme,least,2026-08-04T10:00:00Z,3,,,
d1,acme,changed,2026-08-03T10:00:00Z,25,,,
d2,acme,changed,2026-08-06T10:00:00Z,10,,,
e1,acme,falling,2026-08-03T10:00:00Z,1000,,,
e2,acme,falling,2026-08-04T10:00:00Z,1,,,
f1,acme,payments,2026-08-03T10:00:00Z,,1,USD,
f2,acme,payments,2026-08-03T11:00:00Z,,1,USD,
f3,acme,payments,2026-08-03T12:00:00Z,,1,USD,
"""
# The lines beside usage: what the bound changes, and which line it follows.
BOUNDS = {
    # 120 on the second day are 20 too many, the third day 60 more.
    "acme/capped@2026-01-01/{}/maximum/2026-08-04": ("-20", "acme/capped@2026-01-01/{}/usage/2026-08-04"),
    "acme/capped@2026-01-01/{}/maximum/2026-08-05": ("-60", "acme/capped@2026-01-01/{}/usage/2026-08-05"),
    # 3 × 33.335 = 100.005 exactly, and 3 × 33.34 = 100.02 billed: 100.00 is the most.
    "acme/third@2026-01-01/{}/maximum/2026-08-04": ("-0.02", 'acme/third@2026-01-01/{"group":"z"}/usage/2026-08-04'),
    # 0.624 of 10: 9.376 are missing, and 0.62 billed.
    "acme/least@2026-01-01/{}/minimum_true_up/2026-08-31": ("9.38", "acme/least@2026-01-01/{}/usage/2026-08-04"),
    "acme/unused@2026-01-01/{}/minimum_true_up/2026-08-31": ("31", "acme/unused@2026-01-01/{}/usage/2026-08-01"),
    # The bounds of the version in force at the end: 25 are not above 30, 45 are by 15.
    "acme/changed@2026-08-05/{}/maximum/2026-08-06": ("-15", "acme/changed@2026-08-05/{}/usage/2026-08-06"),
    # 100 on the first day; 1,001 at 0.05 are 50.05, so what was taken off comes back.
    "acme/falling@2026-01-01/{}/maximum/2026-08-03": ("-20", "acme/falling@2026-01-01/{}/usage/2026-08-03"),
    "acme/falling@2026-01-01/{}/maximum/2026-08-04": ("20", "acme/falling@2026-01-01/{}/usage/2026-08-04"),
    # Three fees of 0.0055, rounded 0.01 each.
    "acme/fee@2026-01-01/{}/maximum/2026-08-03": ("-0.01", "acme/fee@2026-01-01/{}/usage/2026-08-03"),
    # Covered from the 17th: 15 of 31 days.
    "late/third@2026-01-01/{}/minimum_true_up/2026-08-31": ("24.19", "late/third@2026-01-01/{}/usage/2026-08-17"),
    "late/least@2026-01-01/{}/minimum_true_up/2026-08-31": ("4.84", "late/least@2026-01-01/{}/usage/2026-08-17"),
    "late/unused@2026-01-01/{}/minimum_true_up/2026-08-31": ("15", "late/unused@2026-01-01/{}/usage/2026-08-17"),
    "late/changed@2026-08-05/{}/minimum_true_up/2026-08-31": ("4.84", "late/changed@2026-08-05/{}/usage/2026-08-17"),
}


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The night of the first day after the month: its periods have ended."""
    return night(tmp_path_factory.mktemp("bounds"), BOOK, EVENTS, ACCOUNTS, date(2026, 9, 1))


def lines(build: Build) -> pl.LazyFrame:
    """The lines of August; September has just begun."""
    return build.frame(LineItems).filter(pl.col("billing_period_start") == date(2026, 8, 1))


def test_an_open_period_has_no_minimum_yet(build):
    september = build.frame(LineItems).filter(pl.col("billing_period_start") == date(2026, 9, 1))
    assert set(september.collect()["charge_kind"]) == {"usage"}


def test_the_bounds_of_the_month(build):
    found = lines(build).filter(pl.col("charge_kind").is_in(["maximum", "minimum_true_up"])).collect()
    columns = ["line_item_id", "amount", "applies_to_line_item_id"]
    assert {name: tuple(rest) for name, *rest in texts(found, columns)} == {
        f"default:{name}": (amount, f"default:{line}") for name, (amount, line) in BOUNDS.items()
    }


@pytest.mark.parametrize("name", BOUNDS)
def test_a_bound_is_recomputed_from_the_lines_of_its_price_and_agrees(build, name):
    found = explain.explained(build, f"default:{name}")
    assert found.agrees, found.as_text()
    assert found.amount == Decimal(BOUNDS[name][0])


@pytest.mark.parametrize(
    ("price", "billed"),
    [
        pytest.param("capped", "100", id="at most, however much is used"),
        pytest.param("third", "100", id="at most over all groups, to the cent"),
        pytest.param("least", "10", id="at least"),
        pytest.param("unused", "31", id="at least without usage"),
        pytest.param("changed", "30", id="by the version at the end"),
        pytest.param("falling", "50.05", id="the maximum gives back what it took too early"),
        pytest.param("fee", "0.02", id="of fees as they were charged"),
    ],
)
def test_a_period_is_billed_between_its_bounds(build, price, billed):
    of_price = (pl.col("price_id") == price) & (pl.col("account_id") == "acme")
    found = lines(build).filter(of_price).select(pl.col("amount", "list_amount").sum()).collect()
    assert found.row(0) == (Decimal(billed), Decimal(billed))


def test_lines_of_usage_are_those_that_they_would_be_without_bounds(build):
    capped = lines(build).filter((pl.col("price_id") == "capped") & (pl.col("charge_kind") == "usage"))
    columns = ["service_date", "quantity_before", "amount_exact_before", "amount"]
    assert texts(capped.filter(pl.col("account_id") == "acme"), columns) == [
        ("2026-08-03", "0", "0", "60"),
        ("2026-08-04", "60", "60", "60"),
        ("2026-08-05", "120", "120", "60"),
    ]


DEAL_BOOK = """
company: {name: Acme, time_zone: UTC, reporting_currency: USD, default_plan: payg}
products: [{id: api, name: API}]
meters:
  - {id: hours, unit: hour, aggregation: sum, dimensions: [region]}
  - {id: capped, unit: unit, aggregation: sum}
prices:
  - id: hour
    product: api
    meter: hours
    model: matrix
    currency: USD
    versions:
      - effective_from: 2026-01-01
        matrix:
          dimensions: [region]
          cells: [{where: {region: eu}, unit_amount: "3"}]
          default: {unit_amount: "4"}
  - id: cap
    product: api
    meter: capped
    model: per_unit
    currency: USD
    versions: [{effective_from: 2026-01-01, unit_amount: "2", maximum: "100"}]
plans: [{id: payg, prices: [hour, cap]}]
"""
DEAL = """
contracts:
  - contract_id: deal
    account_id: acme
    plan: payg
    starts_on: 2026-08-01
    overrides:
      - {price: hour, model: per_unit, versions: [{unit_amount: "1"}]}
      - {price: cap, versions: [{unit_amount: "1", maximum: "90"}]}
"""
DEAL_EVENTS = """event_id,account_id,meter,occurred_at,quantity,region
a,acme,hours,2026-08-03T10:00:00Z,2,eu
b,acme,hours,2026-08-03T11:00:00Z,1,us
c,acme,capped,2026-08-03T11:00:00Z,80,
d,acme,capped,2026-08-04T11:00:00Z,20,
"""


def test_list_amounts_are_those_of_the_plan_with_its_own_matrix_and_its_own_maximum(tmp_path):
    """At list 2 × 3 + 1 × 4 = 10; and 160, of which 60 lie above 100, then 40 more, of which all do."""
    contracts = tmp_path / "landing" / "contracts" / "2026-08-01" / "deal.yaml"
    contracts.parent.mkdir(parents=True)
    contracts.write_text(DEAL)
    build = night(tmp_path, DEAL_BOOK, DEAL_EVENTS)
    found = build.frame(LineItems).filter(pl.col("contract_id") == "deal").collect()
    assert texts(found.sort("price_id", "charge_kind", "service_date"), ["charge_kind", "amount", "list_amount"]) == [
        ("maximum", "0", "-60"),
        ("maximum", "-10", "-40"),
        ("usage", "80", "160"),
        ("usage", "20", "40"),
        ("usage", "3", "10"),
    ]
    assert all(explain.explained(build, name).agrees for name in found["line_item_id"])
