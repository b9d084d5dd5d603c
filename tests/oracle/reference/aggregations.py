"""How the events of a counter become its quantity, and which days a level lives on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from tests.oracle.reference.usage import Usage
from tests.oracle.reference.world import Event, Meter

ADDITIVE = ("sum", "count")
PLACES = 10**12  # a quantity has twelve


@dataclass(frozen=True)
class Reading:
    """An event of a level, whatever price it came under."""

    event: Event
    quantity: Fraction
    period: date  # in which billing period of whoever sold it


def in_order(usages: Sequence[Usage | Reading]) -> list[Usage | Reading]:
    """Events by time, then id, then source (C15)."""
    return sorted(usages, key=lambda usage: (usage.event.occurred_at, usage.event.id, usage.event.source))


def is_level(meter: Meter) -> bool:
    """Whether the meter has a value on days without events."""
    return meter.aggregation == "weighted_sum" or meter.carries


def counted(meter: Meter, usages: Sequence[Usage | Reading]) -> Fraction:
    """The quantity of all the usage that a counter has seen."""
    if meter.aggregation in ADDITIVE:
        return sum((usage.quantity for usage in usages), Fraction(0))
    if meter.aggregation == "max":
        return max((usage.quantity for usage in usages), default=Fraction(0))
    if meter.aggregation == "latest":
        return in_order(usages)[-1].quantity if usages else Fraction(0)
    if meter.aggregation == "unique_count":
        values = {usage.event.dimensions.get(meter.unique_by) for usage in usages}
        return Fraction(len(values - {None}))
    raise ValueError(f"{meter.aggregation} is no sum over events")


def weighed(readings: Sequence[Reading], start: datetime, end: datetime, period: tuple[datetime, datetime]) -> Fraction:
    """What a level adds in [start, end): the level of each second by the seconds of the billing period (C57).

    Every event changes the level by its value. Seconds are real ones, so a day of 25 hours weighs more.
    """
    area = Fraction(0)
    for reading in readings:
        since = max(reading.event.occurred_at, start)
        if since < end:
            area += reading.quantity * seconds(since, end)
    return area / seconds(*period)


def held(quantity: Fraction) -> Fraction:
    """A running quantity that does not end, to the places that a quantity has."""
    return Fraction(round(quantity * PLACES), PLACES)


def seconds(start: datetime, end: datetime) -> Fraction:
    """The exact length of a half-open interval."""
    length = end - start
    return Fraction(length.days * 86_400 + length.seconds) + Fraction(length.microseconds, 10**6)
