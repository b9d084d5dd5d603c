"""Deliveries that are fetched: what a database has for a day is landed as files, once, before the day is snapshotted.

From there on everything is as if the world had delivered it: the files and their manifest are the truth, a night can be
repeated without the database, and what changes there later changes nothing here.
"""

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from orchestration import intake
from orchestration.errors import UsageError
from orchestration.intake.landing import CONTRACTS, DATASETS, MANIFEST, PRICE_BOOK
from orchestration.postgres import Asked, batches
from orchestration.run_log import log
from orchestration.settings import Settings
from orchestration.storage import atomic_directory, sha256_of

FOLDER = "postgres"
# Rows are kept until they come to this much, then they are a file: it bounds memory and the number of files.
PART_BYTES = 24 << 20  # as Polars counts it; with the views of its strings some three times as much
DOCUMENTS = frozenset({PRICE_BOOK, CONTRACTS})


def fetch_through(settings: Settings, as_of: date, *, progress: Callable[[str], None] = lambda _: None) -> int:
    """Land what the configured databases have for every day up to `as_of` that is not snapshotted; return the rows.

    Rule:    `landing/<dataset>/<day>/postgres/` appears whole, manifest included, or not at all, and is never asked for
             again once it is there. A range takes each of its days.
    Refuses: a database that fails; the days landed before stay landed.
    """
    _require_tables(settings)
    landed = 0
    for day in _days(settings, as_of) if settings.postgres_queries else []:
        for dataset, query in sorted(settings.postgres_queries.items()):
            target = settings.landing / dataset / day.isoformat() / FOLDER
            if not target.exists():
                progress(f"{dataset} of {day}: asking PostgreSQL")
                rows = _land(settings, Asked(dataset, day, query), target)
                log.info("landed", extra={"dataset": dataset, "delivery_date": day.isoformat(), "rows": rows})
                landed += rows
    return landed


def _require_tables(settings: Settings) -> None:
    feeds = {path.stem for path in settings.feeds.glob("*.yaml")}
    known = (set(DATASETS) | feeds) - DOCUMENTS
    if unknown := sorted(set(settings.postgres_queries) - known):
        raise UsageError(
            f"RATEBOOK_POSTGRES_QUERIES names {', '.join(unknown)}; rows can be fetched for {', '.join(sorted(known))}."
        )


def _days(settings: Settings, as_of: date) -> Iterator[date]:
    """Yield the days up to `as_of` that have no snapshot: after the last one, else from the first delivery on."""
    taken = intake.snapshot_dates(settings, date.max)
    folders = (path.name for path in settings.landing.glob("*/????-??-??"))
    first = max(taken) + timedelta(days=1) if taken else min(map(date.fromisoformat, folders), default=as_of)
    if not taken and settings.first_delivery is not None:
        first = settings.first_delivery
    return (first + timedelta(days=number) for number in range((as_of - first).days + 1))


def _land(settings: Settings, asked: Asked, target: Path) -> int:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = []
    with atomic_directory(target) as folder:
        for number, part in enumerate(_parts(batches(settings, asked)), start=1):
            path = folder / f"part-{number:05}.parquet"
            part.write_parquet(path, compression="zstd", compression_level=1)
            files.append({"name": path.name, "rows": part.height, "sha256": sha256_of(path)})
        (folder / MANIFEST).write_text(json.dumps({"files": files}, indent=1) + "\n")
    return sum(int(str(file["rows"])) for file in files)


def _parts(rows: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    held: list[pl.DataFrame] = []
    for batch in rows:
        held.append(batch)
        if sum(frame.estimated_size() for frame in held) >= PART_BYTES:
            yield pl.concat(held)
            held = []
    if held:
        yield pl.concat(held)
