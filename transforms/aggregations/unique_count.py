"""The aggregation unique_count."""

import polars as pl

from data_contracts.vocabulary import QUANTITY
from transforms.aggregations.aggregation import HELD, SCOPE, Aggregation

ONE = pl.lit(1).cast(QUANTITY)
IS_NEW = pl.struct(SCOPE, "counted_value").is_first_distinct()

# Users ann, bob and ann are 2. A cell keeps the set of its values, a row each; several cells: their union.
UNIQUE_COUNT = Aggregation(
    state={"level": ONE},
    held={"level": pl.col("level").forward_fill().over(HELD)},
    merge=IS_NEW.cast(pl.Int64).cum_sum().over(SCOPE).cast(QUANTITY),
    undo="recompute",
    carries=False,
)
