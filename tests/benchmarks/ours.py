"""Ratebook itself: the steps of its night up to the lines, each timed, in this process and without dbt."""

import shutil
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from data_contracts import LineItems, RatedEvents
from data_contracts.vocabulary import Table
from orchestration import intake, night
from orchestration.build import Build, open_build
from orchestration.settings import Settings
from tests.benchmarks import usage
from tests.benchmarks.measuring import Clock

LAST_DAY = usage.FIRST_DAY + timedelta(days=usage.DAY_COUNT - 1)
# What stands before usage is looked at: made once and given to the peers, too.
REFERENCE = ("accounts", "zone_days", "account_contracts", "rates", "usage_slots")


def linked(source: Path, target: Path, *, without: Sequence[str] = ()) -> None:
    """Make a home that shares the files of another one; whatever is written later is its own."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=_link, ignore=shutil.ignore_patterns(*without))


def landed(folder: Path, home: Path) -> Path:
    """Make a home in which the month has landed and nothing was taken yet, whatever an earlier run left there."""
    shutil.rmtree(home, ignore_errors=True)
    linked(folder / "landing", home / "landing")
    return home


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def take(home: Path, clock: Clock, through: date = LAST_DAY) -> None:
    """Take the deliveries: what usage is rated by first, then the usage."""
    settings = Settings(home=home)
    clock.time("book", lambda: intake.snapshot_through(settings, usage.FIRST_DAY))
    clock.time("intake", lambda: intake.snapshot_through(settings, through))


def make_tables(home: Path, clock: Clock, last: str, as_of: date = LAST_DAY) -> Build:
    """Make the tables as of a day, in the order of the night, up to the one named `last`."""
    build = open_build(Settings(home=home), as_of)
    clock.time("book", build.make_book)
    for builder in night.NIGHTLY:
        clock.time(builder.__name__, lambda builder=builder: build.make(builder))
        if builder.__name__ == last:
            return build
    raise LookupError(last)


def line_totals(build: Build) -> dict[str, object]:
    """Count and add up the lines, per currency."""
    return _totals(build.frame(LineItems).select("currency", "quantity", "amount_exact", "amount"), LineItems)


def fee_totals(build: Build) -> dict[str, object]:
    """Count and add up the fees, per currency."""
    return _totals(build.frame(RatedEvents).select("currency", "quantity", "amount_exact", "amount"), RatedEvents)


def _totals(rows: pl.LazyFrame, table: type[Table]) -> dict[str, object]:
    sums = (
        rows.group_by("currency")
        .agg(pl.len().alias("rows"), *[pl.col(name).sum() for name in ("quantity", "amount_exact", "amount")])
        .sort("currency")
        .collect()
    )
    return {
        currency: [count, *(f"{number.normalize():f}" for number in numbers)]
        for currency, count, *numbers in sums.iter_rows()
    }
