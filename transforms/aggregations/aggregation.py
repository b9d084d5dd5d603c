"""What every aggregation declares: what it keeps of events, how that merges, and whether it outlives its period."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from data_contracts.vocabulary import QUANTITY

# Rows of a cell in the order of time, one per slot of a day: over what a level is held.
HELD = "_holds"
# Rows of a counter in the order of time: over what they merge.
SCOPE = "_scope"
IN_TIME = ["slot_at", "account_id", "stated_contract_id", "meter", "dimensions", "value_currency", "counted_value"]
NO_LEVEL = pl.lit(0).cast(QUANTITY)


@dataclass(frozen=True)
class Aggregation:
    """One way in which events become a quantity.

    state:    what a usage cell keeps of its events: aggregations over `measured`, `occurred_at`, `event_id`.
    held:     what a cell holds at the end of each of its rows, given the states of its rows in the order of time.
    merge:    the quantity of a counter through each of its rows in the order of time, whatever cells they are of.
    undo:     what a reversal does: subtract its event from the state, or have the state made again without it.
    adds_up:  the quantity is the sum of the states, so nothing but sums is kept: `usage_states`.
    carries:  whether a period begins with what the one before ended with, unless the meter says so itself; None where
              no meter may ask for it.
    is_timed: there is a quantity on days without events.
    """

    state: Mapping[str, pl.Expr]
    merge: pl.Expr
    undo: Literal["invert", "recompute"]
    adds_up: bool = False
    carries: bool | None = None
    is_timed: bool = False
    held: Mapping[str, pl.Expr] = field(default_factory=dict)


def newest_so_far(value: pl.Expr, is_newest: pl.Expr, over: str) -> pl.Expr:
    """The value of the last row so far that was the newest when it came."""
    return pl.when(is_newest).then(value).forward_fill().over(over)
