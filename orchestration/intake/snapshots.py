"""Snapshots: every delivery taken once, whole, in the order of the dates, and never touched again."""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from data_contracts import (
    AccountRows,
    Actions,
    CostRows,
    Documents,
    FxRates,
    LandedFiles,
    RejectedRows,
    RepeatedEvents,
    Reversals,
    Table,
    UsageEvents,
)
from orchestration import book, storage
from orchestration.errors import UsageError
from orchestration.intake.actions import take_actions
from orchestration.intake.cost_delivery import take_costs
from orchestration.intake.exchange_delivery import take_fx_rates
from orchestration.intake.feeds import feeds_of
from orchestration.intake.findings import FileRefused
from orchestration.intake.lake import MANIFEST, Lake, read_snapshot, snapshot_folders
from orchestration.intake.landing import (
    ACCOUNTS,
    ACTIONS,
    CONTRACTS,
    COSTS,
    FX_RATES,
    PRICE_BOOK,
    USAGE,
    Claim,
    LandedFile,
    check_claims,
    landed_files,
    read_claims,
    sha256_if_still,
)
from orchestration.intake.outcomes import FileOutcome, landed_files_table
from orchestration.intake.reference_delivery import known_book, take_accounts, take_documents
from orchestration.intake.tables import write_table
from orchestration.intake.usage_delivery import take_usage
from orchestration.settings import Settings

FORMAT = 1
TABLES: tuple[type[Table], ...] = (
    LandedFiles,
    UsageEvents,
    RepeatedEvents,
    Reversals,
    RejectedRows,
    AccountRows,
    FxRates,
    Documents,
    CostRows,
    Actions,
)
HASHES = "landed-hashes.json"

Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Say nothing."""


def snapshot_dates(settings: Settings, as_of: date) -> list[date]:
    """Return the dates up to `as_of` of which a snapshot exists, ascending."""
    return [day for day in snapshot_folders(settings.delivered) if day <= as_of]


def delivered_paths(settings: Settings, table: type[Table], as_of: date) -> list[Path]:
    """Return the files of a Delivered table up to `as_of`, ascending by delivery."""
    return [settings.snapshot(day) / f"{table.table_name}.parquet" for day in snapshot_dates(settings, as_of)]


def read_manifest(settings: Settings, day: date) -> dict[str, Any]:
    """Return the manifest of one snapshot: its tables, the files that it saw, its usage days, its predecessor."""
    manifest: dict[str, Any] = json.loads((settings.snapshot(day) / MANIFEST).read_bytes())
    return manifest


def snapshot_through(settings: Settings, as_of: date, *, progress: Progress = silent) -> list[date]:
    """Snapshot every date up to `as_of` that has none yet, ascending, absent ones as empty; return those dates.

    Rule: a file belongs to the date of its folder, or, if that date is already taken, to the next one taken. A
    snapshot is complete or absent, so a killed run is continued by simply running it again.
    Refuses: a landing zone without anything to begin with.
    """
    for leftover in settings.delivered.glob(".tmp-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    (settings.delivered.parent / f".tmp-{HASHES}").unlink(missing_ok=True)
    lake = Lake(read_snapshot(day, folder) for day, folder in snapshot_folders(settings.delivered).items())
    if lake.last is not None and lake.last.delivery_date >= as_of:
        return []
    files, stray = landed_files(settings, feeds_of(settings))
    for finding in stray:
        progress(f"{finding.file}: {finding.message} {finding.remedy}")
    pending = Pending(settings, lake, [file for file in files if file.folder_date <= as_of], progress)
    days = _due(settings, lake, files, as_of)
    state = known_book(lake.documents())
    for day in days:
        taken = pending.belonging_to(day)
        with storage.atomic_directory(settings.snapshot(day)) as folder:
            result = take_delivery(settings, lake, state, day, taken, folder)
        state = result.state
        lake.snapshots.append(read_snapshot(day, settings.snapshot(day)))
        if taken:
            progress(f"{day}: {summary(result.outcomes)}")
    pending.remember()
    return days


def _due(settings: Settings, lake: Lake, files: Sequence[LandedFile], as_of: date) -> list[date]:
    if lake.last is not None:
        first = lake.last.delivery_date + timedelta(days=1)
    else:
        first = min((file.folder_date for file in files), default=as_of + timedelta(days=1))
        if first > as_of:
            when = f"; the first delivery is {first}" if files else ""
            raise UsageError(
                f"Nothing has landed on or before {as_of} in {settings.landing}{when}. "
                "Put files into <dataset>/<date>/ there."
            )
    return [first + timedelta(days=number) for number in range((as_of - first).days + 1)]


class Pending:
    """Landed files that no snapshot holds yet. A path whose bytes changed since is a new file."""

    def __init__(self, settings: Settings, lake: Lake, files: Sequence[LandedFile], progress: Progress) -> None:
        self._memory = settings.delivered.parent / HASHES
        self._hashes = _read_hashes(self._memory)
        self._seen = {_identity(entry) for _, entry in lake.landed()}
        self._seen_paths = {path for path, *_ in self._seen}
        self._files = list(files)
        self._siblings: dict[Path, set[str]] = {}
        self._progress = progress
        for file in files:
            self._siblings.setdefault(file.folder, set()).add(file.name)

    def belonging_to(self, day: date) -> list[tuple[LandedFile, str, set[str]]]:
        """Return (file, sha256, names in its folder) of what the snapshot of `day` takes, ordered by path."""
        due = [file for file in self._files if file.folder_date <= day]
        self._files = [file for file in self._files if file.folder_date > day]
        taken = []
        for file in due:
            sha256 = self._sha256(file)
            if sha256 is None:
                self._progress(f"{file.source_file}: it is still being written; it is left for the next run.")
            elif not self._is_seen(file, sha256):
                taken.append((file, sha256, self._siblings[file.folder]))
        return taken

    def remember(self) -> None:
        """Keep the hashes, so that the next run need not read files again that have not moved since."""
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        storage.replace_file(self._memory, json.dumps(self._hashes, sort_keys=True).encode())

    def _is_seen(self, file: LandedFile, sha256: str) -> bool:
        return not self._seen.isdisjoint({(file.source_file, sha256), (file.source_file, sha256, file.feed_sha256)})

    def _sha256(self, file: LandedFile) -> str | None:
        known = self._hashes.get(file.source_file)
        if known and known[:2] == [file.byte_count, file.modified_ns] and file.source_file in self._seen_paths:
            return str(known[2])
        sha256 = sha256_if_still(file)
        if sha256 is not None:
            self._hashes[file.source_file] = [file.byte_count, file.modified_ns, sha256]
        return sha256


def _identity(entry: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a landed file is known by. One that was refused is another one as soon as its feed is another."""
    is_refused = entry["status"] == "refused" and "feed" in entry
    return (entry["path"], entry["sha256"], entry["feed"]) if is_refused else (entry["path"], entry["sha256"])


