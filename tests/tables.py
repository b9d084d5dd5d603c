"""Small tables in tests, typed by their contract: a row says what the rule is about, the contract fills the rest."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from data_contracts.validation import validate
from data_contracts.vocabulary import BEGINNING, BEGINNING_AT, FOREVER, FOREVER_AT, Column, Table

NEUTRAL_DATE = date(2026, 1, 1)


def rows(table: type[Table], text: str = "", **constants: str | None) -> pl.LazyFrame:
    """Return the rows of `text` as a frame that keeps the contract of `table`.

    `text` is a header and one line per row, cells apart by `|`; blank lines and spaces around cells are ignored.
    `null` is null, an empty cell is empty text. `constants` gives columns that are the same in every row.
    Every other column: null where the contract allows it, else its declared example, its first allowed value, or a
    neutral value (zero, false, an open interval, 2026-01-01; text keys are numbered, so that rows stay apart).
    Refuses: a column that the contract does not have, a value that its type does not hold exactly, rows that break
    the contract.
    """
    header, lines = _cells(text)
    unknown = [name for name in (*header, *constants) if name not in table.columns]
    if unknown:
        raise KeyError(f"{table.table_name} has no column {', '.join(unknown)}; it has {', '.join(table.columns)}")
    given: list[Mapping[str, str | None]] = [
        {**constants, **dict(zip(header, line, strict=True))} for line in lines or ([[]] if constants else [])
    ]
    series = [
        pl.Series(name, [_value(declared, row, number) for number, row in enumerate(given, 1)], declared.type.polars)
        for name, declared in table.columns.items()
    ]
    return validate(table, pl.DataFrame(series)).lazy()


def _cells(text: str) -> tuple[list[str], list[list[str]]]:
    lines = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.strip()]
    if not lines:
        return [], []
    uneven = [line for line in lines if len(line) != len(lines[0])]
    if uneven:
        raise ValueError(f"{len(lines[0])} columns in the header, {len(uneven[0])} cells in: {' | '.join(uneven[0])}")
    return lines[0], lines[1:]


def _value(declared: Column, row: Mapping[str, str | None], number: int) -> Any:
    if declared.name not in row:
        return _filled(declared, number)
    cell = row[declared.name]
    return None if cell is None or cell == "null" else parsed(declared, cell)


def _filled(declared: Column, number: int) -> Any:
    if declared.null_means is not None:
        return None
    if declared.is_key and declared.one_of is None and declared.pattern is None and declared.type.polars == pl.String():
        return f"{declared.name}-{number}"
    if declared.example is not None:
        return parsed(declared, declared.example)
    return declared.one_of[0] if declared.one_of else _neutral(declared)


def _neutral(declared: Column) -> Any:
    dtype = declared.type.polars
    opens = declared.name.startswith(("valid_from", "effective_from"))
    closes = declared.name.startswith(("valid_to", "effective_to", "ends_on"))
    if dtype == pl.Date():
        return BEGINNING if opens else FOREVER if closes else NEUTRAL_DATE
    if dtype == pl.Datetime("us"):
        return BEGINNING_AT if opens else FOREVER_AT if closes else datetime.combine(NEUTRAL_DATE, datetime.min.time())
    if dtype == pl.String():
        return "USD" if "currency" in declared.name else ""
    if dtype == pl.Boolean():
        return False
    least = 0 if declared.at_least is None else max(declared.at_least, 0)
    return Decimal(least) if isinstance(dtype, pl.Decimal) else least


def parsed(declared: Column, cell: str) -> Any:
    """Read one cell by the column's type, exactly: nothing is rounded to fit."""
    dtype = declared.type.polars
    if isinstance(dtype, pl.Decimal):
        return _exact(declared, Decimal(cell), dtype)
    if dtype == pl.String():
        return cell
    if dtype == pl.Boolean():
        return {"true": True, "false": False}[cell]
    if dtype == pl.Date():
        return date.fromisoformat(cell)
    if isinstance(dtype, pl.Datetime):
        instant = datetime.fromisoformat(cell)
        return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant
    return int(cell)


def _exact(declared: Column, value: Decimal, dtype: pl.Decimal) -> Decimal:
    digits_after = -int(value.as_tuple().exponent)
    if digits_after > dtype.scale:
        raise ValueError(
            f"{declared.name}: {value} has {digits_after} decimals, {declared.type.duckdb} holds {dtype.scale}"
        )
    return value


def texts(frame: pl.LazyFrame | pl.DataFrame, columns: Sequence[str]) -> list[tuple[str | None, ...]]:
    """Return chosen columns as text, decimals plain and without trailing zeros, for comparison with what a test says."""
    chosen = frame.lazy().select(columns).collect()
    return [tuple(_text(value) for value in row) for row in chosen.rows()]


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, Decimal):
        plain = format(value, "f")
        return (plain.rstrip("0").rstrip(".") if "." in plain else plain) or "0"
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
