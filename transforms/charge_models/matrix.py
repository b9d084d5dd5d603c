"""The charge model matrix."""

import polars as pl

from transforms import money


def matrix(quantity: pl.Expr, unit_amount: pl.Expr) -> pl.Expr:
    """Every unit costs what its cell says: 3 units in {region: eu} at 0.12 cost 0.36."""
    return money.multiply(quantity, unit_amount)
