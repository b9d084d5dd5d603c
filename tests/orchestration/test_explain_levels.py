"""Meters that do not add up, from landed files to the line and back: max, latest, unique_count, weighted_sum."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from data_contracts import LineItems, PricedUsage, UsageOutcomes
from orchestration import explain
from orchestration.build import Build
from tests.orchestration.test_explain_models import night

AS_OF = date(2026, 11, 2)
BOOK = """
company: {name: Acme, time_zone: UTC, reporting_currency: USD, default_plan: payg}
products: [{id: api, name: API}]
meters:
  - {id: peak, unit: GB, aggregation: max, dimensions: [region]}
  - {id: seats, unit: seat, aggregation: latest}
  - {id: offers, unit: offer, aggregation: latest, carry_over: false}
  - {id: users, unit: user, aggregation: unique_count, value: user, dimensions: [user, region]}
  - {id: storage, unit: GB-month, aggregation: weighted_sum, negative: allow}
  - {id: nodes, unit: node, aggregation: weighted_sum, negative: allow, carry_over: false}
  - {id: burst, unit: GB, aggregation: max, dimensions: [region]}
  - {id: unpriced, unit: seat, aggregation: latest}
  - {id: going, unit: GB, aggregation: max}
  - {id: readers, unit: reader, aggregation: unique_count, value: user, dimensions: [user]}
  - {id: disks, unit: GB-month, aggregation: weighted_sum}
prices:
  - id: peak
    product: api
    meter: peak
    model: graduated
    currency: USD
    versions:
      - effective_from: 2026-01-01
        tiers: [{up_to: "10", unit_amount: "1"}, {up_to: null, unit_amount: "0.5"}]
      - effective_from: 2026-10-20
        tiers: [{up_to: "10", unit_amount: "2"}, {up_to: null, unit_amount: "1"}]
  - {id: seat, product: api, meter: seats, model: per_unit, currency: USD,
     versions: [{effective_from: 2026-01-01, unit_amount: "30"}]}
  - {id: offer, product: api, meter: offers, model: per_unit, currency: USD,
     versions: [{effective_from: 2026-01-01, unit_amount: "1"}]}
  - {id: user, product: api, meter: users, model: package, currency: USD, where: {region: eu},
     versions: [{effective_from: 2026-01-01, package: {size: "2", amount: "5"}}]}
  - {id: storage, product: api, meter: storage, model: per_unit, currency: USD,
     versions: [{effective_from: 2026-01-01, unit_amount: "0.10"},
                {effective_from: "2026-10-26T12:00:00Z", unit_amount: "0.20"}]}
  - {id: node, product: api, meter: nodes, model: per_unit, currency: USD,
     versions: [{effective_from: 2026-01-01, unit_amount: "100"}]}
  - id: burst
    product: api
    meter: burst
    model: matrix
    currency: USD
    versions:
      - effective_from: 2026-01-01
        matrix: {dimensions: [region], cells: [{where: {region: eu}, unit_amount: "3"}], default: {unit_amount: "1"}}
  - id: going
    product: api
    meter: going
    model: per_unit
    currency: USD
    versions:
      - {effective_from: 2026-01-01, unit_amount: "1"}
      - {effective_from: "2026-10-20T12:00:00Z", unit_amount: "2", on_price_change: continue}
  - {id: reader, product: api, meter: readers, model: per_unit, currency: USD,
     versions: [{effective_from: 2026-01-01, unit_amount: "1", pool: payer}]}
  - {id: disk, product: api, meter: disks, model: per_unit, currency: USD,
     versions: [{effective_from: 2026-01-01, unit_amount: "1", pool: payer}]}
