"""The charge model graduated_percentage."""

import polars as pl

from transforms import money


def graduated_percentage(quantity: pl.Expr, offset: pl.Expr, base_amount: pl.Expr, unit_amount: pl.Expr) -> pl.Expr:
    """Each band of the value pays its own share: 1,200 of (1,000 at 1 % + 2, then 0.5 % + 1) cost 14.

    `unit_amount` is the share of one unit of money; `base_amount` holds what is due below the band and the flats of the
    bands entered: 10 + 2 + 1 at the bound, and 200 at 0.5 % above `offset` 1,000.
    """
    return base_amount + money.multiply(quantity - offset, unit_amount)
