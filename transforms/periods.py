"""Days, months and half-open intervals."""

import polars as pl

from data_contracts.vocabulary import BEGINNING_AT, FOREVER_AT


def month_start(day: pl.Expr) -> pl.Expr:
    """First day of the calendar month of a day."""
    return day.dt.truncate("1mo")


def next_month_start(day: pl.Expr) -> pl.Expr:
    """First day of the following calendar month."""
    return month_start(day).dt.offset_by("1mo")


def covers(day: pl.Expr, valid_from: str | pl.Expr, valid_to: str | pl.Expr) -> pl.Expr:
    """Whether a half-open interval holds a day or an instant."""
    return day.is_between(_column(valid_from), _column(valid_to), closed="left")


def _column(name: str | pl.Expr) -> pl.Expr:
    return pl.col(name) if isinstance(name, str) else name


def with_day_start(frame: pl.LazyFrame, zone_days: pl.LazyFrame, day: str, into: str) -> pl.LazyFrame:
    """Add `into`: the first instant of the local `day` in the row's `time_zone`, UTC.

    A day before the calendar starts at the beginning of time, a day after it at the end: the calendar spans all
    usage, so such a day can only bound an interval. 1:1, no row added or dropped.
    """
    starts = zone_days.select("time_zone", pl.col("local_date").alias(day), pl.col("day_start_at").alias(into))
    first_day = zone_days.group_by("time_zone").agg(pl.col("local_date").min().alias("_first_day"))
    beyond = pl.when(pl.col(day) < pl.col("_first_day")).then(BEGINNING_AT).otherwise(FOREVER_AT)
    return (
        frame.join(starts, on=["time_zone", day], how="left", validate="m:1")
        .join(first_day, on="time_zone", how="left", validate="m:1")
        .with_columns(pl.when(pl.col(day).is_null()).then(None).otherwise(pl.coalesce(into, beyond)).alias(into))
        .drop("_first_day")
    )


def latest_at_or_before(
    frame: pl.LazyFrame, states: pl.LazyFrame, *, at: str, since: str, by: list[str]
) -> pl.LazyFrame:
    """As-of join: add to each row the state of the same key with the greatest `since` not after `at`.

    Both sides are sorted here, because Polars does not check it when there are keys: unsorted input was 97 % wrong
    with a warning at most. `since` must be unique per key. Rows without a state get nulls.
    """
    return frame.sort(at).join_asof(
        states.sort(since), left_on=at, right_on=since, by=by, strategy="backward", check_sortedness=False
    )
