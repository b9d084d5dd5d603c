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
from transforms.reversed_usage import NOTHING, corrections, is_empty, is_negative
from transforms.usage_cells import CELL, MOMENT, cells_of_moments, with_moment

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


OF_CORRECTIONS = ["negative_count", "reversed_count", "reversal_count", "reversed_quantity"]


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
    accepted = usage_events.select(*EVENT, pl.lit(value=True).alias("is_accepted"))
    # A reversal has no cell of its own, so its duplicate is counted by intake only.
    is_duplicate = (pl.col("outcome") == "duplicate") & pl.col("reverses_event_id").is_null()
    duplicates = repeated_events.filter(is_duplicate).select(*EVENT, pl.lit(value=False).alias("is_accepted"))
    is_accepted = pl.col("is_accepted")
    in_moments = partial(with_moment, accounts=accounts, usage_slots=usage_slots, zone_days=zone_days)
    moments = (
        in_moments(pl.concat([accepted, duplicates]))
        # Counted before grouping: inside of it the same costs a quarter of the whole step.
        .with_columns(is_negative().cast(pl.Int64).alias("negative_count"))
        .group_by("delivery_date", "is_accepted", *MOMENT)
        .agg(
            pl.len().cast(pl.Int64).alias("event_count"),
            pl.col("quantity").sum(),
            pl.col("amount").sum(),
            pl.col("negative_count").sum(),
        )
        .with_columns(
            pl.lit(0, pl.Int64).alias("reversed_count"),
            pl.lit(0, pl.Int64).alias("reversal_count"),
            NOTHING.alias("reversed_quantity"),
        )
    )
    if not is_empty(reversals):
        taken_back = in_moments(corrections(reversals)).with_columns(is_accepted=pl.lit(value=True))
        moments = pl.concat([moments, taken_back.select(moments.collect_schema().names())])
    cells = cells_of_moments(
        # Collected: it is used several times from here on, and small.
        moments.collect().lazy(),
        accounts=accounts,
        account_contracts=account_contracts,
        meters=meters,
        plan_prices=plan_prices,
        price_conditions=price_conditions,
        price_versions=price_versions,
        usage_slots=usage_slots,
        zone_days=zone_days,
    )

    # Set to nothing before grouping, so that inside of it there is nothing but sums: half the time.
    def accepted_only(name: str) -> pl.Expr:
        return pl.when(is_accepted).then(name).otherwise(pl.lit(0).cast(cells.collect_schema()[name]))

    added = {"quantity": "measured", "landed_quantity": "quantity", "amount": "amount"}
    added |= {name: name for name in ("event_count", *OF_CORRECTIONS)}
    is_valued = pl.col("value_currency") != ""
    contributed = cells.select(
        "delivery_date",
        *CELL,
        pl.when(is_accepted).then(0).otherwise("event_count").alias("duplicate_count"),
        *[accepted_only(name).alias(into) for into, name in added.items() if into != "amount"],
        pl.when(is_valued).then(accepted_only("amount")).otherwise(NOTHING).alias("amount"),
    )
    return (
        contributed.group_by("delivery_date", *CELL)
        .agg(pl.exclude("delivery_date", *CELL).sum())
        # A reversal stood in a cell of its own until it was taken off there again.
        .filter(pl.any_horizontal(pl.col("event_count", "reversed_count", "reversal_count", "duplicate_count") != 0))
        .select(UsageStates.schema().keys())
        .sort(UsageStates.keys)
    )
