"""The charge model flat."""

import polars as pl


def flat(_quantity: pl.Expr, flat_amount: pl.Expr) -> pl.Expr:
    """The same amount whatever is used: 49.00 for nothing and 49.00 for a million units."""
    return flat_amount
