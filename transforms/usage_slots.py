"""Builder of `usage_slots`."""

import polars as pl

from data_contracts import AccountContracts, AsOf, RateCurves, Rates, UsageSlots, ZoneDays
from transforms.rate_curves import curve_slots


def usage_slots(
    rates: AsOf[Rates],
    account_contracts: AsOf[AccountContracts],
    zone_days: AsOf[ZoneDays],
    rate_curves: AsOf[RateCurves],
) -> AsOf[UsageSlots]:
    """Name the instants inside a local day at which a price of a meter changes.

    Grain:   one row per rate set, meter and instant. A change at the day's first instant makes no slot, so a price
             book with dates only has none, and a day of usage stays one cell. A rate curve makes one at each time.
    """
    zones = account_contracts.select("rate_set_id", "time_zone").unique()
    starts = rates.select("rate_set_id", "meter", pl.col("valid_from_at").alias("slot_at"))
    ends = rates.select("rate_set_id", "meter", pl.col("valid_to_at").alias("slot_at"))
    calendar = zone_days.group_by("time_zone").agg(
        pl.col("day_start_at").min().alias("_first"), pl.col("day_end_at").max().alias("_last")
    )
    changes = (
        pl.concat([starts, ends])
        .unique()
        .join(zones, on="rate_set_id", how="inner", validate="m:1")
        .join(calendar, on="time_zone", how="inner", validate="m:1")
        .filter(pl.col("slot_at").is_between("_first", "_last", closed="both"))
        .select(UsageSlots.schema().keys())
    )
    if not rate_curves.select("currency").head(1).collect().is_empty():
        changes = pl.concat([changes, curve_slots(rates, account_contracts, zone_days, rate_curves)]).unique()
    return (
        changes.join(zones, on="rate_set_id", how="inner", validate="m:1")
        .join(
            zone_days.select("time_zone", pl.col("day_start_at").alias("slot_at")),
            on=["time_zone", "slot_at"],
            how="anti",
        )
        .select(UsageSlots.schema().keys())
        .sort(UsageSlots.keys)
    )
