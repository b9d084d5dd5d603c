"""Ratebook itself: the steps of its night up to the lines, each timed, in this process and without dbt."""

import shutil
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from data_contracts import LineItems, RatedEvents
from data_contracts.vocabulary import Table
from orchestration import intake, night
from orchestration.build import Build, open_build
from orchestration.intake import usage_delivery
from orchestration.settings import Settings
from orchestration.tables import Builder, made_by
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
    """Take the deliveries: what usage is rated by first, then the usage. Reading its files is a step of its own."""
    settings = Settings(home=home)
    clock.time("book", lambda: intake.snapshot_through(settings, usage.FIRST_DAY))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(usage_delivery, "read_files", clock.apart("intake", "reading", usage_delivery.read_files))
        clock.time("intake", lambda: intake.snapshot_through(settings, through))


def make_tables(home: Path, clock: Clock, wanted: Sequence[str], as_of: date = LAST_DAY) -> Build:
    """Make some tables as of a day and those that they are made of, in the order of the night."""
    build = open_build(Settings(home=home), as_of)
    clock.time("book", build.make_book)
    for builder in ancestry(wanted):
        clock.time(builder.__name__, lambda builder=builder: build.make(builder))
    return build


def ancestry(wanted: Sequence[str]) -> list[Builder]:
    """Return the builders of the night that make these tables, and whatever those read."""
    names = set(wanted)
    builders = []
    for builder in reversed(night.NIGHTLY):
        if builder.__name__ in names:
            builders.append(builder)
            names.update(made_by(builder).inputs)
    return builders[::-1]


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
