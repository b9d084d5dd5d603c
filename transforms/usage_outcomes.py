"""Builder of `usage_outcomes`."""

import polars as pl

from data_contracts import AsOf, Delivered, LineItems, PricedUsage, Reversals, UsageDays, UsageOutcomes
from transforms.priced_usage import KINDS
from transforms.reversed_usage import NOTHING
from transforms.usage_cells import CELL

OF_THE_LINE = ["contract_id", "price_version_id", "line_dimensions", "currency", "service_date"]


def usage_outcomes(
    usage_days: AsOf[UsageDays],
    reversals: Delivered[Reversals],
    priced_usage: AsOf[PricedUsage],
    line_items: AsOf[LineItems],
) -> AsOf[UsageOutcomes]:
    """Say what became of all accepted usage, once for revenue and once for cost.

    Grain:   one row per account, meter, dimensions, day, kind, outcome, rule and detail.
    Rule:    rated usage is priced when one of its lines has an amount, else zero-rated (free units, a free tier).
             Additive prices give a cell several lines; its events count once. Events that were taken back are excluded
             as `reversed`, with the rows that did it; a reversal whose event is not there waits by its rule.
    """
    outcomes = pl.concat([_of_cells(priced_usage, line_items), _taken_back(usage_days), _waiting(reversals)])
    return (
        outcomes.group_by(UsageOutcomes.keys)
        .agg(
            pl.col("event_count").sum(),
            pl.col("quantity").sum(),
            pl.col("landed_quantity").sum(),
            pl.col("first_delivery_date").min(),
        )
        .select(UsageOutcomes.schema().keys())
        .sort(UsageOutcomes.keys)
    )


def _of_cells(priced_usage: pl.LazyFrame, line_items: pl.LazyFrame) -> pl.LazyFrame:
    amounts = (
        line_items.filter(pl.col("charge_kind").is_in(["usage", "pass_through"]))
        .drop("currency")
        .rename({"dimensions": "line_dimensions", "price_currency": "currency"})
        .select(*OF_THE_LINE, (pl.col("amount_exact") != 0).alias("_has_amount"))
    )
    judged = priced_usage.join(amounts, on=OF_THE_LINE, how="left", validate="m:1")
    per_cell = judged.group_by(*CELL, "kind").agg(
        pl.col("outcome").first(),
        pl.col("rule").first().fill_null(""),
        pl.col("detail").first().fill_null(""),
        pl.col("_has_amount").any(),
        pl.col("_has_amount").is_null().any().alias("_has_no_line"),
        pl.col("event_count").first(),
        pl.col("quantity").first(),
        pl.col("landed_quantity").first(),
        pl.col("first_delivery_date").first(),
    )
    outcome = (
        pl.when(pl.col("outcome") != "rated")
        .then("outcome")
        # Rated usage without a line would be lost money: null here, which the contract stops.
        .when(~pl.col("_has_no_line"))
        .then(pl.when("_has_amount").then(pl.lit("priced")).otherwise(pl.lit("zero_rated")))
    )
    return per_cell.with_columns(outcome.alias("outcome")).select(UsageOutcomes.schema().keys())


def _taken_back(usage_days: pl.LazyFrame) -> pl.LazyFrame:
    count = pl.col("reversed_count") + pl.col("reversal_count")
    return (
        usage_days.filter(count > 0)
        .join(KINDS, how="cross")
        .with_columns(
            pl.lit("excluded").alias("outcome"),
            pl.lit("reversed").alias("rule"),
            pl.lit("").alias("detail"),
            count.alias("event_count"),
            NOTHING.alias("quantity"),
            pl.col("reversed_quantity").alias("landed_quantity"),
        )
        .select(UsageOutcomes.schema().keys())
    )


def _waiting(reversals: pl.LazyFrame) -> pl.LazyFrame:
    """What waits has no cell: it stands on the UTC day of its own time, without dimensions, and measures nothing."""
    last = reversals.sort("delivery_date").unique(["source", "event_id"], keep="last", maintain_order=True)
    detail = pl.concat_str("correction", pl.lit(" "), "event_id", pl.lit(" of event "), "reversed_event_id")
    return (
        last.filter(pl.col("outcome") == "waiting")
        .join(KINDS, how="cross")
        .select(
            "account_id",
            "meter",
            pl.lit("{}").alias("dimensions"),
            pl.col("occurred_at").dt.date().alias("service_date"),
            "kind",
            pl.lit("suspense").alias("outcome"),
            "rule",
            detail.alias("detail"),
            pl.lit(1, pl.Int64).alias("event_count"),
            NOTHING.alias("quantity"),
            pl.col("quantity").alias("landed_quantity"),
            pl.col("landed_on").alias("first_delivery_date"),
        )
    )
