"""`explain`: a published line recomputed from its events by arithmetic of its own, and what it says when they differ."""

import shutil
from datetime import date
from decimal import Decimal
from html import escape
from pathlib import Path

import polars as pl
import pytest

from data_contracts import LineItems, PriceVersions
from orchestration import explain, explanation_page, intake
from orchestration.build import Build, open_build
from orchestration.errors import UsageError
from orchestration.night import NIGHTLY
from orchestration.settings import Settings

AS_OF = date(2026, 8, 31)
BOOK = """
company:
  name: Acme
  time_zone: UTC
  reporting_currency: USD
  default_plan: payg
  legal_entities: [{id: us, name: Acme Inc., country: US, currency: USD, invoice_prefix: US}]
products: [{id: api, name: API, revenue_account: "4000"}]
meters:
  - {id: tokens, unit: token, aggregation: sum, value: quantity, dimensions: [model]}
  - {id: storage, unit: GB, aggregation: sum, value: quantity, dimensions: []}
  - {id: calls, unit: call, aggregation: count, value: quantity, dimensions: []}
  - {id: payments, unit: payment, aggregation: sum, value: amount, dimensions: []}
  - {id: thirds, unit: part, aggregation: sum, value: quantity, dimensions: []}
  - {id: seats, unit: seat, aggregation: sum, value: quantity, dimensions: []}
prices:
  - id: small
    product: api
    meter: tokens
    model: per_unit
    where: {model: s}
    currency: USD
    versions:
      - {effective_from: 2026-01-01, unit_amount: "0.0049"}
      - {effective_from: 2026-08-10T12:00:00Z, unit_amount: "0.0051"}
  - id: large
    product: api
    meter: tokens
    model: graduated
    where: {model: l}
    currency: USD
    versions:
      - effective_from: 2026-01-01
        tiers:
          - {up_to: "1000", unit_amount: "0.010", flat_amount: "5"}
          - {up_to: "5000", unit_amount: "0.008", flat_amount: "3"}
          - {up_to: null, unit_amount: "0.005"}
  - id: disk
    product: api
    meter: storage
    model: volume
    currency: USD
    versions:
      - effective_from: 2026-01-01
        tiers:
          - {up_to: "1000", unit_amount: "0.010", flat_amount: "5"}
          - {up_to: null, unit_amount: "0.008", flat_amount: "3"}
  - id: call
    product: api
    meter: calls
    model: per_unit
    currency: USD
    versions: [{effective_from: 2026-01-01, unit_amount: "0.30"}]
  - id: fee
    product: api
    meter: payments
    model: percentage
    currency: USD
    versions:
      - effective_from: 2026-01-01
        percentage: {rate: "0.012", fixed: "0.10", free_events: "3", free_amount: "500", min: "0.20", max: "2"}
  - id: third
    product: api
    meter: thirds
    model: per_unit
    currency: USD
    versions: [{effective_from: 2026-01-01, unit_amount: "1", per: "3"}]
  - id: seat
    product: api
    meter: seats
    model: graduated
    currency: USD
    versions: [{effective_from: 2026-01-01, tiers: [{up_to: null, unit_amount: "1", flat_amount: "9.99"}]}]
  - id: power
    product: api
    meter: storage
    model: per_unit
    kind: cost
    currency: EUR
    versions: [{effective_from: 2026-01-01, unit_amount: "0.002"}]
plans: [{id: payg, prices: [small, large, disk, call, fee, third, seat, power]}]
"""
CONTRACTS = """
contracts:
  - contract_id: deal
    account_id: beta
    plan: payg
    starts_on: 2026-08-01
    billing: {currency: USD}
    overrides:
      - price: large
        model: per_unit
        versions: [{unit_amount: "0.0025"}]
"""
ACCOUNTS = """account_id,name,currency,time_zone,valid_from
acme,Acme,USD,UTC,2020-01-01
beta,Beta,USD,Asia/Tokyo,2020-01-01
"""
EVENTS = """event_id,account_id,meter,occurred_at,quantity,amount,currency,model
s1,acme,tokens,2026-08-10T11:59:59.999999Z,10,,,s
s2,acme,tokens,2026-08-10T12:00:00Z,10,,,s
s3,acme,tokens,2026-08-11T09:00:00Z,3,,,s
l1,acme,tokens,2026-08-03T10:00:00Z,999,,,l
l2,acme,tokens,2026-08-04T10:00:00Z,2,,,l
d1,acme,storage,2026-08-03T10:00:00Z,1000,,,
d2,acme,storage,2026-08-04T10:00:00Z,1,,,
c1,acme,calls,2026-08-03T10:00:00Z,7,,,
c2,acme,calls,2026-08-03T11:00:00Z,8,,,
f1,acme,payments,2026-08-03T10:00:00Z,1,200,USD,
f2,acme,payments,2026-08-03T11:00:00Z,1,100,USD,
f3,acme,payments,2026-08-04T10:00:00Z,1,100,USD,
f4,acme,payments,2026-08-05T10:00:00Z,1,50,USD,
f5,acme,payments,2026-08-05T11:00:00Z,1,1,USD,
f6,acme,payments,2026-08-05T12:00:00Z,1,1000,USD,
t1,acme,thirds,2026-08-03T10:00:00Z,0.015,,,
b1,beta,tokens,2026-08-03T15:00:00Z,1001,,,l
"""
# Every event is taken back, so no amount of the other file changes; f7 would have used up a free event.
CORRECTIONS = """event_id,account_id,meter,occurred_at,quantity,model,amount,currency,reverses_event_id
s4,acme,tokens,2026-08-11T10:00:00Z,100,s,,,
r4,acme,tokens,2026-08-11T11:00:00Z,,,,,s4
s5,acme,tokens,2026-08-11T10:30:00Z,50,l,,,
r5,acme,tokens,2026-08-11T11:00:00Z,,,,,s5
f7,acme,payments,2026-08-03T09:00:00Z,1,,500,USD,
r7,acme,payments,2026-08-03T09:00:00Z,,,,,f7
"""
LINE = "default:acme/{}/usage/{}"
CASES = [
    pytest.param(LINE.format('small@2026-01-01/{"model":"s"}', "2026-08-10"), "0.05", id="per_unit before a change at noon: 10 × 0.0049"),
    pytest.param(LINE.format('small@2026-08-10T12:00:00Z/{"model":"s"}', "2026-08-10"), "0.05", id="per_unit after it: 0.049 + 0.051 is 0.10 exactly"),
    pytest.param(LINE.format('small@2026-08-10T12:00:00Z/{"model":"s"}', "2026-08-11"), "0.02", id="per_unit on the next day: 0.1153 is 0.12"),
    pytest.param(LINE.format('large@2026-01-01/{"model":"l"}', "2026-08-03"), "14.99", id="graduated with its flat: 5 + 999 × 0.010"),
    pytest.param(LINE.format('large@2026-01-01/{"model":"l"}', "2026-08-04"), "3.02", id="graduated over a bound: 18.008 - 14.99"),
    pytest.param(LINE.format("disk@2026-01-01/{}", "2026-08-03"), "15", id="volume: 1000 × 0.010 + 5"),
    pytest.param(LINE.format("disk@2026-01-01/{}", "2026-08-04"), "-3.99", id="volume over a bound gives back: 11.008 - 15"),
    pytest.param(LINE.format("call@2026-01-01/{}", "2026-08-03"), "0.6", id="a count: 2 × 0.30"),
    pytest.param(LINE.format("fee@2026-01-01/{}", "2026-08-03"), "0", id="percentage, wholly free"),
    pytest.param(LINE.format("fee@2026-01-01/{}", "2026-08-05"), "2.9", id="percentage after the allowance: 0.70, at least 0.20, at most 2"),
    pytest.param(LINE.format("seat@2026-01-01/{}", "2026-08-01"), "9.99", id="no usage: the flat"),
    pytest.param(LINE.format("power@2026-01-01/{}", "2026-08-03"), "2", id="a cost in its own currency: 1000 × 0.002 EUR"),
    pytest.param(LINE.format("third@2026-01-01/{}", "2026-08-03"), "0.01", id="1.00 per three: 0.015 of them are 0.005, as far as 24 places tell"),
    pytest.param('deal/deal/large@2026-08-01/{"model":"l"}/usage/2026-08-04', "2.5", id="an override, on Tokyo's day: 1001 × 0.0025 = 2.5025"),
]  # fmt: skip


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A real night up to the tables as of D, from landed files."""
    home = tmp_path_factory.mktemp("night")
    landed = {
        "accounts/2026-08-01/accounts.csv": ACCOUNTS,
        "price_book/2026-08-01/book.yaml": BOOK,
        "contracts/2026-08-01/contracts.yaml": CONTRACTS,
        "usage_events/2026-08-12/events.csv": EVENTS,
        "usage_events/2026-08-12/undone.csv": CORRECTIONS,
    }
    for name, text in landed.items():
        path = home / "landing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    settings = Settings(home=home)
    intake.snapshot_through(settings, AS_OF)
    made = open_build(settings, AS_OF)
    made.make_book()
    for builder in NIGHTLY:
        made.make(builder)
    return made


@pytest.fixture
def published(build: Build, monkeypatch: pytest.MonkeyPatch) -> Build:
    """The build as the published run's, without dbt and publish."""
    monkeypatch.setattr(explain, "published_build", lambda _settings, _number: build)
    return build


