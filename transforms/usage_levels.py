"""Builder of `usage_levels`."""

from datetime import date

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
    Reversals,
    UsageEvents,
    UsageLevels,
    UsageSlots,
    ZoneDays,
)
from transforms import dimensions, periods
from transforms.aggregations import HELD, LEVELS, Aggregation
from transforms.aggregations.weighted_sum import LARGEST_LEVEL
from transforms.billing_periods import BILLING_PERIOD, with_billing_period
from transforms.reversed_usage import standing
from transforms.usage_cells import CELL, with_cell, with_contract
from transforms.zone_days import FALLBACK_ZONE, day_start

ROW = [*CELL, "counted_value"]
# What holds a level through days and slots.
HOLDER = [name for name in ROW if name not in ("service_date", "slot_at")]
DAY = [*HOLDER, "service_date"]
OF_THE_METER = ["aggregation", "carries_over", "lasts"]
OF_THE_CONTRACT = ["contract_id", "rate_set_id", "time_zone", "suspense_rule", "suspense_detail"]
OF_THE_PERIOD = ["billing_period_start", "period_microseconds"]


def usage_levels(
    usage_events: Delivered[UsageEvents],
    reversals: Delivered[Reversals],
    accounts: AsOf[Accounts],
    account_contracts: AsOf[AccountContracts],
    meters: AsOf[Meters],
    plan_prices: AsOf[PlanPrices],
    price_conditions: AsOf[PriceConditions],
    price_versions: AsOf[PriceVersions],
    usage_slots: AsOf[UsageSlots],
    zone_days: AsOf[ZoneDays],
    *,
    as_of: date,
) -> AsOf[UsageLevels]:
    """Say what each cell of max, latest, unique_count and weighted_sum holds, from the events that stand.

    Grain:   one row per usage cell and counted value. A level that lasts (weighted_sum, and what is carried over) has a
             row for each slot of each day from its first event to `as_of`, whether or not anything happened.
    Rule:    made anew from the stored events, so a reversal, an amendment or a late event changes its own day and every
             later one as if it had always been so.
    Source:  dbt_project/docs/semantics.md#aggregations
    """
    of_levels = _of_levels(meters).collect()
    if of_levels.is_empty():
        return UsageLevels.empty().lazy()
    asked = of_levels.lazy()
    mine = standing(usage_events.join(asked, on="meter", how="semi"), reversals)
    events = (
        with_cell(
            _with_counted_value(mine, asked),
            accounts=accounts,
            account_contracts=account_contracts,
            meters=meters,
            plan_prices=plan_prices,
            price_conditions=price_conditions,
            price_versions=price_versions,
            usage_slots=usage_slots,
            zone_days=zone_days,
        )
        .join(asked.select("meter", *OF_THE_METER), on="meter", how="inner", validate="m:1")
        .collect()
        .lazy()
    )
    days = with_contract(
        _days(events, as_of).collect().lazy(),
        accounts=accounts,
        account_contracts=account_contracts,
        meters=meters,
        plan_prices=plan_prices,
        price_versions=price_versions,
    )
    zoned = _with_period(_with_zone(days, accounts), account_contracts).collect().lazy()
    rows = _rows(events, zoned, usage_slots, zone_days).collect().lazy()
    levels = [_levels(events, rows, name, aggregation) for name, aggregation in LEVELS.items()]
    return _judged(pl.concat(levels, how="diagonal")).select(UsageLevels.schema().keys()).sort(UsageLevels.keys)


def _of_levels(meters: pl.LazyFrame) -> pl.LazyFrame:
    timed = [name for name, each in LEVELS.items() if each.is_timed]
    lasts = pl.col("carries_over") | pl.col("aggregation").is_in(timed)
    return meters.filter(pl.col("aggregation").is_in(list(LEVELS))).select(
        "meter", "aggregation", "carries_over", lasts.alias("lasts"), pl.col("value").alias("counted_dimension")
    )


def _with_counted_value(events: pl.LazyFrame, asked: pl.LazyFrame) -> pl.LazyFrame:
    """Add the value that a unique_count counts: the one of its dimension, empty where the event has none."""
    counted = asked.filter(pl.col("aggregation") == "unique_count").select("meter", "counted_dimension")
    values = (
        dimensions.exploded(events.select("meter", "dimensions").unique())
        .join(
            counted,
            left_on=["meter", "dimension"],
            right_on=["meter", "counted_dimension"],
            how="semi",
        )
        .select("meter", "dimensions", pl.col("value").alias("counted_value"))
    )
    return events.join(values, on=["meter", "dimensions"], how="left", validate="m:1").with_columns(
        pl.col("counted_value").fill_null("")
    )


