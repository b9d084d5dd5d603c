"""A feed decides at intake, once for ever: what it says later is for what lands later."""

import hashlib
import json
from datetime import date
from decimal import Decimal

import pytest

from data_contracts import CostRows, FxRates, LandedFiles, RejectedRows, UsageEvents
from orchestration import night
from orchestration.check import check_landing
from orchestration.errors import UsageError
from orchestration.intake import read_manifest
from orchestration.intake.feeds import feeds_of
from tests.orchestration.intake.landing_zone import Landing

FEED = """\
dataset: usage_events
columns:
  event_id: Id
  account_id: Customer
  meter: {constant: kwh}
  occurred_at: Time
  quantity: kWh
"""
FILE = "Id,Customer,Time,kWh,kVA\ne1,acme,2026-07-01T10:00:00Z,1,2\n"
CHANGED = FEED.replace("kWh", "kVA")
BROKEN = FEED.replace("account_id", "acount_id")


def quantities(landing: Landing) -> list[int]:
    return [int(quantity) for quantity in landing.table(UsageEvents).sort("delivery_date", "event_id")["quantity"]]


def statuses(landing: Landing) -> list[tuple]:
    table = landing.table(LandedFiles).sort("delivery_date", "source_file")
    return table.select("source_file", "dataset", "status", "rule").rows()


def test_a_changed_feed_changes_nothing_that_was_taken(landing: Landing) -> None:
    landing.feed("grid", FEED)
    landing.put("grid/2026-08-01/a.csv", FILE)
    landing.take(1)
    landing.feed("grid", CHANGED)
    landing.put("grid/2026-08-02/b.csv", FILE.replace("e1", "e2"))
    landing.take(3)
    assert quantities(landing) == [1, 2]


def test_the_snapshot_keeps_the_feed_and_its_hash(landing: Landing) -> None:
    landing.feed("grid", FEED)
    landing.put("grid/2026-08-01/a.csv", FILE)
    landing.usage("e9,acme,kwh,2026-07-01T10:00:00Z,5")
    landing.take()
    landing.feed("grid", CHANGED)
    grid, usage = read_manifest(landing.settings, date(2026, 8, 1))["landed"]
    assert grid["feed"] == hashlib.sha256(FEED.encode()).hexdigest()
    assert "feed" not in usage
    kept = landing.settings.snapshot(date(2026, 8, 1)) / "feeds" / "grid.yaml"
    assert kept.read_text() == FEED


def test_a_feed_that_cannot_be_read_refuses_its_files_and_no_others(landing: Landing) -> None:
    landing.feed("grid", BROKEN)
    landing.put("grid/2026-08-01/a.csv", FILE)
    landing.usage("e9,acme,kwh,2026-07-01T10:00:00Z,5")
    landing.take()
    assert statuses(landing) == [
        ("grid/2026-08-01/a.csv", "grid", "refused", "feed_invalid"),
        ("usage_events/2026-08-01/a.csv", "usage_events", "loaded", None),
    ]
    assert "feeds/grid.yaml:4: columns.acount_id: unknown_column" in landing.table(LandedFiles)["message"][0]


def test_its_files_are_taken_by_the_night_after_it_was_corrected(landing: Landing) -> None:
    landing.feed("grid", BROKEN)
    landing.put("grid/2026-08-01/a.csv", FILE)
    landing.take(1)
    landing.take(2)
    assert quantities(landing) == []
    landing.feed("grid", FEED)
    landing.take(3)
    landing.take(4)
    assert quantities(landing) == [1]
    assert [status for _, _, status, _ in statuses(landing)] == ["refused", "loaded"]


def test_a_folder_without_a_feed_waits_for_one(landing: Landing) -> None:
    landing.put("grid/2026-08-01/a.csv", FILE)
    landing.usage("e9,acme,kwh,2026-07-01T10:00:00Z,5")
    landing.take()
    assert any("other files need feeds/grid.yaml" in said for said in landing.said)
    landing.feed("grid", FEED)
    landing.take(2)
    assert quantities(landing) == [5, 1]


def test_the_same_bytes_by_the_same_feed_are_delivered_before(landing: Landing) -> None:
    landing.feed("grid", FEED)
    landing.put("grid/2026-08-01/a.csv", FILE)
    landing.put("grid/2026-08-02/b.csv", FILE)
    landing.take(2)
    assert [status for _, _, status, _ in statuses(landing)] == ["loaded", "duplicate_file"]


def test_the_same_bytes_by_another_feed_are_other_records(landing: Landing) -> None:
    landing.feed("grid", FEED)
    landing.feed("load", CHANGED)
    landing.put("grid/2026-08-01/a.csv", FILE)
    landing.put("load/2026-08-01/a.csv", FILE)
    landing.take()
    assert sorted(quantities(landing)) == [1, 2]


