"""What runs did: a record while a run goes on, a line of `log/runs.jsonl` when it has ended, however it ended.

Beside it each run writes its own `log/run-<number>.jsonl` as it goes (orchestration.run_log).
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, TypeVar

import polars as pl

from data_contracts.runs import RunLog, RunTables
from orchestration import memory, publish
from orchestration.errors import Held, RatebookError
from orchestration.lock import note_run
from orchestration.notify import Message, tell
from orchestration.run_log import end_torn_line, log, log_file, read_events, run_log_file
from orchestration.settings import Settings

Result = TypeVar("Result")
RUN_LOG = "runs.jsonl"


class Size(NamedTuple):
    """How large a table is."""

    table: str
    rows: int
    byte_count: int
    seconds: float | None = None  # of the table itself, where the step made several


@dataclass
class Record:
    """What a run did: for the person who started it, and a line of the run log when it has ended."""

    number: int
    as_of: date
    started_at: datetime
    finished_at: datetime | None = None
    status: str = "failed"
    message: str | None = None
    path: str | None = None
    is_latest: bool = False
    rows: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    peak_memory_bytes: dict[str, int] = field(default_factory=dict)  # per step, like `seconds`
    peak_memory_of: str = memory.OF_STEP
    tables: list[dict[str, Any]] = field(default_factory=list)
    gates_passed: int = 0
    refused_files: list[str] = field(default_factory=list)
    rejected_rows: int = 0
    incomplete_feeds: list[str] = field(default_factory=list)


def run_log(settings: Settings) -> pl.DataFrame:
    """Read the runs that have ended, for `audit.aud_run`."""
    rows = []
    for entry in read_events(settings.log / RUN_LOG):
        started_at = datetime.fromisoformat(entry["started_at"])
        finished_at = datetime.fromisoformat(entry["finished_at"]) if entry["finished_at"] else None
        rows.append(
            {
                "run_number": entry["number"],
                "as_of_date": date.fromisoformat(entry["as_of"]),
                "status": entry["status"],
                "started_at": started_at,
                "finished_at": finished_at,
                "elapsed_ms": _milliseconds((finished_at - started_at).total_seconds()) if finished_at else None,
                "table_count": len(entry["tables"]),
                "row_count": sum(table["rows"] for table in entry["tables"]),
                "byte_count": sum(table["bytes"] for table in entry["tables"]),
                "peak_memory_bytes": max(entry["peak_memory_bytes"].values(), default=None),
                "peak_memory_of": entry["peak_memory_of"],
                "cells_added_up": entry["rows"].get("cells_added_up"),
                "gates_passed": entry["gates_passed"],
                "message": entry["message"],
            }
        )
    return pl.DataFrame(rows, schema=RunLog.schema())


def run_tables(settings: Settings) -> pl.DataFrame:
    """Read what each table cost in the runs that have ended, for `audit.aud_run_table`."""
    rows = [
        {
            "run_number": entry["number"],
            "table_name": table["table"],
            "step": table["step"],
            "elapsed_ms": None if table["seconds"] is None else _milliseconds(table["seconds"]),
            "row_count": table["rows"],
            "byte_count": table["bytes"],
            "step_elapsed_ms": _milliseconds(entry["seconds"][table["step"]]),
            "step_peak_memory_bytes": entry["peak_memory_bytes"][table["step"]],
        }
        for entry in read_events(settings.log / RUN_LOG)
        for table in entry["tables"]
    ]
    return pl.DataFrame(rows, schema=RunTables.schema())


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def begin(settings: Settings, as_of: date) -> Record:
    """Give a run its number; it counts as failed until it has ended well. Call it while holding the run lock."""
    for killed in _killed(settings):
        _append(settings, killed)
        with run_log_file(settings, killed.number, killed.as_of):
            log.error("run was killed")
            tell(settings, Message(killed.number, killed.as_of, killed.status, killed.message or ""))
    number = publish.next_number(settings)
    note_run(settings, number)
    return Record(number, as_of, _now())


def end(settings: Settings, record: Record, error: BaseException | None) -> None:
    """Write the run's line to the run log: published, held by a gate, or failed."""
    record.status = "published" if error is None else "held" if isinstance(error, Held) else "failed"
    record.message = settings.redacted(str(error)) if isinstance(error, RatebookError) else None
    record.finished_at = _now()
    _append(settings, record)
    differences = error.differences if isinstance(error, Held) else ()
    for found in differences:
        facts = {"gate": found.gate, "scope": found.scope, "difference": found.difference, "drill_sql": found.drill_sql}
        log.error("gate failed", extra=facts | {"error": found.message})
    said = {"status": record.status, "seconds": (record.finished_at - record.started_at).total_seconds()}
    if error is None:
        what = f"Published in {record.path}."
        log.info("run ended", extra=said)
    else:
        what = f"{type(error).__name__}: {error}"
        log.error("run ended", extra=said | {"error": what})
    # Whoever interrupts a run sits before it and knows.
    if not isinstance(error, KeyboardInterrupt):
        tell(settings, Message(record.number, record.as_of, record.status, record.message or what, differences))


