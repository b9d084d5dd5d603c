"""The charge model of a rate curve."""

import polars as pl

from transforms import money


def rate_curve(quantity: pl.Expr, unit_amount: pl.Expr) -> pl.Expr:
    """Every unit costs what its hours say: 3 units from 17:00 to 20:00 at 0.30 cost 0.90."""
    return money.multiply(quantity, unit_amount)
