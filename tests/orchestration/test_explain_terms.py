"""Terms beside the plain ones, from landed files to the line and back, by every charge model that takes them."""

from decimal import Decimal

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
  - {id: sold, unit: currency, aggregation: sum, value: amount}
  - {id: handled, unit: currency, aggregation: sum, value: amount}
  - {id: cents, unit: cent, aggregation: sum}
  - {id: bytes, unit: byte, aggregation: sum}
  - {id: seconds, unit: second, aggregation: sum}
  - {id: words, unit: word, aggregation: sum}
  - {id: boxes, unit: piece, aggregation: sum}
  - {id: jobs, unit: job, aggregation: sum, dimensions: [size]}
  - {id: probes, unit: probe, aggregation: sum}
  - {id: idle, unit: probe, aggregation: sum}
  - {id: badges, unit: badge, aggregation: sum}
  - {id: mails, unit: mail, aggregation: sum}
prices:
  - id: share
    product: api
    meter: sold
    model: graduated_percentage
    currency: USD
    versions:
      - effective_from: 2026-01-01
        tiers: [{up_to: "1000", rate: "0.01", flat_amount: "2"}, {up_to: null, rate: "0.005", flat_amount: "1"}]
  - id: processed
    product: api
    meter: handled
    model: volume
    currency: USD
    versions:
      - effective_from: 2026-01-01
        tiers: [{up_to: "1000", rate: "0.02"}, {up_to: null, rate: "0.015"}]
  - id: card
    product: api
    meter: cents
    model: percentage
    currency: USD
    versions:
      - effective_from: 2026-01-01
        unit_conversion: {divide: "100"}
        percentage: {rate: "0.012", fixed: "0.10", free_amount: "10"}
  - id: whole_card
    product: api
    meter: cents
    model: percentage
    additive: true
    currency: USD
    versions:
      - {effective_from: 2026-01-01, unit_conversion: {divide: "100", round: down}, percentage: {rate: "0.1"}}
  - id: storage
    product: api
    meter: bytes
    model: graduated
    currency: USD
    versions:
      - effective_from: 2026-01-01
        unit_conversion: {divide: "1000000000"}
        free_units: "1"
        tiers: [{up_to: "10", unit_amount: "0.5"}, {up_to: null, unit_amount: "0.4"}]
  - id: talk
    product: api
    meter: seconds
    model: per_unit
    currency: USD
    versions:
      - {effective_from: 2026-01-01, unit_conversion: {divide: "60", round: up}, free_units: "2", unit_amount: "0.07"}
  - id: token
    product: api
    meter: words
    model: volume
    currency: USD
    versions:
      - effective_from: 2026-01-01
        unit_conversion: {multiply: "1.3", round: half_up}
        rounding: down
        tiers: [{up_to: "10", unit_amount: "0.015"}, {up_to: null, unit_amount: "0.011"}]
  - id: box
    product: api
    meter: boxes
    model: package
    currency: USD
    versions:
      - effective_from: 2026-01-01
        unit_conversion: {multiply: "1.2"}
        package: {size: "12", amount: "3.005", free_units: "6"}
        rounding: half_even
  - id: job
    product: api
    meter: jobs
    model: matrix
    currency: USD
    versions:
      - effective_from: 2026-01-01
        unit_conversion: {divide: "10", round: up}
        free_units: "1"
        rounding: up
        matrix: {dimensions: [size], cells: [{where: {size: l}, unit_amount: "2.001"}], default: {unit_amount: "1"}}
  - id: probe
    product: api
    meter: probes
    model: volume
    currency: USD
    versions:
      - effective_from: 2026-01-01
        flat_on_zero: none
        free_units: "5"
        tiers: [{up_to: "10", unit_amount: "1", flat_amount: "3"}, {up_to: null, unit_amount: "0.5", flat_amount: "4"}]
  - id: idle
    product: api
    meter: idle
    model: graduated
    currency: USD
    versions:
      - {effective_from: 2026-01-01, flat_on_zero: none, tiers: [{up_to: null, unit_amount: "1", flat_amount: "3"}]}
  - id: badge
    product: api
    meter: badges
    model: flat
    currency: USD
    versions:
      - {effective_from: 2026-01-01, flat_on_zero: none, flat_amount: "9"}
      - {effective_from: 2026-08-05, flat_on_zero: none, flat_amount: "11"}
  - id: mail
    product: api
    meter: mails
    model: per_unit
    currency: USD
    versions:
      - {effective_from: 2026-01-01, round_at: event, rounding: up, free_units: "2", unit_amount: "0.0151"}
