"""Which months of a legal entity are closed."""

import polars as pl

from transforms import periods

CLOSED_THROUGH = "_closed_through"
SEALED_AS_OF = "_sealed_as_of"


def closed_through(sealed_periods: pl.LazyFrame) -> pl.LazyFrame:
    """Give each legal entity its last closed month, and D_c of that seal. All earlier months are closed, too.

    Grain: one row per legal entity with a closed month.
    """
    of_last = pl.col("sealed_as_of").sort_by("accounting_month").last()
    return sealed_periods.group_by("legal_entity_id").agg(
        pl.col("accounting_month").max().alias(CLOSED_THROUGH), of_last.alias(SEALED_AS_OF)
    )


def is_closed(day: str) -> pl.Expr:
    """Whether a day lies in a closed month; of an entity that has closed none, it does not."""
    return (periods.month_start(pl.col(day)) <= pl.col(CLOSED_THROUGH)).fill_null(value=False)


def first_open_day() -> pl.Expr:
    """The first day of the first open month: what corrects closed months counts there."""
    return periods.next_month_start(pl.col(CLOSED_THROUGH))
