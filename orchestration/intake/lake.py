"""The snapshots taken so far, and what is asked of them: manifests, files of a table, events that already stand."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from data_contracts import AccountRows, Documents, FxRates, RepeatedEvents, Table, UsageEvents
from orchestration.intake.parts import MEGABYTE, TEXT_PER_PACKED_BYTE
from orchestration.intake.usage import KEY, PAYLOAD
from orchestration.settings import Settings
from orchestration.storage import scan, sha256_of

MANIFEST = "manifest.json"
STANDING_EVENT = {
    name: dtype
    for name, dtype in UsageEvents.schema().items()
    if name in (*KEY, *PAYLOAD, "delivery_date", "source_file", "source_line")
}
# Of several deliveries of an exchange rate the latest stands.
RATE_KEY = [name for name in FxRates.keys if name != "delivery_date"]
NO_EVENTS = pl.DataFrame(schema=STANDING_EVENT)


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

    def byte_count(self, table: type[Table]) -> int:
        """Return how many bytes the file of the table has."""
        return int(self.manifest["tables"][table.table_name]["bytes"])

    @cached_property
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
        self._rates, self._rates_read = FxRates.empty(), 0
        self._known: dict[date, tuple[pl.DataFrame, pl.DataFrame]] = {}

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

    def standing_rates(self) -> pl.DataFrame:
        """Return the exchange rates that stand; each snapshot is read once while the lake is open."""
        unread = [snapshot for snapshot in self.snapshots[self._rates_read :] if snapshot.rows(FxRates)]
        if unread:
            later = scan(FxRates, [snapshot.table(FxRates) for snapshot in unread]).collect()
            ordered = pl.concat([self._rates, later]).sort("delivery_date", maintain_order=True)
            self._rates = ordered.unique(RATE_KEY, keep="last")
        self._rates_read = len(self.snapshots)
        return self._rates

    def earlier_events(
        self, keys: pl.DataFrame, usage_dates: frozenset[str], settings: Settings
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the accepted events and the held keys that share a key with `keys`.

        Looked through: every delivery that touched one of the usage days, however old (a retry keeps its time, so
        this is exact), and the last `lookback_deliveries` for an id that was reused on another day.
        """
        recent = self.snapshots[-settings.lookback_deliveries :]
        touched = [s for s in self.snapshots[: -settings.lookback_deliveries] if s.usage_dates & usage_dates]
        searched = [*touched, *recent]
        if keys.is_empty():
            return NO_EVENTS, NO_EVENTS.select(KEY)
        if _fit_in_memory(searched, settings):
            standing, held = self._remembered(searched)
            return standing.join(keys, on=KEY, how="semi"), held.join(keys, on=KEY, how="semi")
        return _standing(searched, keys), _held(searched).join(keys.lazy(), on=KEY, how="semi").collect()

    def _remembered(self, snapshots: Sequence[Snapshot]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the accepted events and the held keys of these snapshots, each read once while it is searched.

        Taking a quarter would else open the same files of the look-back anew on every day of it.
        """
        self._known = {s.delivery_date: self._known.get(s.delivery_date) or _standing_and_held(s) for s in snapshots}
        events, held = [NO_EVENTS], [NO_EVENTS.select(KEY)]
        for standing_there, held_there in self._known.values():
            events.append(standing_there)
            held.append(held_there)
        return pl.concat(events), pl.concat(held)


def _fit_in_memory(snapshots: Sequence[Snapshot], settings: Settings) -> bool:
    """Whether the events of the snapshots, unpacked, take no more than a sixteenth of the memory setting."""
    packed = sum(s.byte_count(UsageEvents) + s.byte_count(RepeatedEvents) for s in snapshots)
    return packed * TEXT_PER_PACKED_BYTE * 16 <= settings.memory_mb * MEGABYTE


def _standing_and_held(snapshot: Snapshot) -> tuple[pl.DataFrame, pl.DataFrame]:
    paths = [snapshot.table(UsageEvents)] if snapshot.rows(UsageEvents) else []
    return scan(UsageEvents, paths).select(STANDING_EVENT.keys()).collect(), _held([snapshot]).collect()


def _standing(snapshots: Sequence[Snapshot], keys: pl.DataFrame) -> pl.DataFrame:
    paths = [snapshot.table(UsageEvents) for snapshot in snapshots if snapshot.rows(UsageEvents)]
    if not paths:
        return NO_EVENTS
    # Two passes: the keys of all files first, then whole rows of those few files that hold one of them.
    hits = (
        pl.scan_parquet(paths, include_file_paths="path", glob=False)
        .select(*KEY, "path")
        .join(keys.lazy(), on=KEY, how="semi")
        .select(pl.col("path").unique())
        .collect()
    )
    found = scan(UsageEvents, sorted(Path(path) for path in hits["path"].to_list()))
    return found.select(STANDING_EVENT.keys()).join(keys.lazy(), on=KEY, how="semi").collect()


def _held(snapshots: Sequence[Snapshot]) -> pl.LazyFrame:
    paths = [snapshot.table(RepeatedEvents) for snapshot in snapshots if snapshot.rows(RepeatedEvents)]
    is_held = (pl.col("outcome") == "conflict") & pl.col("standing_delivery_date").is_null()
    return scan(RepeatedEvents, paths).filter(is_held).select(KEY)