plans: [{id: payg, prices: [mail, share, processed, card, whole_card, storage, talk, token, box, job, probe, idle, badge]}]
"""
EVENTS = """event_id,account_id,meter,occurred_at,quantity,amount,currency,size
s1,acme,sold,2026-08-03T10:00:00Z,,1000,USD,
s2,acme,sold,2026-08-04T10:00:00Z,,200,USD,
p1,acme,handled,2026-08-03T10:00:00Z,,900,USD,
p2,acme,handled,2026-08-04T10:00:00Z,,200,USD,
c1,acme,cents,2026-08-03T10:00:00Z,1550,,,
c2,acme,cents,2026-08-03T11:00:00Z,999,,,
b1,acme,bytes,2026-08-03T10:00:00Z,6000000000,,,
b2,acme,bytes,2026-08-04T10:00:00Z,6000000000,,,
t1,acme,seconds,2026-08-03T10:00:00Z,150,,,
t2,acme,seconds,2026-08-04T10:00:00Z,40,,,
w1,acme,words,2026-08-03T10:00:00Z,5,,,
w2,acme,words,2026-08-04T10:00:00Z,5,,,
x1,acme,boxes,2026-08-03T10:00:00Z,15,,,
x2,acme,boxes,2026-08-04T10:00:00Z,0.000000000001,,,
j1,acme,jobs,2026-08-03T10:00:00Z,8,,,l
j2,acme,jobs,2026-08-03T10:00:00Z,3,,,s
j3,acme,jobs,2026-08-04T10:00:00Z,12,,,l
y1,acme,probes,2026-08-03T10:00:00Z,5,,,
y2,acme,probes,2026-08-04T10:00:00Z,2,,,
z1,acme,idle,2026-08-03T10:00:00Z,0,,,
o1,acme,mails,2026-08-03T10:00:00Z,1.5,,,
o2,acme,mails,2026-08-03T11:00:00Z,1,,,
o3,acme,mails,2026-08-04T10:00:00Z,1,,,
o4,acme,mails,2026-08-04T11:00:00Z,2,,,
g1,acme,badges,2026-08-03T10:00:00Z,0,,,
g2,acme,badges,2026-08-06T10:00:00Z,1,,,
g3,acme,badges,2026-08-07T10:00:00Z,1,,,
"""
LINES = {
    # 2 + 1000 × 1 %; then 1 for entering the second band and 200 × 0.5 %
    "share@2026-01-01/{}/usage/2026-08-03": "12",
    "share@2026-01-01/{}/usage/2026-08-04": "2",
    # 900 × 2 %; the month's 1100 pay 1.5 %: 16.50 - 18
    "processed@2026-01-01/{}/usage/2026-08-03": "18",
    "processed@2026-01-01/{}/usage/2026-08-04": "-1.5",
    # 15.50: 10 are free, 5.50 × 1.2 % + 0.10 = 0.166; 9.99 × 1.2 % + 0.10 = 0.21988
    "card@2026-01-01/{}/usage/2026-08-03": "0.39",
    # Whole dollars of each: 15 × 10 % and 9 × 10 %
    "whole_card@2026-01-01/{}/usage/2026-08-03": "2.4",
    # 6 GB, 1 free: 5 × 0.5; 11 GB: 10 × 0.5 + 0.4
    "storage@2026-01-01/{}/usage/2026-08-03": "2.5",
    "storage@2026-01-01/{}/usage/2026-08-04": "2.9",
    # 150 s are 3 minutes, 190 s are 4; 2 are free
    "talk@2026-01-01/{}/usage/2026-08-03": "0.07",
    "talk@2026-01-01/{}/usage/2026-08-04": "0.07",
    # 6.5 are 7 × 0.015 = 0.105, down 0.10; 13 × 0.011 = 0.143, down 0.14
    "token@2026-01-01/{}/usage/2026-08-03": "0.1",
    "token@2026-01-01/{}/usage/2026-08-04": "0.04",
    # 18 - 6 free are one package of 12, 3.005 to the even 3.00; a trillionth more is a second one, 6.01
    "box@2026-01-01/{}/usage/2026-08-03": "3",
    "box@2026-01-01/{}/usage/2026-08-04": "3.01",
    # 8 large are 1 unit, the free one; 3 small make it 2, so 1; 23 in all are 3, so 1 large: 3.001, up 3.01
    "job@2026-01-01/{}/usage/2026-08-03": "1",
    "job@2026-01-01/{}/usage/2026-08-04": "2.01",
    # Nothing above the 5 free, so no flat; then 2 × 1 + 3
    "probe@2026-01-01/{}/usage/2026-08-03": "0",
    "probe@2026-01-01/{}/usage/2026-08-04": "5",
    "idle@2026-01-01/{}/usage/2026-08-03": "0",
    # 2 are free: 0.5 of the second event is left, 0.00755 up to 0.01; then 0.0151 and 0.0302 each by itself
    "mail@2026-01-01/{}/usage/2026-08-03": "0.01",
    "mail@2026-01-01/{}/usage/2026-08-04": "0.06",
    # Once a month, with the first use, by the version of that day
    "badge@2026-01-01/{}/usage/2026-08-03": "0",
    "badge@2026-08-05/{}/usage/2026-08-06": "11",
    "badge@2026-08-05/{}/usage/2026-08-07": "0",
}


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A real night up to the tables as of D, from landed files."""
    return night(tmp_path_factory.mktemp("terms"), BOOK, EVENTS)


def test_the_lines_of_the_month(build):
    found = build.frame(LineItems).select("line_item_id", "amount").collect()
    assert dict(texts(found, ["line_item_id", "amount"])) == {f"default:acme/{name}": LINES[name] for name in LINES}


@pytest.mark.parametrize("name", LINES)
def test_every_line_is_recomputed_from_its_events_and_agrees(build, name):
    found = explain.explained(build, f"default:acme/{name}")
    assert found.agrees, found.as_text()
    assert found.amount == Decimal(LINES[name])
