"""Builder of `exchange_rates`."""

import polars as pl

from data_contracts import (
    AccountContracts,
    AsOf,
    Companies,
    Delivered,
    ExchangeRates,
    FxRates,
    LegalEntities,
    PriceVersions,
    ZoneDays,
)
from data_contracts.vocabulary import EXCHANGE_RATE
from transforms import periods

FIXED = ["rate_date", "base_currency", "quote_currency"]
PATH = ["currency", "target_currency", "base_currency"]
ONE = pl.lit(1).cast(EXCHANGE_RATE)


def exchange_rates(
    fx_rates: Delivered[FxRates],
    companies: AsOf[Companies],
    legal_entities: AsOf[LegalEntities],
    price_versions: AsOf[PriceVersions],
    account_contracts: AsOf[AccountContracts],
    zone_days: AsOf[ZoneDays],
) -> AsOf[ExchangeRates]:
    """Say for each day by which exact ratio a currency is turned into one that we report, keep books or bill in.

    Grain:   one row per currency, target currency and day of the calendar; a day without a rate that is young enough
             has no row. Every currency with a rate is there, since nobody here chooses what a provider charges in: 31
             currencies of the European Central Bank, 2 targets and 100 days are 6,200 rows. The contracts' currencies
             are targets where a price is converted.
    Rule:    the last rate date on or before the day, at most `max_age_days` old, of which the table has both
             currencies: the two sides of a cross are of one date. A table that quotes one against the other goes
             before a cross, then the base first in the alphabet. Inverses are never stored: they are the denominator.
             Example: 1 EUR = 1.1196 USD = 159.82 JPY, so an amount in JPY is amount * 1.1196 / 159.82 USD.
    Source:  dbt_project/docs/decisions.md#which-exchange-rate
    """
    days = zone_days.select(pl.col("local_date").alias("rate_date_for")).unique()
    targets = _targets(companies, legal_entities, price_versions, account_contracts)
    ratios = _ratios(_standing(fx_rates, companies, days), targets)
    known = periods.latest_at_or_before(
        ratios.select(PATH).unique().join(days, how="cross"), ratios, at="rate_date_for", since="rate_date", by=PATH
    )
    is_cross = (pl.col("base_currency") != pl.col("currency")) & (pl.col("base_currency") != pl.col("target_currency"))
    return (
        known.join(companies.select("fx_max_age_days"), how="cross")
        .filter(pl.col("rate_date_for") - pl.col("rate_date") <= pl.duration(days="fx_max_age_days"))
        .sort(*ExchangeRates.keys, is_cross, "base_currency")
        # A pair may be reached by several tables: the first by the rule above is the one that is used.
        .unique(ExchangeRates.keys, keep="first", maintain_order=True)
        .select(ExchangeRates.schema().keys())
    )


def _standing(fx_rates: pl.LazyFrame, companies: pl.LazyFrame, days: pl.LazyFrame) -> pl.LazyFrame:
    """The rates of the type in use that a day of the calendar can look back to; the latest delivery of each counts."""
    oldest = days.select(pl.col("rate_date_for").min()).join(
        companies.select("fx_rate_type", "fx_max_age_days"), how="cross"
    )
    return (
        fx_rates.join(oldest, left_on="rate_type", right_on="fx_rate_type", how="inner", validate="m:1")
        .filter(pl.col("rate_date") >= pl.col("rate_date_for") - pl.duration(days="fx_max_age_days"))
        .group_by(FIXED)
        .agg(pl.col("rate").sort_by("delivery_date").last())
    )


def _ratios(standing: pl.LazyFrame, targets: pl.LazyFrame) -> pl.LazyFrame:
    """Pair the currencies that one table has on one date. Grain: one row per `PATH` and rate date."""
    bases = standing.select("rate_date", "base_currency").unique()
    sides = pl.concat(
        [
            standing.rename({"quote_currency": "currency"}).select("rate_date", "base_currency", "currency", "rate"),
            bases.with_columns(pl.col("base_currency").alias("currency"), ONE.alias("rate")),
        ]
    )
    of_target = sides.rename({"currency": "target_currency", "rate": "numerator"}).join(
        targets, on="target_currency", how="semi"
    )
    return (
        sides.rename({"rate": "denominator"})
        .join(of_target, on=["rate_date", "base_currency"], how="inner", validate="m:m")
        .filter(pl.col("currency") != pl.col("target_currency"))
    )


def _targets(
    companies: pl.LazyFrame,
    legal_entities: pl.LazyFrame,
    price_versions: pl.LazyFrame,
    account_contracts: pl.LazyFrame,
) -> pl.LazyFrame:
    converts = price_versions.select(pl.col("is_converted").any())
    billed = account_contracts.select("currency").unique().join(converts, how="cross").filter("is_converted")
    used = [companies.select(pl.col("reporting_currency").alias("currency")), legal_entities, billed]
    return pl.concat([each.select(pl.col("currency").alias("target_currency")) for each in used]).unique()
