"""Models beside the tiered ones, from landed files to the line and back: package, flat, matrix, dynamic, groups."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from data_contracts import LineItems, PricedUsage, UsageOutcomes
from orchestration import explain, intake
from orchestration.build import Build, open_build
from orchestration.night import NIGHTLY
from orchestration.settings import Settings
from tests.tables import texts

AS_OF = date(2026, 8, 31)
BOOK = """
company: {name: Acme, time_zone: UTC, reporting_currency: USD, default_plan: payg}
products: [{id: api, name: API}]
meters:
  - {id: mails, unit: mail, aggregation: sum}
  - {id: tokens, unit: token, aggregation: sum, dimensions: [model]}
  - {id: hours, unit: hour, aggregation: sum, dimensions: [gpu, region]}
  - {id: sold, unit: piece, aggregation: sum, dimensions: [country]}
  - {id: calls, unit: call, aggregation: count, dimensions: [region]}
  - {id: seats, unit: seat, aggregation: sum}
  - {id: jobs, unit: job, aggregation: sum, dimensions: [size]}
prices:
  - id: mail
    product: api
    meter: mails
    model: package
    currency: USD
    versions:
      - {effective_from: 2026-01-01, package: {size: "100", amount: "5", free_units: "100"}}
      - {effective_from: 2026-08-20, package: {size: "100", amount: "6", round: down}, free_units: "50"}
  - id: token
    product: api
    meter: tokens
    model: graduated
    group_by: [model]
    currency: USD
    versions:
      - effective_from: 2026-01-01
        free_units: "10"
        tiers:
          - {up_to: "100", unit_amount: "0.10", flat_amount: "2"}
          - {up_to: null, unit_amount: "0.05", flat_amount: "1"}
  - id: hour
    product: api
    meter: hours
    model: matrix
    currency: USD
    versions:
      - effective_from: 2026-01-01
        matrix:
          dimensions: [gpu, region]
          cells:
            - {where: {gpu: a100, region: eu}, unit_amount: "2.505"}
            - {where: {gpu: a100, region: us}, unit_amount: "2"}
            - {where: {gpu: 't"4', region: eu}, unit_amount: "1", per: "3"}
      - effective_from: 2026-08-10
        matrix:
          dimensions: [region]
          cells: [{where: {region: eu}, unit_amount: "3"}]
          default: {unit_amount: "4"}
  - id: sale
    product: api
    meter: sold
    model: dynamic
    group_by: [country]
    currency: USD
    versions: [{effective_from: 2026-01-01}]
  - id: support
    product: api
    model: flat
    interval: month
    prorate: none
    currency: USD
    versions: [{effective_from: 2026-01-01, flat_amount: "49"}]
  - id: call
    product: api
    meter: calls
    model: flat
    group_by: [region]
    currency: USD
    versions:
      - {effective_from: 2026-01-01, flat_amount: "7"}
      - {effective_from: 2026-08-15, flat_amount: "9"}
  - id: seat
    product: api
    meter: seats
    model: flat
    currency: USD
    versions: [{effective_from: 2026-01-01, flat_amount: "1.50"}]
  - id: job
    product: api
    meter: jobs
    model: matrix
    group_by: [size]
    currency: USD
    versions:
      - effective_from: 2026-01-01
        free_units: "4"
        matrix: {dimensions: [size], cells: [{where: {size: l}, unit_amount: "2"}], default: {unit_amount: "1"}}
