"""`ratebook rebuild`: the marts once more, from the snapshots, the seals and the logs alone; or any day, to compare.

Landing zone, build cache and published runs are not read: what they hold can be lost.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

from data_contracts.marts import MARTS
from orchestration import night, publish
from orchestration.build import code_hash, open_build
from orchestration.errors import UsageError
from orchestration.lock import run_lock
from orchestration.records import Record, logged
from orchestration.settings import Settings

# What cannot be made again: everything else is made of it.
KEPT = ("lake", "seals", "issued", "feeds")


@dataclass(frozen=True)
class Rebuilt:
    """A table as it was computed once more, beside what was published of that day."""

    table: str
    rows: int
    sha256: str | None
    published_sha256: str | None

    @property
    def is_equal(self) -> bool:
        """Whether the published table has the same canonical hash."""
        return self.sha256 == self.published_sha256


@dataclass(frozen=True)
class Recomputed:
    """A day computed once more: table by table, and the published run that it is compared with."""

    as_of: date
    run: int | None
    is_same_code: bool
    tables: list[Rebuilt]

    @property
    def differing(self) -> list[str]:
        """Return the tables that are not as they were published."""
        return [table.table for table in self.tables if not table.is_equal]


def recompute(settings: Settings, as_of: date, *, progress: Callable[[str], None] = lambda _: None) -> Recomputed:
    """Compute a day once more in a folder that is thrown away, and compare every table with what was published of it.

    Rule:    the day sees the deliveries up to it and the seals as it saw them, whatever came since.
    Refuses: a day before the first delivery.
    """
    home = Path(tempfile.mkdtemp(prefix="ratebook-rebuild-"))
    try:
        for name in KEPT:
            if (settings.home / name).is_dir():
                (home / name).symlink_to((settings.home / name).absolute())
        scratch = settings.model_copy(update={"home": home, "notify_on": frozenset()})
        build = open_build(scratch, as_of)
        record = Record(0, as_of, datetime.combine(as_of, time()))  # no run: nobody is told when it was
        night.make_tables(build, record, progress)
        night.make_marts(build, record, progress)
        hashes = publish.hash_tables(build.warehouse, MARTS, memory_mb=settings.memory_mb)
    finally:
        shutil.rmtree(home)
    run = next((run for run in reversed(publish.published_runs(settings)) if run.as_of == as_of), None)
    published = run.manifest() if run is not None else {"tables": {}, "code_hash": code_hash()}
    tables = [
        Rebuilt(
            f"{schema}.{table}",
            found.rows,
            found.sha256,
            published["tables"].get(f"{schema}.{table}", {}).get("canonical_hash"),
        )
        for (schema, table), found in sorted(hashes.items())
        if found.sha256 is not None
    ]
    return Recomputed(as_of, run.number if run else None, published["code_hash"] == code_hash(), tables)


def rebuild(settings: Settings, *, progress: Callable[[str], None] = lambda _: None) -> Record:
    """Make and publish the marts of the last snapshot once more; every table is made anew.

    Refuses: a home without snapshots; whatever a night refuses or holds.
    """
    if not settings.delivered.is_dir():
        raise UsageError(f"{settings.delivered}: no snapshot is there, and without one nothing can be made.")
    last = max(date.fromisoformat(path.name) for path in settings.delivered.iterdir() if path.name[:1] != ".")
    with run_lock(settings, progress=progress), logged(settings, last) as record:
        publish.recover(settings)
        night.require_logs(settings)
        build = open_build(settings, last)
        if build.path.is_dir():
            shutil.rmtree(build.path)
        night.make_tables(build, record, progress)
        night.make_marts(build, record, progress)
        night.publish_marts(build, record, progress)
        night.drop_old_builds(settings, build)
    return record
