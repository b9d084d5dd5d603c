"""The spine of rating: which prices are active in which billing period, whether or not anything was used."""

from datetime import date, timedelta

import polars as pl

from transforms import periods
from transforms.usage_cells import covered_meters

ACCOUNT_CONTRACT = ["account_id", "contract_id"]
METER = ["account_id", "meter"]


def active_prices(
    *,
    account_contracts: pl.LazyFrame,
    plan_prices: pl.LazyFrame,
    price_versions: pl.LazyFrame,
    rates: pl.LazyFrame,
    companies: pl.LazyFrame,
    zone_days: pl.LazyFrame,
    as_of: date,
) -> pl.LazyFrame:
    """List every price that is active under a contract in a billing period, with its first active day.

    Grain: one row per account, contract, price and billing month, from `billing_starts_on` to `as_of`.
    Rule:  a price of the default plan is active where no signed contract covers its meter on the day, as usage of it
           would fall there; the version is the one in force at the first active instant.

    Source: dbt_project/docs/decisions.md#active-prices
    """
    covered = covered_meters(account_contracts, plan_prices, price_versions)
    by_meter = account_contracts.join(covered, on=["contract_id", "plan_id"], how="inner", validate="m:m")
    signed = by_meter.filter(~pl.col("is_default"))
    in_force = pl.concat([signed, _uncovered(by_meter.filter("is_default"), signed)])
    bounds = companies.select("billing_starts_on").with_columns(pl.lit(as_of + timedelta(days=1)).alias("_end"))
    clipped = (
        in_force.join(bounds, how="cross")
        .with_columns(
            pl.max_horizontal("valid_from", "billing_starts_on").alias("valid_from"),
            pl.min_horizontal("valid_to", "_end").alias("valid_to"),
        )
        .filter(pl.col("valid_from") < pl.col("valid_to"))
    )
    months = clipped.with_columns(
        pl.date_ranges(periods.month_start(pl.col("valid_from")), "valid_to", "1mo", closed="left").alias(
            "billing_month"
        )
    ).explode("billing_month")
    active = months.with_columns(
        pl.max_horizontal("valid_from", "billing_month").alias("_first_day"),
        pl.min_horizontal("valid_to", periods.next_month_start(pl.col("billing_month"))).alias("_end_day"),
    )
    spans = active.pipe(periods.with_day_start, zone_days, "_first_day", "_start_at").pipe(
        periods.with_day_start, zone_days, "_end_day", "_end_at"
    )
    earliest = (
        spans.select(*ACCOUNT_CONTRACT, "rate_set_id", "meter", "time_zone", "billing_month", "_start_at", "_end_at")
        .join(rates.filter("is_sold"), on=["rate_set_id", "meter"], how="inner", validate="m:m")
        .filter((pl.col("valid_from_at") < pl.col("_end_at")) & (pl.col("valid_to_at") > pl.col("_start_at")))
        .with_columns(pl.max_horizontal("valid_from_at", "_start_at").alias("active_at"))
        .sort("active_at")
        .unique([*ACCOUNT_CONTRACT, "price_id", "billing_month"], keep="first", maintain_order=True)
    )
    days = zone_days.select("time_zone", "day_start_at", pl.col("local_date").alias("service_date"))
    return periods.latest_at_or_before(earliest, days, at="active_at", since="day_start_at", by=["time_zone"])


def _uncovered(default_plan: pl.LazyFrame, signed: pl.LazyFrame) -> pl.LazyFrame:
    """Cut the life of an account on the default plan, meter by meter, to what no signed contract covers."""
    covered = signed.select(
        *METER, pl.col("valid_from").alias("_covered_from"), pl.col("valid_to").alias("_covered_to")
    )
    # Almost every account on the default plan has nothing else, and nothing is to be cut.
    alone = default_plan.join(covered, on=METER, how="anti")
    beside = default_plan.join(covered, on=METER, how="semi").collect().lazy()
    starts = pl.concat(
        [
            beside.select(*METER, "valid_from", pl.col("valid_from").alias("_start")),
            beside.join(covered, on=METER, how="inner", validate="m:m")
            .filter(periods.covers(pl.col("_covered_to"), "valid_from", "valid_to"))
            .select(*METER, "valid_from", pl.col("_covered_to").alias("_start")),
        ]
    ).unique()
    is_covered = periods.covers(pl.col("_start"), "_covered_from", "_covered_to")
    starts_later = pl.col("_covered_from").filter(pl.col("_covered_from") > pl.col("_start"))
    gaps = (
        starts.join(covered, on=METER, how="left", validate="m:m")
        .group_by(*METER, "valid_from", "_start")
        .agg(is_covered.fill_null(value=False).any().alias("_is_covered"), starts_later.min().alias("_next"))
        .filter(~pl.col("_is_covered"))
        .select(*METER, "valid_from", "_start", "_next")
    )
    uncovered = (
        beside.join(gaps, on=[*METER, "valid_from"], how="inner", validate="1:m")
        .with_columns(pl.col("_start").alias("valid_from"), pl.min_horizontal("valid_to", "_next").alias("valid_to"))
        .drop("_start", "_next")
    )
    return pl.concat([alone, uncovered])