def _append(settings: Settings, record: Record) -> None:
    settings.log.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = settings.log / RUN_LOG
    end_torn_line(path)
    with path.open("a") as runs:
        runs.write(json.dumps(asdict(record), default=str) + "\n")


def _killed(settings: Settings) -> Iterator[Record]:
    """Yield the runs that left a log of their own and no line: nobody but this run holds the lock, so they are over."""
    ended = {log_file(settings, entry["number"]) for entry in read_events(settings.log / RUN_LOG)}
    for path in sorted(set(settings.log.glob("run-*.jsonl")) - ended):
        if events := read_events(path):
            first, last = events[0], events[-1]
            said = f"It was killed. The last event of {path.name}: {last['event']} {last.get('step', '')}".rstrip()
            started_at = datetime.fromisoformat(first["at"]).replace(tzinfo=None)
            yield Record(first["run"], date.fromisoformat(first["as_of"]), started_at, message=f"{said}, {last['at']}.")


@contextmanager
def logged(settings: Settings, as_of: date) -> Iterator[Record]:
    """Write the run's own log while it goes on, and its line in the log of all runs however it ends."""
    record = begin(settings, as_of)
    with run_log_file(settings, record.number, as_of):
        log.info("run started")
        try:
            yield record
        except BaseException as error:
            end(settings, record, error)
            raise
        end(settings, record, None)


def _now() -> datetime:
    # The clock tells when a run took place; no result depends on it.
    return datetime.now(UTC).replace(tzinfo=None)  # noqa: TID251


def timed(record: Record, name: str, work: Callable[[], Result]) -> Result:
    """Do one step of the night; note how long it took and the most memory that it held, also when it fails."""
    log.info("step started", extra={"step": name})
    record.peak_memory_of = memory.reset_peak()
    started = time.monotonic()
    try:
        return work()
    finally:
        record.seconds[name] = round(time.monotonic() - started, 3)
        record.peak_memory_bytes[name] = memory.peak_bytes()
        facts = {
            "step": name,
            "seconds": record.seconds[name],
            "peak_memory_bytes": record.peak_memory_bytes[name],
            "peak_memory_of": record.peak_memory_of,
        }
        log.info("step ended", extra=facts)


def note_refused(record: Record, refused: Iterable[tuple[str, str]]) -> None:
    """Note the landed files that were refused, with what is wrong with each."""
    for source_file, message in refused:
        record.refused_files.append(f"{source_file}: {message}")
        log.warning("file refused", extra={"dataset": source_file.partition("/")[0], "error": record.refused_files[-1]})


def note_tables(record: Record, step: str, sizes: Iterable[Size]) -> None:
    """Note the tables that a step has made or found made. A step that made one table took its time for that one."""
    # A step of Dagster's makes sure of the tables that it reads: what an earlier step made counts once, as that one's.
    known = {table["table"] for table in record.tables}
    noted = [size for size in sizes if size.table not in known]
    for size in noted:
        seconds = record.seconds[step] if len(noted) == 1 else size.seconds
        facts = {"step": step, "table": size.table, "seconds": seconds, "rows": size.rows, "bytes": size.byte_count}
        record.tables.append(facts)
        log.info("table made", extra=facts)
