"""From the private build file to what readers see: one new directory per run, one symbolic link that is swapped.

A publish is a directory `published/<number>-<D>/`, complete and never changed again. `published/latest` is a relative
link and the only switch, so a reader sees one run or another, never a mixture, and nobody waits for anybody.

    build file -> write_candidate -> gates (orchestration.gates) -> switch      or, on any failure, hold
"""

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from data_contracts.marts import Mart, MetaTables
from data_contracts.render import column_comment, table_comment
from orchestration.errors import RatebookError, UsageError
from orchestration.hashing import canonical_hash, literal, quoted
from orchestration.lock import run_lock
from orchestration.settings import Settings
from orchestration.storage import sha256_of

DATABASE = "ratebook.duckdb"
LATEST = "latest"
MANIFEST = "manifest.json"
SCHEMAS = ("marts", "reports", "audit", "meta")
# The oldest format that DuckDB 1.4, 1.5 and 2.0 all read; 'v1.5.0' does not open in 1.4.
STORAGE_VERSION = "v1.4.0"
# Identity and times of the run: two runs of the same inputs differ here and nowhere else. `meta.tables` lists the
# hashes and can therefore not hold its own.
META_TABLES = (MetaTables.schema_name, MetaTables.table_name)
OUTSIDE_HASH = frozenset({("meta", "run"), ("audit", "aud_run"), ("audit", "aud_run_table"), META_TABLES})
CANDIDATE = ".candidate-"
HELD = ".held-"
REMOVING = ".removing-"
NEW_LINK = ".latest"
LEAST_MEMORY_MB = 256
SPILL = ".spill"
RUN_FOLDER = re.compile(r"(?P<number>\d+)-(?P<as_of>\d{4}-\d{2}-\d{2})")


README = """# Run {number}, everything known on {as_of}

One run of the night, complete and never changed again. `manifest.json` names every file with its SHA-256 and every
table with its rows and canonical hash. Start with `from meta.start_here`.

## Open it

- DuckDB 1.4 or newer, read-only: `duckdb -readonly {database}`, then `from meta.start_here;`
- Python: `duckdb.connect("published/latest/{database}", read_only=True)`
- From another session: `attach 'published/latest/{database}' as ratebook (read_only);`
- Anything else: the same tables as Parquet in `parquet/<schema>/<table>.parquet`; decimals are exact.

## Read about it

`docs/index.html` opens in a browser, without a server or a network: every table and column, their lineage and the
SQL behind them. Beside it `glossary.md` (words), `semantics.md` (rules of pricing as built), `decisions.md` (why it
is so) and `data_changes.md` (what changed for readers). In SQL: `from meta.columns`.

## See the next run

An open connection keeps this run for as long as it lives, which is what a report wants. To move on, in DuckDB:
`detach ratebook;` then `attach 'published/latest/{database}' as ratebook (read_only);` - or connect again in a new
process. `from meta.run` says which run is open. To stay with one run, open the dated folder instead of `latest`.

## Good to know

Times are UTC. Amounts stand beside their currency: never add up two currencies. Names are `schema.table`.

| table | what a row is |
|---|---|
{tables}
"""


@dataclass(frozen=True)
class Night:
    """The run that publishes: its number, the delivery date it stands for, and what else its manifest shall say."""

    number: int
    as_of: date
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TableHash:
    """Rows and canonical hash of one published table; no hash for what stands outside it."""

    rows: int
    sha256: str | None


@dataclass(frozen=True)
class PublishedRun:
    """One published run as it lies on disk."""

    number: int
    as_of: date
    path: Path

    @property
    def database(self) -> Path:
        """Return the path of its DuckDB file: dated, so it means the same run for ever."""
        return self.path / DATABASE

    def manifest(self) -> dict[str, Any]:
        """Return what the run says of itself: tables with rows and hashes, files with sizes and SHA-256."""
        content: dict[str, Any] = json.loads((self.path / MANIFEST).read_text())
        return content


Hashes = dict[tuple[str, str], TableHash]


def place_of(mart: type[Mart]) -> tuple[str, str]:
    """Return schema and table name of a published table."""
    return mart.schema_name, mart.table_name


