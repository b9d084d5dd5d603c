"""The charge model package."""

import polars as pl

from data_contracts.vocabulary import QUANTITY
from transforms import money


def package(
    quantity: pl.Expr, offset: pl.Expr, package_size: pl.Expr, package_round: pl.Expr, unit_amount: pl.Expr
) -> pl.Expr:
    """Every started package above the free units is charged in full: 1,001 units at 5.00 per 1,000 cost 10.00.

    Zero units open no package. Rounded down, only full ones count.
    """
    nothing = pl.lit(0).cast(QUANTITY)
    above = pl.when(quantity > offset).then(quantity - offset).otherwise(nothing)
    # `//` and `%` are exact. A quotient keeps the scale of the quantity: 1000.000000001 / 10^9 would be 0.000001000000,
    # and its ceiling could not be told from that of 1000.
    is_started = (above % package_size > 0) & (package_round == "up")
    packages = above // package_size + pl.when(is_started).then(1).otherwise(0)
    return money.multiply(packages, unit_amount)
