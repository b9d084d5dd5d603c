"""The aggregation weighted_sum."""

from decimal import Decimal

import polars as pl

from data_contracts.vocabulary import QUANTITY
from transforms.aggregations.aggregation import HELD, NO_LEVEL, SCOPE, Aggregation

# Units times microseconds of a period of a year, 3.2e13, stay below the 10^26 that a column of quantities holds.
LARGEST_LEVEL = pl.lit(Decimal(10) ** 12).cast(QUANTITY)


def weight(level: pl.Expr, since: str, until: str) -> pl.Expr:
    """What a level weighs from one instant to another, in units times microseconds: exact, whatever a day lasts."""
    bounded = pl.when(level.abs() < LARGEST_LEVEL).then(level).otherwise(NO_LEVEL)
    elapsed = (pl.col(until) - pl.col(since)).dt.total_microseconds()
    return (bounded * elapsed.cast(pl.Decimal(38, 0))).cast(QUANTITY)


CHANGE = pl.col("level").fill_null(NO_LEVEL)
BEFORE = CHANGE.cum_sum().over(HELD) - CHANGE
PERIOD = pl.col("period_microseconds").cast(pl.Decimal(38, 0))

# Events change a level: +2 for all of a day and +3 for its second half are 3.5 over that day. The quantity of a period
# is the level times the share of the period for which it held, rounded once, at the twelfth place of the running total.
WEIGHTED_SUM = Aggregation(
    state={
        "level": pl.col("measured").sum(),
        "weight": weight(pl.col("measured"), "occurred_at", "slot_end_at").sum(),
    },
    held={
        "level": BEFORE + CHANGE,
        "weight": (weight(BEFORE, "slot_at", "slot_end_at") + pl.col("weight").fill_null(NO_LEVEL)).cast(QUANTITY),
    },
    merge=(pl.col("weight").cum_sum().over(SCOPE) / PERIOD).cast(QUANTITY),
    undo="invert",
    carries=True,
    is_timed=True,
)
