"""SQL for analysts on a published run, locked down: it reads that one file only, in bounded memory and time.

`read_only` alone is no protection: files, COPY, EXPORT and settings all work on a read-only connection (K21). Here
the engine's access to the outside is off before the first statement, and cannot be switched on again.
"""

import csv
import io
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from orchestration.errors import UsageError
from orchestration.publish import published_run
from orchestration.settings import Settings

# What a question may be. The engine refuses the rest as well; this says so in a sentence a person understands.
# MULTI is what the parser makes of PIVOT.
QUESTIONS = frozenset({"SELECT", "EXPLAIN", "MULTI"})
# Spreadsheets run a text cell that begins like this as a formula (F100).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# Above `memory_limit`: code, stacks and results. DuckDB does not count the memory of single huge values.
ADDRESS_SPACE_SLACK_MB = 1024


@dataclass(frozen=True)
class SqlResult:
    """The answer to one question: rows as Python values, and whether there were more than asked for."""

    run_number: int
    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    truncated: bool


def run_sql(
    settings: Settings, sql: str, *, timeout_seconds: float = 60, max_rows: int | None = 1000, run: int | None = None
) -> SqlResult:
    """Answer one SQL question on a published run: the one now served, or the kept one of that number.

    Refuses: anything but one question (SELECT, WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE, PIVOT, EXPLAIN); files,
             attaching, extensions, settings; more than `timeout_seconds` or the memory setting.
    """
    published = published_run(settings, run)
    if published is None:
        raise UsageError(f"{settings.published}: nothing is published yet. Run a night first: ratebook run")
    connection = open_locked_down(published.database, memory_limit_mb=settings.memory_mb)
    try:
        _refuse_all_but_one_question(connection, sql)
        with _address_space(settings.memory_mb + ADDRESS_SPACE_SLACK_MB), _interrupt(connection, timeout_seconds):
            connection.execute(sql)
            rows = connection.fetchall() if max_rows is None else connection.fetchmany(max_rows + 1)
        described = connection.description or []
    except duckdb.InterruptException:
        raise UsageError(f"Stopped after {timeout_seconds:g} seconds. Ask for less, or allow more time.") from None
    except (duckdb.Error, MemoryError) as error:
        raise UsageError(f"The question failed. {error}") from None
    finally:
        connection.close()
    return SqlResult(
        run_number=published.number,
        columns=tuple(str(column[0]) for column in described),
        types=tuple(str(column[1]) for column in described),
        rows=rows[:max_rows],
        truncated=max_rows is not None and len(rows) > max_rows,
    )


def open_locked_down(path: Path, *, memory_limit_mb: int = 1024, threads: int = 2) -> duckdb.DuckDBPyConnection:
    """Open a published file so that SQL can read it and do nothing else.

    Rule: the settings are given on connecting, not afterwards, so that a second connection of this process to the
          same file gets the same ones. The path is resolved: a connection to `latest` would keep its old run for
          every later connection of the process (K12).
    """
    return duckdb.connect(
        path.resolve(),
        read_only=True,
        config={
            "enable_external_access": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_persistent_secrets": "false",
            "python_enable_replacements": "false",  # else a table name may mean a variable of this program
            "memory_limit": f"{memory_limit_mb}MB",
            "threads": str(threads),
            "temp_directory": "",  # no spilling: a question too large fails instead of filling the disk
            "lock_configuration": "true",
        },
    )


def as_csv(result: SqlResult) -> str:
    """Return the rows as CSV that a spreadsheet opens as data.

    Rule: text that begins like a formula gets a `'` in front (to get the original back, drop that one character).
          Numbers stay numbers, a negative one too; decimals have all their digits and no exponent; null is empty.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_cell(name) for name in result.columns])
    writer.writerows([_cell(value) for value in row] for row in result.rows)
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _refuse_all_but_one_question(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    try:
        statements = connection.extract_statements(sql)
        kinds = [statement.type.name for statement in statements]
    except ValueError as error:
        raise UsageError(f"Only questions are answered here (SELECT, FROM, DESCRIBE …): {error}") from None
    if len(kinds) != 1:
        raise UsageError(f"One question at a time, please: {len(kinds)} statements were given.")
    if kinds[0] not in QUESTIONS:
        raise UsageError(f"Only questions are answered here (SELECT, FROM, DESCRIBE …); {kinds[0]} is none.")


@contextmanager
def _interrupt(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Stop what runs on the connection when the time is over: DuckDB has no statement timeout of its own."""
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


@contextmanager
def _address_space(megabytes: int) -> Iterator[None]:
    """Let this process grow by no more than that much for the time of one question.

    `memory_limit` does not see single huge values: `repeat('x', 3000000000)` took 5.8 GB and half a minute, deaf to
    the interrupt. With this bound it fails at once with DuckDB's own out-of-memory error. Linux only.
    """
    pages = None
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    if pages is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    bound = pages * resource.getpagesize() + megabytes * 2**20
    if soft != resource.RLIM_INFINITY:
        bound = min(bound, soft)
    resource.setrlimit(resource.RLIMIT_AS, (bound, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
