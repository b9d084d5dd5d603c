"""Rate curves (time of use): at which instants the unit price of a version changes, and what it is in a slot.

A curve is told in local times, so it follows the clock: on the day on which 02:00 to 03:00 comes twice both hours have
its price, on the day on which it never comes nothing has.
"""

from collections.abc import Callable
from typing import Literal

import polars as pl

from transforms import periods
from transforms.zone_days import FALLBACK_ZONE

DAY = pl.duration(days=1)
# Clocks are changed at a quarter of an hour: a day of another length is cut at each, and every piece is looked up.
QUARTER = "15m"
AMBIGUOUS: tuple[Literal["earliest", "latest"], ...] = ("earliest", "latest")


def curve_slots(
    rates: pl.LazyFrame, account_contracts: pl.LazyFrame, zone_days: pl.LazyFrame, rate_curves: pl.LazyFrame
) -> pl.LazyFrame:
    """List the instants at which a unit price of a curve may change. Grain: one row per rate set, meter and instant."""
    zones = account_contracts.select("rate_set_id", "time_zone").unique()
    curved = (
        rates.join(rate_curves, on=["price_version_id", "currency"], how="inner", validate="m:m")
        .join(zones, on="rate_set_id", how="inner", validate="m:1")
        .select("rate_set_id", "meter", "time_zone", "valid_from_at", "valid_to_at", "weekday", "starts_at_minute")
        .unique()
    )
    days = zone_days.with_columns(pl.col("local_date").dt.weekday().cast(pl.Int64).alias("weekday"))
    times = curved.select("time_zone", "weekday", "starts_at_minute").unique()
    changes = pl.concat([_by_the_clock(days, times), _of_odd_days(days)]).unique()
    at = periods.covers(pl.col("slot_at"), "valid_from_at", "valid_to_at")
    spans = curved.select("rate_set_id", "meter", "time_zone", "valid_from_at", "valid_to_at").unique()
    return (
        spans.join(changes, on="time_zone", how="inner", validate="m:m")
        .filter(at)
        .select("rate_set_id", "meter", "slot_at")
        .unique()
    )


def _by_the_clock(days: pl.LazyFrame, times: pl.LazyFrame) -> pl.LazyFrame:
    """The instants of the local times of each day; a time that comes twice has two, one that is skipped none."""
    clock = days.join(times, on=["time_zone", "weekday"], how="inner", validate="m:m").with_columns(
        (pl.col("local_date").cast(pl.Datetime("us")) + pl.duration(minutes=pl.col("starts_at_minute"))).alias("_clock")
    )

    def instants(zone: str) -> pl.LazyFrame:
        of_zone = clock.filter(pl.col("time_zone") == zone)
        both = [
            of_zone.select(
                "time_zone",
                pl.col("_clock")
                .dt.replace_time_zone(zone, ambiguous=which, non_existent="null")
                .dt.convert_time_zone("UTC")
                .dt.replace_time_zone(None)
                .alias("slot_at"),
            )
            for which in AMBIGUOUS
        ]
        return pl.concat(both).drop_nulls("slot_at")

    return _each_zone(times, instants)


def _of_odd_days(days: pl.LazyFrame) -> pl.LazyFrame:
    """Every quarter of an hour of the days that are shorter or longer than 24 hours."""
    odd = days.filter(pl.col("day_end_at") - pl.col("day_start_at") != DAY)
    quarters = pl.datetime_ranges("day_start_at", "day_end_at", QUARTER, closed="left")
    return odd.select("time_zone", quarters.alias("slot_at")).explode("slot_at")


def with_curve_price(
    frame: pl.LazyFrame, account_contracts: pl.LazyFrame, rate_curves: pl.LazyFrame, *, version: str, into: str
) -> pl.LazyFrame:
    """Set `into` to the unit price in the slot where the version that the column `version` names is a curve.

    Rule: what holds at the local time at which the slot starts; within a slot no price changes. 1:1, no row added or
    dropped; where the version is no curve `into` stays.
    """
    if rate_curves.select("currency").head(1).collect().is_empty():
        return frame
    zones = account_contracts.select("rate_set_id", "time_zone").unique()
    curves = rate_curves.rename({"price_version_id": version, "unit_amount": "_unit_amount"})
    key = [version, "currency"]
    asked = (
        frame.select("rate_set_id", "slot_at", *key)
        .unique()
        .join(curves.select(key).unique(), on=key, how="semi")
        .join(zones, on="rate_set_id", how="inner", validate="m:1")
        .collect()
        .lazy()
    )

    def local(zone: str) -> pl.LazyFrame:
        clock = pl.col("slot_at").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        return asked.filter(pl.col("time_zone") == zone).with_columns(
            clock.dt.weekday().cast(pl.Int64).alias("weekday"),
            (clock.dt.hour().cast(pl.Int64) * 60 + clock.dt.minute()).alias("_minute"),
        )

    priced = periods.latest_at_or_before(
        _each_zone(asked, local),
        curves.with_columns(pl.col("starts_at_minute").alias("_since")),
        at="_minute",
        since="_since",
        by=[*key, "weekday"],
    ).select("rate_set_id", "slot_at", *key, "_unit_amount")
    return (
        frame.join(priced, on=["rate_set_id", "slot_at", *key], how="left", validate="m:1")
        .with_columns(pl.coalesce("_unit_amount", into).alias(into))
        .drop("_unit_amount")
    )


def _each_zone(frame: pl.LazyFrame, of_zone: Callable[[str], pl.LazyFrame]) -> pl.LazyFrame:
    # Collected, because Polars takes the zone of a conversion as a constant only.
    zones = frame.select("time_zone").unique().collect()["time_zone"].to_list()
    return pl.concat([of_zone(zone) for zone in sorted(zones) or [FALLBACK_ZONE]])
