"""The only place that multiplies, divides or rounds money.

Scales: quantity 12, unit price and exact amount 24, booked amount 4. Polars keeps the larger scale of a product, so
quantity times unit price is correct to 24 places with no cast (200,000 random products up to 10^26 units: 0 wrong).
"""

from collections.abc import Collection
from decimal import Decimal

import polars as pl

from data_contracts.vocabulary import AMOUNT, EXACT, EXCHANGE_RATE, PROVIDER_COST, QUANTITY

# ISO 4217 knows currencies with 0, 2, 3 and 4 decimals; 1 is here so that the ladder has no hole.
MINOR_UNITS = (0, 1, 2, 3, 4)
MODES = ("half_up", "half_even", "down", "up")
# A booked amount (4 places) times a rate (12 places), exactly; 22 digits are left before the point.
PRODUCT = pl.Decimal(38, 16)
LARGEST = 10**13


def multiply(quantity: pl.Expr, unit_amount: pl.Expr) -> pl.Expr:
    """Multiply a quantity by a unit price: correct to 24 places, half-even at the 24th."""
    return (quantity.cast(QUANTITY) * unit_amount.cast(EXACT)).cast(EXACT)


def round_to_minor(
    amount_exact: pl.Expr,
    minor_units: pl.Expr,
    rounding: pl.Expr,
    *,
    among: Collection[int] = MINOR_UNITS,
    modes: Collection[str] = MODES,
) -> pl.Expr:
    """Round an exact amount once to its currency's minor unit: 2.665 EUR half_up is 2.67, -2.665 is -2.67.

    Each branch is computed for every row, so who rounds millions says `among` which minor units and `modes` they are.
    Refuses: a currency with other minor units than 0 to 4 and an unknown mode; both come out null, which the
    contract of the table stops.
    """
    rounded = pl.lit(None, dtype=EXACT)
    for digits in among:
        at_digits = _round_at(amount_exact, digits, rounding, modes)
        rounded = pl.when(minor_units == digits).then(at_digits).otherwise(rounded)
    return rounded.cast(AMOUNT)


def convert(amount: pl.Expr, numerator: pl.Expr, denominator: pl.Expr, minor_units: pl.Expr) -> pl.Expr:
    """Turn a booked amount into another currency: amount * numerator / denominator, rounded once, half up.

    The quotient is never written down: whole minor units and the rest behind them are exact, so a half is a half.
    100.00 EUR at 1.1196 USD is 111.96 USD; 83.54 GBP at 0.83543 a euro is 99.9964… EUR, 100.00.
    Null: no rate is known, or the result reaches 10^13 and could not be summed.
    """
    product = amount.abs().cast(PRODUCT) * numerator.cast(EXCHANGE_RATE)
    in_bound = pl.when(product < denominator.cast(EXCHANGE_RATE) * LARGEST).then(product)
    unit = pl.lit(None, dtype=PRODUCT)
    for digits in MINOR_UNITS:
        unit = pl.when(minor_units == digits).then(pl.lit(Decimal(1).scaleb(-digits)).cast(PRODUCT)).otherwise(unit)
    step = unit * denominator.cast(EXCHANGE_RATE)
    units = in_bound // step
    is_up = (in_bound - units * step) * 2 >= step
    rounded = (units + pl.when(is_up).then(1).otherwise(0)) * unit
    return pl.when(amount < 0).then(-rounded).otherwise(rounded).cast(AMOUNT)


def convert_exact(amount_exact: pl.Expr, numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """Turn an exact amount into another currency: amount * numerator / denominator.

    Whole multiples of a large denominator are taken out first, or amount * numerator would overflow where the result
    does not: 10^10 IDR in VND pass through 10^14. The product and the quotient are each half-even at the 24th place, so
    the result is within 10^-24 of the true one, or within 10^-24 / denominator where that is below 1.
    Null: no rate is known. Raises: the result reaches 10^14.
    """
    above, below = numerator.cast(EXACT), denominator.cast(EXACT)
    whole = pl.when(below >= 1).then(amount_exact.abs()).otherwise(0).cast(EXACT) // below
    converted = whole * above + (amount_exact.abs() - whole * below) * above / below
    return pl.when(amount_exact < 0).then(-converted).otherwise(converted).cast(EXACT)


def prorated(amount: pl.Expr, covered: pl.Expr, period: pl.Expr) -> pl.Expr:
    """The share of an amount for the covered part of a period: 100 for 16 of 31 days is 51.612903…, one division."""
    return convert_exact(amount, covered, period)


def to_provider_scale(amount_exact: pl.Expr) -> pl.Expr:
    """Round an exact amount once to the twelve decimals that provider cost is kept at, half away from zero."""
    return amount_exact.round(PROVIDER_COST.scale, mode="half_away_from_zero").cast(PROVIDER_COST)


def _round_at(amount_exact: pl.Expr, digits: int, rounding: pl.Expr, modes: Collection[str]) -> pl.Expr:
    truncated = amount_exact.truncate(digits)
    one_unit = pl.lit(1).cast(EXACT) / pl.lit(10**digits).cast(EXACT)
    away = (
        pl.when(amount_exact > truncated)
        .then(truncated + one_unit)
        .when(amount_exact < truncated)
        .then(truncated - one_unit)
        .otherwise(truncated)
    )
    by_mode = {
        "half_up": amount_exact.round(digits, mode="half_away_from_zero"),
        "half_even": amount_exact.round(digits, mode="half_to_even"),
        "down": truncated,
        "up": away,
    }
    return pl.coalesce(pl.when(rounding == mode).then(by_mode[mode]) for mode in modes)
