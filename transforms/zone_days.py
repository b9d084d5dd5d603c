"""Builder of `zone_days`."""

from datetime import date, timedelta

import polars as pl

from data_contracts import Accounts, AsOf, Companies, CostRows, Delivered, UsageEvents, ZoneDays

# Zone of usage whose account is not known (yet).
FALLBACK_ZONE = "UTC"
# A local day may start up to 14 hours before the UTC day and end up to 12 hours after it.
MARGIN = timedelta(days=2)


def zone_days(
    accounts: AsOf[Accounts],
    companies: AsOf[Companies],
    usage_events: Delivered[UsageEvents],
    cost_rows: Delivered[CostRows],
    *,
    as_of: date,
) -> AsOf[ZoneDays]:
    """Write out every local day of every zone in use, from the earliest usage or charge to `as_of`, as instants.

    Grain:   one row per zone and day, gapless. A day lasts 23, 24 or 25 hours.
    Rule:    a day starts at its midnight; where the clock skips midnight, at the first instant after the gap; where
             midnight comes twice, at the first. Example: 2026-03-29 in Europe/Berlin is 23:00Z to 22:00Z, 23 hours.
    """
    # Collected, because Polars takes the zone of a conversion and the span of a range as constants only.
    zones = accounts.select("time_zone").unique().collect()["time_zone"].to_list()
    earliest_use = usage_events.select(pl.col("occurred_at").min().dt.date()).collect().item()
    starts_on: date = companies.select("billing_starts_on").collect().item()
    earliest_charge = cost_rows.select(pl.col("charge_period_start_at").min().dt.date()).collect().item()
    first = min(starts_on, earliest_use or starts_on, earliest_charge or starts_on) - MARGIN
    days = pl.date_range(first, as_of + MARGIN + timedelta(days=1), eager=True).alias("local_date").to_frame().lazy()
    each_zone = [_days_of(zone, days) for zone in sorted({FALLBACK_ZONE, *zones})]
    return pl.concat(each_zone, how="vertical").sort("time_zone", "local_date")


def day_start(day: pl.Expr, zone: str) -> pl.Expr:
    """The first instant of a local day, UTC."""
    midnight = day.cast(pl.Datetime("us"))
    # No zone in use skips more than an hour at midnight since 1970 but Pacific ones that skip a whole day.
    started = pl.coalesce(
        midnight.dt.replace_time_zone(zone, non_existent="null", ambiguous="earliest"),
        midnight.dt.offset_by("1h").dt.replace_time_zone(zone, non_existent="null", ambiguous="earliest"),
        midnight.dt.offset_by("1d").dt.replace_time_zone(zone, non_existent="null", ambiguous="earliest"),
    )
    return started.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def _days_of(zone: str, days: pl.LazyFrame) -> pl.LazyFrame:
    start = day_start(pl.col("local_date"), zone)
    return (
        days.select(pl.lit(zone).alias("time_zone"), "local_date", start.alias("day_start_at"))
        .with_columns(pl.col("day_start_at").shift(-1).alias("day_end_at"))
        .filter(pl.col("day_end_at").is_not_null() & (pl.col("day_end_at") > pl.col("day_start_at")))
    )
