"""Contract of `zone_days`."""

from data_contracts.vocabulary import Day, Instant, Table, Text, column, key


class ZoneDays(Table):
    """A local day as a half-open interval of instants: 23, 24 or 25 hours.

    Grain: one row per zone and day, gapless. Source: transforms.zone_days.
    """

    time_zone: Text = key("IANA zone.", example="Europe/Berlin")
    local_date: Day = key("The day on that zone's calendar.")
    day_start_at: Instant = column("First instant of the day, UTC (in).")
    day_end_at: Instant = column("First instant of the next day, UTC (out).")
