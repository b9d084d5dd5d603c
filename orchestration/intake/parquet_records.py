"""Parquet as records of text: exact types only, so that they pass through the same strict parsers as text does."""

import glob
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import polars as pl
import polars.selectors as cs
from polars.exceptions import PanicException, PolarsError

from data_contracts.vocabulary import QUANTITY
from orchestration.intake.findings import FileRefused
from orchestration.intake.values import DECIMALS, INTEGER_DIGITS

# Damage inside a page reaches us as a panic of the reader, which is no subclass of its errors.
BROKEN = (PolarsError, PanicException)
ROWS_PER_BATCH = 400_000
MOST_VALUES = 4_000_000_000
MOST_BYTES = 64 << 30
TYPED = "typed:"
INTEGERS = frozenset({pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64})


@dataclass(frozen=True)
class Naive:
    """Which times need no zone: `utc` are columns that are UTC by rule, `kept` lets all stay as they are written."""

    utc: frozenset[str] = frozenset()
    kept: bool = False


def parquet_columns(path: Path, reads: Collection[str] | None = None, naive: Naive = Naive()) -> list[str]:
    """Return the column names, after every column's type and the size of what the file unpacks to were found fit.

    Only the types of the columns that `reads` names matter, by default of all.
    Refuses: float columns (they have lost digits already), times without zone or finer than microseconds (INT96
    included), nested and binary columns, a damaged footer, a footer that announces more than the caps.
    """
    try:
        with path.open("rb") as file:  # as a path, `[` and `*` in it would be a pattern
            schema = pl.read_parquet_schema(file)
        with _footers().cursor() as cursor:
            groups = cursor.execute(
                "select coalesce(sum(num_values), 0), coalesce(sum(total_uncompressed_size), 0) "
                "from parquet_metadata(?)",
                [glob.escape(str(path))],
            ).fetchone()
    except (*BROKEN, duckdb.Error, OSError) as error:
        raise FileRefused(
            "parquet_broken",
            f"The Parquet file of {path.stat().st_size:,} bytes cannot be read: {str(error).splitlines()[0]}",
            "Deliver the whole file again.",
        ) from None
    if groups is not None and (groups[0] > MOST_VALUES or groups[1] > MOST_BYTES):
        raise FileRefused(
            "unpacks_too_large",
            f"The footer announces {groups[0]:,} values and {groups[1]:,} bytes.",
            "Deliver the file in smaller parts.",
        )
    for name, dtype in schema.items():
        if _is_read(name, reads) and _as_text(name, dtype, naive) is None:
            raise FileRefused(
                "parquet_type",
                f"Column `{name}` has the type {dtype}; exact are text, whole numbers, decimals, booleans, days, and "
                "times with a zone to the microsecond.",
                "Write it as text or as one of these types.",
                column=name,
            )
    return list(schema)


def parquet_rows(path: Path) -> int:
    """Return how many rows the footer announces; none for a file that cannot be read, which is refused later."""
    try:
        with path.open("rb") as file:
            rows: int = pl.scan_parquet(file).select(pl.len()).collect().item()
    except BROKEN:
        return 0
    return rows


@cache
def _footers() -> duckdb.DuckDBPyConnection:
    """What reads footers, opened once per process: opening takes 30 ms, reading one."""
    return duckdb.connect()


def parquet_records(path: Path, reads: Collection[str] | None = None, naive: Naive = Naive()) -> Iterator[pl.DataFrame]:
    """Yield the file's rows in batches: `line` (the row number), `fault`, `found`, one `raw:<name>` per column read.

    A typed number or time is `typed:<name>`, as it was given, and `value:<name>`, what the parsers would make of its
    text. `with_texts` adds the text: writing ten million instants takes longer than all the rest of reading them.
    """
    try:
        lazy = pl.scan_parquet(path, hive_partitioning=False, glob=False)
        schema = lazy.collect_schema()
        read = {name: dtype for name, dtype in schema.items() if _is_read(name, reads)}
        columns = [column for name, dtype in read.items() for column in _columns(name, dtype, naive)]
        rows = lazy.select(pl.len()).collect().item()
        for start in range(0, rows, ROWS_PER_BATCH):
            batch = lazy.slice(start, ROWS_PER_BATCH).select(columns)
            yield batch.collect().select(
                pl.int_range(start + 1, start + 1 + pl.len(), dtype=pl.Int64).alias("line"),
                pl.lit(None, pl.String).alias("fault"),
                pl.lit(None, pl.String).alias("found"),
                pl.when(cs.string() != "").then(cs.string()),
                ~cs.string(),
            )
    except BROKEN as error:
        raise FileRefused(
            "parquet_broken",
            f"The Parquet file cannot be read to its end: {str(error).splitlines()[0]}",
            "Deliver the whole file again.",
        ) from None


def _is_read(name: str, reads: Collection[str] | None) -> bool:
    return reads is None or name in reads


def with_texts(records: pl.DataFrame) -> pl.DataFrame:
    """Add `raw:<name>`, the text of each `typed:<name>`."""
    typed = {name: dtype for name, dtype in records.schema.items() if name.startswith(TYPED)}
    texts = [_as_text(name.removeprefix(TYPED), dtype, Naive(), name) for name, dtype in typed.items()]
    return records.with_columns(text for text in texts if text is not None)


def _columns(name: str, dtype: pl.DataType, naive: Naive) -> Iterator[pl.Expr]:
    values = list(_typed(name, dtype))
    text = _as_text(name, dtype, naive)
    if values:
        yield from (pl.col(name).alias(f"{TYPED}{name}"), *values)
    elif text is not None:
        yield text


def _typed(name: str, dtype: pl.DataType) -> Iterator[pl.Expr]:
    """Yield the column as the parsers would give it, where its type leaves nothing to parse."""
    value = pl.col(name)
    match dtype:
        case pl.Datetime(time_unit="us" | "ms", time_zone=zone) if zone is not None:
            in_utc = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
            yield in_utc.cast(pl.Datetime("us")).alias(f"value:{name}")
        case pl.Decimal(scale=scale) if scale <= DECIMALS:
            fits = value.abs() < 10**INTEGER_DIGITS
            yield pl.when(fits).then(value).cast(QUANTITY).alias(f"value:{name}")


def _as_text(name: str, dtype: pl.DataType, naive: Naive, column: str | None = None) -> pl.Expr | None:
    """Return the column as text, exactly; None for a type that cannot be exact."""
    value = pl.col(column or name)
    match dtype:
        case pl.String() | pl.Categorical() | pl.Enum() | pl.Decimal() | pl.Null():
            text = value.cast(pl.String)
        case pl.Boolean():
            text = pl.when(value).then(pl.lit("true")).when(~value).then(pl.lit("false"))
        case pl.Date():
            text = value.dt.strftime("%Y-%m-%d")
        case pl.Datetime(time_unit="us" | "ms", time_zone=zone) if zone is not None:
            text = value.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
        case pl.Datetime(time_unit="us" | "ms", time_zone=None) if name in naive.utc or naive.kept:
            text = value.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f" + ("" if naive.kept else "Z"))
        case _:
            if type(dtype) not in INTEGERS:
                return None
            text = value.cast(pl.String)
    return text.alias(f"raw:{name}")