def _days(events: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """List the days of each holder: those with events, and where its level lasts every one since. Grain: `DAY`."""
    used = events.select(*DAY, *OF_THE_METER).unique()
    since = used.filter("lasts").group_by(*HOLDER, *OF_THE_METER).agg(pl.col("service_date").min())
    until = pl.max_horizontal("service_date", pl.lit(as_of))
    lasting = since.with_columns(pl.date_ranges("service_date", until)).explode("service_date")
    return pl.concat([used, lasting.select(*DAY, *OF_THE_METER)]).unique()


def _with_zone(days: pl.LazyFrame, accounts: pl.LazyFrame) -> pl.LazyFrame:
    """Give days that fall under no contract the zone of their account, or UTC while it is unknown."""
    own = accounts.select("account_id", pl.col("valid_from").alias("_since"), pl.col("time_zone").alias("_own_zone"))
    return (
        periods.latest_at_or_before(days, own, at="service_date", since="_since", by=["account_id"])
        .with_columns(pl.coalesce("time_zone", "_own_zone", pl.lit(FALLBACK_ZONE)).alias("time_zone"))
        .drop("_since", "_own_zone")
    )


def _with_period(days: pl.LazyFrame, account_contracts: pl.LazyFrame) -> pl.LazyFrame:
    """Add the billing period of the day, and how long it lasts: October in Berlin has 745 hours."""
    dated = with_billing_period(days, account_contracts)
    period = ["time_zone", *BILLING_PERIOD]
    distinct = dated.select(period).unique().collect()
    # By zone, because Polars takes the zone of a conversion as a constant only.
    zones = distinct["time_zone"].unique().to_list() or [FALLBACK_ZONE]
    lengths = [_lengths(distinct.lazy().filter(pl.col("time_zone") == zone), zone) for zone in zones]
    return dated.join(pl.concat(lengths), on=period, how="left", validate="m:1")


def _lengths(of_zone: pl.LazyFrame, zone: str) -> pl.LazyFrame:
    elapsed = day_start(pl.col("billing_period_end"), zone) - day_start(pl.col("billing_period_start"), zone)
    return of_zone.with_columns(elapsed.dt.total_microseconds().alias("period_microseconds"))


def _rows(events: pl.LazyFrame, days: pl.LazyFrame, usage_slots: pl.LazyFrame, zone_days: pl.LazyFrame) -> pl.LazyFrame:
    """List the rows of each holder: the slots of its events, and where its level lasts every slot of every day.

    Shape: adds `slot_end_at` to `ROW` and what the day has: the next slot's start, where there is one for certain.
    """
    calendar = zone_days.select("time_zone", pl.col("local_date").alias("service_date"), "day_start_at", "day_end_at")
    lasting = days.filter("lasts").join(calendar, on=["time_zone", "service_date"], how="inner", validate="m:1")
    whole = lasting.select(*DAY, pl.col("day_start_at").alias("slot_at"))
    cut = (
        lasting.join(usage_slots, on=["rate_set_id", "meter"], how="inner", validate="m:m")
        .filter((pl.col("slot_at") > pl.col("day_start_at")) & (pl.col("slot_at") < pl.col("day_end_at")))
        .select(*DAY, "slot_at")
    )
    slots = pl.concat([events.select(*DAY, "slot_at"), whole, cut]).unique()
    ends = pl.when("lasts").then(pl.coalesce(pl.col("slot_at").shift(-1).over(HOLDER), "day_end_at"))
    return (
        slots.join(days, on=DAY, how="inner", validate="m:1")
        .join(calendar, on=["time_zone", "service_date"], how="left", validate="m:1")
        .sort(*HOLDER, "slot_at")
        .with_columns(ends.alias("slot_end_at"))
        .drop("day_start_at", "day_end_at")
    )


def _levels(events: pl.LazyFrame, rows: pl.LazyFrame, name: str, aggregation: Aggregation) -> pl.LazyFrame:
    """Let each row of an aggregation hold what its events say, and what was held before where that lasts."""
    mine = rows.filter(pl.col("aggregation") == name)
    states = (
        events.filter(pl.col("aggregation") == name)
        .join(mine.select(*ROW, "slot_end_at"), on=ROW, how="inner", validate="m:1")
        .group_by(ROW)
        .agg(
            pl.len().cast(pl.Int64).alias("event_count"),
            pl.col("delivery_date").min().alias("first_delivery_date"),
            **aggregation.state,
        )
    )
    held = mine.join(states, on=ROW, how="left", validate="1:1").sort(*HOLDER, "slot_at")
    # What is not carried over ends with its period.
    holder = pl.struct(*HOLDER, pl.when(~pl.col("carries_over")).then("billing_period_start"))
    return held.with_columns(holder.rank("dense").alias(HELD)).with_columns(
        pl.col("event_count").fill_null(0),
        pl.col("first_delivery_date").forward_fill().over(HELD),
        **aggregation.held,
    )


def _judged(levels: pl.LazyFrame) -> pl.LazyFrame:
    """Hold by name what cannot be counted; leave out days without events on which there is nothing to hold."""
    is_idle = pl.col("event_count") == 0
    is_over = pl.col("suspense_rule") == "stated_contract_not_in_force"
    is_nothing = (pl.col("aggregation") == "weighted_sum") & (pl.col("level") == 0) & (pl.col("weight") == 0)
    # A price that changes on the day of the first event, but before it, begins a slot in which nothing is held yet.
    is_before = pl.col("level").is_null()
    uncounted = (pl.col("aggregation") == "unique_count") & (pl.col("counted_value") == "")
    is_timed = pl.col("aggregation") == "weighted_sum"
    too_high = is_timed & (pl.col("level").abs() >= LARGEST_LEVEL)
    # The cell waits as a whole: each of its rows says so.
    rule = (
        pl.when(uncounted.any().over(CELL))
        .then(pl.lit("no_counted_value"))
        .when(too_high.any().over(CELL))
        .then(pl.lit("amount_bound"))
    )
    detail = (
        pl.when(pl.col("suspense_rule") == "no_counted_value")
        .then(pl.concat_str(pl.lit("meter "), "meter", pl.lit(" counts values of a dimension, events bring none")))
        .when(pl.col("suspense_rule") == "amount_bound")
        .then(pl.concat_str(pl.lit("meter "), "meter", pl.lit(" holds a level of 10^12 or more")))
    )
    is_clear = pl.col("suspense_rule").is_null()
    return (
        levels.filter(~(is_idle & (is_over.fill_null(value=False) | is_nothing | is_before)))
        .with_columns(pl.coalesce("suspense_rule", rule).alias("suspense_rule"))
        .with_columns(
            pl.coalesce("suspense_detail", detail).alias("suspense_detail"),
            *[pl.when(is_clear).then(name).alias(name) for name in ("contract_id", "rate_set_id")],
        )
    )