plans: [{id: payg, prices: [peak, seat, offer, user, storage, node, burst, going, reader, disk]}]
"""
ACCOUNTS = """account_id,name,currency,time_zone,valid_from,parent_account_id
acme,Acme,USD,Europe/Berlin,2020-01-01,
child,Child,USD,America/New_York,2020-01-01,acme
"""
EVENTS = """event_id,account_id,meter,occurred_at,quantity,region,user,reverses_event_id
p1,acme,peak,2026-10-03T10:00:00Z,8,eu,,
p2,acme,peak,2026-10-03T11:00:00Z,12,us,,
p3,acme,peak,2026-10-04T10:00:00Z,50,us,,
p4,acme,peak,2026-10-05T10:00:00Z,14,eu,,
p5,acme,peak,2026-10-21T10:00:00Z,11,eu,,
p6,acme,peak,2026-10-06T10:00:00Z,,,,p3
s1,acme,seats,2026-10-03T10:00:00Z,5,,,
s2,acme,seats,2026-10-13T10:00:00Z,3,,,
o1,acme,offers,2026-10-03T10:00:00Z,5,,,
u1,acme,users,2026-10-03T10:00:00Z,,eu,ann,
u2,acme,users,2026-10-03T10:00:01Z,,eu,bob,
u3,acme,users,2026-10-04T10:00:00Z,,eu,ann,
u4,acme,users,2026-10-05T10:00:00Z,,eu,cyd,
u5,acme,users,2026-10-05T10:00:00Z,,us,dan,
g1,acme,storage,2026-09-30T22:00:00Z,74500,,,
g2,acme,storage,2026-10-27T23:00:00Z,-74500,,,
n1,acme,nodes,2026-10-30T23:00:00Z,74.5,,,
b1,acme,burst,2026-10-03T10:00:00Z,2,eu,,
b2,acme,burst,2026-10-03T10:00:00Z,5,us,,
b3,acme,burst,2026-10-04T10:00:00Z,4,eu,,
b4,acme,burst,2026-10-04T10:00:00Z,4,us,,
c1,acme,going,2026-10-03T10:00:00Z,10,,,
c2,acme,going,2026-10-20T11:00:00Z,12,,,
c3,acme,going,2026-10-20T13:00:00Z,11,,,
c4,acme,going,2026-10-21T13:00:00Z,15,,,
r1,acme,readers,2026-10-03T10:00:00Z,,,ann,
r2,child,readers,2026-10-03T10:00:00Z,,,ann,
r3,child,readers,2026-10-03T10:00:01Z,,,bob,
r4,acme,readers,2026-10-04T10:00:01Z,,,bob,
r5,acme,readers,2026-10-04T10:00:02Z,,,cyd,
d1,acme,disks,2026-09-30T22:00:00Z,7,,,
d2,child,disks,2026-10-01T04:00:00Z,5,,,
x1,acme,unpriced,2026-10-30T10:00:00Z,7,,,
"""
LINES = {
    # Over both regions: 12, and 14 on the fifth, for the 50 was taken back. 10 at 1 and 2 at 0.5, then 2 more at 0.5.
    "peak@2026-01-01/{}/usage/2026-10-03": "11",
    "peak@2026-01-01/{}/usage/2026-10-05": "1",
    # The new version counts anew: 10 at 2 and 1 at 1.
    "peak@2026-10-20/{}/usage/2026-10-21": "21",
    # 5 seats, 2 given back; the 3 left are carried into November.
    "seat@2026-01-01/{}/usage/2026-10-03": "150",
    "seat@2026-01-01/{}/usage/2026-10-13": "-60",
    "seat@2026-01-01/{}/usage/2026-11-01": "90",
    "offer@2026-01-01/{}/usage/2026-10-03": "5",
    "offer@2026-01-01/{}/usage/2026-11-01": "0",
    # Two users are one package, a third opens another.
    'user@2026-01-01/{"region":"eu"}/usage/2026-10-03': "5",
    'user@2026-01-01/{"region":"eu"}/usage/2026-10-05': "5",
    # October has 745 hours in Berlin: 100 an hour, so 2,400 at 0.10 on a day, and 2,500 on the one of 25 hours. On the
    # 26th, from 12:00 UTC, which is 13:00, at 0.20: 13 and 11 hours; and on the 28th nothing is left.
    "storage@2026-01-01/{}/usage/2026-10-01": "240",
    "storage@2026-01-01/{}/usage/2026-10-25": "250",
    "storage@2026-01-01/{}/usage/2026-10-26": "130",
    "storage@2026-10-26T12:00:00Z/{}/usage/2026-10-26": "220",
    "storage@2026-10-26T12:00:00Z/{}/usage/2026-10-27": "480",
    # From the first moment of the 31st 24 hours of 745 are 2.4 nodes; in November it starts from nothing.
    "node@2026-01-01/{}/usage/2026-10-31": "240",
    "node@2026-01-01/{}/usage/2026-11-01": "0",
    # 10, then 12; the new version goes on from there, so its 11 adds nothing and its 15 adds 3.
    "going@2026-01-01/{}/usage/2026-10-20": "2",
    "going@2026-10-20T12:00:00Z/{}/usage/2026-10-20": "0",
    "going@2026-10-20T12:00:00Z/{}/usage/2026-10-21": "6",
    # Of both accounts ann and bob; then bob was there, and cyd is new.
    "reader@2026-01-01/{}/usage/2026-10-04": "1",
    # Each cell has its own greatest value: 2 at 3 and 5 at 1, then 2 more at 3.
    "burst@2026-01-01/{}/usage/2026-10-03": "11",
    "burst@2026-01-01/{}/usage/2026-10-04": "6",
}


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Tables as of 2 November, from usage of October in Berlin."""
    return night(tmp_path_factory.mktemp("levels"), BOOK, EVENTS, ACCOUNTS, AS_OF, on="2026-11-02")


