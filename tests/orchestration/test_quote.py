"""A quote is what the invoice would say, before anybody has signed or used anything."""

import json
from datetime import date
from decimal import Decimal

import pytest

from orchestration import cli
from orchestration.errors import RefusedInput, UsageError
from orchestration.quote import Asked, measured, open_book, quote, read_usage

BOOK = """\
company: {name: Quote, reporting_currency: USD}
products: [{id: api, name: API}]
meters:
  - {id: calls, unit: call, aggregation: sum, dimensions: [tier]}
  - {id: sales, unit: currency, aggregation: sum, value: amount}
prices:
  - id: calls
    product: api
    meter: calls
    model: graduated
    currency: USD
    versions:
      - effective_from: 2026-01-01
        tiers:
          - {up_to: "1000", unit_amount: "0.010", flat_amount: "5"}
          - {up_to: "5000", unit_amount: "0.008", flat_amount: "3"}
          - {up_to: null, unit_amount: "0.005", flat_amount: "0"}
  - id: fees
    product: api
    meter: sales
    model: percentage
    versions:
      - effective_from: 2026-01-01
        currencies:
          USD: {percentage: {rate: "0.0045", fixed: "0.20"}}
          EUR: {percentage: {rate: "0.0040", fixed: "0.20"}}
plans: [{id: payg, prices: [calls, fees]}]
"""
OCTOBER = date(2026, 10, 1)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "book.yaml").write_text(BOOK)
    return tmp_path / "book"


@pytest.fixture
def opened(folder):
    return open_book(folder, OCTOBER)


def test_a_quantity_is_priced_tier_by_tier(opened):
    usage = measured(opened, "calls", "1001", {"tier": "a"}, [OCTOBER])
    found = quote(opened, Asked(OCTOBER, usage, prices=["calls"]))
    # 1,000 at 0.010 + 5, then 1 at 0.008 + 3: 18.008, which is 18.01 on an invoice (semantics, golden figures).
    assert [str(each.line["amount_exact"].normalize()) for each in found.lines] == ["18.008"]
    assert found.totals == {("revenue", "USD"): Decimal("18.0100")}
    assert all(each.agrees for each in found.lines)
    assert found.unpriced == []


def test_a_profile_of_a_month_is_one_counter(opened):
    days = [date(2026, 10, day) for day in range(1, 32)]
    found = quote(opened, Asked(OCTOBER, measured(opened, "calls", "100", {}, days), prices=["calls"]))
    # 3,100 units: 1,000 * 0.010 + 5 + 2,100 * 0.008 + 3 = 34.80.
    assert len(found.lines) == 31
    assert found.totals == {("revenue", "USD"): Decimal("34.8000")}


LEVELS = """\
company: {name: Quote, reporting_currency: USD}
products: [{id: api, name: API}]
meters:
  - {id: peak, unit: GB, aggregation: max}
  - {id: seats, unit: seat, aggregation: latest}
  - {id: users, unit: user, aggregation: unique_count, value: user, dimensions: [user]}
  - {id: storage, unit: GB-month, aggregation: weighted_sum}
prices:
  - {id: peak, product: api, meter: peak, model: per_unit, currency: USD,
     versions: [{effective_from: 2026-01-01, unit_amount: "2"}]}
  - {id: seats, product: api, meter: seats, model: per_unit, currency: USD,
     versions: [{effective_from: 2026-01-01, unit_amount: "2"}]}
  - {id: users, product: api, meter: users, model: per_unit, currency: USD,
     versions: [{effective_from: 2026-01-01, unit_amount: "2"}]}
  - {id: storage, product: api, meter: storage, model: per_unit, currency: USD,
     versions: [{effective_from: 2026-01-01, unit_amount: "2"}]}
plans: [{id: payg, prices: [peak, seats, users, storage]}]
"""


@pytest.mark.parametrize("price", ["peak", "seats", "users", "storage"])
def test_a_quantity_is_what_the_month_comes_to_whatever_the_meter_does_with_events(tmp_path, price):
    (tmp_path / "levels.yaml").write_text(LEVELS)
    levels = open_book(tmp_path, OCTOBER)
    usage = measured(levels, price, "7", {}, [OCTOBER], "Europe/Berlin")
    found = quote(levels, Asked(OCTOBER, usage, prices=[price], time_zone="Europe/Berlin"))
    # October has 745 hours in Berlin, and a level of 7 GB is held through all of them: 7 GB-months at 2.
    assert found.totals == {("revenue", "USD"): Decimal("14.0000")}
    assert all(each.agrees for each in found.lines)
    assert found.unpriced == []


