"""Builder of `usage_days`."""

from datetime import timedelta

import polars as pl

from data_contracts import AccountContracts, Accounts, AsOf, Meters, PlanPrices, PriceVersions, UsageDays, UsageStates
from transforms.codes import on_codes
from transforms.usage_cells import CELL, with_contract

# A feed delivers the day's usage on the day, or, west of Greenwich, on the next one; after that it is late.
LATE_AFTER = timedelta(days=1)


@on_codes(*UsageDays.keys)
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
    late_events = pl.when(is_late).then(pl.col("event_count") + pl.col("reversed_count")).otherwise(0).sum()
    merged = usage_states.group_by(CELL).agg(
        pl.col("event_count").sum(),
        pl.col("reversed_count").sum(),
        pl.col("reversal_count").sum(),
        pl.col("negative_count").sum(),
        late_events.alias("late_event_count"),
        pl.col("duplicate_count").sum(),
        pl.col("quantity").sum(),
        pl.col("landed_quantity").sum(),
        pl.col("reversed_quantity").sum(),
        pl.col("amount").sum(),
        pl.col("delivery_date").min().alias("first_delivery_date"),
    )
    resolved = with_contract(
        # Collected: what is asked of it goes back to it three times.
        merged.collect().lazy(),
        accounts=accounts,
        account_contracts=account_contracts,
        meters=meters,
        plan_prices=plan_prices,
        price_versions=price_versions,
    )
    return _without_refused_sign(resolved, meters).select(UsageDays.schema().keys())


def _without_refused_sign(cells: pl.LazyFrame, meters: pl.LazyFrame) -> pl.LazyFrame:
    """Hold a cell with events below 0 of a meter that has none: they came before the book said so."""
    unsigned = meters.filter(pl.col("negative") == "reject").select("meter", pl.lit(value=True).alias("_is_unsigned"))
    judged = cells.join(unsigned, on="meter", how="left", validate="m:1")
    is_refused = pl.col("suspense_rule").is_null() & pl.col("_is_unsigned") & (pl.col("negative_count") > 0)
    is_held = is_refused.fill_null(value=False)
    told = pl.concat_str(
        pl.lit("meter "), "meter", pl.lit(" takes no events below 0, and "), "negative_count", pl.lit(" of them are")
    )
    return judged.with_columns(
        pl.when(is_held).then(pl.lit("negative_usage")).otherwise("suspense_rule").alias("suspense_rule"),
        pl.when(is_held).then(told).otherwise("suspense_detail").alias("suspense_detail"),
        *[pl.when(~is_held).then(name).alias(name) for name in ("contract_id", "rate_set_id")],
    )
