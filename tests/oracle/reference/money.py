"""Money: the single rounding point, and the allocation of a rounded total over parts."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import floor

MINOR_UNITS = {"JPY": 0, "KRW": 0, "USD": 2, "EUR": 2, "GBP": 2, "INR": 2, "EGP": 2, "KWD": 3, "BHD": 3, "CLF": 4}


def round_to_minor(exact: Fraction, currency: str, mode: str = "half_up") -> Decimal:
    """The single rounding point: an exact amount to the currency's ISO 4217 minor unit."""
    digits = MINOR_UNITS[currency]
    scaled = abs(exact) * 10**digits
    units, rest = divmod(scaled.numerator, scaled.denominator)
    twice = 2 * rest
    if mode == "half_up":  # half away from zero: the sign was taken off before
        up = twice >= scaled.denominator
    elif mode == "half_even":
        up = twice > scaled.denominator or (twice == scaled.denominator and units % 2 == 1)
    elif mode == "up":
        up = rest > 0
    elif mode == "down":
        up = False
    else:
        raise ValueError(f"unknown rounding mode {mode!r}")
    units += up
    return Decimal(-units if exact < 0 else units).scaleb(-digits)


def rounded_units(value: Fraction, mode: str) -> int:
    """To whole units, as a unit conversion does: away from zero, to zero, or half away from zero."""
    units, rest = divmod(abs(value).numerator, value.denominator)
    up = {"up": rest > 0, "down": False, "half_up": 2 * rest >= value.denominator}[mode]
    return -(units + up) if value < 0 else units + up


def allocate(total: Decimal, weights: Sequence[Fraction], currency: str) -> list[Decimal]:
    """A rounded total over parts in proportion to weights: largest remainder, ties in the order of the parts.

    Symmetric in the sign of the total; the parts always sum to it.
    """
    scale = 10 ** MINOR_UNITS[currency]
    whole = sum(weights, Fraction(0))
    if whole <= 0 or min(weights) < 0:
        raise ValueError("weights to allocate by must not be negative, and not all zero")
    units = Fraction(abs(total)) * scale
    shares = [units * weight / whole for weight in weights]
    parts = [floor(share) for share in shares]
    by_remainder = sorted(range(len(parts)), key=lambda place: (parts[place] - shares[place], place))
    for place in by_remainder[: int(units) - sum(parts)]:
        parts[place] += 1
    sign = -1 if total < 0 else 1
    return [Decimal(sign * part).scaleb(-MINOR_UNITS[currency]) for part in parts]