def next_number(settings: Settings) -> int:
    """Return the number of the next run: one more than any that was ever published, held or logged. No clock."""
    numbers = [run.number for run in published_runs(settings)]
    numbers += [int(path.name.removeprefix(HELD).split("-")[0]) for path in _folders(settings, HELD)]
    numbers += _logged_numbers(settings.log / "runs.jsonl")
    return max(numbers, default=0) + 1


def published_run(settings: Settings, number: int | None = None) -> PublishedRun | None:
    """Return the run that `latest` points to (None before the first publish), or the kept run of that number.

    Refuses: a number that is not kept, and a link that points to nothing.
    """
    if number is not None:
        kept = {run.number: run for run in published_runs(settings)}
        if number not in kept:
            shown = ", ".join(str(n) for n in sorted(kept)) or "none"
            raise UsageError(f"run {number} is not in {settings.published}; kept runs: {shown}.")
        return kept[number]
    link = settings.published / LATEST
    if not link.is_symlink():
        return None
    run = _run_at(settings.published / link.readlink())
    if run is None:
        raise RatebookError(f"{link} points to {link.readlink()}, which is no published run. Run the night again.")
    return run


def published_runs(settings: Settings) -> list[PublishedRun]:
    """Return all kept runs, oldest number first."""
    if not settings.published.is_dir():
        return []
    runs = (_run_at(path) for path in settings.published.iterdir())
    return sorted((run for run in runs if run is not None), key=lambda run: run.number)


def hash_tables(path: Path, marts: Sequence[type[Mart]], *, memory_mb: int = 1024) -> Hashes:
    """Return rows and canonical hash of every published table of a build file or of a candidate."""
    with duckdb.connect(":memory:", config=duckdb_config(memory_mb, path.parent)) as connection:
        connection.execute(f"attach {literal(str(path))} as warehouse (read_only)")
        return {place_of(mart): _table_hash(connection, mart, len(marts)) for mart in marts}


def write_candidate(
    settings: Settings,
    night: Night,
    warehouse_path: Path,
    build_hashes: Hashes,
    marts: Sequence[type[Mart]],
    pages: Mapping[str, Path] | None = None,
) -> Path:
    """Write everything a publish consists of into a new hidden directory and return it. Readers see none of it.

    Shape:   `ratebook.duckdb` (tables only, sorted by their keys, with comments, no write-ahead log left),
             `parquet/<schema>/<table>.parquet`, `docs/` with the given pages by name, `manifest.json`.
    Refuses: a table of the published schemas that has no contract, and a contract that has no table.
    """
    candidate = settings.published / f"{CANDIDATE}{night.number}-{night.as_of.isoformat()}"
    shutil.rmtree(candidate, ignore_errors=True)
    candidate.mkdir(parents=True, mode=0o750)
    database = candidate / DATABASE
    with duckdb.connect(":memory:", config=duckdb_config(settings.memory_mb, warehouse_path.parent)) as connection:
        connection.execute(f"attach {literal(str(warehouse_path))} as warehouse (read_only)")
        _require_contracts(connection, marts)
        connection.execute(f"attach {literal(str(database))} as ratebook (storage_version '{STORAGE_VERSION}')")
        for schema in SCHEMAS:
            connection.execute(f"create schema ratebook.{schema}")
        for mart in marts:
            if place_of(mart) == META_TABLES:
                _fill_meta_tables(connection, build_hashes)
            else:
                _copy_table(connection, mart)
        for mart in marts:
            _comment(connection, mart)
            _copy_parquet(connection, mart, candidate)
        connection.execute("checkpoint ratebook")
        connection.execute("detach ratebook")
    _write_docs(candidate, night, marts, pages or {})
    _write_manifest(candidate, night, build_hashes)
    return candidate


def note(candidate: Path, fact: str, value: str | None) -> None:
    """Add a fact to the manifest of a candidate that is known only after its gates."""
    manifest = candidate / MANIFEST
    content = json.loads(manifest.read_text()) | {fact: value}
    manifest.write_text(json.dumps(content, indent=2) + "\n")


