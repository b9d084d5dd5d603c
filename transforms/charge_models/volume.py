"""The charge model volume."""

import polars as pl

from transforms import money


def volume(quantity: pl.Expr, flat_amount: pl.Expr, unit_amount: pl.Expr) -> pl.Expr:
    """All units are charged at the rate of the band that the total falls into: 1,001 at 0.008 + 3 cost 11.008.

    Not monotone at a bound, by intention: 1,000 units at 0.010 + 5 cost 15.
    """
    return flat_amount + money.multiply(quantity, unit_amount)