plans: [{id: payg, prices: [mail, token, hour, sale, support, call, seat, job]}]
"""
ACCOUNTS = "account_id,name,currency,time_zone,valid_from\nacme,Acme,USD,UTC,2020-01-01\n"
EVENTS = """event_id,account_id,meter,occurred_at,quantity,amount,currency,model,gpu,region,country,size
m1,acme,mails,2026-08-03T10:00:00Z,100,,,,,,,
m2,acme,mails,2026-08-04T10:00:00Z,0.000000001,,,,,,,
m3,acme,mails,2026-08-05T10:00:00Z,101,,,,,,,
m4,acme,mails,2026-08-21T10:00:00Z,149.5,,,,,,,
m5,acme,mails,2026-08-22T10:00:00Z,101,,,,,,,
t1,acme,tokens,2026-08-03T10:00:00Z,60,,,a,,,,
t2,acme,tokens,2026-08-03T11:00:00Z,5,,,b,,,,
t3,acme,tokens,2026-08-04T10:00:00Z,60,,,a,,,,
t4,acme,tokens,2026-08-05T10:00:00Z,6,,,b,,,,
t5,acme,tokens,2026-08-05T10:00:00Z,1,,,,,,,
h1,acme,hours,2026-08-03T10:00:00Z,1,,,,a100,eu,,
h2,acme,hours,2026-08-03T11:00:00Z,2,,,,a100,us,,
h3,acme,hours,2026-08-04T10:00:00Z,1,,,,"t""4",eu,,
h4,acme,hours,2026-08-04T11:00:00Z,5,,,,t4,us,,
h5,acme,hours,2026-08-11T10:00:00Z,1,,,,t4,us,,
h6,acme,hours,2026-08-11T10:00:00Z,1,,,,a100,eu,,
s1,acme,sold,2026-08-03T10:00:00Z,6,15.3300,USD,,,,FR,
s2,acme,sold,2026-08-03T11:00:00Z,1,0.0044,USD,,,,FR,
s3,acme,sold,2026-08-04T11:00:00Z,1,0.0011,USD,,,,FR,
s4,acme,sold,2026-08-04T11:00:00Z,2,7,USD,,,,DE,
s5,acme,sold,2026-08-05T11:00:00Z,2,7,EUR,,,,DE,
s6,acme,sold,2026-08-05T11:00:00Z,3,,,,,,DE,
c1,acme,calls,2026-08-14T11:00:00Z,,,,,,eu,,
c2,acme,calls,2026-08-16T11:00:00Z,,,,,,eu,,
c3,acme,calls,2026-08-16T11:00:00Z,,,,,,us,,
j1,acme,jobs,2026-08-03T11:00:00Z,3,,,,,,,l
j2,acme,jobs,2026-08-04T11:00:00Z,3,,,,,,,l
j3,acme,jobs,2026-08-04T11:00:00Z,5,,,,,,,s
"""
LINES = {
    # 100 are free, a billionth more opens a package; 201.000000001 - 100 open a second one.
    "mail@2026-01-01/{}/usage/2026-08-03": "0",
    "mail@2026-01-01/{}/usage/2026-08-04": "5",
    "mail@2026-01-01/{}/usage/2026-08-05": "5",
    # The new version counts anew: 149.5 - 50 free are 99.5, rounded down 0 packages; 250.5 - 50 are 2.
    "mail@2026-08-20/{}/usage/2026-08-21": "0",
    "mail@2026-08-20/{}/usage/2026-08-22": "12",
    # Each group: 10 free, the flat on its first day. a: 2 + 50 × 0.10 = 7; 110 after free: 2 + 10 + 1 + 10 × 0.05 = 13.5
    'token@2026-01-01/{"model":"a"}/usage/2026-08-03': "7",
    'token@2026-01-01/{"model":"a"}/usage/2026-08-04': "6.5",
    'token@2026-01-01/{"model":"b"}/usage/2026-08-03': "2",
    'token@2026-01-01/{"model":"b"}/usage/2026-08-05': "0.1",
    # Without a value of the dimension is a group, too.
    "token@2026-01-01/{}/usage/2026-08-05": "2",
    # 2.505 + 2 × 2 = 6.505; 1/3 of 1: 6.838333…; 3 + 4
    "hour@2026-01-01/{}/usage/2026-08-03": "6.51",
    "hour@2026-01-01/{}/usage/2026-08-04": "0.33",
    "hour@2026-08-10/{}/usage/2026-08-11": "7",
    # 15.3344 -> 15.33; 15.3355 -> 15.34
    'sale@2026-01-01/{"country":"FR"}/usage/2026-08-03': "15.33",
    'sale@2026-01-01/{"country":"FR"}/usage/2026-08-04': "0.01",
    'sale@2026-01-01/{"country":"DE"}/usage/2026-08-04': "7",
    "support@2026-01-01/{}/recurring/2026-08-01": "49",
    # Once a month and group, whatever the version: eu by the first one, us by the second.
    'call@2026-01-01/{"region":"eu"}/usage/2026-08-14': "7",
    'call@2026-08-15/{"region":"eu"}/usage/2026-08-16': "0",
    'call@2026-08-15/{"region":"us"}/usage/2026-08-16': "9",
    "seat@2026-01-01/{}/usage/2026-08-01": "1.5",
    # 4 of each size are free: 3 are, then 6 - 4 at 2; 5 - 4 at 1.
    'job@2026-01-01/{"size":"l"}/usage/2026-08-03': "0",
    'job@2026-01-01/{"size":"l"}/usage/2026-08-04': "4",
    'job@2026-01-01/{"size":"s"}/usage/2026-08-04': "1",
}


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A real night up to the tables as of D, from landed files."""
    return night(tmp_path_factory.mktemp("models"), BOOK, EVENTS)


