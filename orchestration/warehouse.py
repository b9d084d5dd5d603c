"""The private build file of a night: contract tables in as views, dbt run on it, its results out as data.

Nobody but the run ever opens this file. dbt commits model by model, so a killed build leaves a mixture; the file is
made new for every build and only read by the publish step.
"""

import errno
import glob
import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any

import duckdb
import polars as pl

from data_contracts import TABLES
from data_contracts.vocabulary import Table
from orchestration.errors import Difference, Held, UsageError
from orchestration.hashing import literal, quoted
from orchestration.settings import Settings

DBT_PROJECT = Path(__file__).resolve().parents[1] / "dbt_project"
LAKE = "lake"
SHOWN_FAILURES = 5
# What a disk refuses with, as DuckDB passes it on: IO Error: Could not write file "<path>": No space left on device.
DISK_FAULTS = {os.strerror(each): each for each in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)}
DISK_FAULT = re.compile(rf'(?:IO|FATAL) Error: [^\n]*"([^"\n]+)": ({"|".join(map(re.escape, DISK_FAULTS))})')


@dataclass(frozen=True)
class DbtNode:
    """What became of one dbt model or test."""

    unique_id: str
    name: str
    resource_type: str
    status: str
    seconds: float
    message: str
    compiled_sql: str


@dataclass(frozen=True)
class DbtResult:
    """What became of a dbt build, node by node in the order in which they ended."""

    nodes: tuple[DbtNode, ...]

    @property
    def failed(self) -> tuple[DbtNode, ...]:
        """Return the nodes that failed; nodes skipped because of them are not among them."""
        return tuple(node for node in self.nodes if node.status in ("fail", "error", "runtime error"))

    def compiled(self, name: str) -> str:
        """Return the SQL that dbt ran for a model."""
        for node in self.nodes:
            if node.name == name and node.resource_type == "model":
                return node.compiled_sql
        raise LookupError(f"dbt built no model {name}")


def prepare_warehouse(
    path: Path,
    sources: Mapping[str, Sequence[Path]],
    extra: Mapping[str, pl.DataFrame] | None = None,
    *,
    tables: Sequence[type[Table]] = TABLES,
) -> None:
    """Make a fresh build file whose schema `lake` shows each given table to dbt.

    Shape:   per entry of `sources` a view over its Parquet files with the columns of its contract; no files give an
             empty table of the same types. Each frame of `extra` becomes a table.
    Refuses: a table without a contract; a file whose columns or types are not exactly those of the contract (DuckDB
             would take the first file's types for all and cut the others silently, K6).
    """
    contracts = {table.table_name: table for table in tables}
    unknown = sorted(set(sources) - set(contracts))
    if unknown:
        raise UsageError(f"{', '.join(unknown)}: no contract of that name in data_contracts; the warehouse takes none.")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for leftover in (path, _wal_of(path)):
        leftover.unlink(missing_ok=True)
    with duckdb.connect(path) as connection:
        connection.execute(f"create schema {LAKE}")
        for name, files in sources.items():
            connection.execute(_relation(contracts[name], files))
        for name, frame in (extra or {}).items():
            _create_table(connection, name, frame, path.with_name(f".{path.stem}-{name}.parquet"))


def run_dbt(
    settings: Settings,
    warehouse_path: Path,
    work_dir: Path,
    progress: Callable[[str], None] | None = None,
    *,
    project_dir: Path = DBT_PROJECT,
) -> DbtResult:
    """Run `dbt build` in this process on the build file and return what became of every node.

    Refuses: any failing model or test, by name, with dbt's message and the SQL that shows the rows. The build file is
             private, so what readers see is still the last good run. A disk that is full or fails is no finding of
             a gate: it is raised as the system's own error, with the path.
    """
    # Unit tests judge the models, not the night's data: they run in the project's own tests.
    command = ("build", "--exclude-resource-type", "unit_test")
    outcome = _invoke_dbt(settings, warehouse_path, work_dir, command, project_dir, progress)
    results = getattr(outcome.result, "results", None)
    _raise_disk_fault([outcome.exception, *(entry.message for entry in results or ())])
    if results is None:
        raise Held(f"dbt could not build {project_dir}: {outcome.exception or 'no result'}\n{_STILL_SERVED}")
    result = DbtResult(tuple(_node(entry) for entry in results))
    if result.failed:
        raise Held(_explain(result.failed, warehouse_path), map(_difference, result.failed))
    if not outcome.success:
        raise Held(f"dbt ended without success and without a failed node: {outcome.exception}\n{_STILL_SERVED}")
    return result


def write_docs(settings: Settings, warehouse_path: Path, work_dir: Path, *, project_dir: Path = DBT_PROJECT) -> None:
    """Let dbt write its documentation of a build as one page, `docs_page(work_dir)`, that needs no server.

    The catalogue is read off the finished build file; nothing is compiled again (0.9 s instead of 2 on the demo).
    Refuses: a build file that dbt cannot document.
    """
    command = ("docs", "generate", "--static", "--no-compile")
    outcome = _invoke_dbt(settings, warehouse_path, work_dir, command, project_dir)
    _raise_disk_fault([outcome.exception])
    if not outcome.success or not docs_page(work_dir).is_file():
        raise Held(f"dbt could not document {project_dir}: {outcome.exception or 'no page'}\n{_STILL_SERVED}")


def _raise_disk_fault(said: Iterable[object]) -> None:
    for each in said:
        if isinstance(each, OSError):
            raise each
        if found := DISK_FAULT.search(str(each)):
            path, cause = found.groups()
            raise OSError(DISK_FAULTS[cause], cause, path)


