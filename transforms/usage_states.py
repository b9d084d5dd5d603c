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
    UsageEvents,
    UsageSlots,
    UsageStates,
    ZoneDays,
)
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


def usage_states(
    usage_events: Delivered[UsageEvents],
    repeated_events: Delivered[RepeatedEvents],
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
    Rule:    sum and count are additive: merging the states of several deliveries is adding them.
    """
    accepted = usage_events.select(*EVENT, pl.lit(value=True).alias("is_accepted"))
    duplicates = repeated_events.filter(pl.col("outcome") == "duplicate").select(
        *EVENT, pl.lit(value=False).alias("is_accepted")
    )
    is_accepted = pl.col("is_accepted")
    events = pl.concat([accepted, duplicates])
    moments = (
        with_moment(events, accounts=accounts, usage_slots=usage_slots, zone_days=zone_days)
        .group_by("delivery_date", "is_accepted", *MOMENT)
        .agg(pl.len().cast(pl.Int64).alias("event_count"), pl.col("quantity").sum(), pl.col("amount").sum())
        # Collected: it is used several times from here on, and small.
        .collect()
    )
    cells = cells_of_moments(
        moments.lazy(),
        accounts=accounts,
        account_contracts=account_contracts,
        meters=meters,
        plan_prices=plan_prices,
        price_conditions=price_conditions,
        price_versions=price_versions,
        usage_slots=usage_slots,
        zone_days=zone_days,
    )

    is_valued = pl.col("value_currency") != ""

    def accepted_only(name: str) -> pl.Expr:
        return pl.col(name).filter(is_accepted).sum()

    return (
        cells.group_by("delivery_date", *CELL)
        .agg(
            accepted_only("event_count").alias("event_count"),
            pl.col("event_count").filter(~is_accepted).sum().alias("duplicate_count"),
            accepted_only("measured").alias("quantity"),
            accepted_only("quantity").alias("landed_quantity"),
            pl.col("amount").filter(is_accepted & is_valued).sum(),
        )
        .select(UsageStates.schema().keys())
        .sort(UsageStates.keys)
    )
