"""Builder of `findings`."""

from datetime import date

import polars as pl

from data_contracts import (
    AccountContracts,
    AsOf,
    Companies,
    Delivered,
    ExchangeRates,
    Findings,
    FxRates,
    LineItems,
    PlanPrices,
    PriceVersions,
    Rates,
    ZoneDays,
)
from transforms.active_prices import active_prices

TARGET = pl.col("reporting_currency").alias("target_currency")
SIDES = ["base_currency", "quote_currency"]
RATE_DAY = ["currency", "target_currency", "rate_date_for"]
LINES = [
    pl.col("posting_date").min().alias("first_date"),
    pl.col("posting_date").max().alias("last_date"),
    pl.len().cast(pl.Int64).alias("line_count"),
    pl.col("amount").sum(),
]


def findings(
    line_items: AsOf[LineItems],
    fx_rates: Delivered[FxRates],
    exchange_rates: AsOf[ExchangeRates],
    companies: AsOf[Companies],
    rates: AsOf[Rates],
    account_contracts: AsOf[AccountContracts],
    plan_prices: AsOf[PlanPrices],
    price_versions: AsOf[PriceVersions],
    zone_days: AsOf[ZoneDays],
    *,
    as_of: date,
) -> AsOf[Findings]:
    """Say where an amount is unknown for want of an exchange rate, and where a corrected one has moved lines.

    Grain:   one row per rule, subject, currency of the lines and first date.
    Rule:    lines without an amount in the reporting currency are counted under the reason; a rate that several
             deliveries brought is named with all of its values, where lines use it. A converted price without usage has
             no line on a day without a rate; usage without one waits in suspense and is no finding.
    """
    lines = line_items.join(companies.select("reporting_currency", "fx_rate_type", "fx_max_age_days"), how="cross")
    active = active_prices(
        account_contracts=account_contracts,
        plan_prices=plan_prices,
        price_versions=price_versions,
        rates=rates.filter(pl.col("currency") != pl.col("billing_currency")),
        companies=companies,
        zone_days=zone_days,
        as_of=as_of,
    )
    parts = [
        _unknown(lines, fx_rates, exchange_rates),
        _corrected(lines, fx_rates, exchange_rates),
        _unconverted(active, line_items),
    ]
    return pl.concat([part.select(Findings.schema().keys()) for part in parts]).sort(Findings.keys)


def _unknown(lines: pl.LazyFrame, fx_rates: pl.LazyFrame, exchange_rates: pl.LazyFrame) -> pl.LazyFrame:
    """Lines without an amount in the reporting currency, by currency: no rate, or one that makes them too large."""
    unknown = lines.filter(pl.col("amount_reporting").is_null()).with_columns(
        TARGET, pl.col("posting_date").alias("rate_date_for")
    )
    has_rate = pl.col("rate_date").is_not_null()
    counted = (
        unknown.join(exchange_rates.select(*RATE_DAY, "rate_date"), on=RATE_DAY, how="left", validate="m:1")
        .with_columns(
            pl.when(has_rate)
            .then(pl.lit("reporting_amount_bound"))
            .otherwise(pl.lit("no_reporting_rate"))
            .alias("rule")
        )
        .group_by("rule", "currency", "reporting_currency", "fx_rate_type", "fx_max_age_days")
        .agg(LINES)
    )
    last_known = _last_rate_dates(counted, fx_rates)
    no_rate = pl.format(
        "no rate at most {} days old; {}",
        "fx_max_age_days",
        pl.coalesce(
            pl.format("the last rate date of {} is {}", "currency", "last_rate_date"),
            pl.format("no rate of {} was ever delivered", "currency"),
        ),
    )
    is_missing = pl.col("rule") == "no_reporting_rate"
    return counted.join(last_known, on=["rule", "currency"], how="left", validate="1:1").with_columns(
        _pair("currency", "reporting_currency"),
        pl.when(is_missing)
        .then(no_rate)
        .otherwise(pl.lit("an amount would reach 10^13 in the reporting currency"))
        .alias("detail"),
        pl.when(is_missing)
        .then(pl.lit("Deliver the rates of these days, or correct company.fx; the amounts follow on the next night."))
        .otherwise(pl.lit("Look at the lines: amounts of that size are priced or converted wrongly."))
        .alias("remedy"),
    )


