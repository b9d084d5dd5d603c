"""Days, months, billing periods and half-open intervals."""

from datetime import date
from functools import partial

import polars as pl

from data_contracts.vocabulary import BEGINNING_AT, FOREVER_AT

# How long an interval is: whole months from an anchor that is clamped to the month's last day, or whole days.
MONTHS = {"month": 1, "quarter": 3, "year": 12}
DAYS = {"day": 1, "week": 7}


def month_start(day: pl.Expr) -> pl.Expr:
    """First day of the calendar month of a day."""
    return day.dt.truncate("1mo")


def next_month_start(day: pl.Expr) -> pl.Expr:
    """First day of the following calendar month."""
    return month_start(day).dt.offset_by("1mo")


def number(day: pl.Expr, interval: pl.Expr, anchor: pl.Expr) -> pl.Expr:
    """Which period of an interval a day is in, counted from the one that starts on the anchor (0)."""
    months = (_month_number(day) - _month_number(anchor)) // _length(interval, MONTHS)
    # In the month of a period's start, the days before it still belong to the period before.
    is_before = day < start(months, interval, anchor)
    days = (day - anchor).dt.total_days() // _length(interval, DAYS)
    return pl.when(_is_of_days(interval)).then(days).otherwise(months - is_before.cast(pl.Int64))


def start(number: pl.Expr, interval: pl.Expr, anchor: pl.Expr) -> pl.Expr:
    """First day of a period. Anchors are clamped and remembered: 31 January, 28 February, 31 March."""
    month = _month_number(anchor) + number * _length(interval, MONTHS)
    first = pl.date(month // 12, month % 12 + 1, 1)
    last_day = first.dt.days_in_month()
    clamped = first + pl.duration(days=pl.min_horizontal(anchor.dt.day(), last_day) - 1)
    of_days = anchor + pl.duration(days=number * _length(interval, DAYS))
    return pl.when(_is_of_days(interval)).then(of_days).otherwise(clamped)


def period_start(day: date, interval: str, anchor: date) -> date:
    """First day of the period that holds one day: what `number` and `start` say of a column."""
    rhythm = [pl.lit(interval), pl.lit(anchor)]
    found: date = pl.select(start(number(pl.lit(day), *rhythm), *rhythm)).item()
    return found


def _is_of_days(interval: pl.Expr) -> pl.Expr:
    return interval.is_in(list(DAYS))


def _length(interval: pl.Expr, lengths: dict[str, int]) -> pl.Expr:
    """Months or days of an interval; 1 for those that are counted in the other."""
    return interval.replace_strict(lengths, default=1, return_dtype=pl.Int64)


def _month_number(day: pl.Expr) -> pl.Expr:
    return day.dt.year().cast(pl.Int64) * 12 + day.dt.month() - 1


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


def latest_of_few(frame: pl.LazyFrame, states: pl.DataFrame, *, at: str, since: str, by: str) -> pl.LazyFrame:
    """The same as-of join for many rows and few states, which are found by binary search: no row is moved.

    Shape: adds the columns of `states` but `by`; nulls where there is no state. `since` is unique per `by`.
    Ten million events and 560 local days take 0.4 s of processor time; sorting the events alone takes 1.5 s.
    """
    in_place = states.sort(by, since)
    groups = in_place.select(by).with_row_index("_first").unique(by, keep="first", maintain_order=True)
    numbered = groups.with_row_index("_group")
    # An instant is less than 2^62 microseconds away from 1970, so groups do not touch one another.
    place = pl.col("_group").cast(pl.Int128) * (1 << 63)
    starts = in_place.join(numbered, on=by, how="left", maintain_order="left").select(
        place + pl.col(since).to_physical()
    )
    found = in_place.drop(by)
    return (
        frame.join(numbered.lazy(), on=by, how="left", validate="m:1")
        .with_columns(
            pl.struct((place + pl.col(at).to_physical()).alias("place"), "_first")
            .map_batches(
                partial(_states_at, starts=starts.to_series(), states=found),
                return_dtype=pl.Struct(found.schema),
                is_elementwise=True,
            )
            .alias("_state")
        )
        .drop("_first", "_group")
        .unnest("_state")
    )


def _states_at(rows: pl.Series, starts: pl.Series, states: pl.DataFrame) -> pl.Series:
    """The state that the `place` of each row is in; null where it lies before the `_first` one of its group."""
    of_row = rows.struct.unnest()
    nearest = starts.search_sorted(of_row["place"], side="right").cast(pl.Int64) - 1
    has_state = nearest >= of_row["_first"]
    return states.select(pl.all().gather(nearest.set(~has_state.fill_null(value=False), None))).to_struct()
