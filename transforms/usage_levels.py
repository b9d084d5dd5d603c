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
from transforms.usage_cells import ASKS, CELL, with_cell, with_contract
from transforms.zone_days import FALLBACK_ZONE, day_start

# What holds a level through days and slots.
HOLDER = [name for name in [*CELL, "counted_value"] if name not in ("service_date", "slot_at")]
OF_THE_METER = ["aggregation", "carries_over", "lasts"]
WHY_HELD = {
    "no_counted_value": " counts the values of a dimension, and events bring none",
    "amount_bound": " holds a level of 10^12 or more",
}
# Of whom it is asked under which contract a day falls, and a row of a holder: both by number, as texts cost ten times.
ASK, ROW = "_ask", ["_holder", "service_date", "slot_at"]


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
    holders = _holders(events).collect().lazy()
    numbered = events.join(holders.select(*HOLDER, "_holder"), on=HOLDER, how="inner", validate="m:1").collect().lazy()
    held_days = _days(numbered, holders, as_of).collect().lazy()
    asks = holders.select(ASK, *ASKS).unique()
    asked_days = with_contract(
        held_days.select(ASK, "service_date").unique().join(asks, on=ASK, how="inner", validate="m:1").collect().lazy(),
        accounts=accounts,
        account_contracts=account_contracts,
        meters=meters,
        plan_prices=plan_prices,
        price_versions=price_versions,
    )
    days = _with_period(_with_zone(asked_days, accounts), account_contracts).collect().lazy()
    rows = _rows(numbered, held_days, days, usage_slots, zone_days).collect().lazy()
    levels = [_levels(numbered, rows, name, aggregation) for name, aggregation in LEVELS.items()]
    named = pl.concat(levels, how="diagonal").join(
        holders.select("_holder", *HOLDER), on="_holder", how="inner", validate="m:1"
    )
    return _judged(named).select(UsageLevels.schema().keys()).sort(UsageLevels.keys)


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


def _holders(events: pl.LazyFrame) -> pl.LazyFrame:
    """List what holds levels. Grain: one row per `HOLDER`, with its number and that of its `ASKS`."""
    return (
        events.select(*HOLDER, *OF_THE_METER)
        .unique()
        .sort(HOLDER)
        .collect()
        .with_row_index("_holder")
        .lazy()
        .with_columns(pl.struct(ASKS).rle_id().alias(ASK))
    )


def _days(events: pl.LazyFrame, holders: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """List the days of each holder: those with events, and where its level lasts every one since."""
    used = events.select("_holder", "service_date").unique()
    of_holder = holders.select("_holder", ASK, *OF_THE_METER)
    since = used.group_by("_holder").agg(pl.col("service_date").min())
    until = pl.max_horizontal("service_date", pl.lit(as_of))
    lasting = (
        since.join(of_holder.filter("lasts"), on="_holder", how="semi")
        .with_columns(pl.date_ranges("service_date", until))
        .explode("service_date")
    )
    return pl.concat([used, lasting]).unique().join(of_holder, on="_holder", how="inner", validate="m:1")


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


def _rows(
    events: pl.LazyFrame,
    held_days: pl.LazyFrame,
    days: pl.LazyFrame,
    usage_slots: pl.LazyFrame,
    zone_days: pl.LazyFrame,
) -> pl.LazyFrame:
    """List the rows of each holder in the order of time: the slots of its events; where its level lasts, every slot.

    Shape: `ROW`, `slot_end_at` where the level lasts (the start of the next slot), and what holder and day have.
    """
    calendar = zone_days.select("time_zone", pl.col("local_date").alias("service_date"), "day_start_at", "day_end_at")
    placed = days.join(calendar, on=["time_zone", "service_date"], how="left", validate="m:1")
    in_day = (pl.col("slot_at") > pl.col("day_start_at")) & (pl.col("slot_at") < pl.col("day_end_at"))
    cut = placed.join(usage_slots, on=["rate_set_id", "meter"], how="inner", validate="m:m").filter(in_day)
    slots_of_days = pl.concat(
        [
            placed.filter(pl.col("day_start_at").is_not_null()).select(
                ASK, "service_date", pl.col("day_start_at").alias("slot_at")
            ),
            cut.select(ASK, "service_date", "slot_at"),
        ]
    )
    lasting = held_days.filter("lasts").join(slots_of_days, on=[ASK, "service_date"], how="inner", validate="m:m")
    is_followed = pl.col("_holder") == pl.col("_holder").shift(-1)
    end = pl.when(is_followed).then(pl.col("slot_at").shift(-1)).otherwise("day_end_at")
    return (
        pl.concat([events.select(ROW), lasting.select(ROW)])
        .unique()
        .join(held_days, on=["_holder", "service_date"], how="inner", validate="m:1")
        .join(placed.drop(ASKS), on=[ASK, "service_date"], how="inner", validate="m:1")
        .sort("_holder", "slot_at")
        .with_columns(pl.when("lasts").then(end).alias("slot_end_at"))
        .drop("day_start_at", "day_end_at", "time_zone")
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
    # What is not carried over ends with its period.
    is_other = pl.col("_holder").ne_missing(pl.col("_holder").shift(1))
    begins_anew = ~pl.col("carries_over") & pl.col("billing_period_start").ne_missing(
        pl.col("billing_period_start").shift(1)
    )
    return (
        mine.join(states, on=ROW, how="left", validate="1:1")
        .sort("_holder", "slot_at")
        .with_columns((is_other | begins_anew).cum_sum().alias(HELD))
        .with_columns(
            pl.col("event_count").fill_null(0),
            pl.col("first_delivery_date").forward_fill().over(HELD),
            **aggregation.held,
        )
    )


def _judged(levels: pl.LazyFrame) -> pl.LazyFrame:
    """Hold by name what cannot be counted; leave out days without events on which there is nothing to hold."""
    is_timed = pl.col("aggregation") == "weighted_sum"
    is_over = (pl.col("suspense_rule") == "stated_contract_not_in_force").fill_null(value=False)
    # A price that changes on the day of the first event, but before it, begins a slot in which nothing is held yet.
    is_nothing = pl.col("level").is_null() | (is_timed & (pl.col("level") == 0) & (pl.col("weight") == 0))
    standing_rows = levels.filter((pl.col("event_count") > 0) | ~(is_over | is_nothing)).collect().lazy()
    uncounted = (pl.col("aggregation") == "unique_count") & (pl.col("counted_value") == "")
    too_high = is_timed & (pl.col("level").abs() >= LARGEST_LEVEL)
    rule = pl.when(uncounted).then(pl.lit("no_counted_value")).when(too_high).then(pl.lit("amount_bound"))
    # The cell waits as a whole: each of its rows says so. Collected, because there is hardly ever one.
    held = standing_rows.filter(rule.is_not_null()).group_by(CELL).agg(rule.first().alias("_held")).collect()
    if held.is_empty():
        return standing_rows
    is_clear = pl.col("suspense_rule").is_null() & pl.col("_held").is_null()
    detail = pl.concat_str(pl.lit("meter "), "meter", pl.col("_held").replace_strict(WHY_HELD, default=None))
    return standing_rows.join(held.lazy(), on=CELL, how="left", validate="m:1").with_columns(
        pl.coalesce("suspense_rule", "_held").alias("suspense_rule"),
        pl.coalesce("suspense_detail", detail).alias("suspense_detail"),
        *[pl.when(is_clear).then(name).alias(name) for name in ("contract_id", "rate_set_id")],
    )
