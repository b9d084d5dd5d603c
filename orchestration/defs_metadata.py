"""What the Dagster pages show of a table: its columns, its rows, its control totals, a few lines of it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from data_contracts.render import column_comment, table_comment
from data_contracts.vocabulary import Column, Table

PREVIEW_ROWS = 10
TEXT_SHOWN = 80
# The page folds longer Markdown behind a button.
MARKDOWN_SHOWN = 990
# Columns whose sum means something: what was measured and what it costs, not prices, bounds and running totals.
TOTALS = ("quantity", "amount", "amount_exact")
TOTAL_ENDINGS = ("_quantity", "_amount")
NO_TOTALS = frozenset({"unit_amount", "flat_amount", "base_amount", "fixed_amount", "free_amount", "minor_unit_amount"})


def column_schema(table: type[Table]) -> dg.TableSchema:
    """Return the columns of a contract with type, meaning, unit and bounds."""
    return dg.TableSchema(columns=[_column(declared, table) for declared in table.columns.values()])


def _column(declared: Column, table: type[Table]) -> dg.TableColumn:
    bounds = [
        *(["part of the key"] if declared.is_key else []),
        *([f"unit: {declared.unit}"] if declared.unit else []),
        *([f"one of: {', '.join(declared.one_of)}"] if declared.one_of else []),
        *([f"at least {declared.at_least}"] if declared.at_least is not None else []),
    ]
    return dg.TableColumn(
        declared.name,
        declared.type.duckdb,
        column_comment(declared),
        dg.TableColumnConstraints(
            nullable=declared.null_means is not None, unique=table.keys == (declared.name,), other=bounds
        ),
    )


def contract_check(table: type[Table], key: dg.AssetKey) -> dg.AssetCheckSpec:
    """Return the check that shows whether a table keeps its contract."""
    grain = ", ".join(table.keys)
    return dg.AssetCheckSpec(
        "contract",
        asset=key,
        blocking=True,
        description=f"Every row keeps the contract: types, nulls, ranges, one row per {grain}. "
        "Judged before the file is written; a broken row never reaches the disk.",
    )


def kept_contract(table: type[Table], key: dg.AssetKey, rows: int) -> dg.AssetCheckResult:
    """Return the result of a contract that every written row has kept."""
    shown: dict[str, Any] = {"rows": rows, "columns": len(table.columns), "key": ", ".join(table.keys)}
    return dg.AssetCheckResult(asset_key=key, check_name="contract", passed=True, metadata=shown)


def broken_contract(key: dg.AssetKey, error: Exception) -> dg.AssetCheckResult:
    """Return the result of a contract that a row would have broken."""
    return dg.AssetCheckResult(asset_key=key, check_name="contract", passed=False, description=str(error))


def facts(table: type[Table], frame: pl.LazyFrame, path: Path, fingerprint: str) -> dict[str, Any]:
    """Return the metadata of one materialization: rows, control totals, preview, place, fingerprint."""
    return {
        "dagster/row_count": frame.select(pl.len()).collect().item(),
        **control_totals(frame, table),
        "preview": preview(frame.head(PREVIEW_ROWS).collect(), table),
        "path": dg.MetadataValue.path(str(path)),
        "fingerprint": fingerprint,
    }


def preview(frame: pl.DataFrame, table: type[Table]) -> dg.TableMetadataValue:
    """Return a few rows as text: the page would turn a decimal into a float."""
    return text_table(list(table.columns), frame.head(PREVIEW_ROWS).rows())


def text_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> dg.TableMetadataValue:
    """Return rows as a table of text."""
    records = [dg.TableRecord(dict(zip(columns, map(_text, row), strict=True))) for row in rows]
    return dg.MetadataValue.table(records, dg.TableSchema([dg.TableColumn(name, "string") for name in columns]))


def plain(number: str | None) -> str:
    """Return a decimal as a person writes it: `0.150000000000` is 0.15."""
    text = number or ""
    return text.rstrip("0").rstrip(".") if re.fullmatch(r"-?\d+\.\d+", text) else text


def _text(value: Any) -> str:
    text = "" if value is None else f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
    return text if len(text) <= TEXT_SHOWN else f"{text[: TEXT_SHOWN - 1]}…"


def control_totals(frame: pl.LazyFrame, table: type[Table]) -> dict[str, Any]:
    """Return the sums of a table per currency: exact as text, and as numbers for the plots.

    Shape: `control_totals` holds the exact ones; `total/<column>[/<currency>]` is a float, good for a curve only.
    """
    names = totalled(table)
    if not names:
        return {}
    by = ["currency"] if "currency" in table.columns else []
    halves = [half for name in names for half in _halves(name, table.columns[name])]
    sums = (frame.group_by(by).agg(halves).sort(by) if by else frame.select(halves)).collect()
    return show_totals(names, sums.iter_rows(named=True))


def totalled(table: type[Table]) -> list[str]:
    """Return the columns of a table whose sum means something."""
    return [
        name
        for name, declared in table.columns.items()
        if (name in TOTALS or name.endswith(TOTAL_ENDINGS))
        and name not in NO_TOTALS
        and isinstance(declared.type.polars, pl.Decimal)
    ]


def totals_sql(table: type[Table], place: str) -> str:
    """Return the SQL of the same sums for a table of the build file."""
    halves = ", ".join(
        f'sum(cast("{name}" as decimal(38, 0))) as "{name}/whole", '
        f'sum("{name}" - cast("{name}" as decimal(38, 0))) as "{name}/rest"'
        for name in totalled(table)
    )
    if "currency" in table.columns:
        return f"select currency, {halves} from {place} group by currency order by currency"
    return f"select {halves} from {place}"


def show_totals(names: Sequence[str], sums: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the metadata of sums that were added up in two halves."""
    lines, plots = [], {}
    for row in sums:
        currency = row.get("currency")
        for name in names:
            total = _joined(row[f"{name}/whole"], row[f"{name}/rest"])
            lines.append(f"| {name} | {currency or ''} | {total:f} |")
            plots["/".join(["total", name, *([currency] if currency else [])])] = float(total)
    return {"control_totals": _markdown("| column | currency | total |\n|---|---|---|", lines)} | plots


