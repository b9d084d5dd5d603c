"""Contracts proven on rows: Pandera schemas derived from the declarations, run on collected frames only."""

import os
from functools import cache

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData
from pandera.errors import SchemaErrors

from data_contracts.vocabulary import Column, Table

SHOWN_KEYS = 5


class ContractError(ValueError):
    """Rows break their contract: which table, which rule, how many rows, up to five keys."""


def validate(table: type[Table], frame: pl.DataFrame) -> pl.DataFrame:
    """Return `frame` unchanged if every row of it keeps the contract of `table`.

    Refuses: a LazyFrame (Pandera would check names and types only, K20), a wrong column, type or order, a null
    without a meaning, a value out of range, a key that appears twice within the frame. Keys across the batches of
    one table are counted by storage.
    """
    if not isinstance(frame, pl.DataFrame):
        raise TypeError(f"{table.table_name}: validate() takes a collected DataFrame, not {type(frame).__name__}")
    if os.environ.get("PANDERA_VALIDATION_ENABLED", "True").lower() not in ("true", "1"):
        raise ContractError("PANDERA_VALIDATION_ENABLED is off in the environment: unset it, checks must run.")
    if frame.height == 0:
        # Nothing but the columns can be wrong, and Pandera takes 5 ms to find that out: 450 of a quarter's 552 files.
        if frame.schema != table.schema():
            raise ContractError(f"{table.table_name}: no rows, and not its columns: {dict(frame.schema)}")
        return frame
    try:
        pandera_schema(table).validate(frame, lazy=True)  # type: ignore[arg-type]  # a class is hashable
    except SchemaErrors as errors:
        raise ContractError(_explain(table, frame, errors)) from None
    _refuse_repeated_keys(table, frame)
    return frame


@cache
def pandera_schema(table: type[Table]) -> pa.DataFrameSchema:
    """Derive the Pandera schema of a contract: strict, ordered, nothing coerced, nothing nullable without a meaning."""
    return pa.DataFrameSchema(
        {name: _pandera_column(declared) for name, declared in table.columns.items()},
        strict=True,
        ordered=True,
        coerce=False,
        name=table.table_name,
    )


def _pandera_column(declared: Column) -> pa.Column:
    checks = []
    if declared.one_of is not None:
        checks.append(pa.Check.isin(list(declared.one_of)))
    if declared.pattern is not None:
        checks.append(pa.Check.str_matches(declared.pattern))
    if declared.at_least is not None:
        checks.append(_at_least(declared))
    return pa.Column(declared.type.polars, checks=checks, nullable=declared.null_means is not None)


def _at_least(declared: Column) -> pa.Check:
    bound = pl.lit(declared.at_least).cast(declared.type.polars)

    def reaches(data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key) >= bound)

    return pa.Check(reaches, name=f"at least {declared.at_least}")


def _refuse_repeated_keys(table: type[Table], frame: pl.DataFrame) -> None:
    repeated = frame.lazy().group_by(table.keys).len().filter(pl.col("len") > 1).sort(table.keys).collect()
    if repeated.height:
        shown = [str(row) for row in repeated.drop("len").head(SHOWN_KEYS).rows()]
        raise ContractError(
            f"{table.table_name}: {repeated.height:,} keys ({', '.join(table.keys)}) appear more than once: "
            f"{'; '.join(shown)}. One row per key is the grain; look for the join that multiplied them."
        )


def _explain(table: type[Table], frame: pl.DataFrame, errors: SchemaErrors) -> str:
    cases = errors.failure_cases
    lines = [f"{table.table_name}: {frame.height:,} rows break the contract:"]
    for (column, check), group in cases.group_by(["column", "check"], maintain_order=True):
        rows = [index for index in group["index"].to_list() if index is not None][:SHOWN_KEYS]
        known_keys = [name for name in table.keys if name in frame.columns]
        shown = [str(frame.select(known_keys).row(row)) for row in rows]
        found = sorted({str(value) for value in group["failure_case"].head(SHOWN_KEYS).to_list()})
        lines.append(f"  {column}: {check} fails {group.height:,} times; found {found}; keys {shown or 'unknown'}")
    return "\n".join(lines)
