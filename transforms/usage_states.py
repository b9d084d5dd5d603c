"""Builder of `usage_states`."""

import polars as pl

from data_contracts import (
    AccountContracts,
    Accounts,
    AsOf,
    Delivered,
    Meters,
    PlanPrices,
    PriceConditions,
    PriceVersions,
    RepeatedEvents,
    Reversals,
    UsageEvents,
    UsageSlots,
    UsageStates,
    ZoneDays,
)
from transforms.codes import on_codes
from transforms.reversed_usage import NOTHING, corrections, is_empty, is_negative
from transforms.usage_cells import CELL, MOMENT, NAMES, OF_WHICH_MOMENT, cells_of_moments, with_moment

EVENT = ["delivery_date", *NAMES, "occurred_at", "quantity", "amount"]
COUNTS = ["event_count", "reversed_count", "reversal_count", "negative_count", "duplicate_count"]


@on_codes(*UsageStates.keys)
def usage_states(
    usage_events: Delivered[UsageEvents],
    repeated_events: Delivered[RepeatedEvents],
    reversals: Delivered[Reversals],
    accounts: AsOf[Accounts],
    account_contracts: AsOf[AccountContracts],
    meters: AsOf[Meters],
    plan_prices: AsOf[PlanPrices],
    price_conditions: AsOf[PriceConditions],
    price_versions: AsOf[PriceVersions],
    usage_slots: AsOf[UsageSlots],
    zone_days: AsOf[ZoneDays],
) -> AsOf[UsageStates]:
    """Add up what a delivery contributes to each usage cell: sums and counts, from which any night is merged.

    Grain:   one row per delivery and cell. Duplicates are counted beside the usage, and add nothing to it.
    Rule:    sum and count are additive: merging the states of several deliveries is adding them. What a delivery takes
             back it subtracts in the cell of the event, whichever delivery brought that.
    """
    reference: dict[str, pl.LazyFrame] = {
        "accounts": accounts,
        "account_contracts": account_contracts,
        "meters": meters,
        "plan_prices": plan_prices,
        "price_conditions": price_conditions,
        "price_versions": price_versions,
        "usage_slots": usage_slots,
        "zone_days": zone_days,
    }
    of_moment = {name: reference[name] for name in OF_WHICH_MOMENT}
    rows = pl.concat([_accepted(usage_events), _duplicates(repeated_events)])
    moments = (
        with_moment(rows, **of_moment)
        # Counted before grouping: inside of it the same costs a quarter of the whole step.
        .with_columns(is_negative().cast(pl.Int64).alias("negative_count"))
        .group_by("delivery_date", *MOMENT)
        .agg(
            pl.col("is_accepted").sum().cast(pl.Int64).alias("event_count"),
            pl.len().cast(pl.Int64).alias("duplicate_count"),
            pl.col("quantity").sum(),
            pl.col("amount").sum(),
            pl.col("negative_count").sum(),
        )
        .with_columns(
            pl.lit(0, pl.Int64).alias("reversed_count"),
            pl.lit(0, pl.Int64).alias("reversal_count"),
            (pl.col("duplicate_count") - pl.col("event_count")).alias("duplicate_count"),
            NOTHING.alias("reversed_quantity"),
        )
    )
    has_corrections = not is_empty(reversals)
    if has_corrections:
        taken_back = corrections(reversals).with_columns(pl.lit(0, pl.Int64).alias("duplicate_count"))
        changed = with_moment(taken_back, **of_moment)
        moments = pl.concat([moments, changed.select(moments.collect_schema().names())])
    # Collected: it is used several times from here on, and small.
    moments = moments.collect().lazy()
    # Where no price can change inside a day and nothing was taken back, moments are cells, and cells are moments.
    one_to_one = ~pl.lit(has_corrections) & pl.col("is_settled")
    settled = _contributed(cells_of_moments(moments.filter(one_to_one), **reference))
    others = (
        _contributed(cells_of_moments(moments.filter(~one_to_one), **reference))
        .group_by("delivery_date", *CELL)
        .agg(pl.exclude("delivery_date", *CELL).sum())
        # A reversal stood in a cell of its own until it was taken off there again.
        .filter(pl.any_horizontal(pl.col(name) != 0 for name in COUNTS if name != "negative_count"))
    )
    columns = list(UsageStates.schema())
    return pl.concat([settled.select(columns), others.select(columns)])


def _contributed(cells: pl.LazyFrame) -> pl.LazyFrame:
    return cells.select(
        "delivery_date",
        *CELL,
        *COUNTS,
        pl.col("measured").alias("quantity"),
        pl.col("quantity").alias("landed_quantity"),
        "reversed_quantity",
        pl.when(pl.col("value_currency") != "").then("amount").otherwise(NOTHING).alias("amount"),
    )


def _accepted(usage_events: pl.LazyFrame) -> pl.LazyFrame:
    return usage_events.select(*EVENT, pl.lit(value=True).alias("is_accepted"))


def _duplicates(repeated_events: pl.LazyFrame) -> pl.LazyFrame:
    """The duplicates, which are counted and add nothing; that of a reversal has no cell, and intake counts it only."""
    is_duplicate = (pl.col("outcome") == "duplicate") & pl.col("reverses_event_id").is_null()
    return repeated_events.filter(is_duplicate).select(
        *[NOTHING.alias(name) if name in ("quantity", "amount") else pl.col(name) for name in EVENT],
        pl.lit(value=False).alias("is_accepted"),
    )