def test_the_same_file_after_the_feed_was_corrected_is_a_conflict_where_it_says_something_else(
    landing: Landing,
) -> None:
    landing.feed("grid", FEED)
    landing.put("grid/2026-08-01/a.csv", FILE)
    landing.take(1)
    landing.feed("grid", CHANGED)
    landing.put("grid/2026-08-02/a.csv", FILE)
    landing.take(2)
    assert quantities(landing) == [1]
    counted = landing.table(LandedFiles).sort("delivery_date").select("accepted_rows", "conflict_rows")
    assert counted.rows() == [(1, 0), (0, 1)]


def test_a_feed_without_columns_only_says_where_a_file_belongs(landing: Landing) -> None:
    landing.feed("ecb", "dataset: fx_rates\n")
    landing.feed("cloud", "dataset: costs\n")
    landing.put("ecb/2026-08-01/hist.csv", "Date,USD,JPY,\n2026-07-31,1.1,N/A,\n")
    head = "BillingAccountId,BillingCurrency,ChargeCategory,ProviderName,BillingPeriodStart,BillingPeriodEnd"
    head += ",ChargePeriodStart,ChargePeriodEnd,BilledCost,EffectiveCost,ListCost,ContractedCost"
    month = "2026-07-01 00:00:00,2026-08-01 00:00:00"
    landing.put("cloud/2026-08-01/bill.csv", f"{head}\n1,USD,Usage,AWS,{month},{month},1.5,1.5,1.5,1.5\n")
    landing.take()
    assert landing.table(FxRates).select("base_currency", "quote_currency", "rate").rows() == [
        ("EUR", "USD", Decimal("1.1"))
    ]
    assert landing.table(CostRows)["billed_cost"].to_list() == [Decimal("1.5")]
    assert {status for _, _, status, _ in statuses(landing)} == {"loaded"}


def test_rates_and_costs_can_be_mapped(landing: Landing) -> None:
    landing.feed(
        "bank",
        """\
dataset: fx_rates
delimiter: ";"
columns:
  rate_date: {column: Tag, format: dd.mm.yyyy}
  base_currency: {constant: EUR}
  quote_currency: Währung
  rate: Kurs
""",
    )
    landing.put(
        "bank/2026-08-01/kurse.csv", "Tag;Währung;Kurs\n31.07.2026;USD;1.1\n31.07.2026;USX;1.1\n31.7.26;JPY;9\n"
    )
    landing.take()
    assert landing.table(FxRates).select("rate_date", "quote_currency", "rate").rows() == [
        (date(2026, 7, 31), "USD", Decimal("1.1"))
    ]
    rejected = landing.table(RejectedRows).sort("source_line").select("source_line", "column_name", "rule", "found")
    assert rejected.rows() == [
        (3, "Währung", "currency_unknown", "USX"),
        (4, "Tag", "time_not_as_declared", "31.7.26"),
    ]
    counted = landing.table(LandedFiles).select("landed_rows", "accepted_rows", "rejected_rows")
    assert counted.rows() == [(3, 1, 2)]


def test_check_names_feeds_that_cannot_be_used_and_what_they_would_refuse(landing: Landing) -> None:
    landing.feed("grid", BROKEN)
    landing.feed("load", FEED)
    landing.put("grid/2026-08-01/a.csv", FILE)
    landing.put("load/2026-08-01/a.csv", FILE.replace("kWh", "kw"))
    found = [(finding.file, finding.line, finding.rule) for finding in check_landing(landing.settings)]
    assert found == [
        ("feeds/grid.yaml", 2, "missing"),
        ("feeds/grid.yaml", 4, "unknown_column"),
        ("grid/2026-08-01/a.csv", None, "feed_invalid"),
        ("load/2026-08-01/a.csv", 1, "columns"),
    ]
    assert not landing.settings.delivered.exists()


def test_a_named_file_is_checked_by_its_feed(landing: Landing) -> None:
    path = landing.feed("grid", FEED)
    landed = landing.put("grid/2026-08-01/a.csv", FILE.replace(",1,", ",x,"))
    (finding,) = check_landing(landing.settings, [landed])
    assert (finding.line, finding.column) == (2, "kWh")
    assert check_landing(landing.settings, [path]) == []
    other = landing.put("elsewhere/a.csv", FILE)
    with pytest.raises(UsageError, match=r"like a dataset or feed \(usage_events, .*, grid\)"):
        check_landing(landing.settings, [other])


def test_the_manifest_of_a_home_without_feeds_says_nothing_of_them(landing: Landing) -> None:
    landing.usage("e9,acme,kwh,2026-07-01T10:00:00Z,5")
    landing.take()
    assert "feed" not in json.dumps(read_manifest(landing.settings, date(2026, 8, 1)))
    assert not (landing.settings.snapshot(date(2026, 8, 1)) / "feeds").exists()


def test_a_rehearsal_reads_by_the_same_feeds(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    landing.feed("grid", FEED)
    landing.put("grid/2026-08-01/a.csv", FILE)
    seen = {}
    monkeypatch.setattr(night, "run", lambda settings, *_, **__: seen.update(feeds_of(settings)))
    night.rehearse(landing.settings, date(2026, 8, 1))
    assert seen["grid"].content == FEED.encode()
