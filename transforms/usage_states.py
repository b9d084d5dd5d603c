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
from data_contracts.vocabulary import QUANTITY
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
    events = with_cell(
        pl.concat([accepted, duplicates]),
        accounts=accounts,
        account_contracts=account_contracts,
        meters=meters,
        plan_prices=plan_prices,
        price_conditions=price_conditions,
        price_versions=price_versions,
        usage_slots=usage_slots,
        zone_days=zone_days,
    )
    is_accepted = pl.col("is_accepted")
    is_valued = pl.col("value_currency") != ""
    nothing = pl.lit(0).cast(QUANTITY)
    return (
        events.group_by("delivery_date", *CELL)
        .agg(
            is_accepted.sum().cast(pl.Int64).alias("event_count"),
            (~is_accepted).sum().cast(pl.Int64).alias("duplicate_count"),
            pl.when(is_accepted).then("measured").otherwise(nothing).sum().alias("quantity"),
            pl.when(is_accepted).then("quantity").otherwise(nothing).sum().alias("landed_quantity"),
            pl.when(is_accepted & is_valued).then("amount").otherwise(nothing).sum().alias("amount"),
        )
        .select(UsageStates.schema().keys())
        .sort(UsageStates.keys)
    )
