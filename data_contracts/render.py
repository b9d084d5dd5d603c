"""Contracts to dbt files: `python -m data_contracts.render` writes them, a test compares them with what lies there.

Rendered are the sources, one staging view per table that a mart reads, and the contract of every mart: types, not-null
and value constraints, the test of the grain, and the sentences that readers see as comments.
"""

import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

import polars as pl

from data_contracts import TABLES
from data_contracts.account_contracts import AccountContracts
from data_contracts.accounts import Accounts
from data_contracts.actions import Actions
from data_contracts.adjustments import Adjustments, SealedAdjustments
from data_contracts.billing_document_lines import BillingDocumentLines
from data_contracts.billing_documents import BillingDocuments
from data_contracts.closed_partitions import ClosedLineItems, ClosedRevenueDaily
from data_contracts.companies import Companies
from data_contracts.contracts import Contracts
from data_contracts.corrections import Corrections
from data_contracts.cost_rows import CostRows
from data_contracts.cost_shares import CostShares
from data_contracts.costs import Costs
from data_contracts.currencies import Currencies
from data_contracts.exchange_rates import ExchangeRates
from data_contracts.findings import Findings
from data_contracts.fx_rates import FxRates
from data_contracts.landed_files import LandedFiles
from data_contracts.line_items import LineItems
from data_contracts.marts import MARTS, Mart, MetaTables
from data_contracts.meters import Meters
from data_contracts.posted_line_items import PostedLineItems
from data_contracts.price_cells import PriceCells
from data_contracts.price_tiers import PriceTiers
from data_contracts.price_versions import PriceVersions
from data_contracts.priced_usage import PricedUsage
from data_contracts.products import Products
from data_contracts.rate_curves import RateCurves
from data_contracts.rated_events import RatedEvents
from data_contracts.rejected_rows import RejectedRows
from data_contracts.repeated_events import RepeatedEvents
from data_contracts.reversals import Reversals
from data_contracts.runs import RUN_TABLES, ContractColumns, FeedDays, Run, RunLog, RunTables
from data_contracts.sealed_periods import SealedPeriods
from data_contracts.usage_days import UsageDays
from data_contracts.usage_events import UsageEvents
from data_contracts.usage_outcomes import UsageOutcomes
from data_contracts.vocabulary import Column, Table

MODELS = Path(__file__).parent.parent / "dbt_project" / "models"
SOURCE = "lake"  # the schema in which the orchestration offers every table as a view
SQL_LINE = 120  # the longest line that the linter of SQL lets pass
HEADER = "rendered by `python -m data_contracts.render`, do not edit"

# The column that names the currency, by the unit of the amounts; of the reporting currency there is one in a run.
CURRENCY_OF_UNIT = {
    "currency": "currency",
    "value_currency": "value_currency",
    "reporting currency": "reporting_currency",
    "price_currency": "price_currency",
    "quote_currency": "quote_currency",
    "target_currency": "target_currency",
}
OF_THE_RUN = {"reporting_currency": "meta.run.reporting_currency"}
# What a value looks like where its contract gives no example. Text has none: every text column declares its own.
EXAMPLE_OF_TYPE = {
    "BIGINT": "3",
    "BOOLEAN": "true",
    "DATE": "2026-10-31",
    "TIMESTAMP": "2026-10-31 14:05:00",
    "DECIMAL(18,4)": "12.3400",
    "DECIMAL(38,4)": "12.3400",
    "DECIMAL(38,12)": "1500.000000000000",
    "DECIMAL(38,24)": "0.000030000000000000000000",
}

# Tables that a mart reads. The others are sources only, so that the docs show what they hold.
STAGED: tuple[type[Table], ...] = (
    LandedFiles,
    UsageEvents,
    RepeatedEvents,
    Reversals,
    RejectedRows,
    FxRates,
    Actions,
    Companies,
    Currencies,
    Products,
    Meters,
    PriceVersions,
    PriceTiers,
    PriceCells,
    RateCurves,
    Contracts,
    Accounts,
    AccountContracts,
    UsageDays,
    PricedUsage,
    RatedEvents,
    LineItems,
    PostedLineItems,
    SealedPeriods,
    SealedAdjustments,
    ClosedLineItems,
    ClosedRevenueDaily,
    Corrections,
    Adjustments,
    BillingDocuments,
    BillingDocumentLines,
    UsageOutcomes,
    CostRows,
    Costs,
    CostShares,
    ExchangeRates,
    Findings,
    Run,
    RunLog,
    RunTables,
    FeedDays,
    ContractColumns,
)


def table_comment(table: type[Table]) -> str:
    """Return what a table is, as one line: the docstring of its contract."""
    return " ".join(inspect.cleandoc(table.__doc__ or "").split())


def column_comment(declared: Column) -> str:
    """Return what a column says, with its unit and the meaning of null."""
    unit = f" Unit: {declared.unit}." if declared.unit else ""
    null = f" Null: {declared.null_means}." if declared.null_means else ""
    return f"{declared.description}{unit}{null}"


def model_name(mart: type[Mart]) -> str:
    """Return the name of a mart's dbt model: `meta_run` makes `meta.run`, the others are called like their table."""
    return f"meta_{mart.table_name}" if mart.schema_name == "meta" else mart.table_name


def contract_columns() -> pl.DataFrame:
    """Return the rows of `lake.columns`: every column of every published table."""
    rows = [
        {
            "schema_name": mart.schema_name,
            "table_name": mart.table_name,
            "column_name": name,
            "column_position": position,
            "data_type": declared.type.duckdb,
            "description": declared.description,
            "unit": declared.unit,
            "currency_column": currency_column(mart, declared),
            "source": declared.source or f"dbt_project/models/{mart.schema_name}/{model_name(mart)}.sql",
            "null_means": declared.null_means,
            "example": example(declared),
            "is_key": declared.is_key,
        }
        for mart in MARTS
        for position, (name, declared) in enumerate(mart.columns.items(), start=1)
    ]
    return pl.DataFrame(rows, schema=ContractColumns.schema())