def docs_page(work_dir: Path) -> Path:
    """Return where `write_docs` puts the page."""
    return work_dir / "target" / "static_index.html"


def _invoke_dbt(
    settings: Settings,
    warehouse_path: Path,
    work_dir: Path,
    command: Sequence[str],
    project_dir: Path,
    progress: Callable[[str], None] | None = None,
) -> Any:
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - takes over a second to import, most commands never need it

    arguments = [
        *command,
        *("--project-dir", str(project_dir), "--profiles-dir", str(project_dir)),
        *("--target-path", str(work_dir / "target"), "--log-path", str(work_dir / "logs")),
        # The console is ours: what dbt has to say goes to its log file, and what failed into the error.
        *("--quiet", "--log-level", "none", "--log-level-file", "info"),
        *("--no-use-colors", "--no-version-check", "--no-send-anonymous-usage-stats"),
    ]
    with _dbt_environment(settings, warehouse_path), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dbt's libraries warn of each other; nobody here can act on it
        outcome = dbtRunner(callbacks=[_reporter(progress)] if progress else []).invoke(arguments)
    _release_build_file()
    return outcome


def _release_build_file() -> None:
    """Close the build file: dbt-duckdb keeps it open for the life of the process, and publishing attaches it next."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415 - loaded with dbt only

    environment: Any = DuckDBConnectionManager._ENV  # noqa: SLF001 - there is no public way
    if environment is not None:
        environment.close()
        DuckDBConnectionManager._ENV = None  # noqa: SLF001


_STILL_SERVED = "Nothing was published; the last good run is still served."


def _relation(table: type[Table], files: Sequence[Path]) -> str:
    place = quoted(LAKE, table.table_name)
    if not files:
        columns = ", ".join(f"{quoted(name)} {declared.type.duckdb}" for name, declared in table.columns.items())
        return f"create table {place} ({columns})"
    for file in files:
        with file.open("rb") as opened:  # by handle: a path would be read as a pattern
            found = pl.read_parquet_schema(opened)
        if dict(found) != table.schema():
            raise ValueError(f"{file}: its columns are not those of {table.table_name}; rebuild it. Found {found}")
    columns = ", ".join(quoted(name) for name in table.columns)
    # The path is a pattern to DuckDB and a string to SQL: both are escaped, so any folder name is safe.
    paths = ", ".join(literal(glob.escape(str(file.absolute()))) for file in files)
    return f"create view {place} as select {columns} from read_parquet([{paths}], union_by_name = false)"


def _create_table(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame, passage: Path) -> None:
    # Frames cross by a file: DuckDB sees Polars frames only through pyarrow, which is not installed.
    try:
        frame.write_parquet(passage)
        source = literal(glob.escape(str(passage.absolute())))
        connection.execute(f"create table {quoted(LAKE, name)} as select * from read_parquet({source})")
    finally:
        passage.unlink(missing_ok=True)


def _wal_of(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


@contextmanager
def _dbt_environment(settings: Settings, warehouse_path: Path) -> Iterator[None]:
    """Give dbt the path of the build file and nothing of the caller's own dbt set-up, for the time of one call."""
    given = {
        "RATEBOOK_WAREHOUSE": str(warehouse_path.absolute()),
        "RATEBOOK_MEMORY_MB": str(settings.memory_mb),
        "DO_NOT_TRACK": "1",
    }
    environment = os.environ  # noqa: TID251 - the only way to tell dbt's profile where the build file is
    hidden = [name for name in environment if name.startswith("DBT_") or name in given]
    before = {name: environment.pop(name) for name in hidden}
    environment.update(given)
    try:
        yield
    finally:
        for name in given:
            del environment[name]
        environment.update(before)


def _reporter(progress: Callable[[str], None]) -> Callable[[object], None]:
    def report(event: object) -> None:
        info = getattr(event, "info", None)
        # LogModelResult and LogTestResult: one line per finished node, which is what a person waits for.
        if getattr(info, "name", "") in ("LogModelResult", "LogTestResult"):
            progress(str(getattr(info, "msg", "")))

    return report


def _node(entry: object) -> DbtNode:
    node = getattr(entry, "node")  # noqa: B009 - dbt's result types are not typed
    return DbtNode(
        unique_id=str(node.unique_id),
        name=str(node.name),
        resource_type=str(node.resource_type.value if hasattr(node.resource_type, "value") else node.resource_type),
        status=str(getattr(entry, "status", "")),
        seconds=float(getattr(entry, "execution_time", 0.0)),
        message=str(getattr(entry, "message", "") or ""),
        compiled_sql=str(getattr(node, "compiled_code", "") or ""),
    )


def _difference(node: DbtNode) -> Difference:
    return Difference(node.name, f"dbt {node.resource_type}", None, node.message.strip(), node.compiled_sql or None)


def _explain(failed: Sequence[DbtNode], warehouse_path: Path) -> str:
    lines = [f"dbt: {len(failed)} of its models and tests failed. {_STILL_SERVED}"]
    for node in failed[:SHOWN_FAILURES]:
        lines.append(f"  {node.resource_type} {node.name}: {node.message.strip()}")
        if node.compiled_sql:
            lines.append(indent(node.compiled_sql.strip(), "    | "))
    if len(failed) > SHOWN_FAILURES:
        lines.append(f"  and {len(failed) - SHOWN_FAILURES} more: {', '.join(n.name for n in failed[SHOWN_FAILURES:])}")
    lines.append(f"To drill into a difference, run the SQL shown on the build file: duckdb -readonly {warehouse_path}")
    return "\n".join(lines)
