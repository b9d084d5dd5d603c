"""The engine against the oracle: random worlds landed as files, taken in, priced, and compared line by line.

`RATEBOOK_ORACLE_WORLDS` sets how many worlds are drawn (12 by default, thousands as the long run); a failing world is
kept by Hypothesis and drawn again first.
"""

import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import HealthCheck, given, settings

from data_contracts import LineItems, PricedUsage, UsageOutcomes
from orchestration import intake
from orchestration.build import Build, open_build
from orchestration.night import NIGHTLY
from orchestration.settings import Settings
from tests.oracle.comparison import compare
from tests.oracle.reference import World, expected
from tests.oracle.worlds import landing_files, worlds

SEARCHES = "RATEBOOK_ORACLE_WORLDS" in os.environ  # the short run draws the same worlds each time, the long run others
EXAMPLES = int(os.environ.get("RATEBOOK_ORACLE_WORLDS", "12"))


def priced(world: World, home: Path) -> Build:
    """Land the world's files and make every table as of its D, as the night does."""
    for name, text in landing_files(world).items():
        path = home / "landing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    state = Settings(home=home)
    intake.snapshot_through(state, world.as_of)
    build = open_build(state, world.as_of)
    build.make_book()
    for builder in NIGHTLY:
        build.make(builder)
    return build


def buckets(counted: pl.DataFrame) -> dict[tuple[str, str], int]:
    return {(kind, outcome): events for kind, outcome, events in counted.iter_rows()}


@settings(
    max_examples=EXAMPLES,
    derandomize=not SEARCHES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
@given(worlds())
def test_every_line_and_every_outcome_is_the_oracles(world):
    # The engine's spine starts with the month of the first delivery.
    wanted = expected(replace(world, billing_starts_on=world.billing_starts_on.replace(day=1)))
    with TemporaryDirectory() as home:
        build = priced(world, Path(home))
        lines = build.frame(LineItems).collect()
        cells = (
            build.frame(PricedUsage)
            .unique(
                [
                    "account_id",
                    "stated_contract_id",
                    "meter",
                    "dimensions",
                    "value_currency",
                    "service_date",
                    "slot_at",
                    "kind",
                ]
            )
            .collect()
        )
        outcomes = build.frame(UsageOutcomes).collect()
    assert compare(lines.iter_rows(named=True), wanted) == []
    rated = cells.filter(pl.col("outcome") == "rated").group_by("kind").agg(pl.col("event_count").sum())
    found = {(kind, "rated"): events for kind, events in rated.iter_rows()}
    counted: dict[tuple[str, str], int] = {}
    for (_, _, kind), outcome in wanted.outcomes.items():
        name = outcome.split(":", 1)[0]
        bucket = "rated" if name in {"priced", "zero_rated"} else name
        counted[kind, bucket] = counted.get((kind, bucket), 0) + 1
    assert found == {key: events for key, events in counted.items() if key[1] == "rated"}
    assert outcomes.filter(pl.col("kind") == "revenue")["event_count"].sum() == sum(
        events for (kind, _), events in counted.items() if kind == "revenue"
    )
