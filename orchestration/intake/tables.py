"""The Delivered tables as files of a snapshot."""

import io
from pathlib import Path

import polars as pl

from data_contracts import Table
from data_contracts.validation import validate
from orchestration import storage

_EMPTY: dict[type[Table], bytes] = {}


def write_table(table: type[Table], frame: pl.DataFrame, folder: Path) -> None:
    """Write one table of a snapshot. Most tables of most days are empty; those cost a copy of the same bytes."""
    path = folder / f"{table.table_name}.parquet"
    if frame.is_empty() and frame.schema == table.schema():
        path.write_bytes(empty_parquet(table))
    else:
        storage.write_parquet(table, frame, path)


def empty_parquet(table: type[Table]) -> bytes:
    """Return the bytes of a file of the table without rows; made and checked once per process."""
    if table not in _EMPTY:
        buffer = io.BytesIO()
        validate(table, table.empty()).write_parquet(buffer, compression="zstd", compression_level=1, statistics=True)
        _EMPTY[table] = buffer.getvalue()
    return _EMPTY[table]