def _last_rate_dates(counted: pl.LazyFrame, fx_rates: pl.LazyFrame) -> pl.LazyFrame:
    quoted = [fx_rates.select(pl.col(side).alias("currency"), "rate_type", "rate_date") for side in SIDES]
    return (
        counted.select("rule", "currency", "last_date", pl.col("fx_rate_type").alias("rate_type"))
        .join(pl.concat(quoted).unique(), on=["currency", "rate_type"], how="inner", validate="m:m")
        .filter(pl.col("rate_date") <= pl.col("last_date"))
        .group_by("rule", "currency")
        .agg(pl.col("rate_date").max().alias("last_rate_date"))
    )


def _corrected(lines: pl.LazyFrame, fx_rates: pl.LazyFrame, exchange_rates: pl.LazyFrame) -> pl.LazyFrame:
    """Rates that more than one delivery brought, where a line uses them."""
    said = pl.format("{} delivered on {}", pl.col("rate").cast(pl.String).str.strip_chars_end("0"), "delivery_date")
    revised = (
        fx_rates.sort("delivery_date")
        .group_by("rate_date", *SIDES, "rate_type", maintain_order=True)
        .agg(said.str.join(", then ").alias("detail"), pl.len().alias("_deliveries"))
        .filter(pl.col("_deliveries") > 1)
    )
    used = (
        lines.filter(pl.col("fx_rate_date").is_not_null())
        .with_columns(TARGET, pl.col("posting_date").alias("rate_date_for"), pl.col("fx_rate_type").alias("rate_type"))
        .join(exchange_rates.select(*RATE_DAY, "rate_date", "base_currency"), on=RATE_DAY, how="inner", validate="m:1")
    )
    is_side = pl.any_horizontal(pl.col("quote_currency") == pl.col(name) for name in ("currency", "target_currency"))
    return (
        used.join(revised, on=["rate_date", "base_currency", "rate_type"], how="inner", validate="m:m")
        .filter(is_side)
        .group_by("rate_date", *SIDES, "currency", "detail")
        .agg(*LINES[1:])
        .with_columns(
            pl.lit("rate_corrected").alias("rule"),
            _pair(*SIDES),
            pl.col("rate_date").alias("first_date"),
            pl.lit("Nothing: the latest delivery counts, and lines of open months have followed it.").alias("remedy"),
        )
    )


def _unconverted(active: pl.LazyFrame, line_items: pl.LazyFrame) -> pl.LazyFrame:
    """Converted prices that were active in a billing period and have no line in it: a flat amount may be due."""
    return (
        active.filter(pl.col("kind") == "revenue")
        .join(line_items, on=["contract_id", "price_id", "billing_period_start"], how="anti")
        .group_by(pl.col("currency").alias("_price_currency"), pl.col("billing_currency").alias("currency"))
        .agg(
            pl.col("service_date").min().alias("first_date"),
            pl.col("service_date").max().alias("last_date"),
            pl.len().cast(pl.Int64).alias("line_count"),
            pl.col("price_id").unique().sort().str.join(", ").alias("_prices"),
        )
        .with_columns(
            pl.lit("no_exchange_rate").alias("rule"),
            _pair("_price_currency", "currency"),
            pl.lit(None, dtype=Findings.schema()["amount"]).alias("amount"),
            pl.format("prices {} were active and could not be converted", "_prices").alias("detail"),
            pl.lit("Deliver the rates of these days; the lines follow on the next night.").alias("remedy"),
        )
    )


def _pair(one: str, other: str) -> pl.Expr:
    return pl.format("{} in {}", one, other).alias("subject")
