"""The demo quarter: which days are delivered, and which local day an instant falls on."""

from datetime import date, timedelta

import polars as pl

FIRST_DELIVERY = date(2026, 8, 1)
LAST_DELIVERY = date(2026, 10, 31)
DAY_COUNT = (LAST_DELIVERY - FIRST_DELIVERY).days + 1

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
FIRST_DELIVERY_EPOCH_DAY = (FIRST_DELIVERY - date(1970, 1, 1)).days

# Hours ahead of UTC on FIRST_DELIVERY. Written out, because the generator must not depend on the machine's zone data,
# and because a truth that is found by the engine's own means would prove nothing.
SUMMER_OFFSET = {"America/New_York": -4, "Europe/Berlin": 2, "Asia/Tokyo": 9}
# Berlin leaves summer time on 25 October 2026 at 01:00 UTC. New York does so in November, Tokyo never.
BERLIN_WINTER_MS = ((date(2026, 10, 25) - FIRST_DELIVERY).days * 24 + 1) * HOUR_MS


def day(offset: int) -> date:
    """Return the delivery date that lies `offset` days after the first one."""
    return FIRST_DELIVERY + timedelta(days=offset)


def day_number(on: date) -> int:
    """Return how many days after the first delivery a day lies."""
    return (on - FIRST_DELIVERY).days


def utc_offset_hours(at_ms: pl.Expr, time_zone: pl.Expr, summer_offset: pl.Expr) -> pl.Expr:
    """Hours that a zone's clock is ahead of UTC at an instant: milliseconds after 0:00 UTC of the first delivery."""
    is_winter = (time_zone == "Europe/Berlin") & (at_ms >= BERLIN_WINTER_MS)
    return summer_offset - is_winter.cast(pl.Int64)


def local_day(at_ms: pl.Expr, time_zone: pl.Expr, summer_offset: pl.Expr) -> pl.Expr:
    """Day number of the account's calendar on which an instant falls; -1 is 31 July."""
    return (at_ms + utc_offset_hours(at_ms, time_zone, summer_offset) * HOUR_MS).floordiv(DAY_MS)