def _read_hashes(path: Path) -> dict[str, list[Any]]:
    """Return what was remembered; nothing if that is gone or damaged, since it only saves time."""
    try:
        remembered = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return remembered if isinstance(remembered, dict) else {}


@dataclass(frozen=True)
class Taken:
    """One delivery after it was taken: what became of its files, and the book as known after it."""

    outcomes: list[FileOutcome]
    state: book.BookState


def take_delivery(
    settings: Settings,
    lake: Lake,
    state: book.BookState,
    day: date,
    files: Sequence[tuple[LandedFile, str, set[str]]],
    folder: Path,
) -> Taken:
    """Write the Delivered tables and the manifest of one delivery into `folder`."""
    if not files:
        for table in TABLES:
            write_table(table, table.empty(), folder)
        _write_manifest(lake, day, folder, dict.fromkeys(TABLES, 0), [], frozenset())
        return Taken([], state)
    outcomes = [FileOutcome(file, sha256) for file, sha256, _ in files]
    _verify_claims(settings, outcomes, {file.folder: names for file, _, names in files})
    _require_feeds(outcomes)
    of = {
        name: [outcome for outcome in outcomes if outcome.file.dataset == name]
        for name in (USAGE, ACCOUNTS, PRICE_BOOK, CONTRACTS, COSTS, FX_RATES, ACTIONS)
    }
    documents, state = take_documents([*of[PRICE_BOOK], *of[CONTRACTS]], state=state, delivery_date=day)
    accounts, rejected_accounts = take_accounts(
        of[ACCOUNTS], settings=settings, delivery_date=day, accounts_before=lake.last_account_count()
    )
    charges, rejected_costs = take_costs(of[COSTS], settings=settings, delivery_date=day, folder=folder)
    rates, rejected_rates = take_fx_rates(of[FX_RATES], settings=settings, lake=lake, delivery_date=day)
    actions, rejected_actions = take_actions(of[ACTIONS], settings=settings, lake=lake, delivery_date=day)
    _mark_duplicates(of[USAGE], lake)
    usage = take_usage(
        of[USAGE],
        state.meters,
        signed=state.signed_meters,
        settings=settings,
        lake=lake,
        delivery_date=day,
        folder=folder,
    )
    rejected = pl.concat([rejected_accounts, rejected_costs, rejected_rates, rejected_actions, usage.rejected])
    frames: dict[type[Table], pl.DataFrame] = {
        LandedFiles: landed_files_table(outcomes, day),
        RepeatedEvents: usage.repeated,
        Reversals: usage.reversals,
        RejectedRows: rejected.sort("source_file", "source_line", "source_part"),
        AccountRows: accounts,
        FxRates: rates,
        Documents: documents,
        Actions: actions,
    }
    for table, frame in frames.items():
        write_table(table, frame, folder)
    rows = {UsageEvents: usage.accepted_rows, CostRows: charges} | {
        table: frame.height for table, frame in frames.items()
    }
    _keep_feeds(outcomes, folder)
    _write_manifest(lake, day, folder, rows, outcomes, usage.usage_dates)
    return Taken(outcomes, state)


