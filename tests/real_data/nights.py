"""The one night that every data set goes through, and what must hold of each of them."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from orchestration import gates, night, publish
from orchestration.explain import Explanation, explanation
from orchestration.night import Record
from orchestration.settings import Settings


@dataclass(frozen=True)
class Published:
    """A night that was published: what it did, what it says of itself, and its file, opened read-only."""

    settings: Settings
    record: Record
    run: publish.PublishedRun
    connection: duckdb.DuckDBPyConnection

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the published file."""
        return self.connection.execute(statement).fetchall()

    def row(self, statement: str) -> tuple[Any, ...]:
        """Ask for the one row that answers."""
        (found,) = self.rows(statement)
        return found

    def hashes(self) -> dict[str, str]:
        """Return the canonical hash of each published table; those that hold the run's identity have none."""
        tables = self.run.manifest()["tables"]
        return {name: table["canonical_hash"] for name, table in tables.items() if table["canonical_hash"] is not None}

    def explain(self, line_item_id: str) -> Explanation:
        """Recompute a published line down to its events."""
        return explanation(self.settings, line_item_id, self.run.number)


def run_night(home: Path, delivery: date) -> Published:
    """Run the night of a delivery and open what it published."""
    settings = Settings(home=home)
    record = night.run(settings, delivery)
    run = publish.published_run(settings)
    assert run is not None
    assert run.number == record.number
    return Published(settings, record, run, duckdb.connect(run.database, read_only=True))


def assert_everything_ties_out(published: Published) -> None:
    """Every gate passed and every tie-out compared something that is equal."""
    assert published.record.status == "published"
    checks = published.rows("select check_name, bool_and(is_passed), count(*) from audit.aud_reconciliation group by 1")
    assert {name for name, passed, _ in checks if passed} == set(gates.CHECKS)
    assert published.record.gates_passed >= sum(count for _, _, count in checks)


def assert_all_accepted(published: Published, landed_rows: int) -> None:
    """Every row of usage that landed was accepted, is counted where it lies, and has one outcome per kind of line."""
    assert published.rows(
        "select status, sum(landed_rows), sum(accepted_rows) from audit.aud_input_file "
        "where dataset = 'usage_events' group by 1"
    ) == [("loaded", landed_rows, landed_rows)]
    assert published.rows("select distinct status from audit.aud_input_file") == [("loaded",)]
    assert published.rows("select outcome, sum(row_count) from audit.aud_usage_intake group by 1") == [
        ("accepted", landed_rows)
    ]
    assert sorted(published.rows("select kind, sum(event_count) from audit.aud_usage_outcome group by 1")) == [
        ("cost", landed_rows),
        ("revenue", landed_rows),
    ]
