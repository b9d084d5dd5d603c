"""The snapshots taken so far, and what is asked of them: manifests, files of a table, events that already stand."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from data_contracts import AccountRows, Actions, Documents, FxRates, RepeatedEvents, Reversals, Table, UsageEvents
from orchestration.intake.parts import MEGABYTE
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
HASH = pl.struct(KEY).hash().alias("key_hash")
NO_HASHES = pl.LazyFrame(schema={"key_hash": pl.UInt64(), "delivery_date": pl.Date()})


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
        self._hashes: dict[date, pl.Series] = {}
        self._reversals: dict[date, pl.DataFrame] = {}

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

    def actions(self) -> pl.DataFrame:
        """Return all decisions of people that were taken so far."""
        return scan(Actions, [s.table(Actions) for s in self.snapshots if s.rows(Actions)]).collect()

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

    def sightings(self, hashes: pl.Series, usage_dates: frozenset[str], settings: Settings) -> pl.DataFrame:
        """Return `key_hash` and `delivery_date` of earlier events, held ones among them, that may share a key.

        Looked through: every delivery that touched one of the usage days, however old (a retry keeps its time, so
        this is exact), and the last `lookback_deliveries` for an id that was reused on another day. A key that is not
        found here is new; one that is found may be, and is compared exactly.
        """
        recent = self.snapshots[-settings.lookback_deliveries :]
        touched = [s for s in self.snapshots[: -settings.lookback_deliveries] if s.usage_dates & usage_dates]
        searched = [s for s in (*touched, *recent) if s.rows(UsageEvents) or s.rows(RepeatedEvents)]
        # Eight bytes an event: ten million remembered events take 80 MB, and a quarter is not read anew every day.
        if sum(s.rows(UsageEvents) for s in searched) * 8 * 2 <= settings.memory_mb * MEGABYTE:
            self._hashes = {
                s.delivery_date: self._hashes[s.delivery_date]
                if s.delivery_date in self._hashes
                else _hashes(s).collect().to_series()
                for s in searched
            }
            hashes_of = {day: hashes.to_frame().lazy() for day, hashes in self._hashes.items()}
        else:
            self._hashes = {}
            hashes_of = {snapshot.delivery_date: _hashes(snapshot) for snapshot in searched}
        frames = [of_day.with_columns(pl.lit(day).alias("delivery_date")) for day, of_day in hashes_of.items()]
        # By a join: a list to look into would be made a set again for every morsel of rows.
        return pl.concat([NO_HASHES, *frames]).join(hashes.to_frame().lazy(), on="key_hash", how="semi").collect()

    def remember(self, delivery_date: date, hashes: pl.Series) -> None:
        """Keep the hashes of a delivery that is being taken, so that the next one need not read its keys.

        Those of events that turn out to be repeated are among them; what they stand for is looked up then, and exact.
        """
        self._hashes[delivery_date] = hashes

    def earlier_events(self, keys: pl.DataFrame, days: Collection[date]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the accepted events and the held keys of these deliveries that share a key with `keys`."""
        searched = [snapshot for snapshot in self.snapshots if snapshot.delivery_date in days]
        paths = [snapshot.table(UsageEvents) for snapshot in searched if snapshot.rows(UsageEvents)]
        if keys.is_empty() or not searched:
            return NO_EVENTS, NO_EVENTS.select(KEY)
        # By the id first: the reader then unpacks the other columns of the few rows that pass, not of all.
        standing = scan(UsageEvents, paths).filter(pl.col("event_id").is_in(keys["event_id"].implode()))
        return (
            standing.select(STANDING_EVENT.keys()).join(keys.lazy(), on=KEY, how="semi").collect(),
            _held(searched).join(keys.lazy(), on=KEY, how="semi").collect(),
        )

    def reversals(self) -> pl.DataFrame:
        """Return what was decided about reversals and amendments, in the order of the deliveries."""
        for snapshot in self.snapshots:
            if snapshot.rows(Reversals) and snapshot.delivery_date not in self._reversals:
                self._reversals[snapshot.delivery_date] = scan(Reversals, [snapshot.table(Reversals)]).collect()
        return pl.concat([Reversals.empty(), *self._reversals.values()])


def key_hashes(events: pl.DataFrame) -> pl.Series:
    """Return a hash of each event's key: equal keys, equal hashes, so that unequal hashes need no comparison.

    The hash is not stable over versions and need not be: it lives no longer than the process.
    """
    return events.select(HASH).to_series()


def _hashes(snapshot: Snapshot) -> pl.LazyFrame:
    paths = [snapshot.table(UsageEvents)] if snapshot.rows(UsageEvents) else []
    keys = pl.concat([scan(UsageEvents, paths).select(KEY), _held([snapshot])])
    return keys.select(HASH)


def _held(snapshots: Sequence[Snapshot]) -> pl.LazyFrame:
    paths = [snapshot.table(RepeatedEvents) for snapshot in snapshots if snapshot.rows(RepeatedEvents)]
    is_held = (pl.col("outcome") == "conflict") & pl.col("standing_delivery_date").is_null()
    return scan(RepeatedEvents, paths).filter(is_held).select(KEY)