def test_a_number_of_values_is_whole(tmp_path):
    (tmp_path / "levels.yaml").write_text(LEVELS)
    with pytest.raises(UsageError, match="it is a whole number up to 100,000"):
        measured(open_book(tmp_path, OCTOBER), "users", "1.5", {}, [OCTOBER])


def test_a_list_of_events_is_priced_by_a_plan(opened, tmp_path):
    path = tmp_path / "events.csv"
    path.write_text("meter,occurred_at,amount\nsales,2026-10-03T10:00:00Z,60.00\nsales,2026-10-03T11:00:00Z,10\n")
    usage, lines = read_usage(path)
    assert lines == [2, 3]
    found = quote(opened, Asked(OCTOBER, usage, plan="payg", currency="USD"))
    # 0.45 % of 60.00 is 0.27, of 10 is 0.05 (0.045 rounded up); 0.20 each; and the flat of the unused calls, 5.
    assert found.totals == {("revenue", "USD"): Decimal("0.27") + Decimal("0.05") + 2 * Decimal("0.20") + 5}


def test_usage_that_no_price_covers_is_said(opened):
    other = [{"meter": "sales", "occurred_at": "2026-10-01T00:00:00Z", "amount": "5"}]
    found = quote(opened, Asked(OCTOBER, other, prices=["calls"]))
    assert [(each["meter"], each["rule"]) for each in found.unpriced] == [("sales", "no_contract")]


def test_what_the_book_lacks_is_named(opened):
    with pytest.raises(UsageError, match="no price nothing; it has calls, fees"):
        quote(opened, Asked(OCTOBER, [], prices=["nothing"]))
    with pytest.raises(UsageError, match="--currency, one of EUR, USD"):
        quote(opened, Asked(OCTOBER, [], prices=["fees"]))
    bad = [{"meter": "calls", "occurred_at": "2026-10-01T00:00:00Z", "quantity": "1,5"}]
    with pytest.raises(RefusedInput, match="not a plain decimal"):
        quote(opened, Asked(OCTOBER, bad, prices=["calls"]))


def test_the_command_prints_the_derivation_and_the_total(folder, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["quote", str(folder), "--price", "calls", "--quantity", "1001", "--month", "2026-10"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "revenue: 18.0100 USD" in shown
    assert "agrees with" in shown
    with pytest.raises(SystemExit):
        cli.main(["quote", str(folder), "--price", "calls", "--quantity", "1001", "--month", "2026-10", "--json"])
    assert json.loads(capsys.readouterr().out)["totals"] == [
        {"kind": "revenue", "currency": "USD", "amount": "18.0100"}
    ]


@pytest.mark.parametrize(
    "options", [[], ["--price", "calls"], ["--plan", "payg", "--quantity", "1"], ["--price", "calls", "--month", "10"]]
)
def test_a_question_that_says_too_little_is_refused(folder, options):
    with pytest.raises(SystemExit) as ended:
        cli.main(["quote", str(folder), *options])
    assert ended.value.code == UsageError.exit_code


def test_what_is_wrong_is_said_where_the_person_wrote_it(folder, tmp_path, capsys):
    events = tmp_path / "events.csv"
    events.write_text("meter,occurred_at,quantity\ncalls,2026-10-03T10:00:00Z,1\ncalls,2026-10-03T11:00:00,1\n")
    for options, said in (
        (["--events", str(events)], f"{events}:3: occurred_at: "),
        (["--quantity", "3x"], "--quantity: quantity: "),
        (["--quantity", "3", "--month", "2026-13"], "--month 2026-13: not a month; write it as 2026-10."),
    ):
        with pytest.raises(SystemExit) as ended:
            cli.main(["quote", str(folder), "--price", "calls", *options])
        assert ended.value.code in (UsageError.exit_code, RefusedInput.exit_code)
        assert said in capsys.readouterr().err


def test_a_quantity_of_a_meter_that_counts_is_so_many_events(tmp_path):
    (tmp_path / "book").mkdir()
    text = BOOK.replace("{id: calls, unit: call, aggregation: sum, ", "{id: calls, unit: call, aggregation: count, ")
    (tmp_path / "book" / "book.yaml").write_text(text)
    opened = open_book(tmp_path / "book", OCTOBER)
    usage = measured(opened, "calls", "1001", {"tier": "a"}, [OCTOBER])
    found = quote(opened, Asked(OCTOBER, usage, prices=["calls"]))
    # 1,000 at 0.010 + 5, then 1 at 0.008 + 3: as for a meter that sums.
    assert found.totals == {("revenue", "USD"): Decimal("18.0100")}
    with pytest.raises(UsageError, match="whole number up to 100,000"):
        measured(opened, "calls", "1.5", {}, [OCTOBER])
