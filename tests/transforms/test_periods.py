"""Rules of periods: where they start, whatever the length of a month."""

from datetime import date, timedelta

import polars as pl
import pytest

from transforms import periods

DAYS = [date(2023, 12, 1) + timedelta(days=days) for days in range(900)]
ANCHORS = [date(2000, 1, 1), date(2000, 1, 31), date(2024, 2, 29), date(2026, 8, 15), date(2026, 12, 30)]


def starts(interval, anchor, numbers):
    rhythm = [pl.lit(interval), pl.lit(anchor)]
    frame = pl.DataFrame({"number": numbers}).select(periods.start(pl.col("number"), *rhythm))
    return [day.isoformat() for day in frame.to_series()]


@pytest.mark.parametrize(
    ("interval", "anchor", "expected"),
    [
        pytest.param("month", date(2026, 1, 31), ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"], id="month"),
        pytest.param("month", date(2024, 1, 30), ["2024-01-30", "2024-02-29", "2024-03-30"], id="a leap year"),
        pytest.param("quarter", date(2026, 1, 31), ["2026-01-31", "2026-04-30", "2026-07-31"], id="quarter"),
        pytest.param("year", date(2024, 2, 29), ["2024-02-29", "2025-02-28", "2026-02-28"], id="year"),
        pytest.param("week", date(2026, 12, 28), ["2026-12-28", "2027-01-04", "2027-01-11"], id="week"),
        pytest.param("day", date(2026, 2, 28), ["2026-02-28", "2026-03-01"], id="day"),
    ],
)
def test_an_anchor_is_clamped_to_the_last_day_of_the_month_and_remembered(interval, anchor, expected):
    assert starts(interval, anchor, range(len(expected))) == expected


def test_a_leap_day_comes_back_in_the_next_leap_year():
    assert starts("year", date(2024, 2, 29), [4]) == ["2028-02-29"]


@pytest.mark.parametrize("interval", ["day", "week", "month", "quarter", "year"])
@pytest.mark.parametrize("anchor", ANCHORS)
def test_every_day_is_in_the_period_that_its_number_names_and_in_no_other(interval, anchor):
    rhythm = [pl.lit(interval), pl.lit(anchor)]
    number = periods.number(pl.col("day"), *rhythm)
    found = pl.DataFrame({"day": DAYS}).with_columns(
        number.alias("number"),
        periods.start(number, *rhythm).alias("start"),
        periods.start(number + 1, *rhythm).alias("end"),
    )
    assert found.filter(~pl.col("day").is_between("start", "end", closed="left")).is_empty()
    # Gapless: the number grows by one exactly where a period starts.
    steps = found.with_columns(
        pl.col("number").diff().alias("step"), (pl.col("day") == pl.col("start")).alias("is_start")
    )
    assert steps.slice(1).filter(pl.col("step") != pl.col("is_start").cast(pl.Int64)).is_empty()


@pytest.mark.parametrize(
    ("day", "interval", "anchor", "expected"),
    [
        (date(2026, 2, 27), "month", date(2000, 1, 31), date(2026, 1, 31)),
        (date(2026, 2, 28), "month", date(2000, 1, 31), date(2026, 2, 28)),
        (date(2026, 3, 30), "month", date(2000, 1, 31), date(2026, 2, 28)),
        (date(2026, 8, 20), "quarter", date(2000, 1, 1), date(2026, 7, 1)),
        (date(1999, 12, 31), "year", date(2000, 1, 1), date(1999, 1, 1)),
    ],
)
def test_the_period_of_one_day(day, interval, anchor, expected):
    assert periods.period_start(day, interval, anchor) == expected
