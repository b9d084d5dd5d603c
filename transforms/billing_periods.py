"""Which billing period of its contract a day belongs to."""

import polars as pl

from transforms import periods

BILLING_PERIOD = ["billing_period_start", "billing_period_end"]
# First day of what a price is due once for.
DUE = "due_from"
# What every contract has that says nothing else, and the default plan.
CALENDAR_MONTH = (pl.col("billing_interval") == "month") & (pl.col("billing_anchor_date").dt.day() == 1)


def with_billing_period(frame: pl.LazyFrame, account_contracts: pl.LazyFrame) -> pl.LazyFrame:
    """Add first day (in) and end (out) of the billing period that the row's `service_date` is in under its contract.

    Example: anchored on the 31st, 28 February 2026 begins the period that ends on 31 March.
    """
    others = account_contracts.filter(~CALENDAR_MONTH).select("contract_id", "billing_interval", "billing_anchor_date")
    # Collected, because it decides what is built: almost every company has the calendar month and nothing to look up.
    rhythms = others.unique().collect()
    if rhythms.is_empty():
        return frame.with_columns(_calendar_month())
    dated = frame.join(rhythms.lazy(), on="contract_id", how="left", validate="m:1")
    is_other = pl.col("billing_interval").is_not_null()
    return dated.with_columns(
        pl.when(is_other).then(of_rhythm).otherwise(of_month)
        for of_rhythm, of_month in zip(_of_rhythm(), _calendar_month(), strict=True)
    ).drop("billing_interval", "billing_anchor_date")


def with_due_period(frame: pl.LazyFrame, price_versions: pl.LazyFrame, account_contracts: pl.LazyFrame) -> pl.LazyFrame:
    """Add the first day of what the row's price is due once for: its own interval, from the contract's anchor.

    Without an interval of its own it is the billing period.
    """
    intervals = due_intervals(price_versions)
    if intervals.is_empty():
        return frame.with_columns(pl.col("billing_period_start").alias(DUE))
    anchors = account_contracts.select("contract_id", "billing_anchor_date").unique()
    rhythm = [pl.col("due_interval").fill_null("month"), pl.col("billing_anchor_date")]
    own = periods.start(periods.number(pl.col("service_date"), *rhythm), *rhythm)
    return (
        frame.join(intervals.lazy(), on="price_id", how="left", validate="m:1")
        .join(anchors, on="contract_id", how="left", validate="m:1")
        .with_columns(pl.when(pl.col("due_interval").is_null()).then("billing_period_start").otherwise(own).alias(DUE))
        .drop("due_interval", "billing_anchor_date")
    )


def due_intervals(price_versions: pl.LazyFrame) -> pl.DataFrame:
    """Return the prices that are due by an interval of their own. Grain: one row per price."""
    # Collected, because it decides what is built, and the book is small.
    own = price_versions.filter(pl.col("due_interval").is_not_null())
    return own.select("price_id", "due_interval").unique().sort("price_id").collect()


def _calendar_month() -> list[pl.Expr]:
    day = pl.col("service_date")
    return [
        periods.month_start(day).alias("billing_period_start"),
        periods.next_month_start(day).alias("billing_period_end"),
    ]


def _of_rhythm() -> list[pl.Expr]:
    rhythm = [pl.col("billing_interval"), pl.col("billing_anchor_date")]
    place = periods.number(pl.col("service_date"), *rhythm)
    return [
        periods.start(place, *rhythm).alias("billing_period_start"),
        periods.start(place + 1, *rhythm).alias("billing_period_end"),
    ]
