"""Builder of `usage_outcomes`."""

import polars as pl

from data_contracts import (
    AccountContracts,
    AsOf,
    Delivered,
    LineItems,
    PricedUsage,
    Rates,
    Reversals,
    UsageDays,
    UsageLevels,
    UsageOutcomes,
)
from transforms.billing_periods import with_billing_period
from transforms.levels import OF_THE_COUNTER, standing_cells, with_quantity
from transforms.priced_usage import KINDS, costed
from transforms.reversed_usage import NOTHING
from transforms.usage_cells import CELL

NOT_COSTED = "not_costed"
EACH_KIND = pl.LazyFrame({"kind": KINDS})
OF_THE_LINE = ["contract_id", "price_version_id", "line_dimensions", "currency", "service_date"]


def usage_outcomes(
    usage_days: AsOf[UsageDays],
    usage_levels: AsOf[UsageLevels],
    rates: AsOf[Rates],
    account_contracts: AsOf[AccountContracts],
    reversals: Delivered[Reversals],
    priced_usage: AsOf[PricedUsage],
    line_items: AsOf[LineItems],
) -> AsOf[UsageOutcomes]:
    """Say what became of all accepted usage, once for revenue and once for cost.

    Grain:   one row per account, meter, dimensions, day, kind, outcome, rule and detail.
    Rule:    rated usage is priced when one of its lines has an amount, else zero-rated (free units, a free tier).
             Additive prices give a cell several lines; its events count once. Events that were taken back are excluded
             as `reversed`, with the rows that did it; a reversal whose event is not there waits by its rule. As cost,
             usage of a meter without any cost price is excluded as `not_costed`.
    """
    parts = [
        _of_cells(priced_usage, line_items),
        _not_costed(usage_days, usage_levels, rates, account_contracts, priced_usage),
        _taken_back(usage_days),
        _waiting(reversals),
    ]
    outcomes = pl.concat(parts)
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


def _not_costed(
    usage_days: pl.LazyFrame,
    usage_levels: pl.LazyFrame,
    rates: pl.LazyFrame,
    account_contracts: pl.LazyFrame,
    priced_usage: pl.LazyFrame,
) -> pl.LazyFrame:
    """The cells that `priced_usage` does not know as cost; null where a cost price should have had a say."""
    as_cost = priced_usage.filter(pl.col("kind") == "cost").select(CELL)
    cells = (
        standing_cells(usage_days, usage_levels)
        .join(as_cost, on=CELL, how="anti")
        .join(costed(rates), on=["rate_set_id", "meter"], how="left", validate="m:1")
        .with_columns(
            pl.lit("cost").alias("kind"),
            pl.when(pl.col("is_costed").is_null()).then(pl.lit("excluded")).alias("outcome"),
            pl.lit(NOT_COSTED).alias("rule"),
            pl.concat_str(pl.lit("no cost price for meter "), "meter").alias("detail"),
            *[pl.lit(None, pl.String).alias(name) for name in ("model", "line_dimensions", *OF_THE_COUNTER)],
        )
        .with_columns(pl.lit("").alias("price_id"))
        .pipe(with_billing_period, account_contracts)
    )
    return with_quantity(cells, usage_levels).select(UsageOutcomes.schema().keys())


def _taken_back(usage_days: pl.LazyFrame) -> pl.LazyFrame:
    count = pl.col("reversed_count") + pl.col("reversal_count")
    return (
        usage_days.filter(count > 0)
        .join(EACH_KIND, how="cross")
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
        .join(EACH_KIND, how="cross")
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
