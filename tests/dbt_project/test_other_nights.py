"""Nights that are not the usual one: nothing landed, and four tables that lie."""

from datetime import date

import duckdb
import polars as pl

from data_contracts import Accounts, Currencies, Products, UsageOutcomes
from data_contracts.runs import Run
from tests.dbt_project.conftest import LAKE, build, lake


def test_a_night_without_anything_ties_out(tmp_path):
    warehouse = lake(tmp_path, {Run: LAKE[Run]})
    outcome = build(warehouse, "--exclude-resource-type", "unit_test")
    assert outcome.success
    with duckdb.connect(warehouse, read_only=True) as connection:
        assert connection.execute("select distinct scope, is_passed from audit.aud_reconciliation").fetchall() == [
            ("(nothing)", True)
        ]


def test_each_lie_is_found_by_its_own_test(tmp_path):
    lies = {
        # Every row twice: the grain.
        UsageOutcomes: pl.concat([LAKE[UsageOutcomes], LAKE[UsageOutcomes]]),
        # A state that goes on after the next one has begun.
        Accounts: LAKE[Accounts].with_columns(
            pl.when(valid_to=date(2026, 11, 1)).then(date(2026, 11, 2)).otherwise("valid_to").alias("valid_to")
        ),
        # Money on a product that nobody can look up.
        Products: LAKE[Products].filter(pl.col("product_id") != "llm"),
        # A currency with five decimals: its smallest amount is unknown, and null is refused by the table.
        Currencies: LAKE[Currencies].with_columns(pl.lit(5).cast(pl.Int64).alias("minor_units")),
    }
    outcome = build(lake(tmp_path, LAKE | lies), "--exclude-resource-type", "unit_test")
    assert {r.node.name for r in outcome.result.results if r.status in ("fail", "error")} == {
        "aud_usage_outcome_has_one_row_per_key",
        "assert_states_do_not_overlap",
        "assert_line_items_find_their_dimensions",
        "dim_currency",
    }
