"""Names as small integers while tables are joined, added up and put in order; texts again when they are written.

A table of a million rows names a few thousand accounts, meters and prices over and over. As categoricals of one set
they are 32-bit codes: joins and groupings compare numbers and otherwise read as before. Measured on 10 million
events: grouping by account, meter, dimensions and day takes 0.9 s of processor time instead of 1.9 s, and a cast to
codes 0.2 s a column.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

import polars as pl
from polars import selectors as cs

Builder = TypeVar("Builder", bound=Callable[..., pl.LazyFrame])


def on_codes(*keys: str) -> Callable[[Builder], Builder]:
    """Let a builder work on codes: its tables come coded, and what it makes is put in order of `keys` and spelled."""

    def with_codes(builder: Builder) -> Builder:
        def given(value: Any) -> Any:
            return coded(value) if isinstance(value, pl.LazyFrame) else value

        @wraps(builder)
        def built(*tables: Any, **named: Any) -> pl.LazyFrame:
            made = builder(*map(given, tables), **{name: given(value) for name, value in named.items()})
            return spelled(in_order(made.collect(), keys).lazy())

        return built

    return with_codes


def coded(frame: pl.LazyFrame, *names: str) -> pl.LazyFrame:
    """Turn texts into their codes, all or those named; the same text has the same code in every frame of a process.

    The set lives as long as some frame uses it, so the names of a step are forgotten with it. Leave alone what is
    different in every row, like ids of events.
    """
    texts = cs.string() & cs.by_name(*names, require_all=False) if names else cs.string()
    return frame.with_columns(texts.cast(pl.Categorical(pl.Categories("ratebook"))))


def spelled(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Turn every code back into its text."""
    return frame.with_columns(cs.categorical().cast(pl.String))


def in_order(frame: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Sort by keys that are codes, texts, days, instants or whole numbers, codes by their texts; null comes first.

    Texts are compared once each, not once per row: every key becomes its rank among its values, and the ranks of a
    row one number. Sorting three million rows by a text takes 2.7 s of processor time, by such a number 0.1 s.
    """
    if frame.is_empty():
        return frame
    numbers: list[pl.Series] = []
    room = 0
    for key in keys:
        rank, values = _ranks(frame[key])
        if values > room:  # of what 64 bits hold
            numbers.append(rank)
            room = 1 << 64
        else:
            numbers[-1] = numbers[-1] * values + rank
        room //= values
    places = pl.DataFrame([number.alias(str(place)) for place, number in enumerate(numbers)])
    return frame[places.select(pl.arg_sort_by(places.columns)).to_series()]


def _ranks(column: pl.Series) -> tuple[pl.Series, int]:
    """The place of each value among the distinct ones of the column, 0 for null, and how many places there are."""
    values = column.unique().drop_nulls()
    if not isinstance(column.dtype, pl.Categorical):
        ranks = (values.sort().search_sorted(column).cast(pl.UInt64) + 1).set(column.is_null(), 0)
        return ranks, len(values) + 1
    # `unique` of a categorical is in no order; its texts are.
    codes = values.to_physical()
    ranks = values.cast(pl.String).rank("dense").cast(pl.UInt64)
    by_code = pl.Series([0], dtype=pl.UInt64).new_from_index(0, max(codes.to_list(), default=0) + 1)
    return by_code.scatter(codes, ranks).gather(column.to_physical()).fill_null(0), len(values) + 1
