"""The log of one run: `log/run-<number>.jsonl`, one event = one line of JSON, for people and for log collectors.

Modules log to `log` with the standard library's levels and put facts beside the sentence:
`log.info("table made", extra={"table": "line_items", "rows": 7})`. The fields are listed in
`dbt_project/docs/operations.md`. Nothing that a value holds can break a line or act on a terminal: JSON escapes it.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from orchestration.settings import Settings

log = logging.getLogger("ratebook")
log.propagate = False  # a console is for people: it hears what the command says
log.setLevel(logging.DEBUG)
log.addHandler(logging.NullHandler())
# The facts that an event may carry, in the order in which they are written.
FACTS = (
    *("step", "table", "dataset", "delivery_date", "feed", "channel", "status"),
    *("seconds", "rows", "bytes", "peak_memory_bytes", "peak_memory_of", "attempt"),
    *("gate", "scope", "difference", "drill_sql", "error"),
)


class OneLine(logging.Formatter):
    """An event as one line of JSON with the run it belongs to; secrets are struck out."""

    def __init__(self, settings: Settings, run: int, as_of: date) -> None:
        """Remember what every line says, and what no line may say."""
        super().__init__()
        self._settings = settings
        self._run = {"run": run, "as_of": as_of.isoformat()}

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; ASCII, so that no line separator of Unicode splits it (F106)."""
        event: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **self._run,
            "event": record.getMessage(),
        }
        event |= {name: value for name in FACTS if (value := getattr(record, name, None)) is not None}
        texts = {name: self._settings.redacted(value) for name, value in event.items() if isinstance(value, str)}
        return json.dumps(event | texts, default=str)


@contextmanager
def run_log_file(settings: Settings, run: int, as_of: date) -> Iterator[Path]:
    """Write what is logged inside the block to the run's own file."""
    path = log_file(settings, run)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    end_torn_line(path)
    handler = logging.FileHandler(path, encoding="ascii", delay=True)
    handler.setFormatter(OneLine(settings, run, as_of))
    handler.setLevel(settings.log_level.upper())
    log.addHandler(handler)
    try:
        yield path
    finally:
        log.removeHandler(handler)
        handler.close()


def log_file(settings: Settings, run: int) -> Path:
    """Return where the log of a run lies."""
    return settings.log / f"run-{run:06}.jsonl"


def read_events(path: Path) -> list[dict[str, Any]]:
    """Return the events of a log, or the runs of `runs.jsonl`, but for a line that a killed run has only begun."""
    events = []
    for line in path.read_text("utf-8").splitlines() if path.exists() else []:
        with suppress(json.JSONDecodeError):
            events.append(json.loads(line))
    return events


def end_torn_line(path: Path) -> None:
    """End the line that a killed run has only begun: what is written next begins a line of its own."""
    if path.exists() and not path.read_bytes().endswith(b"\n"):
        with path.open("ab") as file:
            file.write(b"\n")
