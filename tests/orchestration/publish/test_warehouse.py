import json
import os
import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from data_contracts import TABLES
from data_contracts.marts import MARTS
from data_contracts.render import contract_columns
from data_contracts.runs import RUN_TABLES
from data_contracts.vocabulary import Count, Flag, Instant, Quantity, Table, Text, column, key
from orchestration import gates, publish
from orchestration.errors import Held, UsageError
from orchestration.warehouse import prepare_warehouse, run_dbt
from tests.dbt_project.conftest import LAKE
from tests.orchestration.publish import tiny


class Readings(Table):
    """A reading. Grain: one row per reading."""

    reading_id: Text = key("Reading.")
    quantity: Quantity = column("How much.")
    read_at: Instant = column("When.")
    is_late: Flag = column("Whether it came late.")
    rows_in_file: Count = column("How many.")


def reading(reading_id: str, quantity: str) -> pl.DataFrame:
    row = (reading_id, Decimal(quantity), datetime(2026, 8, 1), False, 1)
    return pl.DataFrame([row], schema=Readings.schema(), orient="row")


def ask(path: Path, statement: str) -> list[tuple]:
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(statement).fetchall()


def test_each_table_is_a_view_over_its_files_whatever_the_folders_are_called(tmp_path):
    folder = tmp_path / 'o\'brien [a-z]* "x"; drop schema lake'
    decoy = tmp_path / 'o\'brien b "x"; drop schema lake'
    for place, names in ((folder, ("one*", "two")), (decoy, ("one*", "one more"))):
        place.mkdir()
        for name in names:
            reading(name, "1.000000000001").write_parquet(place / f"{name}.parquet")
    path = folder / "warehouse.duckdb"
    prepare_warehouse(
        path,
        {"readings": [folder / "one*.parquet", folder / "two.parquet"]},
        {"run": pl.DataFrame({"run_number": [7]})},
        tables=(Readings,),
    )
    assert ask(path, "select reading_id, quantity from lake.readings order by 1") == [
        ("one*", Decimal("1.000000000001")),
        ("two", Decimal("1.000000000001")),
    ]
    assert ask(path, "from lake.run") == [(7,)]
    assert sorted(file.name for file in folder.iterdir()) == ["one*.parquet", "two.parquet", "warehouse.duckdb"]


def test_no_files_give_an_empty_table_of_the_types_of_the_contract(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    prepare_warehouse(path, {table.table_name: [] for table in TABLES})
    found = ask(path, "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'lake'")
    assert sorted(found) == sorted(
        (table.table_name, name, declared.type.duckdb) for table in TABLES for name, declared in table.columns.items()
    )


def test_the_build_file_is_new_every_time(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    prepare_warehouse(path, {}, {"old": pl.DataFrame({"i": [1]})})
    path.with_name("warehouse.duckdb.wal").write_text("of a killed run")
    prepare_warehouse(path, {}, {"new": pl.DataFrame({"i": [1]})})
    assert ask(path, "select table_name from duckdb_tables()") == [("new",)]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(pl.col("quantity").cast(pl.Decimal(38, 2)), id="fewer decimals"),
        pytest.param(pl.lit(1).alias("more"), id="a column too many"),
    ],
)
def test_a_file_that_is_not_exactly_the_contract_is_refused(tmp_path, other):
    good, bad = tmp_path / "good.parquet", tmp_path / "bad.parquet"
    reading("a", "1.5").write_parquet(good)
    reading("b", "1.5").with_columns(other).write_parquet(bad)
    with pytest.raises(ValueError, match=r"bad\.parquet: its columns are not those of readings"):
        prepare_warehouse(tmp_path / "w.duckdb", {"readings": [good, bad]}, tables=(Readings,))


def test_a_table_without_a_contract_is_refused(tmp_path):
    with pytest.raises(UsageError, match="guesses: no contract"):
        prepare_warehouse(tmp_path / "w.duckdb", {"guesses": []})


def tiny_night(folder: Path) -> Path:
    """Lay the tiny night of the dbt tests out as Parquet files and prepare its build file."""
    frames = {table: frame.collect() for table, frame in LAKE.items()}
    sources = {}
    for table in TABLES:
        frame = frames.get(table, table.empty())
        # Two files each, so that views over several are tried.
        sources[table.table_name] = [folder / f"{table.table_name}-{part}.parquet" for part in (0, 1)]
        half = frame.height // 2
        for path, rows in zip(sources[table.table_name], (frame[:half], frame[half:]), strict=True):
            rows.write_parquet(path)
    warehouse = folder / "build" / "warehouse.duckdb"
    extra = {table.table_name: frames.get(table, table.empty()) for table in RUN_TABLES}
    prepare_warehouse(warehouse, sources, extra | {"columns": contract_columns()})
    return warehouse


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    environment = dict(os.environ)
    os.environ["DBT_TARGET"] = "somebody_elses"
    said = []
    try:
        warehouse = tiny_night(home)
        result = run_dbt(tiny.settings_at(home), warehouse, home / "build" / "dbt", said.append)
        assert os.environ["DBT_TARGET"] == "somebody_elses"
        assert "RATEBOOK_WAREHOUSE" not in os.environ
    finally:
        os.environ.clear()
        os.environ.update(environment)
    return home, warehouse, result, said


