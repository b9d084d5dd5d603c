"""Builder of `cost_shares`."""

import polars as pl

from data_contracts import (
    AsOf,
    Companies,
    CostMeters,
    Costs,
    CostShares,
    Currencies,
    ExchangeRates,
    UsageDays,
)
from data_contracts.cost_shares import UNALLOCATED
from data_contracts.vocabulary import QUANTITY
from transforms import exchange, money
from transforms.allocation import with_shares

PERIOD = ["mapping_id", "charge_date", "charge_end_date"]
POOL = ["provider_name", "billing_account_id", "billing_period_start", *PERIOD, "product_id", "currency"]
AMOUNTS = ["list_cost", "contracted_cost", "billed_cost", "effective_cost"]
WEIGHTS = ["weight", "pool_weight"]
# An exact amount ends at 10^14, whatever the rate: a share beyond this bound has no amount in the reporting currency.
LARGEST = 10**10


def cost_shares(
    costs: AsOf[Costs],
    usage_days: AsOf[UsageDays],
    cost_meters: AsOf[CostMeters],
    exchange_rates: AsOf[ExchangeRates],
    companies: AsOf[Companies],
    currencies: AsOf[Currencies],
) -> AsOf[CostShares]:
    """Bring what providers bill to the accounts: directly, or shared by their usage in the charge's own period.

    Grain:   one row per pool, allocation method and account.
    Rule:    an account's weight is its usage of the mapping's meters on the days that the charge touches, priced or
             not; a net usage of zero or less bears nothing. A pool that nobody used stays whole, `unallocated`.
    Source:  dbt_project/docs/decisions.md#shared-cost-follows-usage
    """
    by_account = costs.group_by(*POOL, "allocation_method", "account_id").agg(
        pl.len().cast(pl.Int64).alias("charge_count"), *(_unless_unknown(name) for name in AMOUNTS)
    )
    is_shared = pl.col("allocation_method") == "usage"
    direct = by_account.filter(~is_shared).with_columns(pl.lit(None, QUANTITY).alias(name) for name in WEIGHTS)
    pools = by_account.filter(is_shared).drop("account_id")
    weights = _weights(pools.select(PERIOD).unique(), usage_days, cost_meters)
    unused = pools.join(weights, on=PERIOD, how="anti").with_columns(
        pl.lit(UNALLOCATED).alias("allocation_method"),
        pl.lit(UNALLOCATED).alias("account_id"),
        *(pl.lit(None, QUANTITY).alias(name) for name in WEIGHTS),
    )
    parts = pools.rename({name: f"pool_{name}" for name in AMOUNTS}).join(
        weights, on=PERIOD, how="inner", validate="m:m"
    )
    shared = with_shares(
        parts, pool=POOL, key=["account_id"], weight="weight", amounts={f"pool_{name}": name for name in AMOUNTS}
    )
    whole = [name for name in CostShares.schema() if name not in ("billed_cost_reporting", "fx_rate_date")]
    shares = pl.concat([each.select(whole) for each in (direct, shared, unused)])
    is_bounded = pl.col("billed_cost").abs() < LARGEST
    reported = exchange.with_reporting(
        shares.with_columns(pl.when(is_bounded).then("billed_cost").alias("_bounded")),
        exchange_rates,
        companies,
        currencies,
        day="charge_date",
        billed_cost_reporting=money.to_provider_scale(exchange.converted_exact("_bounded")),
    )
    return reported.select(CostShares.schema().keys()).sort(CostShares.keys)


def _unless_unknown(name: str) -> pl.Expr:
    """The sum; unknown as soon as one charge does not say: a sum over the others would look like all of it."""
    return pl.when(pl.col(name).is_not_null().all()).then(pl.col(name).sum()).alias(name)


def _weights(periods: pl.LazyFrame, usage_days: pl.LazyFrame, cost_meters: pl.LazyFrame) -> pl.LazyFrame:
    """Return each account's usage in each charge period, where it is above zero, beside that of all."""
    days = periods.with_columns(
        pl.date_ranges("charge_date", "charge_end_date", closed="left").alias("service_date")
    ).explode("service_date")
    used = usage_days.group_by("account_id", "meter", "service_date").agg(pl.col("quantity").sum())
    return (
        days.join(cost_meters, on="mapping_id", how="inner", validate="m:m")
        .join(used, on=["meter", "service_date"], how="inner", validate="m:m")
        .group_by(*PERIOD, "account_id")
        .agg(pl.col("quantity").sum().alias("weight"))
        .filter(pl.col("weight") > 0)
        .with_columns(pl.col("weight").sum().over(PERIOD).alias("pool_weight"))
    )