def night(
    home: Path, book: str, events: str, accounts: str = ACCOUNTS, as_of: date = AS_OF, on: str = "2026-08-23"
) -> Build:
    """Make the tables of a home in which one book, one file of events and one of accounts have landed."""
    landed = {
        "accounts/2026-08-01/accounts.csv": accounts,
        "price_book/2026-08-01/book.yaml": book,
        f"usage_events/{on}/events.csv": events,
    }
    for name, text in landed.items():
        path = home / "landing" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    settings = Settings(home=home)
    intake.snapshot_through(settings, as_of)
    made = open_build(settings, as_of)
    made.make_book()
    for builder in NIGHTLY:
        made.make(builder)
    return made


def test_the_lines_of_the_month(build):
    found = build.frame(LineItems).select("line_item_id", "amount").collect()
    assert dict(texts(found, ["line_item_id", "amount"])) == {f"default:acme/{name}": LINES[name] for name in LINES}


@pytest.mark.parametrize("name", LINES)
def test_every_line_is_recomputed_from_its_events_and_agrees(build, name):
    found = explain.explained(build, f"default:acme/{name}")
    assert found.agrees, found.as_text()
    assert found.amount == Decimal(LINES[name])


def test_lines_of_a_scope_add_up_to_the_rounded_total_of_their_exact_amounts(build):
    scope = ["contract_id", "price_id", "dimensions", "billing_period_start"]
    totals = build.frame(LineItems).group_by(scope).agg(pl.col("amount").sum(), pl.col("amount_exact").sum()).collect()
    assert [row["amount"] for row in totals.to_dicts()] == [
        row["amount_exact"].quantize(Decimal("0.01"), rounding="ROUND_HALF_UP") for row in totals.to_dicts()
    ]


def test_what_a_price_cannot_say_waits_by_name(build):
    """A combination without a cell, an amount in another currency, no amount at all: nothing is priced at zero."""
    waiting = build.frame(PricedUsage).filter((pl.col("outcome") == "suspense") & (pl.col("kind") == "revenue"))
    assert sorted(texts(waiting, ["meter", "quantity", "rule", "detail"])) == [
        (
            "hours",
            "5",
            "no_matrix_cell",
            'hour@2026-01-01 has no cell for {"gpu":"t4","region":"us"}, and no default',
        ),
        ("sold", "2", "currency_mismatch", "amounts in EUR, price in USD"),
        ("sold", "3", "no_amount", "price sale takes the events' amounts, they bring none"),
    ]


def test_every_accepted_event_is_decided_once_per_kind(build):
    outcomes = build.frame(UsageOutcomes).group_by("kind").agg(pl.col("event_count").sum()).sort("kind").collect()
    events = len(EVENTS.splitlines()) - 1
    assert outcomes.rows() == [("cost", events), ("revenue", events)]
