"""The history of the European Central Bank as it publishes it: 217,555 rates, taken whole, and again for nothing."""

from datetime import date

import polars as pl
import pytest

from data_contracts import (
    AccountContracts,
    Companies,
    FxRates,
    LandedFiles,
    LegalEntities,
    PriceVersions,
    RejectedRows,
    ZoneDays,
)
from orchestration import intake
from orchestration.settings import Settings
from tests.real_data.landing import land_for_feed
from tests.tables import rows, texts
from transforms.exchange_rates import exchange_rates

FIRST, AGAIN = date(2026, 4, 13), date(2026, 4, 14)


@pytest.fixture(scope="module")
def settings(shared, tmp_path_factory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("ecb"))
    for day in (FIRST, AGAIN):
        land_for_feed(shared / "data/fx/ecb_eurofxref_hist.csv.gz", settings.home, "ecb", day)
    intake.snapshot_through(settings, AGAIN)
    return settings


def delivered(settings: Settings, table) -> pl.DataFrame:
    return pl.read_parquet(intake.delivered_paths(settings, table, AGAIN))


@pytest.fixture(scope="module")
def used(settings) -> pl.DataFrame:
    """The ratios into dollars and pounds on the days of the samples, and on week-ends and holidays."""
    days = ["2011-12-09", "2011-12-10", "2011-12-11", "2023-11-16", "2024-09-29", "2024-09-30", "2024-12-26"]
    return exchange_rates(
        pl.scan_parquet(intake.delivered_paths(settings, FxRates, AGAIN)),
        rows(Companies, reporting_currency="USD", fx_max_age_days="5"),
        rows(LegalEntities, "legal_entity_id | currency\nuk | GBP\nus | USD"),
        rows(PriceVersions),
        rows(AccountContracts),
        rows(ZoneDays, "local_date\n" + "\n".join(days), time_zone="UTC"),
    ).collect()


def of(used: pl.DataFrame, day: str, target: str = "USD") -> dict[str | None, tuple]:
    on_day = used.filter((pl.col("rate_date_for") == date.fromisoformat(day)) & (pl.col("target_currency") == target))
    return {row[0]: row[1:] for row in texts(on_day, ["currency", "rate_date", "numerator", "denominator"])}


def test_every_rate_of_the_history_is_taken(settings, truths):
    rates = delivered(settings, FxRates)
    assert rates.height == 217_555, "every cell but `N/A`, counted with a plain reader of CSV"
    assert rates["quote_currency"].n_unique() == truths["ecb"]["currencies"]
    assert rates["rate_date"].n_unique() == truths["ecb"]["rows"]
    assert (str(rates["rate_date"].min()), str(rates["rate_date"].max())) == (
        truths["ecb"]["first"],
        truths["ecb"]["last"],
    )
    assert delivered(settings, RejectedRows).is_empty(), "26 years hold no rate that the bounds would stop"


def test_the_same_history_on_the_next_day_brings_nothing(settings):
    landed = delivered(settings, LandedFiles).sort("delivery_date")
    assert landed.select("accepted_rows", "duplicate_rows").rows() == [(217_555, 0), (0, 217_555)]


def test_the_samples_are_the_bank_s_own(settings, truths):
    rates = delivered(settings, FxRates)
    for day, sample in truths["ecb"]["sample"].items():
        of_day = rates.filter(pl.col("rate_date") == date.fromisoformat(day))
        found = dict(texts(of_day, ["quote_currency", "rate"]))
        assert {currency: found[currency] for currency in sample} == sample


def test_a_cross_is_of_the_rates_of_one_day(used, truths):
    sample = truths["ecb"]["sample"]["2024-09-30"]
    found = of(used, "2024-09-30")
    assert found["EUR"] == ("2024-09-30", sample["USD"], "1")
    assert found["JPY"] == ("2024-09-30", sample["USD"], sample["JPY"])
    assert of(used, "2024-09-30", "GBP")["CHF"] == ("2024-09-30", sample["GBP"], sample["CHF"])


@pytest.mark.parametrize(
    ("day", "fixed_on"),
    [
        pytest.param("2011-12-10", "2011-12-09", id="a Saturday takes Friday's rate"),
        pytest.param("2011-12-11", "2011-12-09", id="and so does Sunday"),
        pytest.param("2024-09-29", "2024-09-27", id="a Sunday before a Monday with a rate"),
        pytest.param("2024-12-26", "2024-12-24", id="Christmas has none"),
    ],
)
def test_a_day_without_fixing_takes_the_last_one(used, day, fixed_on):
    assert of(used, day)["EUR"][0] == fixed_on


def test_a_suspended_currency_has_no_rate(used):
    assert "RUB" in of(used, "2011-12-09")
    assert "RUB" not in of(used, "2024-09-30"), "`N/A` since 2022-03-02"
    assert "LTL" in of(used, "2011-12-09"), "a currency that is no more had a rate while it was one"


def test_the_table_stays_small(used):
    per_day = used.filter(pl.col("rate_date_for") == date(2024, 9, 30)).group_by("target_currency").len()
    assert sorted(per_day.rows()) == [("GBP", 30), ("USD", 30)], "30 currencies beside the target itself"
