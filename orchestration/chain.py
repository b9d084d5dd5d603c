"""What the append-only logs of seals and issues share: entries that name the hash of the one before them.

An entry is a folder `<number>/` that appears in one rename, with a manifest. Each publish notes the last entry that it
has seen, so that an end that was cut off is missed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from data_contracts.vocabulary import Table
from orchestration.publish import PublishedRun
from orchestration.storage import sha256_of

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class ChainEntry:
    """One entry of a log."""

    number: int
    folder: Path

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """Return what the entry says of itself."""
        content: dict[str, Any] = json.loads((self.folder / MANIFEST).read_bytes())
        return content

    @cached_property
    def sha256(self) -> str:
        """Return the hash of the manifest, which the next entry names."""
        return sha256_of(self.folder / MANIFEST)

    @property
    def as_of(self) -> date:
        """Return the delivery date of the run behind the entry, the last one that it knows."""
        return date.fromisoformat(self.manifest["as_of"])

    def file(self, table: type[Table]) -> Path:
        """Return the file of one table."""
        return self.folder / f"{table.table_name}.parquet"


def numbered(log: Path) -> list[tuple[int, Path]]:
    """Return number and folder of every entry of a log, oldest first. What lies there is not read."""
    return sorted((int(path.name), path) for path in log.iterdir() if path.name.isdigit()) if log.is_dir() else []


def head(entries: Sequence[ChainEntry]) -> str | None:
    """Return the hash of the last entry, which each published run notes."""
    return entries[-1].sha256 if entries else None


def holds(entries: Iterable[ChainEntry], known: str | None) -> bool:
    """Whether the entry that a publish has seen is there; one that has seen none lacks none."""
    return known is None or known in {entry.sha256 for entry in entries}


def cut_off(entries: Sequence[ChainEntry], runs: Iterable[PublishedRun], noted_as: str, what: str) -> Iterator[str]:
    """Yield what the kept publishes have seen of a log that is not there."""
    for run in runs:
        known = run.manifest().get(noted_as)
        if not holds(entries, known):
            yield f"run {run.number} has seen the {what} {known}, which is not there: the end was cut off or replaced."