def test_dbt_builds_the_tiny_night_and_every_gate_passes_on_the_real_marts(built):
    home, warehouse, result, said = built
    settings = tiny.settings_at(home)
    night = publish.Night(7, date(2026, 11, 5))
    hashes = publish.hash_tables(warehouse, MARTS)
    candidate = publish.write_candidate(settings, night, warehouse, hashes, MARTS)
    results = gates.run_gates(candidate, result.compiled("aud_reconciliation"), hashes, MARTS)
    assert [found for found in results if not found.passed] == []
    published = publish.switch(settings, candidate, night)
    for found in results:
        if found.drill_sql:
            ask(published.database, found.drill_sql)
    assert len(said) >= len(MARTS) - 1
    assert (home / "build" / "dbt" / "target" / "manifest.json").exists()


def test_the_build_file_is_let_go_after_dbt(built):
    _, warehouse, _, _ = built
    with duckdb.connect(warehouse, config={"threads": 1}) as connection:
        assert connection.execute("select count(*) > 0 from marts.fct_line_item").fetchone() == (True,)


def small_project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    (project / "tests").mkdir()
    (project / "dbt_project.yml").write_text("name: small\nversion: '1.0.0'\nconfig-version: 2\nprofile: small\n")
    (project / "profiles.yml").write_text(
        "small: {target: b, outputs: {b: {type: duckdb, path: \"{{ env_var('RATEBOOK_WAREHOUSE') }}\"}}}\n"
    )
    return project


# The file may not grow beyond a mebibyte: the system refuses the write, as a full disk does.
FULL = """
import resource, signal, sys
from pathlib import Path
from orchestration import cli, night
from orchestration.records import logged
from orchestration.settings import Settings
from orchestration.warehouse import run_dbt

def one_night(settings, as_of, **_):
    with logged(settings, as_of):
        run_dbt(settings, home / "warehouse.duckdb", home / "dbt", project_dir=Path(sys.argv[2]))

home = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, resource.RLIM_INFINITY))
night.run = one_night
cli.main(["run", "--home", str(home), "--date", "2026-09-04"])
"""


def test_f62_a_disk_that_takes_no_more_inside_dbt_is_a_failed_run_that_names_path_and_cause(tmp_path):
    project = small_project(tmp_path)
    (project / "models" / "large.sql").write_text(
        "{{ config(materialized='table') }} select random() as r from range(3000000)"
    )
    home = tmp_path / "home"
    home.mkdir()
    prepare_warehouse(home / "warehouse.duckdb", {})
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FULL, str(home), str(project)],
        cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"The system says {home}/warehouse.duckdb")
    assert said.endswith(": File too large")
    (ended,) = (json.loads(line) for line in (home / "log" / "runs.jsonl").read_text().splitlines())
    assert ended["status"] == "failed"


def test_f62_data_that_talks_of_a_full_disk_is_a_gate_s_finding(tmp_path):
    cause = "No space left on device"
    project = small_project(tmp_path)
    (project / "models" / "lines.sql").write_text(
        f"{{{{ config(materialized='table') }}}} select cast('IO Error: {cause}' as integer) as amount"
    )
    warehouse = tmp_path / "build" / "warehouse.duckdb"
    prepare_warehouse(warehouse, {})
    with pytest.raises(Held, match=cause):
        run_dbt(tiny.settings_at(tmp_path), warehouse, tmp_path / "build" / "dbt", project_dir=project)


def test_a_failing_dbt_test_holds_with_its_name_and_the_sql_behind_it(tmp_path, capfd):
    project = small_project(tmp_path)
    (project / "models" / "lines.sql").write_text("select 1 as amount")
    (project / "models" / "broken.sql").write_text("select no_such_column")
    (project / "tests" / "assert_nothing_owed.sql").write_text("-- what it means\nselect * from {{ ref('lines') }}")
    warehouse = tmp_path / "build" / "warehouse.duckdb"
    prepare_warehouse(warehouse, {})
    with pytest.raises(Held) as held:
        run_dbt(tiny.settings_at(tmp_path), warehouse, tmp_path / "build" / "dbt", project_dir=project)
    text = str(held.value)
    assert "2 of its models and tests failed" in text
    assert "assert_nothing_owed: Got 1 result" in text
    assert "| -- what it means" in text
    assert "no_such_column" in text
    assert "last good run is still served" in text
    assert capfd.readouterr().out == ""
    (project / "models" / "broken.sql").write_text("select * from {{ ref('no_such_model') }}")
    with pytest.raises(Held, match="dbt could not build"):
        run_dbt(tiny.settings_at(tmp_path), warehouse, tmp_path / "build" / "dbt", project_dir=project)