def switch(settings: Settings, candidate: Path, night: Night) -> PublishedRun:
    """Make a candidate that passed its gates the published run.

    Rule:    everything is on disk before it gets its name, and has its name before `latest` points to it. Dying
             between two of these steps leaves the old run served. A run of an older delivery date than the one now
             served is kept under its own name but never moves `latest`.
    Refuses: a candidate with a write-ahead log beside its file; its last rows would be missing (K13).
    """
    with run_lock(settings):
        if list(candidate.rglob("*.wal")):
            raise RatebookError(f"{candidate}: a write-ahead log is left, so rows are missing. Run the night again.")
        served = _served(settings)
        target = settings.published / f"{night.number}-{night.as_of.isoformat()}"
        for file in (path for path in candidate.rglob("*") if path.is_file()):
            file.chmod(0o440)  # DuckDB's tools open for writing unless told otherwise; a published file never changes
        flush_tree(candidate)
        candidate.rename(target)
        flush(settings.published)
        if served is None or served.as_of <= night.as_of:
            _point_latest_to(settings, target.name)
        _prune(settings)
    return PublishedRun(night.number, night.as_of, target)


def hold(settings: Settings, candidate: Path, night: Night) -> Path:
    """Put a candidate that failed a gate aside for inspection, in place of the one held before, and return where."""
    with run_lock(settings):
        for earlier in _folders(settings, HELD):
            shutil.rmtree(earlier)
        held = settings.published / f"{HELD}{night.number}-{night.as_of.isoformat()}"
        candidate.rename(held)
        flush(settings.published)
    return held


def recover(settings: Settings) -> list[str]:
    """Remove what a killed run left in `published/` and return the names. Call it at the start of a run.

    Nothing half-done is finished: a candidate was never checked to the end, so it goes; a run that has its final name
    passed every gate, so it stays, served or not. The last held candidate stays for inspection.
    """
    removed = []
    with run_lock(settings):
        for prefix in (CANDIDATE, REMOVING, SPILL):
            for leftover in _folders(settings, prefix):
                shutil.rmtree(leftover)
                removed.append(leftover.name)
        link = settings.published / NEW_LINK
        if link.is_symlink():
            link.unlink()
            removed.append(link.name)
    return removed


def flush_tree(folder: Path) -> None:
    """Force every file and folder below `folder`, and itself, to disk."""
    for path in sorted(folder.rglob("*")):
        flush(path)
    flush(folder)


