"""The aggregation count."""

import polars as pl

from data_contracts.vocabulary import QUANTITY
from transforms.aggregations.aggregation import SCOPE, Aggregation

# Events of 2, 3 and 5 are 3; when one is taken back, 2.
COUNT = Aggregation(
    state={"level": pl.len().cast(QUANTITY)},
    merge=pl.col("level").cum_sum().over(SCOPE),
    undo="invert",
    adds_up=True,
)
