"""The charge model unit_fee: a unit price whose events are rounded one by one."""

import polars as pl

from data_contracts.vocabulary import EXACT
from transforms import money


def unit_fee(charged_value: pl.Expr, is_free: pl.Expr, rate: pl.Expr) -> pl.Expr:
    """Each event costs its units that are not free: 1.5 of 2 units at 0.0151 cost 0.02265. `rate` is the unit price."""
    return pl.when(is_free).then(pl.lit(0).cast(EXACT)).otherwise(money.multiply(charged_value, rate))
