"""What counts units: whose they are, since when, and with which versions of a price.

A counter is (owner, price, version with which it began, group, first day). Owner is the contract or, pooled, its payer.
It begins anew with each billing period (or `tier_period`) and with each version that does not `continue`.
"""

from collections.abc import Sequence

import polars as pl

from data_contracts.vocabulary import BEGINNING
from transforms import periods

COUNTER = ["counter_owner", "price_id", "counter_version_id", "dimensions", "counter_start"]
OF_COUNTER = ["counter_owner", "counter_version_id", "counter_start"]
TERMS = ["counter_version_id", "tier_period", "pool"]
# Of a counter that the lines of several contracts or versions share, what came first on a day.
IN_DAY = ["started_at", "account_id", "contract_id", "price_version_id"]


def are_shared(price_versions: pl.LazyFrame) -> bool:
    """Whether any price counts otherwise than each contract, version and billing period for itself."""
    is_other = (
        pl.col("counter_version_id").is_not_null()
        | (pl.col("tier_period") != "billing")
        | (pl.col("pool") != "account")
    )
    # Collected, because it decides what is built, and the book is small.
    return not price_versions.filter(is_other).select("price_id").head(1).collect().is_empty()


def with_counter(
    lines: pl.LazyFrame, price_versions: pl.LazyFrame, account_contracts: pl.LazyFrame, *, day: str = "service_date"
) -> pl.LazyFrame:
    """Add `OF_COUNTER` to rows that have a contract, a version with its currency and a billing period."""
    if not are_shared(price_versions):
        return lines.with_columns(
            pl.col("contract_id").alias("counter_owner"),
            pl.col("price_version_id").alias("counter_version_id"),
            pl.col("billing_period_start").alias("counter_start"),
        )
    terms = price_versions.select("price_version_id", "currency", *TERMS)
    payers = account_contracts.select("account_id", "contract_id", "valid_from", "valid_to", "payer_id")
    columns = [*lines.collect_schema().names(), *OF_COUNTER]
    counted = lines.join(terms, on=["price_version_id", "currency"], how="left", validate="m:1").with_columns(
        pl.coalesce("counter_version_id", "price_version_id").alias("counter_version_id"),
        _start(pl.col(day)).alias("counter_start"),
        pl.col("contract_id").alias("counter_owner"),
    )
    is_pooled = (pl.col("pool") == "payer").fill_null(value=False)
    pooled = (
        counted.filter(is_pooled)
        .join(payers, on=["account_id", "contract_id"], how="inner", validate="m:m")
        .filter(periods.covers(pl.col(day), "valid_from", "valid_to"))
        .with_columns(pl.col("payer_id").alias("counter_owner"))
    )
    return pl.concat([counted.filter(~is_pooled).select(columns), pooled.select(columns)])


def _start(day: pl.Expr) -> pl.Expr:
    """First day of what a counter spans: the billing period, a month, quarter or year of the calendar, or all days."""
    period = pl.col("tier_period")
    start = pl.when(period == "term").then(pl.lit(BEGINNING, dtype=pl.Date)).otherwise("billing_period_start")
    for name, months in periods.MONTHS.items():
        start = pl.when(period == name).then(day.dt.truncate(f"{months}mo")).otherwise(start)
    return start


def with_shared_group(cells: pl.LazyFrame, price_versions: pl.LazyFrame, *, group: str) -> pl.LazyFrame:
    """Let all groups of a price with shared tiers be one: the column `group` says the price's conditions for them."""
    if not share_tiers(price_versions):
        return cells
    shared = price_versions.filter("shares_tiers").select("price_id", pl.col("conditions").alias("_shared")).unique()
    return (
        cells.join(shared, on="price_id", how="left", validate="m:1")
        .with_columns(pl.coalesce("_shared", group).alias(group))
        .drop("_shared")
    )


def share_tiers(price_versions: pl.LazyFrame) -> bool:
    """Whether the groups of any price are rated as one sum."""
    # Collected, because it decides what is built, and the book is small.
    return not price_versions.filter("shares_tiers").select("price_id").head(1).collect().is_empty()


def order(price_versions: pl.LazyFrame) -> Sequence[str]:
    """Return the columns by which the lines of a counter stand; alone, a counter has one line a day."""
    return ["service_date", *IN_DAY] if are_shared(price_versions) else ["service_date"]
