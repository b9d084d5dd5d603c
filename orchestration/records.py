"""What runs did: a record while a run goes on, a line of `log/runs.jsonl` when it has ended, however it ended."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import polars as pl

from data_contracts.runs import RunLog
from orchestration import publish
from orchestration.errors import Held, RatebookError
from orchestration.settings import Settings

Result = TypeVar("Result")
RUN_LOG = "runs.jsonl"


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
    gates_passed: int = 0
    refused_files: list[str] = field(default_factory=list)


def run_log(settings: Settings) -> pl.DataFrame:
    """Read the runs that have ended, for `audit.aud_run`."""
    path = settings.log / RUN_LOG
    lines = path.read_text().splitlines() if path.exists() else []
    entries = [entry for entry in map(_entry, lines) if entry is not None]
    rows = [
        (
            entry["number"],
            date.fromisoformat(entry["as_of"]),
            entry["status"],
            datetime.fromisoformat(entry["started_at"]),
            datetime.fromisoformat(entry["finished_at"]),
            entry["message"],
        )
        for entry in entries
    ]
    return pl.DataFrame(rows, schema=RunLog.schema(), orient="row")


def _entry(line: str) -> dict[str, Any] | None:
    """Read a line of the run log; a run killed while it wrote leaves the start of one, which says nothing."""
    try:
        entry: dict[str, Any] = json.loads(line)
    except json.JSONDecodeError:
        return None
    return entry


def begin(settings: Settings, as_of: date) -> Record:
    """Give a run its number; it counts as failed until it has ended well."""
    return Record(publish.next_number(settings), as_of, _now())


def end(settings: Settings, record: Record, error: BaseException | None) -> None:
    """Write the run's line to the run log: published, held by a gate, or failed."""
    record.status = "published" if error is None else "held" if isinstance(error, Held) else "failed"
    record.message = str(error) if isinstance(error, RatebookError) else None
    record.finished_at = _now()
    settings.log.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = settings.log / RUN_LOG
    is_torn = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("a") as log:
        log.write(("\n" if is_torn else "") + json.dumps(asdict(record), default=str) + "\n")


@contextmanager
def logged(settings: Settings, as_of: date) -> Iterator[Record]:
    """Write the run's line however it ends."""
    record = begin(settings, as_of)
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
    """Do one step of the night and note how long it took."""
    started = time.monotonic()
    result = work()
    record.seconds[name] = round(time.monotonic() - started, 3)
    return result
