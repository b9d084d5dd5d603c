"""Builder of `usage_outcomes`."""

import polars as pl

from data_contracts import AsOf, LineItems, PricedUsage, UsageOutcomes
from transforms.usage_cells import CELL

OF_THE_LINE = ["contract_id", "price_version_id", "line_dimensions", "currency", "service_date"]


def usage_outcomes(priced_usage: AsOf[PricedUsage], line_items: AsOf[LineItems]) -> AsOf[UsageOutcomes]:
    """Say what became of all accepted usage, once for revenue and once for cost.

    Grain:   one row per account, meter, dimensions, day, kind, outcome, rule and detail.
    Rule:    rated usage is priced when one of its lines has an amount, else zero-rated (free units, a free tier).
             Additive prices give a cell several lines; its events count once.
    """
    amounts = (
        line_items.filter(pl.col("charge_kind") == "usage")
        .rename({"dimensions": "line_dimensions"})
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
    return (
        per_cell.with_columns(outcome.alias("outcome"))
        .group_by(UsageOutcomes.keys)
        .agg(
            pl.col("event_count").sum(),
            pl.col("quantity").sum(),
            pl.col("landed_quantity").sum(),
            pl.col("first_delivery_date").min(),
        )
        .select(UsageOutcomes.schema().keys())
        .sort(UsageOutcomes.keys)
    )
