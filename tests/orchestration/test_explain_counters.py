"""Billing periods, counters that go on, pools, shared tiers, rate curves: from landed files to the lines and back."""

import json
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from data_contracts import LineItems
from orchestration import explain
from orchestration.build import Build
from orchestration.explanation_page import page
from tests.orchestration.test_explain_models import night
from tests.orchestration.tiny import put
from tests.tables import texts

BOOK = """
company: {name: Acme, time_zone: UTC, reporting_currency: USD, default_plan: payg}
products: [{id: api, name: API}]
meters:
  - {id: calls, unit: call, aggregation: sum}
  - {id: steps, unit: step, aggregation: sum}
  - {id: boxes, unit: box, aggregation: sum}
  - {id: rows, unit: row, aggregation: sum}
  - {id: hits, unit: hit, aggregation: sum}
  - {id: power, unit: kWh, aggregation: sum}
  - {id: traffic, unit: GB, aggregation: sum, dimensions: [region]}
  - {id: payments, unit: currency, aggregation: sum, value: amount}
prices:
  - id: call
    product: api
    meter: calls
    model: volume
    currency: USD
    versions:
      - effective_from: 2026-01-01
        tiers: [{up_to: "1000", unit_amount: "0.010"}, {up_to: null, unit_amount: "0.008"}]
      - effective_from: 2026-08-10
        on_price_change: continue
        tiers: [{up_to: "1000", unit_amount: "0.012", flat_amount: "1"}, {up_to: null, unit_amount: "0.009", flat_amount: "2"}]
  - id: step
    product: api
    meter: steps
    model: graduated
    currency: USD
    versions:
      - effective_from: 2026-01-01
        free_units: "100"
        tiers: [{up_to: "1000", unit_amount: "0.010", flat_amount: "5"}, {up_to: null, unit_amount: "0.008", flat_amount: "3"}]
      - effective_from: 2026-08-10
        on_price_change: continue
        free_units: "100"
        tiers: [{up_to: "1000", unit_amount: "0.012", flat_amount: "7"}, {up_to: null, unit_amount: "0.009", flat_amount: "4"}]
  - id: box
    product: api
    meter: boxes
    model: package
    currency: USD
    versions:
      - {effective_from: 2026-01-01, tier_period: quarter, package: {size: "1000", amount: "5"}}
  - id: row
    product: api
    meter: rows
    model: graduated
    currency: USD
    versions:
      - effective_from: 2026-01-01
        pool: payer
        tiers: [{up_to: "1000", unit_amount: "0.010", flat_amount: "5"}, {up_to: null, unit_amount: "0.008", flat_amount: "3"}]
  - id: hit
    product: api
    meter: hits
    model: per_unit
    currency: USD
    versions: [{effective_from: 2026-01-01, unit_amount: "0.333", minimum: "31"}]
  - id: power
    product: api
    meter: power
    model: per_unit
    currency: USD
    versions:
      - effective_from: 2026-01-01
        unit_amount: "0.20"
        free_units: "1"
        intervals:
          - {starts_at: 17:00, ends_at: 20:00, unit_amount: "0.30"}
          - {days: [sat, sun], starts_at: 00:00, ends_at: 06:00, unit_amount: "1", per: "8"}
  - id: traffic
    product: api
    meter: traffic
    group_by: [region]
    group_by_shared_tiers: true
    model: graduated
    currency: USD
    versions:
      - effective_from: 2026-01-01
        tiers: [{up_to: "1000", unit_amount: "0.010", flat_amount: "5"}, {up_to: null, unit_amount: "0.008", flat_amount: "3"}]
  - id: fee
    product: api
    meter: payments
    model: percentage
    currency: USD
    versions: [{effective_from: 2026-01-01, pool: payer, percentage: {rate: "0.01", fixed: "0.10", free_events: "2"}}]
  - id: support
    product: api
    model: flat
    interval: month
    prorate: none
    currency: USD
    versions: [{effective_from: 2026-01-01, flat_amount: "49"}]
plans:
  - {id: payg, prices: [call, step, box, row, power, traffic, fee]}
  - {id: signed, prices: [hit, support]}
"""
ACCOUNTS = """account_id,name,currency,time_zone,valid_from,parent_account_id
acme,Acme,USD,Europe/Berlin,2020-01-01,
beta,Beta,USD,Europe/Berlin,2020-01-01,acme
"""
CONTRACTS = """
contracts:
  - {contract_id: c15, account_id: acme, plan: signed, starts_on: 2026-08-01, billing: {interval: quarter, anchor: 2026-08-15}}
"""
EVENTS = """event_id,account_id,meter,occurred_at,quantity,amount,currency,region
a1,acme,calls,2026-08-03T10:00:00Z,600,,,
a2,acme,calls,2026-08-11T10:00:00Z,300,,,
a3,acme,calls,2026-08-12T10:00:00Z,300,,,
b1,acme,steps,2026-08-03T10:00:00Z,700,,,
b2,acme,steps,2026-08-12T10:00:00Z,600,,,
c1,acme,boxes,2026-08-03T10:00:00Z,1400,,,
d1,beta,rows,2026-08-03T09:00:00Z,600,,,
d2,acme,rows,2026-08-03T10:00:00Z,600,,,
e1,acme,hits,2026-08-14T21:59:00Z,1,,,
e2,acme,hits,2026-08-14T22:00:00Z,1,,,
f1,acme,power,2026-08-03T14:59:00Z,2,,,
f2,acme,power,2026-08-03T15:00:00Z,1,,,
f3,acme,power,2026-08-08T01:00:00Z,8,,,
g1,acme,traffic,2026-08-03T10:00:00Z,600,,,eu
g2,acme,traffic,2026-08-03T10:00:00Z,600,,,us
g3,acme,traffic,2026-08-04T10:00:00Z,0.5,,,ap
g4,acme,traffic,2026-08-04T10:00:00Z,0.5,,,eu
h1,beta,payments,2026-08-03T10:00:00Z,,100,USD,
h2,acme,payments,2026-08-03T11:00:00Z,,100,USD,
h3,beta,payments,2026-08-04T10:00:00Z,,100,USD,
"""
LATER = """event_id,account_id,meter,occurred_at,quantity
c2,acme,boxes,2026-09-03T10:00:00Z,1300
e3,acme,hits,2026-09-01T10:00:00Z,1
"""
LINES = {
    # 600 * 0.010; then 900 units stay below 1,000: 600 * 0.010 + 300 * 0.012 + 1; then 600 * 0.008 + 600 * 0.009 + 2.
    "default:acme/call@2026-01-01/{}/usage/2026-08-03": "6",
    "default:acme/call@2026-08-10/{}/usage/2026-08-11": "4.6",
    "default:acme/call@2026-08-10/{}/usage/2026-08-12": "1.6",
    # 600 above the free ones: 5 + 6; R2(1200) - R2(600) = 7 + 12 + 4 + 1.8 - 7 - 7.2
    "default:acme/step@2026-01-01/{}/usage/2026-08-03": "11",
    "default:acme/step@2026-08-10/{}/usage/2026-08-12": "10.6",
    # Two packages of the quarter in August, a third in September.
    "default:acme/box@2026-01-01/{}/usage/2026-08-03": "10",
    "default:acme/box@2026-01-01/{}/usage/2026-09-03": "5",
    # 1,200 of the payer: 5 + 10 + 3 + 1.6, half each.
    "default:acme/row@2026-01-01/{}/usage/2026-08-03": "9.8",
    "default:beta/row@2026-01-01/{}/usage/2026-08-03": "9.8",
    # The 14th ends a period, which is rounded for itself: 0.333; then 0.333 and 0.666 of the next: 0.33 and 0.34.
    "c15/hit@2026-01-01/{}/usage/2026-08-14": "0.33",
    "c15/hit@2026-01-01/{}/usage/2026-08-15": "0.33",
    "c15/hit@2026-01-01/{}/usage/2026-09-01": "0.34",
    # 14 of the 92 days from 15 May: 31 * 14 / 92 = 4.717…, of which 0.333 are charged.
    "c15/hit@2026-01-01/{}/minimum_true_up/2026-08-14": "4.39",
    # 16:59 in Berlin: one of two is free, 0.20; 17:00: 0.30.
    "default:acme/power@2026-01-01/{}/usage/2026-08-03": "0.5",
    # Saturday 03:00: 8 at an eighth.
    "default:acme/power@2026-01-01/{}/usage/2026-08-08": "1",
    # 1,200: 5 + 10 + 3 + 1.6, half each. Then 1 at 0.008, half each: 0.01 in all, to the first by name.
    'default:acme/traffic@2026-01-01/{"region":"eu"}/usage/2026-08-03': "9.8",
    'default:acme/traffic@2026-01-01/{"region":"us"}/usage/2026-08-03': "9.8",
    'default:acme/traffic@2026-01-01/{"region":"ap"}/usage/2026-08-04': "0.01",
    'default:acme/traffic@2026-01-01/{"region":"eu"}/usage/2026-08-04': "0",
    # Two events of the payer are free, whosever they are.
    "default:beta/fee@2026-01-01/{}/usage/2026-08-03": "0",
    "default:acme/fee@2026-01-01/{}/usage/2026-08-03": "0",
    "default:beta/fee@2026-01-01/{}/usage/2026-08-04": "1.1",
    # A month from the anchor on; the period before it is covered from 1 August.
    "c15/support@2026-01-01/{}/recurring/2026-08-01": "49",
    "c15/support@2026-01-01/{}/recurring/2026-08-15": "49",
}


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The night of 5 September, from landed files: the quarter of the contract that ended on 15 August is over."""
    home = tmp_path_factory.mktemp("counters")
    put(home, "contracts/2026-08-01/contracts.yaml", CONTRACTS)
    put(home, "usage_events/2026-09-04/later.csv", LATER)
    return night(home, BOOK, EVENTS, ACCOUNTS, date(2026, 9, 5))


def used(build: Build) -> pl.DataFrame:
    found = build.frame(LineItems).filter((pl.col("quantity") > 0) | (pl.col("charge_kind") != "usage"))
    return found.sort("line_item_id").collect()


def test_the_lines_are_those_worked_out_by_hand(build):
    assert dict(texts(used(build), ["line_item_id", "amount"])) == LINES


@pytest.mark.parametrize("line_item_id", LINES)
def test_every_line_is_recomputed_from_its_events_and_agrees(build, line_item_id):
    found = explain.explained(build, line_item_id)
    assert found.agrees, found.as_text()
    assert found.amount == Decimal(LINES[line_item_id])


def test_lines_without_usage_agree_too(build):
    unused = build.frame(LineItems).filter(pl.col("quantity") == 0).collect()["line_item_id"].to_list()
    differing = [name for name in unused if not explain.explained(build, name).agrees]
    assert len(unused) > 10
    assert differing == []


@pytest.mark.parametrize(
    ("line_item_id", "told"),
    [
        pytest.param(
            "default:acme/call@2026-08-10/{}/usage/2026-08-12", "call@2026-01-01, tier 2: 600 × 0.008", id="volume"
        ),
        pytest.param("default:acme/power@2026-01-01/{}/usage/2026-08-03", "Mon from 17:00: 1 × 0.3", id="curve"),
        pytest.param(
            'default:acme/traffic@2026-01-01/{"region":"ap"}/usage/2026-08-04', "0.5 of 1 units on the day", id="groups"
        ),
        pytest.param("default:beta/row@2026-01-01/{}/usage/2026-08-03", "600 of 1200 units on the day", id="pool"),
        pytest.param("c15/hit@2026-01-01/{}/usage/2026-08-15", "billing period 2026-08-15 to 2026-11-15", id="period"),
    ],
)
def test_the_steps_say_what_decided(build, line_item_id, told):
    found = explain.explained(build, line_item_id)
    assert told in found.as_text()
    assert told.split(": ")[-1] in json.dumps(found.as_dict(), default=str, ensure_ascii=False) or "period" in told
    assert "agrees with" in page(found)


def test_a_planted_difference_of_the_counter_is_reported(build, monkeypatch):
    """If beta counted for itself, its line would be 5 + 6 = 11: the explanation does not follow the table blindly."""
    line_item_id = "default:beta/row@2026-01-01/{}/usage/2026-08-03"
    whole = Build.frame

    def planted(self, table):
        frame = whole(self, table)
        if table is not LineItems:
            return frame
        is_line = pl.col("line_item_id") == line_item_id
        return frame.with_columns(
            pl.when(is_line).then(pl.lit(Decimal(11)).cast(pl.Decimal(18, 4))).otherwise("amount").alias("amount")
        )

    monkeypatch.setattr(Build, "frame", planted)
    assert not explain.explained(build, line_item_id).agrees
