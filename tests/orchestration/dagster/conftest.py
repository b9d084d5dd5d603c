"""One tiny company for all Dagster tests: its graph, and what the command line publishes for it."""

import json
import shutil
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

with warnings.catch_warnings():
    # The SQL parser that dagster-dbt imports still imports its own retired accelerator, once per process.
    warnings.filterwarnings("ignore", "sqlglotrs is deprecated", DeprecationWarning)
    import dagster_dbt  # noqa: F401

from orchestration import night, publish, records
from orchestration.dagster_home import dagster_home
from orchestration.definitions import night_definitions
from orchestration.defs_manifest import load_manifest
from orchestration.settings import Settings
from tests.orchestration.dagster.tiny_company import write_landing

ONE_DAY, END_OF_MONTH = date(2026, 9, 2), date(2026, 9, 30)

Hashes = dict[str, dict]


@pytest.fixture(scope="session")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation without any delivery, whose dbt project is parsed."""
    settings = Settings(home=tmp_path_factory.mktemp("parsed"))
    load_manifest(settings)
    return settings


@pytest.fixture(scope="session")
def graph(parsed: Settings) -> dg.Definitions:
    """The definitions of an installation without any delivery."""
    return night_definitions(parsed)


@pytest.fixture
def company(tmp_path: Path, parsed: Settings) -> Settings:
    """The tiny company's landing zone in a state of its own; only the parsed dbt project is shared, for its seconds."""
    settings = Settings(home=tmp_path / "state")
    write_landing(settings.home)
    shutil.copytree(dagster_home(parsed) / "dbt", dagster_home(settings) / "dbt")
    return settings


@pytest.fixture(scope="session")
def by_command_line(tmp_path_factory: pytest.TempPathFactory) -> dict[date, Hashes]:
    """Rows and hash of every published table, as `ratebook run` makes them, for a day and for a month's end."""
    settings = Settings(home=tmp_path_factory.mktemp("command-line"))
    write_landing(settings.home)
    runs = {day: night.run(settings, day) for day in (ONE_DAY, END_OF_MONTH)}
    return {day: tables_of(settings, record.number) for day, record in runs.items()}


def tables_of(settings: Settings, number: int) -> Hashes:
    """Return rows and canonical hash of the tables of a published run; how many runs were before is not its content."""
    run = publish.published_run(settings, number)
    assert run is not None
    return {name: table for name, table in run.manifest()["tables"].items() if table["canonical_hash"] is not None}


def log_lines(settings: Settings) -> list[dict]:
    """Return the lines of the run log."""
    return [json.loads(line) for line in (settings.log / records.RUN_LOG).read_text().splitlines()]


@pytest.fixture
def spoiled(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Plant a difference: a statement that is executed on every candidate before the gates see it."""
    import duckdb

    write = publish.write_candidate

    def plant(statement: str) -> None:
        def write_and_spoil(*arguments):
            candidate = write(*arguments)
            with duckdb.connect(candidate / publish.DATABASE) as connection:
                connection.execute(statement)
            return candidate

        monkeypatch.setattr(publish, "write_candidate", write_and_spoil)

    return plant