def _halves(name: str, declared: Column) -> list[pl.Expr]:
    # A sum at 24 decimals overflows at 10^14: whole units and the rest are added up apart, exactly.
    scale = getattr(declared.type.polars, "scale", 0)
    value = pl.col(name).cast(pl.Decimal(38, scale))
    whole = value.cast(pl.Decimal(38, 0))
    rest = value - whole.cast(pl.Decimal(38, scale))
    return [whole.sum().alias(f"{name}/whole"), rest.sum().alias(f"{name}/rest")]


def _joined(whole: Decimal | None, rest: Decimal | None) -> Decimal:
    with localcontext() as context:
        context.prec = 76
        total = (whole or Decimal(0)) + (rest or Decimal(0))
        return total.normalize() if total else Decimal(0)


def _markdown(head: str, lines: Sequence[str]) -> dg.MarkdownMetadataValue:
    text = head
    for number, line in enumerate(lines):
        more = f"\n\n… and {len(lines) - number} more"
        if len(text) + len(line) + len(more) >= MARKDOWN_SHOWN:
            return dg.MetadataValue.md(text + more)
        text = f"{text}\n{line}"
    return dg.MetadataValue.md(text)


def table_spec(table: type[Table], **attributes: Any) -> dg.AssetSpec:
    """Return the asset of a table as its contract declares it."""
    given: Mapping[str, Any] = {"owners": ["team:billing"], "kinds": {"polars", "parquet"}} | attributes
    return dg.AssetSpec(
        table.table_name,
        description=table_comment(table),
        metadata={"dagster/column_schema": column_schema(table)},
        **given,
    )
