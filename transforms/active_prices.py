"""The spine of rating: which prices are active in which billing period, whether or not anything was used."""

from datetime import date, timedelta

import polars as pl

from transforms import periods
from transforms.billing_periods import BILLING_PERIOD, DUE, due_intervals
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

    Grain: one row per account, contract, price and billing period, from `billing_starts_on` to `as_of`; of a price with
           an interval of its own one per period of it within the billing period.
    Rule:  a price of the default plan is active where no signed contract covers its meter on the day, as usage of it
           would fall there; the version is the one in force at the first active instant.

    Source: dbt_project/docs/decisions.md#active-prices
    """
    in_force = _in_force(account_contracts, plan_prices, price_versions)
    bounds = companies.select("billing_starts_on").with_columns(pl.lit(as_of + timedelta(days=1)).alias("_end"))
    clipped = (
        in_force.join(bounds, how="cross")
        .with_columns(
            pl.max_horizontal("valid_from", "billing_starts_on").alias("valid_from"),
            pl.min_horizontal("valid_to", "_end").alias("valid_to"),
        )
        .filter(pl.col("valid_from") < pl.col("valid_to"))
    )
    active = _by_period(clipped).with_columns(
        pl.max_horizontal("valid_from", "billing_period_start").alias("_first_day"),
        pl.min_horizontal("valid_to", "billing_period_end").alias("_end_day"),
    )
    intervals = due_intervals(price_versions)
    by_interval = rates.join(intervals.lazy(), on="price_id", how="inner", validate="m:1")
    by_billing = rates.join(intervals.lazy(), on="price_id", how="anti")
    of_meter = ["rate_set_id", "meter"]
    sold = [_sold(active.with_columns(pl.col("billing_period_start").alias(DUE)), by_billing, zone_days, by=of_meter)]
    if not intervals.is_empty():
        due = _by_due_period(active, intervals["due_interval"].unique().sort())
        sold.append(_sold(due, by_interval, zone_days, by=[*of_meter, "due_interval"]).drop("due_interval"))
    earliest = (
        pl.concat(sold)
        .sort("active_at")
        .unique([*ACCOUNT_CONTRACT, "price_id", "billing_period_start", DUE], keep="first", maintain_order=True)
    )
    return _with_local_date(earliest, zone_days, "active_at", "service_date")


def covered_periods(
    asked: pl.LazyFrame,
    *,
    account_contracts: pl.LazyFrame,
    plan_prices: pl.LazyFrame,
    price_versions: pl.LazyFrame,
    rates: pl.LazyFrame,
    companies: pl.LazyFrame,
    zone_days: pl.LazyFrame,
    as_of: date,
) -> pl.LazyFrame:
    """Say how a price was active in billing periods: on how many days, until when, and by which version at the end.

    Grain: one row per row of `asked` (account, contract, price, billing period; further columns are kept) in which the
           price was active up to `as_of`. Adds `price_version_id`, `list_price_version_id`, `last_day`, `covered_days`.
    Rule:  days before `billing_starts_on` are not covered: nothing was billed for them. Example: of 31 July to 30
           August, where billing starts with August, 30 days.
    """
    meters = price_versions.select("price_id", "meter").unique()
    of_accounts = account_contracts.join(asked.select("account_id").unique(), on="account_id", how="semi")
    spans = (
        _in_force(of_accounts, plan_prices, price_versions)
        .join(
            asked.join(meters, on="price_id", how="inner", validate="m:1"),
            on=[*ACCOUNT_CONTRACT, "meter"],
            how="inner",
            validate="m:m",
            suffix="_asked",
        )
        .join(zone_days.select(pl.col("local_date").min().alias("_calendar_from")), how="cross")
        .with_columns(
            # A period may begin before the calendar does, which knows no instant of such a day.
            pl.max_horizontal("valid_from", "billing_period_start", "_calendar_from").alias("_first_day"),
            pl.min_horizontal("valid_to", "billing_period_end", pl.lit(as_of + timedelta(days=1))).alias("_end_day"),
        )
        .filter(pl.col("_first_day") < pl.col("_end_day"))
    )
    sold = (
        _sold(spans, rates, zone_days, by=["rate_set_id", "price_id"])
        .with_columns((pl.min_horizontal("valid_to_at", "_end_at") - pl.duration(microseconds=1)).alias("_until_at"))
        .pipe(_with_local_date, zone_days, "active_at", "_from_day")
        .pipe(_with_local_date, zone_days, "_until_at", "_until_day")
    )
    period = [*ACCOUNT_CONTRACT, "price_id", "billing_period_start"]
    # Days, not spans: two versions can share a day.
    days = (
        sold.select(*period, pl.date_ranges("_from_day", "_until_day").alias("_day"))
        .explode("_day")
        .join(companies.select("billing_starts_on"), how="cross")
        .group_by(period)
        .agg(
            pl.col("_day")
            .filter(pl.col("_day") >= pl.col("billing_starts_on"))
            .n_unique()
            .cast(pl.Int64)
            .alias("covered_days"),
            pl.col("_day").max().alias("last_day"),
        )
    )
    last = sold.sort("active_at").group_by(period, maintain_order=True).last()
    return asked.join(
        last.select(*period, "price_version_id", "list_price_version_id"), on=period, how="inner", validate="m:1"
    ).join(days, on=period, how="inner", validate="m:1")


def _in_force(account_contracts: pl.LazyFrame, plan_prices: pl.LazyFrame, price_versions: pl.LazyFrame) -> pl.LazyFrame:
    """Say which meters each contract covers from which day to which, the default plan where no signed one does."""
    covered = covered_meters(account_contracts, plan_prices, price_versions)
    by_meter = account_contracts.join(covered, on=["contract_id", "plan_id"], how="inner", validate="m:m")
    signed = by_meter.filter(~pl.col("is_default"))
    return pl.concat([signed, _uncovered(by_meter.filter("is_default"), signed)])


def _by_period(spans: pl.LazyFrame) -> pl.LazyFrame:
    """Cut spans of days, which end with a day that is no longer in them, to the billing periods of their contracts."""
    rhythm = [pl.col("billing_interval"), pl.col("billing_anchor_date")]
    return _cut(spans, "valid_from", "valid_to", rhythm, *BILLING_PERIOD)


def _by_due_period(spans: pl.LazyFrame, intervals: pl.Series) -> pl.LazyFrame:
    """Cut spans of days within billing periods further, once by each interval that a price has of its own."""
    rhythm = [pl.col("due_interval"), pl.col("billing_anchor_date")]
    each = spans.join(intervals.to_frame().lazy(), how="cross")
    return (
        _cut(each, "_first_day", "_end_day", rhythm, DUE, "_due_to")
        .with_columns(
            pl.max_horizontal("_first_day", DUE).alias("_first_day"),
            pl.min_horizontal("_end_day", "_due_to").alias("_end_day"),
        )
        .drop("_due_to")
    )


def _cut(spans: pl.LazyFrame, since: str, until: str, rhythm: list[pl.Expr], start: str, end: str) -> pl.LazyFrame:
    """Repeat each span, whose last day is the one before `until`, for every period that it touches."""
    first = periods.number(pl.col(since), *rhythm)
    last = periods.number(pl.col(until).dt.offset_by("-1d"), *rhythm)
    place = pl.col("_period")
    return (
        spans.with_columns(pl.int_ranges(first, last + 1).alias("_period"))
        .explode("_period")
        .with_columns(periods.start(place, *rhythm).alias(start), periods.start(place + 1, *rhythm).alias(end))
        .drop("_period")
    )


def _sold(spans: pl.LazyFrame, rates: pl.LazyFrame, zone_days: pl.LazyFrame, *, by: list[str]) -> pl.LazyFrame:
    """Cut spans of days to the versions that are sold in them; `active_at` is the first instant of each piece."""
    kept = [*ACCOUNT_CONTRACT, *by, "time_zone", *BILLING_PERIOD, DUE, "_start_at", "_end_at"]
    columns = [name for name in kept if name != DUE or name in spans.collect_schema()]
    return (
        spans.pipe(periods.with_day_start, zone_days, "_first_day", "_start_at")
        .pipe(periods.with_day_start, zone_days, "_end_day", "_end_at")
        .select(columns)
        .join(rates.filter("is_sold"), on=by, how="inner", validate="m:m")
        .filter((pl.col("valid_from_at") < pl.col("_end_at")) & (pl.col("valid_to_at") > pl.col("_start_at")))
        .with_columns(pl.max_horizontal("valid_from_at", "_start_at").alias("active_at"))
    )


def _with_local_date(frame: pl.LazyFrame, zone_days: pl.LazyFrame, at: str, into: str) -> pl.LazyFrame:
    days = zone_days.select("time_zone", pl.col("day_start_at").alias("_since"), pl.col("local_date").alias(into))
    return periods.latest_at_or_before(frame, days, at=at, since="_since", by=["time_zone"]).drop("_since")


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
