"""The rates that were known at D, and the rule by which one is chosen."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from tests.oracle.reference.world import World


@dataclass(frozen=True)
class Conversion:
    """What one unit of a currency is in another; `rate_date` is that of the older leg, None where none was needed."""

    ratio: Fraction
    rate_date: date | None


class Exchange:
    """The rates that were known at D, and the rule by which one is chosen."""

    def __init__(self, world: World) -> None:
        self.max_age = None if world.max_age_days is None else timedelta(days=world.max_age_days)
        self.known: dict[tuple[str, str], dict[date, Fraction]] = defaultdict(dict)
        for rate in sorted(world.rates, key=lambda rate: rate.delivery_date):
            if rate.delivery_date <= world.as_of:
                self.known[rate.base, rate.quote][rate.rate_date] = Fraction(rate.rate)
        self.bases = sorted({base for base, _ in self.known})

    def leg(self, base: str, quote: str, day: date) -> Conversion | None:
        """The last known rate on or before the day, if it is not too old."""
        if base == quote:
            return Conversion(Fraction(1), None)
        dates = [found for found in self.known.get((base, quote), {}) if found <= day]
        if not dates or day - max(dates) > self.max_age:
            return None
        return Conversion(self.known[base, quote][max(dates)], max(dates))

    def convert(self, currency: str, target: str, day: date) -> Conversion | None:
        """amount · quote / base: crossed through the table's base (C45)."""
        if currency == target:
            return Conversion(Fraction(1), None)
        if self.max_age is None or not self.bases:
            return None
        (base,) = self.bases
        divisor, factor = self.leg(base, currency, day), self.leg(base, target, day)
        if divisor is None or factor is None:
            return None
        dates = [leg.rate_date for leg in (divisor, factor) if leg.rate_date is not None]
        return Conversion(factor.ratio / divisor.ratio, min(dates))
