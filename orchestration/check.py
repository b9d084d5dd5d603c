"""`ratebook check`: every problem of what has landed, at once, before a night runs into it.

The files go through intake itself, into a folder that is thrown away: what is said here is what the night would do.
"""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from data_contracts import RejectedRows, RepeatedEvents
from orchestration.errors import UsageError
from orchestration.intake.feeds import Feed, feeds_of
from orchestration.intake.findings import Finding
from orchestration.intake.lake import Lake, read_snapshot, snapshot_folders
from orchestration.intake.landing import DATASETS, LandedFile, landed_files, named_file
from orchestration.intake.reference_delivery import known_book
from orchestration.intake.snapshots import Pending, take_delivery
from orchestration.settings import Settings

SHOWN_PER_RULE = 50


def check_landing(settings: Settings, paths: Sequence[Path] | None = None) -> list[Finding]:
    """Return all problems of everything landed and not yet snapshotted, or of the named files, ordered by place.

    All feeds are looked at, too. Of each file and rule the first 50 records are named, then the number of the others.
    Duplicates are no problem.
    Refuses: a named file that is not there, or that lies in no folder named like a dataset.
    """
    folders = snapshot_folders(settings.delivered)
    lake = Lake(read_snapshot(day, folder) for day, folder in folders.items())
    next_date = None if lake.last is None else lake.last.delivery_date + timedelta(days=1)
    feeds = feeds_of(settings)
    if paths is None:
        files, findings = landed_files(settings, feeds)
    else:
        landed = [path for path in _each_file(paths) if path.absolute().parent != settings.feeds]
        files, findings = [_named(path, next_date, feeds) for path in landed], []
    findings += [finding for feed in feeds.values() for finding in feed.findings]
    pending = Pending(settings, lake, files, lambda _: None)
    state = known_book(lake.documents())
    with tempfile.TemporaryDirectory(prefix="ratebook-check-") as scratch:
        for day in sorted({max(file.folder_date, next_date or file.folder_date) for file in files}):
            taken = pending.belonging_to(day)
            if not taken:
                continue
            folder = Path(scratch) / day.isoformat()
            folder.mkdir()
            result = take_delivery(settings, lake, state, day, taken, folder)
            state = result.state
            lake.snapshots.append(read_snapshot(day, folder))
            findings += [finding for outcome in result.outcomes for finding in outcome.findings]
            findings += _rejected(folder) + _conflicts(folder)
    return sorted(findings, key=lambda f: (f.file, f.line is None, f.line or 0, f.rule, f.column or "", f.message))


def _each_file(paths: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} is not there.")
        below = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith(("_", ".")))
        files += below if path.is_dir() else [path]
    return files


def _named(path: Path, next_date: date | None, feeds: Mapping[str, Feed]) -> LandedFile:
    file = named_file(path, next_date, feeds)
    if file is None:
        known = ", ".join((*DATASETS, *feeds))
        raise UsageError(f"{path} lies in no folder named like a dataset or feed ({known}), so its rules are unknown.")
    return file


def _rejected(folder: Path) -> list[Finding]:
    rows = pl.read_parquet(folder / f"{RejectedRows.table_name}.parquet")
    shown = rows.select(
        pl.col("source_file").alias("file"),
        pl.col("source_line").alias("line"),
        pl.col("column_name").alias("column"),
        "rule",
        pl.when(pl.col("found").is_null())
        .then("message")
        .otherwise(pl.format("{} Found: {}", "message", "found"))
        .alias("message"),
        "remedy",
    )
    return _findings(shown)


def _conflicts(folder: Path) -> list[Finding]:
    rows = pl.read_parquet(folder / f"{RepeatedEvents.table_name}.parquet").filter(pl.col("outcome") == "conflict")
    stands = pl.format("Event {} stands with other content: {} line {}.", "event_id", "standing_file", "standing_line")
    amends = pl.format(
        "Event {} was taken back before, or {} stands with other content: {} line {}.",
        *("amends_event_id", "event_id", "standing_file", "standing_line"),
    )
    shown = rows.select(
        pl.col("source_file").alias("file"),
        pl.col("source_line").alias("line"),
        pl.lit("event_id").alias("column"),
        pl.lit("conflict").alias("rule"),
        pl.when(pl.col("standing_file").is_null())
        .then(pl.format("Event {} was delivered with several contents; none of them stands.", "event_id"))
        .when(pl.col("amends_event_id").is_null())
        .then(stands)
        .otherwise(amends)
        .alias("message"),
        pl.lit("It is held; an event with an id of its own that amends it says what counts.").alias("remedy"),
    )
    return _findings(shown)


def _findings(rows: pl.DataFrame) -> list[Finding]:
    ordered = rows.sort("file", "rule", "line")
    findings = [Finding(**row) for row in ordered.group_by("file", "rule").head(SHOWN_PER_RULE).to_dicts()]
    beyond = ordered.group_by("file", "rule").agg(pl.len().cast(pl.Int64) - SHOWN_PER_RULE).filter(pl.col("len") > 0)
    findings += [
        Finding(file, None, None, rule, f"{more:,} more records break the same rule.", "See the ones shown.")
        for file, rule, more in beyond.rows()
    ]
    return findings
