"""The charge model dynamic."""

import polars as pl

from data_contracts.vocabulary import EXACT


def dynamic(_quantity: pl.Expr, amount: pl.Expr) -> pl.Expr:
    """The events bring their amounts: 12.50 and 7.25 cost 19.75, however many units they are."""
    return amount.cast(EXACT)
