"""The charge model graduated."""

import polars as pl

from transforms import money


def graduated(quantity: pl.Expr, offset: pl.Expr, base_amount: pl.Expr, unit_amount: pl.Expr) -> pl.Expr:
    """Each band is charged at its own rate: 1,001 units of (1,000 at 0.010 + 5, then 0.008 + 3) cost 18.008.

    `base_amount` is everything due for the bands below and the flats of the bands entered, so one tier says it all:
    15 + 3 due at the bound, and one unit at 0.008 above `offset` 1,000.
    """
    return base_amount + money.multiply(quantity - offset, unit_amount)
