"""Builder of `usage_days`."""

from datetime import timedelta

import polars as pl

from data_contracts import AccountContracts, Accounts, AsOf, Meters, PlanPrices, PriceVersions, UsageDays, UsageStates
from transforms.usage_cells import CELL, with_contract

# A feed delivers the day's usage on the day, or, west of Greenwich, on the next one; after that it is late.
LATE_AFTER = timedelta(days=1)


def usage_days(
    usage_states: AsOf[UsageStates],
    accounts: AsOf[Accounts],
    account_contracts: AsOf[AccountContracts],
    meters: AsOf[Meters],
    plan_prices: AsOf[PlanPrices],
    price_versions: AsOf[PriceVersions],
) -> AsOf[UsageDays]:
    """Merge the states of all deliveries, and find the contract that each cell falls under.

    Grain:   one row per usage cell; a cell without a contract stays, with the rule by which it waits.
    """
    is_late = pl.col("delivery_date") > pl.col("service_date") + LATE_AFTER
    late_events = pl.when(is_late).then("event_count").otherwise(0).sum()
    merged = usage_states.group_by(CELL).agg(
        pl.col("event_count").sum(),
        late_events.alias("late_event_count"),
        pl.col("duplicate_count").sum(),
        pl.col("quantity").sum(),
        pl.col("landed_quantity").sum(),
        pl.col("amount").sum(),
        pl.col("delivery_date").min().alias("first_delivery_date"),
    )
    resolved = with_contract(
        merged,
        accounts=accounts,
        account_contracts=account_contracts,
        meters=meters,
        plan_prices=plan_prices,
        price_versions=price_versions,
    )
    return resolved.select(UsageDays.schema().keys()).sort(UsageDays.keys)
