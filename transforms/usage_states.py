"""Builder of `usage_states`."""

from functools import partial

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
from transforms.reversed_usage import NOTHING, corrections, is_empty, signed
from transforms.usage_cells import CELL, with_cell

EVENT = [
    "delivery_date",
    "account_id",
    "contract_id",
    "meter",
    "dimensions",
    "value_currency",
    "occurred_at",
    "quantity",
    "amount",
]


IS_NEGATIVE = (pl.col("quantity") < 0) | (pl.col("amount") < 0).fill_null(value=False)


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
    in_cells = partial(
        with_cell,
        accounts=accounts,
        account_contracts=account_contracts,
        meters=meters,
        plan_prices=plan_prices,
        price_conditions=price_conditions,
        price_versions=price_versions,
        usage_slots=usage_slots,
        zone_days=zone_days,
    )
    states = _of_events(in_cells(_landed(usage_events, repeated_events)))
    if not is_empty(reversals):
        states = _added(states, _of_corrections(in_cells(corrections(reversals))))
    return states.select(UsageStates.schema().keys()).sort(UsageStates.keys)


def _landed(usage_events: pl.LazyFrame, repeated_events: pl.LazyFrame) -> pl.LazyFrame:
    accepted = usage_events.select(*EVENT, pl.lit(value=True).alias("is_accepted"))
    # A reversal has no cell of its own, so its duplicate is counted by intake only.
    is_duplicate = (pl.col("outcome") == "duplicate") & pl.col("reverses_event_id").is_null()
    duplicates = repeated_events.filter(is_duplicate).select(*EVENT, pl.lit(value=False).alias("is_accepted"))
    return pl.concat([accepted, duplicates])


def _of_events(events: pl.LazyFrame) -> pl.LazyFrame:
    is_accepted = pl.col("is_accepted")
    return events.group_by("delivery_date", *CELL).agg(
        is_accepted.sum().cast(pl.Int64).alias("event_count"),
        pl.lit(0, pl.Int64).alias("reversed_count"),
        pl.lit(0, pl.Int64).alias("reversal_count"),
        (is_accepted & IS_NEGATIVE).sum().cast(pl.Int64).alias("negative_count"),
        (~is_accepted).sum().cast(pl.Int64).alias("duplicate_count"),
        pl.when(is_accepted).then("measured").otherwise(NOTHING).sum().alias("quantity"),
        pl.when(is_accepted).then("quantity").otherwise(NOTHING).sum().alias("landed_quantity"),
        NOTHING.alias("reversed_quantity"),
    )


def _of_corrections(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.group_by("delivery_date", *CELL).agg(
        pl.col("event_count", "reversed_count", "reversal_count").sum(),
        pl.when(IS_NEGATIVE).then("sign").otherwise(0).sum().cast(pl.Int64).alias("negative_count"),
        pl.lit(0, pl.Int64).alias("duplicate_count"),
        signed(pl.col("measured")).sum().alias("quantity"),
        signed(pl.col("quantity")).sum().alias("landed_quantity"),
        pl.col("taken_quantity").sum().alias("reversed_quantity"),
    )


def _added(states: pl.LazyFrame, corrected: pl.LazyFrame) -> pl.LazyFrame:
    """Add up both; a cell in which nothing is left was only that of a reversal before its event gave it one."""
    return (
        pl.concat([states, corrected], how="diagonal")
        .group_by("delivery_date", *CELL)
        .agg(pl.all().sum())
        .filter(pl.sum_horizontal("event_count", "reversed_count", "reversal_count", "duplicate_count") > 0)
    )
