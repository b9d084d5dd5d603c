"""The snapshots taken so far, and what is asked of them: manifests, files of a table, events that already stand."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from data_contracts import AccountRows, Documents, RepeatedEvents, Table, UsageEvents
from orchestration.intake.usage import KEY, PAYLOAD
from orchestration.storage import scan, sha256_of

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Snapshot:
    """One delivery as it was taken: its folder, its manifest, and the SHA-256 of the manifest's bytes."""

    delivery_date: date
    folder: Path
    manifest: Mapping[str, Any]
    sha256: str

    def table(self, table: type[Table]) -> Path:
        """Return the file of one table."""
        return self.folder / f"{table.table_name}.parquet"

    def rows(self, table: type[Table]) -> int:
        """Return how many rows the table has in this snapshot."""
        return int(self.manifest["tables"][table.table_name]["rows"])

    @property
    def usage_dates(self) -> frozenset[str]:
        """UTC days of the delivery's well-formed usage, ISO."""
        return frozenset(self.manifest["usage_dates"])


def snapshot_folders(delivered: Path) -> dict[date, Path]:
    """Return the snapshot folders by date, ascending."""
    if not delivered.is_dir():
        return {}
    named = {path.name: path for path in delivered.iterdir() if path.is_dir() and not path.name.startswith(".")}
    return {date.fromisoformat(name): named[name] for name in sorted(named)}


def read_snapshot(delivery_date: date, folder: Path) -> Snapshot:
    """Read one snapshot's manifest."""
    path = folder / MANIFEST
    return Snapshot(delivery_date, folder, json.loads(path.read_bytes()), sha256_of(path))


class Lake:
    """Snapshots in ascending order; grows by one as each delivery is taken."""

    def __init__(self, snapshots: Iterable[Snapshot]) -> None:
        """Take the snapshots made so far, ascending."""
        self.snapshots = list(snapshots)

    @property
    def last(self) -> Snapshot | None:
        """The newest snapshot."""
        return self.snapshots[-1] if self.snapshots else None

    def landed(self) -> Iterator[tuple[date, Mapping[str, str]]]:
        """Yield (delivery date, {path, dataset, sha256, status}) of every file ever seen, oldest first."""
        for snapshot in self.snapshots:
            for entry in snapshot.manifest["landed"]:
                yield snapshot.delivery_date, entry

    def documents(self) -> pl.DataFrame:
        """Return all accepted documents, in the order of delivery, dataset and path."""
        paths = [snapshot.table(Documents) for snapshot in self.snapshots if snapshot.rows(Documents)]
        return scan(Documents, paths).sort("delivery_date", "dataset", "path").collect()

    def last_account_count(self) -> int:
        """Return how many accounts the newest account snapshot had; 0 if there was none."""
        return next((s.rows(AccountRows) for s in reversed(self.snapshots) if s.rows(AccountRows)), 0)

    def earlier_events(
        self, keys: pl.DataFrame, usage_dates: frozenset[str], lookback: int
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the accepted events and the held keys that share a key with `keys`.

        Looked through: every delivery that touched one of the usage days, however old (a retry keeps its time, so
        this is exact), and the last `lookback` deliveries for an id that was reused on another day.
        """
        recent = self.snapshots[-lookback:]
        touched = [s for s in self.snapshots[:-lookback] if s.usage_dates & usage_dates]
        searched = [*touched, *recent]
        return _standing(searched, keys), _held(searched, keys)


def _standing(snapshots: list[Snapshot], keys: pl.DataFrame) -> pl.DataFrame:
    wanted = (*KEY, *PAYLOAD, "delivery_date", "source_file", "source_line")
    schema = {name: dtype for name, dtype in UsageEvents.schema().items() if name in wanted}
    paths = [snapshot.table(UsageEvents) for snapshot in snapshots if snapshot.rows(UsageEvents)]
    if not paths or keys.is_empty():
        return pl.DataFrame(schema=schema)
    # Two passes: the keys of all files first, then whole rows of those few files that hold one of them.
    hits = (
        pl.scan_parquet(paths, include_file_paths="path")
        .select(*KEY, "path")
        .join(keys.lazy(), on=KEY, how="semi")
        .select(pl.col("path").unique())
        .collect()
    )
    if hits.is_empty():
        return pl.DataFrame(schema=schema)
    found = scan(UsageEvents, sorted(Path(path) for path in hits["path"].to_list()))
    return found.select(schema.keys()).join(keys.lazy(), on=KEY, how="semi").collect()


def _held(snapshots: list[Snapshot], keys: pl.DataFrame) -> pl.DataFrame:
    paths = [snapshot.table(RepeatedEvents) for snapshot in snapshots if snapshot.rows(RepeatedEvents)]
    is_held = (pl.col("outcome") == "conflict") & pl.col("standing_delivery_date").is_null()
    return scan(RepeatedEvents, paths).filter(is_held).select(KEY).join(keys.lazy(), on=KEY, how="semi").collect()
