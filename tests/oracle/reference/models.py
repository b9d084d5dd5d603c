"""The charge models: what x units cost from an empty counter, and what a single event costs."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from zoneinfo import ZoneInfo

from tests.oracle.reference.money import rounded_units
from tests.oracle.reference.world import (
    Flat,
    Graduated,
    GraduatedPercentage,
    Matrix,
    Package,
    Percentage,
    PerUnit,
    RateTier,
    Terms,
    Tier,
    Version,
    Volume,
)

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def unit_price(unit_amount: Decimal, per: Decimal) -> Fraction:
    """The exact price of one unit (C27)."""
    return Fraction(unit_amount) / Fraction(per)


def tier_price(tier: Tier | RateTier) -> Fraction:
    """What one unit, or one unit of money, costs in a band."""
    return Fraction(tier.rate) if isinstance(tier, RateTier) else unit_price(tier.unit_amount, tier.per)


def tier_of(terms: Volume, x: Fraction) -> Tier | RateTier:
    """The band that a total falls into: the first with x ≤ up_to."""
    return next(tier for tier in terms.tiers if tier.up_to is None or x <= Fraction(tier.up_to))


def cumulative_amount(terms: Terms, x: Fraction, flat_on_zero: str = "charge") -> Fraction:
    """R(x): what x units cost from an empty counter; at x = 0 `flat_on_zero` decides about tier one's flat."""
    if isinstance(terms, PerUnit):
        return x * unit_price(terms.unit_amount, terms.per)
    if isinstance(terms, Graduated | GraduatedPercentage | Volume) and x == 0 and flat_on_zero == "none":
        return Fraction(0)
    if isinstance(terms, Graduated | GraduatedPercentage):
        total = Fraction(0)
        below = Fraction(0)
        for position, tier in enumerate(terms.tiers):
            if position > 0 and x <= below:  # a bound belongs to the tier that it closes
                break
            top = x if tier.up_to is None else min(x, Fraction(tier.up_to))
            total += (top - below) * tier_price(tier) + Fraction(tier.flat_amount)
            if tier.up_to is None:
                break
            below = Fraction(tier.up_to)
        return total
    if isinstance(terms, Volume):
        tier = tier_of(terms, x)
        return x * tier_price(tier) + Fraction(tier.flat_amount)
    if isinstance(terms, Package):
        packages = max(x - Fraction(terms.free_units), Fraction(0)) / Fraction(terms.size)
        return (ceil(packages) if terms.round == "up" else floor(packages)) * Fraction(terms.amount)
    if isinstance(terms, Flat):
        return Fraction(terms.flat_amount)
    raise ValueError(f"{type(terms).__name__} is no cumulative model")


def paid_units(version: Version, x: Fraction) -> Fraction:
    """The counter's quantity as the model sees it: converted first, then without the free units (C48)."""
    conversion = version.unit_conversion
    if conversion is not None:
        x = x / Fraction(conversion.divide) if conversion.divide is not None else x * Fraction(conversion.multiply)
        x = x if conversion.round == "none" else Fraction(rounded_units(x, conversion.round))
    return max(x - Fraction(version.free_units), Fraction(0)) if version.free_units else x


def counter_amount(version: Version, terms: Terms, x: Fraction) -> Fraction:
    """R(x) of a counter whose units may be converted and whose first ones may be free."""
    if isinstance(terms, Flat) and (version.free_units or version.unit_conversion):
        raise TypeError("free or converted units of a flat price")  # C36
    return cumulative_amount(terms, paid_units(version, x), version.flat_on_zero)


def needs_net(terms: Terms) -> bool:
    """Tiers and packages have no price below zero."""
    return isinstance(terms, Graduated | GraduatedPercentage | Volume | Package)


def cell_price(terms: Matrix, dimensions: Mapping[str, str]) -> Fraction | None:
    """The unit price of the one cell that matches exactly, else the default's, else none."""
    for cell in terms.cells:
        if all(dimensions.get(name) == value for name, value in cell.where.items()):
            return unit_price(cell.unit_amount, cell.per)
    return None if terms.default is None else unit_price(terms.default.unit_amount, terms.default.per)


def price_at(terms: PerUnit, instant: datetime, zone: str) -> Fraction:
    """The unit price of an instant under a rate curve: that of the hours which the local clock shows (C54)."""
    local = instant.astimezone(ZoneInfo(zone))
    clock, weekday = local.strftime("%H:%M"), WEEKDAYS[local.weekday()]
    for hours in terms.intervals:
        if (not hours.days or weekday in hours.days) and hours.starts_at <= clock < hours.ends_at:
            return unit_price(hours.unit_amount, hours.per)
    return unit_price(terms.unit_amount, terms.per)


def percentage_fee(terms: Percentage, value: Fraction, events_before: int, value_before: Fraction) -> Fraction:
    """The unrounded fee of one event, given what its counter has seen before it (C12, C13, C14)."""
    events_left = None if terms.free_events is None else terms.free_events - events_before > 0
    rest = None if terms.free_amount is None else max(Fraction(terms.free_amount) - value_before, Fraction(0))
    amount_left = None if rest is None else rest > 0

    given = [left for left in (events_left, amount_left) if left is not None]
    if terms.free_rule == "first_exhausted":
        free_phase = bool(given) and all(given)
    elif terms.free_rule == "both_exhausted":
        free_phase = any(given)
    else:
        raise ValueError(f"unknown free_rule {terms.free_rule!r}")

    chargeable = value
    if free_phase:
        covered_by_event = events_left if terms.free_rule == "both_exhausted" else rest is None
        if covered_by_event or value <= rest:
            return Fraction(0)  # wholly free: no fixed fee, no minimum
        chargeable = value - rest

    fee = chargeable * Fraction(terms.rate) + Fraction(terms.fixed)
    if terms.min is not None:
        fee = max(fee, Fraction(terms.min))
    if terms.max is not None:
        fee = min(fee, Fraction(terms.max))
    return fee
