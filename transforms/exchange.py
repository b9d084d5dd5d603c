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


def has_conversions(price_versions: pl.LazyFrame) -> bool:
    """Whether any price is converted; without any, no row has to be looked at for it."""
    # Collected, because it decides what is built, and the book is small.
    return bool(price_versions.select(pl.col("is_converted").any()).collect().item())


def with_billed(
    rows: pl.LazyFrame, exchange_rates: pl.LazyFrame, price_versions: pl.LazyFrame, **amounts: str
) -> pl.LazyFrame:
    """Add what unrounded amounts in the price's `currency` are in the `billing_currency`, at the service date's rate.

    Grain:   the rows; each keyword is a column to add, its value the column that it is made of. Those whose price is in
             the billing currency have the amount itself, converted ones without a rate have null.
    Shape:   adds `price_rate_date`, null where nothing is converted.
    Source:  dbt_project/docs/decisions.md#prices-in-another-currency-than-the-contract
    """

    def unchanged(frame: pl.LazyFrame) -> pl.LazyFrame:
        no_date = pl.lit(None, dtype=pl.Date).alias("price_rate_date")
        return frame.with_columns(no_date, **{name: pl.col(of) for name, of in amounts.items()})

    if not has_conversions(price_versions):
        return unchanged(rows)
    is_converted = pl.col("currency") != pl.col("billing_currency")
    converted = (
        rows.filter(is_converted)
        .pipe(with_rate, exchange_rates, currency="currency", target="billing_currency", day="service_date")
        .with_columns(
            pl.col("fx_rate_date").alias("price_rate_date"),
            **{name: converted_exact(of) for name, of in amounts.items()},
        )
    )
    plain = unchanged(rows.filter(~is_converted))
    return pl.concat([plain, converted.select(plain.collect_schema().names())])


def into_billing_currency(
    lines: pl.LazyFrame, exchange_rates: pl.LazyFrame, price_versions: pl.LazyFrame
) -> pl.LazyFrame:
    """Turn the unrounded amounts of lines into the currency that they are billed in; `price_currency` stays beside it.

    A converted line without a rate is left out. Usage without a rate waits in suspense before it is rated, so it is
    the line of a price without usage, and `findings` names it.
    """
    same = {"amount_exact": "amount_exact", "list_exact": "list_exact"}
    billed = with_billed(lines, exchange_rates, price_versions, **same)
    return billed.filter(pl.col("amount_exact").is_not_null()).with_columns(
        pl.col("currency").alias("price_currency"), pl.col("billing_currency").alias("currency")
    )