def currency_column(mart: type[Mart], declared: Column) -> str | None:
    """Return the column that names the currency of a column's amounts; None for what is no money."""
    name = CURRENCY_OF_UNIT.get(declared.unit or "")
    return name if name is None or name in mart.columns else OF_THE_RUN.get(name, name)


def example(declared: Column) -> str | None:
    """Return a value as it may stand in the column: the declared one, an allowed one, or one of its type."""
    if declared.example is not None:
        return declared.example
    return declared.one_of[0] if declared.one_of else EXAMPLE_OF_TYPE.get(declared.type.duckdb)


def rendered() -> dict[Path, str]:
    """Return every rendered file with its content."""
    files = {MODELS / "staging" / "_sources.yml": _document(_sources())}
    files[MODELS / "staging" / "_staging.yml"] = _document({"version": 2, "models": [_staged(t) for t in STAGED]})
    for table in STAGED:
        files[MODELS / "staging" / f"stg_{table.table_name}.sql"] = _staging_sql(table)
    for schema in ("marts", "reports", "audit", "meta"):
        models = [_mart(mart) for mart in MARTS if mart.schema_name == schema and mart is not MetaTables]
        files[MODELS / schema / f"_{schema}.yml"] = _document({"version": 2, "models": models})
    return files


def stale() -> list[Path]:
    """Return rendered files that differ from the contracts, and staging files of tables that have none."""
    wanted = rendered()
    differing = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
    return differing + sorted(set((MODELS / "staging").glob("*")) - set(wanted))


def write() -> int:
    """Write every rendered file and return how many have changed."""
    changed = stale()
    for path in changed:
        path.unlink(missing_ok=True)
    for path, text in rendered().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return len(changed)


def _sources() -> dict[str, Any]:
    return {
        "version": 2,
        "sources": [
            {
                "name": SOURCE,
                "schema": SOURCE,
                "description": "Everything the run knows on its delivery date, one view per table.",
                "tables": [_source(table) for table in (*TABLES, *RUN_TABLES)],
            }
        ],
    }


def _source(table: type[Table]) -> dict[str, Any]:
    declared: dict[str, Any] = {"name": table.table_name, "description": table_comment(table)}
    if table in TABLES:
        # Joins the source to the asset of the same name in the Dagster graph.
        declared["config"] = {"meta": {"dagster": {"asset_key": [table.table_name]}}}
    declared["columns"] = [_described(column) | {"data_type": column.type.duckdb} for column in table.columns.values()]
    return declared


def _staged(table: type[Table]) -> dict[str, Any]:
    return {
        "name": f"stg_{table.table_name}",
        "description": table_comment(table),
        "columns": [_described(column) for column in table.columns.values()],
    }


def _staging_sql(table: type[Table]) -> str:
    names = ",\n".join(f"    {_quoted(name)}" for name in table.columns)
    grain = "\n".join(f"-- {line}" for line in wrap(f"grain: {', '.join(table.keys)}", SQL_LINE - len("-- ")))
    return f"{grain}\n-- {HEADER}\nselect\n{names}\nfrom {{{{ source('{SOURCE}', '{table.table_name}') }}}}\n"


def _quoted(name: str) -> str:
    return f'"{name}"' if name == "offset" else name  # the one name of ours that SQL has taken


def _mart(mart: type[Mart]) -> dict[str, Any]:
    config: dict[str, Any] = {"contract": {"enforced": True}}
    if model_name(mart) != mart.table_name:
        config["alias"] = mart.table_name
    return {
        "name": model_name(mart),
        "description": table_comment(mart),
        "config": config,
        "data_tests": [
            {
                "unique_grain": {
                    "name": f"{model_name(mart)}_has_one_row_per_key",
                    "arguments": {"columns": list(mart.keys)},
                }
            }
        ],
        "columns": [_contracted(column) for column in mart.columns.values()],
    }


def _contracted(declared: Column) -> dict[str, Any]:
    contracted = _described(declared) | {"data_type": declared.type.duckdb}
    constraints = list(_constraints(declared))
    return contracted | ({"constraints": constraints} if constraints else {})


def _constraints(declared: Column) -> Iterator[dict[str, str]]:
    if declared.null_means is None:
        yield {"type": "not_null"}
    if declared.one_of is not None:
        values = ", ".join(f"'{value}'" for value in declared.one_of)
        yield {"type": "check", "expression": f"{declared.name} in ({values})"}
    if declared.at_least is not None:
        yield {"type": "check", "expression": f"{declared.name} >= {declared.at_least}"}


def _described(declared: Column) -> dict[str, Any]:
    return {"name": declared.name, "description": column_comment(declared)}


def _document(content: Mapping[str, Any]) -> str:
    return f"# {HEADER}\n" + "\n".join(_lines(content, 0)) + "\n"


def _lines(value: Any, depth: int) -> Iterator[str]:
    """Write mappings and lists as YAML blocks; scalars and lists of scalars are JSON, which YAML reads exactly."""
    pad = "  " * depth
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if _is_block(inner):
                yield f"{pad}{name}:"
                yield from _lines(inner, depth + 1)
            else:
                yield f"{pad}{name}: {json.dumps(inner, ensure_ascii=False)}"
        return
    for item in value:
        first, *rest = _lines(item, depth + 1)
        yield f"{pad}- {first.strip()}"
        yield from rest


def _is_block(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(item, Mapping) for item in value))


if __name__ == "__main__":
    sys.stdout.write(f"{write()} rendered files changed\n")