def _keep_feeds(outcomes: Sequence[FileOutcome], folder: Path) -> None:
    """Keep the feeds that read this delivery beside it: what they say may change, what they decided does not."""
    for feed in {outcome.file.feed.name: outcome.file.feed for outcome in outcomes if outcome.file.feed}.values():
        kept = folder / "feeds" / f"{feed.name}.yaml"
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(feed.content)


def summary(outcomes: Iterable[FileOutcome]) -> str:
    """Say in one line what became of a delivery."""
    counted = list(outcomes)
    statuses = [f"{len(counted)} files"]
    for status, words in (("refused", "refused"), ("duplicate_file", "delivered before")):
        number = sum(outcome.status == status for outcome in counted)
        if number:
            statuses.append(f"{number} {words}")
    rows = []
    for bucket in ("accepted", "duplicate", "conflict", "rejected"):
        number = sum(outcome.counts.get(bucket, (0,))[0] for outcome in counted)
        if number:
            rows.append(f"{number:,} {bucket}")
    return ", ".join(statuses) + (f": rows {', '.join(rows)}" if rows else "")


def _verify_claims(settings: Settings, outcomes: Sequence[FileOutcome], names: Mapping[Path, set[str]]) -> None:
    claims: dict[Path, dict[str, Claim] | FileRefused | None] = {}
    for outcome in outcomes:
        folder, dataset = outcome.file.folder, outcome.file.dataset
        if folder not in claims:
            try:
                found = read_claims(folder)
                check_claims(found, names[folder], required=dataset in settings.require_manifest)
                claims[folder] = found
            except FileRefused as refused:
                claims[folder] = refused
        stated = claims[folder]
        if isinstance(stated, FileRefused):
            outcome.refuse_for(stated)
        elif stated is not None:
            _verify_claim(outcome, stated.get(outcome.file.name))


def _verify_claim(outcome: FileOutcome, claim: Claim | None) -> None:
    outcome.claim = claim
    try:
        if claim is None:
            raise FileRefused(
                "not_in_the_manifest",
                "The manifest of the folder does not name this file.",
                "Name it in the manifest, or take it out of the folder.",
            )
        if claim.sha256 is not None and claim.sha256 != outcome.sha256:
            raise FileRefused(
                "sha256",
                f"The manifest states the sha256 {claim.sha256[:12]}…; the file has {outcome.sha256[:12]}….",
                "Deliver the file again, or correct the manifest.",
            )
    except FileRefused as refused:
        outcome.refuse_for(refused)


def _require_feeds(outcomes: Sequence[FileOutcome]) -> None:
    for outcome in outcomes:
        if outcome.is_loaded and outcome.file.feed is not None:
            try:
                outcome.file.feed.require_valid()
            except FileRefused as refused:
                outcome.refuse_for(refused)


def _mark_duplicates(outcomes: Sequence[FileOutcome], lake: Lake) -> None:
    # The same bytes read by another feed are other records.
    first = {
        (entry["sha256"], entry.get("feed")): f"{entry['path']} on {day}"
        for day, entry in reversed(list(lake.landed()))
        if entry["dataset"] == USAGE and entry["status"] == "loaded"
    }
    for outcome in outcomes:
        if not outcome.is_loaded:
            continue
        read = (outcome.sha256, outcome.file.feed_sha256)
        if read in first:
            outcome.mark_duplicate(first[read])
        else:
            first[read] = f"{outcome.file.source_file} in the same delivery"


def _write_manifest(
    lake: Lake,
    day: date,
    folder: Path,
    rows: Mapping[type[Table], int],
    outcomes: Sequence[FileOutcome],
    usage_dates: frozenset[str],
) -> None:
    tables = {}
    for table in TABLES:
        path = folder / f"{table.table_name}.parquet"
        tables[table.table_name] = {
            "rows": rows[table],
            "sha256": storage.sha256_of(path),
            "bytes": path.stat().st_size,
        }
    manifest = {
        "delivery_date": day.isoformat(),
        "format": FORMAT,
        "tables": tables,
        "files": sorted(outcome.file.source_file for outcome in outcomes),
        "landed": [
            {
                "path": outcome.file.source_file,
                "dataset": outcome.file.dataset,
                "sha256": outcome.sha256,
                "status": outcome.status,
                **({} if outcome.file.feed is None else {"feed": outcome.file.feed.sha256}),
            }
            for outcome in sorted(outcomes, key=lambda outcome: outcome.file.source_file)
        ],
        "usage_dates": sorted(usage_dates),
        "previous": None if lake.last is None else lake.last.sha256,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