def flush(path: Path) -> None:
    """Force one file, or the names in one folder, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def duckdb_config(memory_mb: int, spill: Path) -> dict[str, str | bool | int | float | list[str]]:
    """Return the settings of an in-memory DuckDB: bounded, and spilling into `spill`, not the current directory."""
    return {
        # Below 96 MB the gates of the smallest night do not end; the bound is on rows, not on DuckDB's own needs.
        "memory_limit": f"{max(memory_mb, LEAST_MEMORY_MB)}MB",
        "temp_directory": str(spill / SPILL),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }


def _table_hash(connection: duckdb.DuckDBPyConnection, mart: type[Mart], published_tables: int) -> TableHash:
    schema, table = place_of(mart)
    if (schema, table) == META_TABLES:
        return TableHash(published_tables, None)  # one row per table, itself among them; the build file has none yet
    if (schema, table) in OUTSIDE_HASH:
        row = connection.execute(f"select count(*) from {quoted('warehouse', schema, table)}").fetchone()
        return TableHash(int(row[0]) if row else 0, None)
    return TableHash(*canonical_hash(connection, schema, table, mart.keys, catalog="warehouse"))


def _require_contracts(connection: duckdb.DuckDBPyConnection, marts: Sequence[type[Mart]]) -> None:
    found = set(
        connection.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_catalog = 'warehouse' and table_schema in ('marts', 'reports', 'audit', 'meta')"
        ).fetchall()
    )
    declared = {place_of(mart) for mart in marts} - {META_TABLES}
    if missing := sorted(declared - found):
        raise RatebookError(f"the build file lacks {_named(missing)}, which data_contracts/marts.py declares.")
    if extra := sorted(found - declared - {META_TABLES}):
        raise RatebookError(f"{_named(extra)}: no contract in data_contracts/marts.py; add one or move the model.")


def _named(places: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{schema}.{table}" for schema, table in places)


def _copy_table(connection: duckdb.DuckDBPyConnection, mart: type[Mart]) -> None:
    schema, table = place_of(mart)
    order = ", ".join(quoted(name) for name in mart.keys) or "all"
    connection.execute(
        f"create table {quoted('ratebook', schema, table)} as "
        f"select * from {quoted('warehouse', schema, table)} order by {order}"
    )


def _fill_meta_tables(connection: duckdb.DuckDBPyConnection, hashes: Hashes) -> None:
    place = quoted("ratebook", *META_TABLES)
    columns = ", ".join(f"{quoted(name)} {declared.type.duckdb}" for name, declared in MetaTables.columns.items())
    connection.execute(f"create table {place} ({columns})")
    rows = [(schema, table, found.rows, found.sha256) for (schema, table), found in sorted(hashes.items())]
    connection.executemany(f"insert into {place} values (?, ?, ?, ?)", rows)


def _comment(connection: duckdb.DuckDBPyConnection, mart: type[Mart]) -> None:
    place = quoted("ratebook", *place_of(mart))
    connection.execute(f"comment on table {place} is {literal(table_comment(mart))}")
    for name, declared in mart.columns.items():
        connection.execute(f"comment on column {place}.{quoted(name)} is {literal(column_comment(declared))}")


def _copy_parquet(connection: duckdb.DuckDBPyConnection, mart: type[Mart], candidate: Path) -> None:
    schema, table = place_of(mart)
    file = candidate / "parquet" / schema / f"{table}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    connection.execute(
        f"copy (from {quoted('ratebook', schema, table)}) to {literal(str(file))} (format parquet, compression zstd)"
    )


def _write_docs(candidate: Path, night: Night, marts: Sequence[type[Mart]], pages: Mapping[str, Path]) -> None:
    listed = "\n".join(f"| `{'.'.join(place_of(mart))}` | {table_comment(mart).split('. ')[0]} |" for mart in marts)
    text = README.format(number=night.number, as_of=night.as_of.isoformat(), database=DATABASE, tables=listed)
    (candidate / "docs").mkdir(mode=0o750)
    (candidate / "docs" / "README.md").write_text(text)
    for name, page in pages.items():
        shutil.copyfile(page, candidate / "docs" / name)


def _write_manifest(candidate: Path, night: Night, hashes: Hashes) -> None:
    files = sorted(path for path in candidate.rglob("*") if path.is_file())
    content = {
        "format": 1,
        "number": night.number,
        "as_of": night.as_of.isoformat(),
        **night.facts,
        "tables": {
            f"{schema}.{table}": {"rows": found.rows, "canonical_hash": found.sha256}
            for (schema, table), found in sorted(hashes.items())
        },
        "files": {
            path.relative_to(candidate).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
            for path in files
        },
    }
    (candidate / MANIFEST).write_text(json.dumps(content, indent=2) + "\n")


def _point_latest_to(settings: Settings, name: str) -> None:
    new_link = settings.published / NEW_LINK
    new_link.unlink(missing_ok=True)
    new_link.symlink_to(name)
    new_link.replace(settings.published / LATEST)
    flush(settings.published)


def _prune(settings: Settings) -> None:
    """Remove all but the last runs; what `latest` points to always stays. Open readers keep what they read."""
    served = _served(settings)
    for run in published_runs(settings)[: -settings.keep_published]:
        if served is None or run.number != served.number:
            # The name goes first: a publish that is half removed must not look like one.
            doomed = settings.published / f"{REMOVING}{run.path.name}"
            run.path.rename(doomed)
            shutil.rmtree(doomed)


def _served(settings: Settings) -> PublishedRun | None:
    link = settings.published / LATEST
    return _run_at(settings.published / link.readlink()) if link.is_symlink() else None


def _run_at(path: Path) -> PublishedRun | None:
    match = RUN_FOLDER.fullmatch(path.name)
    if match is None or not path.is_dir() or path.is_symlink():
        return None
    return PublishedRun(int(match["number"]), date.fromisoformat(match["as_of"]), path)


def _folders(settings: Settings, prefix: str) -> list[Path]:
    return sorted(settings.published.glob(f"{prefix}*"))


def _logged_numbers(path: Path) -> list[int]:
    if not path.exists():
        return []
    # By pattern, not as JSON: a run that was killed while it wrote its line must not keep the next one from starting.
    return [int(number) for number in re.findall(r'"number":\s*(\d+)', path.read_text())]
