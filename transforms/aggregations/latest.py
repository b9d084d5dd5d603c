"""The aggregation latest."""

import polars as pl

from transforms.aggregations.aggregation import HELD, SCOPE, Aggregation, newest_so_far

OF_AN_EVENT = ["occurred_at", "event_id", "source"]
LEVEL = ["level", "level_at", "level_event_id", "level_source"]
MEASURED = ["measured", *OF_AN_EVENT]
# Numbers every event that set a level; what is carried keeps the number of its event.
AGE = pl.struct("level_at", "level_event_id", "level_source").rank("dense")

# 5 seats, then 3 seats: 3, until another event says otherwise. Of one instant, the greater event id is the later.
LATEST = Aggregation(
    state={name: pl.col(of).sort_by(OF_AN_EVENT).last() for name, of in zip(LEVEL, MEASURED, strict=True)},
    held={name: pl.col(name).forward_fill().over(HELD) for name in LEVEL},
    merge=newest_so_far(pl.col("level"), AGE.cum_max().over(SCOPE) == AGE, SCOPE),
    undo="recompute",
    carries=True,
)
