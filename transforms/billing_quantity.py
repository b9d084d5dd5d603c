"""What of a used quantity is priced: converted first, then what is left above the free units."""

import polars as pl

from data_contracts.vocabulary import QUANTITY

# The columns of `price_versions` that decide it.
QUANTITY_TERMS = ["quantity_factor", "quantity_divisor", "quantity_round", "free_units"]


def billed(total: pl.Expr) -> pl.Expr:
    """What of a running total is priced, by the terms that stand in the same row: 1,400 by 1,000 rounded up are 2."""
    return above_free(converted(total, *[pl.col(name) for name in QUANTITY_TERMS[:3]]), pl.col("free_units"))


def converted(total: pl.Expr, factor: pl.Expr, divisor: pl.Expr, rounded: pl.Expr) -> pl.Expr:
    """A quantity times a factor, and by a divisor to whole units where it is rounded; signs do not matter to rounding.

    `//` is exact, so that 1000.000000000001 by 1,000 rounded up is 2. Without a factor it is the quantity itself.
    """
    product = total * factor
    size = product.abs()
    whole = size // divisor
    rest = size - whole * divisor
    is_up = pl.when(rounded == "up").then(rest > 0).when(rounded == "half_up").then(rest * 2 >= divisor)
    units = whole + pl.when(is_up).then(1).otherwise(0)
    in_units = pl.when(product < 0).then(-units).otherwise(units)
    return (
        pl.when(factor.is_null()).then(total).when(divisor.is_null()).then(product).otherwise(in_units).cast(QUANTITY)
    )


def above_free(quantity: pl.Expr, free_units: pl.Expr) -> pl.Expr:
    """What is left of a running total when the free units are taken off: 120 of 100 free are 20, 80 are 0."""
    above = pl.when(quantity > free_units).then(quantity - free_units).otherwise(pl.lit(0).cast(QUANTITY))
    return pl.when(free_units.is_null()).then(quantity).otherwise(above)
