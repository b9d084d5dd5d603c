"""Parquet in and out, and the two ways a file may change: not at all, or whole and durable in one rename."""

import hashlib
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import polars as pl

from data_contracts.validation import validate
from data_contracts.vocabulary import Table
from orchestration.errors import UsageError

LARGE = 100_000
Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)


@contextmanager
def atomic_directory(target: Path) -> Iterator[Path]:
    """Yield an empty sibling folder that becomes `target` in one rename when the block ends without an error.

    Whatever dies in between leaves `target` untouched; the leftover is named `.tmp-<name>` and replaced next time.
    """
    staging = target.with_name(f".tmp-{target.name}")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True, mode=0o700)
    try:
        yield staging
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    for path in sorted(staging.rglob("*")):
        _fsync(path)
    _fsync(staging)
    os.rename(staging, target)
    _fsync(target.parent)


def replace_file(target: Path, content: bytes) -> None:
    """Write a small file whole: temporary sibling, fsync, rename, fsync of the folder."""
    staging = target.with_name(f".tmp-{target.name}")
    staging.write_bytes(content)
    _fsync(staging)
    os.replace(staging, target)
    _fsync(target.parent)


def write_parquet(table: type[Table], frame: pl.DataFrame, path: Path) -> None:
    """Check the rows against their contract, then write them. Call it inside `atomic_directory`.

    zstd level 1: smaller than the default level on id columns and cheaper to write (measured in performance notes).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    checked = validate(table, frame)
    as_category(checked, empty_texts(checked)).write_parquet(
        path, compression="zstd", compression_level=1, statistics=True
    )


def empty_texts(frame: pl.DataFrame) -> frozenset[str]:
    """Return the text columns of a large frame that hold nothing but empty text."""
    if frame.height < LARGE:
        return frozenset()
    texts = (name for name, dtype in frame.schema.items() if dtype == pl.String)
    return frozenset(name for name in texts if (frame[name] == "").all(ignore_nulls=False))


def as_category(frame: Frame, names: Collection[str]) -> Frame:
    """Give columns of empty texts to be written as a category, which is the same text in the file.

    Polars takes 150 ms to write a million empty texts, and 7 ms to write their category.
    """
    return frame.with_columns(pl.col(names).cast(pl.Categorical)) if names else frame


def scan(table: type[Table], paths: list[Path]) -> pl.LazyFrame:
    """Read Parquet files of one table lazily; each file must have exactly the columns and types of the contract."""
    if not paths:
        return table.empty().lazy()
    for path in paths:
        with path.open("rb") as file:  # a path with `[` or `*` in it would be read as a pattern
            found = pl.read_parquet_schema(file)
        if {name: pl.String() if dtype == pl.Categorical else dtype for name, dtype in found.items()} != table.schema():
            raise UsageError(
                f"{path}: its columns are not those of {table.table_name}; another version of Ratebook wrote it. Under "
                f"build/ remove its folder, it is made again; under lake/ restore that version. Found {found}"
            )
    as_text = pl.ScanCastOptions(categorical_to_string="allow")
    return pl.scan_parquet(paths, schema=table.schema(), glob=False, cast_options=as_text)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
