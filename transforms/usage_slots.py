"""Builder of `usage_slots`."""

import polars as pl

from data_contracts import AccountContracts, AsOf, Rates, UsageSlots, ZoneDays


def usage_slots(
    rates: AsOf[Rates], account_contracts: AsOf[AccountContracts], zone_days: AsOf[ZoneDays]
) -> AsOf[UsageSlots]:
    """Name the instants inside a local day at which a price of a meter changes.

    Grain:   one row per rate set, meter and instant. A change at the day's first instant makes no slot, so a price
             book with dates only has none, and a day of usage stays one cell.
    """
    zones = account_contracts.select("rate_set_id", "time_zone").unique()
    starts = rates.select("rate_set_id", "meter", pl.col("valid_from_at").alias("slot_at"))
    ends = rates.select("rate_set_id", "meter", pl.col("valid_to_at").alias("slot_at"))
    calendar = zone_days.group_by("time_zone").agg(
        pl.col("day_start_at").min().alias("_first"), pl.col("day_end_at").max().alias("_last")
    )
    return (
        pl.concat([starts, ends])
        .unique()
        .join(zones, on="rate_set_id", how="inner", validate="m:1")
        .join(calendar, on="time_zone", how="inner", validate="m:1")
        .filter(pl.col("slot_at").is_between("_first", "_last", closed="both"))
        .join(
            zone_days.select("time_zone", pl.col("day_start_at").alias("slot_at")),
            on=["time_zone", "slot_at"],
            how="anti",
        )
        .select(UsageSlots.schema().keys())
        .sort(UsageSlots.keys)
    )