def test_the_lines_of_the_autumn(build):
    found = build.frame(LineItems).select("line_item_id", "amount").collect()
    amounts = dict(found.iter_rows())
    assert {name: amounts[f"default:acme/{name}"] for name in LINES} == {
        name: Decimal(amount) for name, amount in LINES.items()
    }


def test_every_line_is_recomputed_from_the_events_of_its_counter_and_agrees(build):
    found = [explain.explained(build, f"default:acme/{name}") for name in LINES]
    assert [each.as_text() for each in found if not each.agrees] == []


def test_an_explanation_says_what_the_counter_holds(build):
    told = explain.explained(build, "default:acme/peak@2026-01-01/{}/usage/2026-10-05").as_text()
    assert "max of peak {}: 14 through the day - 12 before it = 2" in told


def test_a_level_held_for_a_whole_period_comes_to_itself(build):
    """74,500 GB until midnight of the 28th: 27 days of October, one of them of 25 hours, are 649 of 745 hours."""
    of_october = build.frame(LineItems).filter(
        pl.col("price_id") == "storage", pl.col("billing_period_start") == date(2026, 10, 1)
    )
    assert of_october.select(pl.col("quantity").sum()).collect().item() == 64_900


def test_accounts_that_pool_count_a_value_once_and_each_level_by_its_own_month(build):
    """October has 745 hours in Berlin and 744 in New York: 7 and 5 held for all of it are 12."""
    lines = build.frame(LineItems).filter(pl.col("billing_period_start") == date(2026, 10, 1))
    found = lines.group_by("price_id", "account_id").agg(pl.col("quantity").sum()).collect()
    quantities = {(price, account): quantity for price, account, quantity in found.iter_rows()}
    assert (quantities["disk", "acme"], quantities["disk", "child"]) == (7, 5)
    assert quantities["reader", "acme"] + quantities["reader", "child"] == 3
    for account in ("acme", "child"):
        told = explain.explained(build, f"default:{account}/reader@2026-01-01/{{}}/usage/2026-10-03")
        assert told.agrees, told.as_text()
        told = explain.explained(build, f"default:{account}/disk@2026-01-01/{{}}/usage/2026-10-25")
        assert told.agrees, told.as_text()


def test_every_event_is_decided_once_per_kind_and_a_held_level_lands_nothing(build):
    outcomes = build.frame(UsageOutcomes)
    events = outcomes.group_by("kind").agg(pl.col("event_count").sum()).sort("kind").collect()
    assert events.rows() == [("cost", 33), ("revenue", 33)]
    landed = outcomes.filter(pl.col("event_count") == 0).select(pl.col("landed_quantity").abs().sum()).collect().item()
    assert landed == 0


def test_a_level_without_a_price_waits_on_each_day(build):
    waiting = build.frame(PricedUsage).filter(pl.col("meter") == "unpriced", pl.col("kind") == "revenue")
    rows = waiting.select("service_date", "rule", "event_count", "quantity").sort("service_date").collect().rows()
    assert [(day.day, rule, count, quantity) for day, rule, count, quantity in rows] == [
        (30, "no_price", 1, 7),
        (31, "no_price", 0, 0),
        (1, "no_price", 0, 7),
        (2, "no_price", 0, 0),
    ]
