"""The one conversion into another currency: look up the day's ratio, multiply and divide once, round once.

Nobody converts otherwise: who has an amount in a currency, a day and a target joins `exchange_rates` here.
"""

import polars as pl

from transforms import money

RATIO = ["numerator", "denominator"]
TARGET, MINOR_UNITS = "_target_currency", "_target_minor_units"


def with_rate(
    rows: pl.LazyFrame, exchange_rates: pl.LazyFrame, *, currency: str, target: str, day: str
) -> pl.LazyFrame:
    """Add `numerator`, `denominator` and `fx_rate_date` of the row's day; no row is added or dropped.

    `currency`, `target` and `day` name columns. A currency into itself is 1/1 and uses no rate, so its `fx_rate_date`
    is null. Where no rate is known, all three are null: what is made of them is unknown, never zero.
    """
    keys = {"currency": currency, "target_currency": target, "rate_date_for": day}
    ratios = exchange_rates.select(
        *[pl.col(key).alias(name) for key, name in keys.items()], *RATIO, pl.col("rate_date").alias("fx_rate_date")
    )
    is_same = pl.col(currency) == pl.col(target)
    return rows.join(ratios, on=[currency, target, day], how="left", validate="m:1").with_columns(
        pl.when(is_same).then(1).otherwise(name).alias(name) for name in RATIO
    )


def converted(amount: str, minor_units: str = MINOR_UNITS) -> pl.Expr:
    """A booked amount in the target currency, rounded once to its minor unit; after `with_rate`."""
    return money.convert(pl.col(amount), pl.col("numerator"), pl.col("denominator"), pl.col(minor_units))


def converted_exact(amount_exact: str) -> pl.Expr:
    """An exact amount in the target currency, unrounded; after `with_rate`."""
    return money.convert_exact(pl.col(amount_exact), pl.col("numerator"), pl.col("denominator"))


def with_reporting(
    rows: pl.LazyFrame,
    exchange_rates: pl.LazyFrame,
    companies: pl.LazyFrame,
    currencies: pl.LazyFrame,
    *,
    day: str,
    **amounts: pl.Expr,
) -> pl.LazyFrame:
    """Add amounts in the company's reporting currency, at the rate of the row's day, and `fx_rate_date`.

    `amounts` are built by `converted("amount")` or `converted_exact("cost")`; the rows' currency is `currency`.
    Each row is rounded once; what a report shows is the sum of its rows.
    Source: dbt_project/docs/decisions.md#amounts-in-the-reporting-currency
    """
    reporting = companies.select(pl.col("reporting_currency").alias(TARGET)).join(
        currencies.select(pl.col("currency").alias(TARGET), pl.col("minor_units").alias(MINOR_UNITS)),
        on=TARGET,
        how="left",
        validate="1:1",
    )
    return (
        rows.join(reporting, how="cross")
        .pipe(with_rate, exchange_rates, currency="currency", target=TARGET, day=day)
        .with_columns(**amounts)
        .drop(TARGET, MINOR_UNITS, *RATIO)
    )
