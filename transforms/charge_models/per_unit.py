"""The charge model per_unit."""

import polars as pl

from transforms import money


def per_unit(quantity: pl.Expr, unit_amount: pl.Expr) -> pl.Expr:
    """Every unit costs the same: 3 units at 0.10 cost 0.30."""
    return money.multiply(quantity, unit_amount)
