"""The truth of the demo company, compared with what intake, price book and rating make of its files."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from data_contracts import (
    AccountRows,
    CostShares,
    Findings,
    LandedFiles,
    LineItems,
    RatedEvents,
    RejectedRows,
    UsageDays,
    UsageEvents,
    UsageOutcomes,
)
from orchestration.book import EMPTY, accept_delivery, compile_tables
from orchestration.build import open_build
from orchestration.demo import FIRST_DELIVERY, LAST_DELIVERY, DatasetTruth, DemoTruth, write_demo
from orchestration.demo.costs import MERCHANTS
from orchestration.demo.documents import DOCUMENT_DELIVERIES, documents
from orchestration.demo.rates import CORRECTED, INVERTED
from orchestration.intake import delivered_paths, snapshot_through
from orchestration.night import NIGHTLY
from orchestration.settings import Settings

SUPERSEDED, CORRECTION = "small_output@2026-10-01", "small_output@2026-10-01#1"


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, DemoTruth]:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    truth = write_demo(settings.landing)
    snapshot_through(settings, LAST_DELIVERY)
    return settings, truth


@pytest.fixture(scope="module")
def book_tables():
    state, days = EMPTY, sorted({day for deliveries in DOCUMENT_DELIVERIES.values() for day in deliveries})
    for day in days:
        files = {
            dataset: {name: content.decode() for name, content in documents(dataset, day).items()}
            for dataset, deliveries in DOCUMENT_DELIVERIES.items()
            if day in deliveries
        }
        taken = accept_delivery(state, day, files.get("price_book", {}), files.get("contracts", {}))
        assert [str(problem) for problem in taken.problems] == []
        state = taken.state
    return compile_tables(state, billing_starts_on=FIRST_DELIVERY)


def _delivered(settings: Settings, table) -> pl.DataFrame:
    return pl.concat(pl.read_parquet(path) for path in delivered_paths(settings, table, LAST_DELIVERY))


@pytest.fixture(scope="module")
def build(night):
    tonight = open_build(night[0], LAST_DELIVERY)
    tonight.make_book()
    for builder in NIGHTLY:
        tonight.make(builder)
    return tonight


def test_every_file_is_loaded(night):
    files = _delivered(night[0], LandedFiles)
    assert files.filter(pl.col("status") != "loaded").select("source_file", "rule", "message").rows() == []


@pytest.mark.parametrize("dataset", ["usage_events", "accounts", "fx_rates", "costs", "price_book", "contracts"])
def test_intake_finds_the_planted_rows_and_no_others(night, dataset):
    settings, truth = night
    files = _delivered(settings, LandedFiles).filter(dataset=dataset)
    found = DatasetTruth(
        files=files.height,
        landed_rows=files["landed_rows"].sum(),
        accepted_rows=files["accepted_rows"].sum(),
        duplicate_rows=files["duplicate_rows"].sum(),
        conflict_rows=files["conflict_rows"].sum(),
        rejected_rows=files["rejected_rows"].sum(),
    )
    assert found == truth.datasets[dataset]


def test_accepted_quantities_are_those_that_were_made(night):
    settings, truth = night
    events = _delivered(settings, UsageEvents)
    by_meter = events.group_by("meter").agg(pl.len().alias("events"), pl.col("quantity").sum())
    assert dict(by_meter.select("meter", "events").rows()) == truth.accepted_events
    assert dict(by_meter.select("meter", "quantity").rows()) == truth.accepted_quantity
    payments = events.filter(meter="payments").group_by("value_currency").agg(pl.col("amount").sum())
    assert dict(payments.rows()) == truth.accepted_payments


def test_late_events_are_those_of_the_accounts_own_calendars(night):
    settings, truth = night
    zones = dict(_delivered(settings, AccountRows).select("account_id", "time_zone").unique().rows())
    late = 0
    for (account_id,), events in _delivered(settings, UsageEvents).group_by("account_id"):
        instants = events["occurred_at"].dt.replace_time_zone("UTC")
        service_dates = instants.dt.convert_time_zone(zones.get(account_id, "UTC")).dt.date()
        late += (events["delivery_date"] > service_dates + timedelta(days=1)).sum()
    assert late == truth.late_events


def test_bad_rows_break_many_different_rules(night):
    rules = set(_delivered(night[0], RejectedRows).filter(dataset="usage_events")["rule"])
    assert {"ragged_record", "quantity_negative", "occurred_at_not_rfc_3339", "currency_unknown"} < rules
    assert len(rules) >= 10


def test_the_book_gives_prices_of_all_models_and_a_correction(book_tables):
    versions = book_tables["price_versions"]
    assert set(versions["model"]) == {"per_unit", "graduated", "volume", "percentage"}
    assert set(versions["kind"]) == {"revenue", "cost"}
    assert set(versions["currency"]) == {"USD", "EUR", "JPY"}
    replaced = versions.filter(price_version_id=SUPERSEDED, currency="USD").row(0, named=True)
    assert (replaced["superseded_on"], replaced["superseded_by"]) == (date(2026, 10, 5), CORRECTION)


def test_the_contracts_cover_a_start_an_end_and_a_move_between_plans(book_tables):
    contracts = book_tables["contracts"]
    assert contracts.filter(contract_id="contract_064")["starts_on"].to_list() == [date(2026, 9, 16)]
    assert contracts.filter(contract_id="contract_099")["ends_on"].to_list() == [date(2026, 10, 18)]
    moved = contracts.filter(contract_id="contract_029").sort("valid_from")
    assert moved.select("plan_id", "valid_to").rows()[0] == ("growth", date(2026, 10, 1))
    assert moved["plan_id"].to_list() == ["growth", "enterprise"]


def test_documents_of_the_package_are_utf8_with_plain_line_ends():
    folder = Path(documents.__code__.co_filename).parent
    found = sorted(folder.glob("*/*/*.yaml"))
    assert len(found) == 11
    assert all(b"\r" not in path.read_bytes() and path.read_text("utf-8").endswith("\n") for path in found)


def test_rating_finds_the_planted_suspense_and_exclusions(night, build):
    truth = night[1]
    outcomes = build.frame(UsageOutcomes).filter(pl.col("kind") == "revenue").collect()
    assert outcomes["event_count"].sum() == truth.datasets["usage_events"].accepted_rows
    by_rule = dict(outcomes.filter(pl.col("rule") != "").group_by("rule").agg(pl.col("event_count").sum()).rows())
    assert by_rule == {
        "unknown_account": truth.unknown_account_events,
        "unknown_meter": truth.unknown_meter_events,
        "no_price": truth.unpriced_model_events,
        "currency_mismatch": truth.currency_mismatch_events,
        "internal_load_test": truth.internal_account_events,
        "gpu_seconds_are_cost": truth.cost_only_events,
    }


def test_usage_days_count_the_planted_late_and_repeated_events(night, build):
    truth = night[1]
    days = build.frame(UsageDays).select("late_event_count", "duplicate_count").sum().collect()
    assert days.row(0) == (truth.late_events, truth.datasets["usage_events"].duplicate_rows)


def test_a_yen_account_with_a_fixed_fee_pays_whole_yen(build):
    fees = build.frame(RatedEvents).filter(pl.col("contract_id") == "contract_190").collect()
    assert fees.height > 400
    assert fees["amount_exact"].unique().to_list() == [25]


def test_growth_customers_have_ten_free_payments_a_month(build):
    fees = build.frame(RatedEvents).filter(pl.col("price_version_id") == "card_growth@2026-01-01").collect()
    month = pl.col("service_date").dt.month_start()
    free = fees.group_by("contract_id", month).agg((pl.col("amount_exact") == 0).sum().alias("free"), pl.len())
    assert free.height >= 6
    assert free.filter(pl.col("free") != pl.min_horizontal("len", 10)).rows() == []


def test_every_line_of_the_quarter_is_reported_in_dollars(build):
    lines = build.frame(LineItems).group_by("currency").agg(pl.col("amount_reporting").null_count(), pl.len()).collect()
    assert {currency: unknown for currency, unknown, _ in lines.rows()} == {"EUR": 0, "JPY": 0, "USD": 0}


def test_the_bills_that_stand_reach_accounts_whole(night, build):
    """September counts once, though it was billed twice; the support plan reaches nobody, and all of it is there."""
    shares = build.frame(CostShares).collect()
    assert shares["billed_cost"].sum() == night[1].standing_billed_cost
    by_method = dict(shares.group_by("allocation_method").agg(pl.col("account_id").n_unique()).rows())
    # All accounts that used something bear a share, the one that nobody knows among them.
    assert by_method == {"usage": 200 + 1, "direct": len(MERCHANTS), "unmapped": 1}
    unmapped = shares.filter(allocation_method="unmapped").sort("charge_date")
    assert unmapped.select("product_id", "billed_cost").rows() == [("unmapped", Decimal(400))] * 3


def test_the_inverted_rate_is_held_and_the_corrected_one_is_named(night, build):
    rejected = _delivered(night[0], RejectedRows).filter(dataset="fx_rates")
    assert rejected.select("rule", "found").rows() == [("rate_inverted", INVERTED[2])]
    name, day, wrong = CORRECTED
    found = build.frame(Findings).select("rule", "subject", "currency", "first_date", "detail").collect().rows()
    detail = f"{wrong.rstrip('0')} delivered on {day}, then 172.62 delivered on 2026-09-18"
    assert found == [("rate_corrected", f"EUR in {name}", name, day, detail)]