@pytest.mark.parametrize(("line_item_id", "amount"), CASES)
def test_a_line_is_recomputed_from_its_events_and_agrees(published, line_item_id, amount):
    found = explain.explanation(published.settings, line_item_id)
    assert found.line["amount"] == Decimal(amount), found.as_text()
    assert found.amount == Decimal(amount), found.as_text()
    assert found.agrees, found.as_text()


def test_every_line_with_usage_stands_on_events_that_are_named_with_file_and_line(published):
    found = explain.explanation(published.settings, CASES[1].values[0])
    assert [(event["event_id"], event["source_file"], event["source_line"]) for event in found.events] == [
        ("s2", "usage_events/2026-08-12/events.csv", 3)
    ]
    text = found.as_text()
    assert "usage_events/2026-08-12/events.csv:3" in text
    assert "price_book/2026-08-01/book.yaml" in text or "book.yaml:" in text, "where the price is written"
    assert "agrees with the published one, which is 0.0500 USD" in text


def test_the_steps_show_the_tiers_that_a_day_crossed(published):
    """R(1001) = 1000 × 0.010 + 5 + 1 × 0.008 + 3, R(999) = 999 × 0.010 + 5."""
    found = explain.explanation(published.settings, CASES[4].values[0])
    shown = "\n".join(found.steps)
    for step in ("1000 × 0.01 + 5 = 15", "1 × 0.008 + 3 = 3.008", "999 × 0.01 + 5 = 14.99", "18.008 - 14.99 = 3.018"):
        assert step in shown


