"""What each aggregation declares: the state of events, how states merge, and how a reversal is undone."""

from datetime import datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from data_contracts.meters import AGGREGATIONS as NAMES
from data_contracts.vocabulary import QUANTITY
from transforms.aggregations import AGGREGATIONS, IN_TIME, LEVELS, SCOPE

NOON = datetime(2026, 8, 1, 12)
# Measured, hour of the day, counted value; with the same hour, the id decides.
EVENTS = [("2", 0, "ann"), ("5", 3, "bob"), ("3", 6, "ann"), ("1", 6, "cyd")]
COMES_TO = {
    "sum": "11",
    "count": "4",
    "max": "5",
    "latest": "1",
    "unique_count": "3",
    # Of a day: 2 for 24 hours, 5 for 21, 4 for 18: (48 + 105 + 72) / 24
    "weighted_sum": "9.375",
}


def frame(events: list[tuple[str, int, str]]) -> pl.LazyFrame:
    day = NOON.replace(hour=0)
    return pl.LazyFrame(
        {
            "event_id": [f"e{place}" for place in range(len(events))],
            "measured": [Decimal(measured) for measured, _, _ in events],
            "occurred_at": [day + timedelta(hours=hour) for _, hour, _ in events],
            "counted_value": [value for _, _, value in events],
        },
        schema_overrides={"measured": QUANTITY},
    ).with_columns(pl.lit("").alias("source"), pl.lit(day + timedelta(days=1)).alias("slot_end_at"))


def states(name: str, events: pl.LazyFrame, cell: str) -> pl.LazyFrame:
    """The state of one usage cell; a set has a row for each value."""
    keys = [name_ for name_ in IN_TIME if name_ not in ("slot_at", "counted_value")]
    counted = pl.col("counted_value") if name == "unique_count" else pl.lit("").alias("counted_value")
    return (
        events.with_columns(counted)
        .group_by("counted_value")
        .agg(**AGGREGATIONS[name].state)
        .with_columns(
            *[pl.lit(cell).alias(each) for each in keys],
            pl.lit(NOON).alias("slot_at"),
            pl.lit(1).alias(SCOPE),
            pl.lit(86_400_000_000, pl.Int64).alias("period_microseconds"),
        )
    )


def merged(name: str, *cells: pl.LazyFrame) -> Decimal:
    """What a counter of these cells holds in the end."""
    through = pl.concat(cells).sort(IN_TIME).select(AGGREGATIONS[name].merge.alias("through")).collect()["through"]
    return through[-1]


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_an_aggregation_of_one_cell_is_what_it_is_called(name):
    assert merged(name, states(name, frame(EVENTS), "a")) == Decimal(COMES_TO[name])


@pytest.mark.parametrize("name", AGGREGATIONS)
@pytest.mark.parametrize("cells", ["aabb", "abab", "baaa", "abcd", "dcba", "cabc"])
def test_however_events_are_spread_over_cells_their_states_merge_to_the_same(name, cells):
    whole = frame(EVENTS).collect()
    parts = [
        states(name, whole.filter(pl.Series([each == cell for each in cells])).lazy(), cell)
        for cell in sorted({*cells})
    ]
    assert merged(name, *parts) == Decimal(COMES_TO[name])


@pytest.mark.parametrize("name", [name for name, each in AGGREGATIONS.items() if each.undo == "invert"])
def test_a_state_that_inverts_less_one_event_is_the_state_without_it(name):
    with_it, it, without = (
        states(name, frame(events), "a").select(pl.col(list(AGGREGATIONS[name].state))).collect()
        for events in (EVENTS, EVENTS[1:2], [EVENTS[0], *EVENTS[2:]])
    )
    assert [with_it[column][0] - it[column][0] for column in with_it.columns] == list(without.row(0))


@pytest.mark.parametrize("name", [name for name, each in AGGREGATIONS.items() if each.undo == "recompute"])
def test_a_state_that_does_not_invert_is_one_for_histories_of_which_different_things_are_left_without_the_event(name):
    """Which is why the events are read again: max, latest and the set cannot tell what is left."""
    earlier, taken_back = ("2", 0, "ann"), ("7", 9, "ann")
    one, other = (merged(name, states(name, frame(events), "a")) for events in ([earlier, taken_back], [taken_back]))
    assert one == other
    assert merged(name, states(name, frame([earlier]), "a")) > 0


def test_every_aggregation_of_the_book_is_declared_and_the_others_than_sums_have_levels():
    assert tuple(AGGREGATIONS) == NAMES
    assert list(LEVELS) == [name for name in NAMES if name not in ("sum", "count")]
