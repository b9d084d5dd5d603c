"""The aggregation sum."""

import polars as pl

from transforms.aggregations.aggregation import SCOPE, Aggregation

# 2, 3 and 5 are 10; when the 3 is taken back, 7.
SUM = Aggregation(
    state={"level": pl.col("measured").sum()},
    merge=pl.col("level").cum_sum().over(SCOPE),
    undo="invert",
    adds_up=True,
)
