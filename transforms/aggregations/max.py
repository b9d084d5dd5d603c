"""The aggregation max."""

import polars as pl

from transforms.aggregations.aggregation import SCOPE, Aggregation

# 2, 5 and 3 are 5; when the 5 is taken back, 3: which only the events know. Several cells: the greatest of them.
MAX = Aggregation(
    state={"level": pl.col("measured").max()},
    merge=pl.col("level").cum_max().over(SCOPE),
    undo="recompute",
)