def test_a_line_of_nothing_says_that_nothing_was_used(published):
    assert (
        "nothing was used in the billing period"
        in explain.explanation(published.settings, CASES[10].values[0]).as_text()
    )


def test_an_explanation_is_also_a_page_with_every_step_and_event(published):
    for line_item_id in [case.values[0] for case in CASES[:5]]:
        found = explain.explanation(published.settings, line_item_id)
        text = explanation_page.page(found)
        assert f"<h1>{escape(line_item_id)}</h1>" in text
        assert all(escape(step) in text for step in found.steps)
        assert all(escape(event["event_id"]) in text for event in found.events)
        assert "agrees with the published one" in text
        assert "<script" not in text


def test_an_event_that_was_taken_back_is_shown_beside_the_line_with_its_reversal(published):
    """s5 is of another model, so of another line."""
    found = explain.explanation(published.settings, CASES[2].values[0])
    assert found.agrees
    assert [(row["event_id"], row["by_event_id"]) for row in found.taken_back] == [("s4", "r4")]
    undone = "usage_events/2026-08-12/undone.csv"
    assert f"  s4  {undone}:2, by reversal r4  {undone}:3" in found.as_text()


def test_an_explanation_is_also_data(published):
    found = explain.explanation(published.settings, CASES[4].values[0]).as_dict()
    assert found["agrees"] is True
    assert found["recomputed"] == {"quantity": "2", "amount_exact": "3.018", "amount": "3.02"}
    assert [event["event_id"] for event in found["events"]] == ["l2"]


@pytest.mark.parametrize(
    ("column", "planted"),
    [
        pytest.param("amount", "0.01", id="a cent too much"),
        pytest.param("amount_exact", "0.000000000001", id="dust in the exact amount"),
        pytest.param("quantity", "0.000000000001", id="dust in the quantity"),
    ],
)
@pytest.mark.parametrize("case", [4, 9], ids=["graduated", "percentage"])
def test_a_planted_difference_is_reported(build, tmp_path, monkeypatch, case, column, planted):
    line_item_id = CASES[case].values[0]
    wrong = _with_changed_lines(build, tmp_path, pl.col("line_item_id") == line_item_id, column, planted)
    monkeypatch.setattr(explain, "published_build", lambda _settings, _number: wrong)
    found = explain.explanation(wrong.settings, line_item_id)
    assert not found.agrees
    assert "DIFFERS FROM the published one" in found.as_text()


def test_a_price_that_was_changed_under_the_line_is_reported(build, tmp_path, monkeypatch):
    """The book of the build says 0.013 where the line was made with 0.012."""
    copy = _copied(build, tmp_path)
    for path in copy.files(PriceVersions):
        frame = pl.read_parquet(path)
        rate = pl.when(pl.col("price_id") == "fee").then(pl.lit("0.013").cast(frame.schema["rate"])).otherwise("rate")
        frame.with_columns(rate.alias("rate")).write_parquet(path)
    monkeypatch.setattr(explain, "published_build", lambda _settings, _number: copy)
    assert not explain.explanation(copy.settings, CASES[9].values[0]).agrees


def _copied(build: Build, tmp_path: Path) -> Build:
    home = tmp_path / "copy"
    shutil.copytree(build.settings.home, home)
    return open_build(Settings(home=home), AS_OF)


def _with_changed_lines(build: Build, tmp_path: Path, which: pl.Expr, column: str, added: str) -> Build:
    copy = _copied(build, tmp_path)
    for path in copy.files(LineItems):
        frame = pl.read_parquet(path)
        more = (pl.col(column) + pl.lit(added).cast(frame.schema[column])).cast(frame.schema[column])
        frame.with_columns(pl.when(which).then(more).otherwise(column).alias(column)).write_parquet(path)
    return copy


def test_a_line_that_the_run_does_not_have_is_refused_with_a_way_to_find_one(published):
    with pytest.raises(UsageError, match="No line item 'nothing' in the run; take an id from"):
        explain.explanation(published.settings, "nothing")


def test_without_a_published_run_there_is_nothing_to_explain(tmp_path):
    with pytest.raises(UsageError, match="run a night first"):
        explain.explanation(Settings(home=tmp_path), CASES[0].values[0])
