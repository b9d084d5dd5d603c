"""Who may know whom, which table is made by whom, and that nothing is made twice or by nobody."""

import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from data_contracts import TABLES
from data_contracts.vocabulary import Kind, Table
from orchestration.tables import Made, made_by

TRANSFORMED = re.compile(r"Source:\s+transforms\.(\w+)")
SOURCED = re.compile(r"Source:\s+(\S+)")


def builders(root: Path) -> dict[str, Callable[..., Any]]:
    """Return what transforms/<table>.py holds under its own name and declares to make a table; the rest are helpers."""
    found = {}
    for path in sorted((root / "transforms").glob("*.py")):
        function = getattr(importlib.import_module(f"transforms.{path.stem}"), path.stem, None)
        if inspect.isfunction(function) and get_args(get_type_hints(function, include_extras=True).get("return")):
            found[path.stem] = function
    return found


@pytest.fixture(scope="module")
def made(root: Path) -> dict[str, Made]:
    return {name: made_by(builder) for name, builder in builders(root).items()}


def test_dependencies_run_one_way(root: Path):
    linted = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout[-3000:]


def test_every_builder_says_what_it_reads_and_makes(made: dict[str, Made]):
    # made_by() itself refuses a wrong name or kind; here: file = function = table, and the table is a declared one.
    assert {name: one.table.table_name for name, one in made.items()} == {name: name for name in made}
    assert {one.table for one in made.values()} <= set(TABLES)


def test_builders_read_declared_tables_only(made: dict[str, Made]):
    read = {table for one in made.values() for table in one.inputs.values()}
    assert {table.table_name for table in read - set(TABLES)} == set()


def test_no_builder_reads_its_own_earlier_output(made: dict[str, Made]):
    order = {table.table_name: place for place, table in enumerate(TABLES)}
    backwards = [
        f"{name} reads {source}" for name, one in made.items() for source in one.inputs if order[source] >= order[name]
    ]
    assert backwards == [], "TABLES stands in the order in which data flows"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.table_name)
def test_every_table_says_its_grain_and_who_makes_it(table: type[Table], made: dict[str, Made]):
    declared = table.__doc__ or ""
    assert "Grain:" in declared
    assert table.keys
    assert SOURCED.search(declared), "its docstring says no `Source:`"
    named = TRANSFORMED.search(declared)
    if named:
        assert named[1].rstrip(".") == table.table_name
        assert table.table_name in made, "no builder of that name in transforms/"
        assert table.table_kind is Kind.AS_OF
    else:
        assert table.table_name not in made, "made by a builder, but its contract names another source"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.table_name)
def test_no_column_only_repeats_its_name(table: type[Table]):
    said = {name: declared.description.rstrip(".").lower() for name, declared in table.columns.items()}
    assert [name for name, description in said.items() if description in ("", name.replace("_", " "))] == []


def test_every_charge_model_stands_in_the_list_of_models(root: Path):
    from transforms import charge_models

    listed = charge_models.CUMULATIVE_MODELS | charge_models.CELL_MODELS | charge_models.EVENT_MODELS
    files = {path.stem for path in (root / "transforms" / "charge_models").glob("*.py")} - {"__init__"}
    assert set(listed) == files
    assert {name: function.__name__ for name, function in listed.items()} == {name: name for name in listed}


def test_help_imports_nothing_heavy():
    heavy = "{'polars', 'duckdb', 'dagster', 'dbt', 'pandera'}"
    script = f"import sys, orchestration.cli; print(sorted({heavy} & set(sys.modules)))"
    imported = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert imported.stdout.strip() == "[]"
