"""The engine of today on a world: landed as files, taken in, priced, and compared with the oracle line by line."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import HealthCheck, Phase, given, seed, settings

from data_contracts import LineItems, PricedUsage, UsageOutcomes
from orchestration import intake
from orchestration.build import Build, open_build
from orchestration.night import NIGHTLY
from orchestration.settings import Settings
from tests.oracle.accepted import accepted
from tests.oracle.comparison import compare
from tests.oracle.reference import Expected, World, expected
from tests.oracle.worlds import SEASONS, landing_files, together, worlds

PARTS = 8  # worlds in a company; the last one drawn says D and default plan, the first is nearly empty
ENGINES = ("in-memory", "streaming")
CELL = ("account_id", "stated_contract_id", "meter", "dimensions", "value_currency", "service_date", "slot_at", "kind")


def company(number: int) -> World:
    """The company of a number: worlds of one season, every third of them with exchange rates."""
    drawn: list[World] = []

    @seed(number)
    @settings(
        max_examples=PARTS,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(worlds(features=accepted(), first=SEASONS[number % 2], exchange=number % 3 == 1))
    def draw(world: World) -> None:
        drawn.append(world)

    draw()
    return together(drawn[::-1])


def landed(world: World, home: Path) -> Build:
    """The world's files, taken in as of its D; nothing is made of them yet."""
    for name, text in landing_files(world).items():
        path = home / "landing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    state = Settings(home=home)
    intake.snapshot_through(state, world.as_of)
    return open_build(state, world.as_of)


def priced(world: World, home: Path) -> Build:
    """Land the world's files and make every table as of its D, as the night does."""
    build = landed(world, home)
    build.make_book()
    for builder in NIGHTLY:
        build.make(builder)
    return build


@contextmanager
def engine_of_polars(name: str) -> Iterator[None]:
    """Collect with one of the two engines, whatever the query would choose."""
    with pl.Config():
        pl.Config.set_engine_affinity(name)
        yield


def as_the_night_begins(world: World) -> World:
    """The engine's spine starts with the month of the first delivery."""
    return replace(world, billing_starts_on=world.billing_starts_on.replace(day=1))


def differences(world: World, engine: str = "streaming", wanted: Expected | None = None) -> list[str]:
    """What the tables of a world say otherwise than the oracle: lines, and how many events are in each bucket."""
    world = as_the_night_begins(world)
    wanted = wanted or expected(world)
    with TemporaryDirectory() as home, engine_of_polars(engine):
        build = landed(world, Path(home))
        for table in (LineItems, PricedUsage, UsageOutcomes):
            build.require(table)
        lines = build.frame(LineItems).collect()
        cells = build.frame(PricedUsage).unique(CELL).collect()
        outcomes = build.frame(UsageOutcomes).collect()
    found = compare(lines.iter_rows(named=True), wanted, world)
    counted: dict[tuple[str, str], int] = {}
    for (_, _, kind), outcome in wanted.outcomes.items():
        name = outcome.split(":", 1)[0]
        bucket = "rated" if name in {"priced", "zero_rated"} else name
        counted[kind, bucket] = counted.get((kind, bucket), 0) + 1
    # A day of a level without events is a cell, too.
    rated = cells.filter(pl.col("outcome") == "rated", pl.col("event_count") > 0)
    rated = rated.group_by("kind").agg(pl.col("event_count").sum())
    if dict(rated.iter_rows()) != {kind: events for (kind, bucket), events in counted.items() if bucket == "rated"}:
        found.append(f"rated events: expected {counted}, got {dict(rated.iter_rows())}")
    events = outcomes.filter(pl.col("kind") == "revenue")["event_count"].sum()
    if events != sum(events for (kind, _), events in counted.items() if kind == "revenue"):
        found.append(f"events with an outcome: expected {counted}, got {events}")
    return found
