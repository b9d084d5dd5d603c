"""Rendered files say what the contracts say, and the models keep the house rules."""

import re

import polars as pl
import pytest

from data_contracts import TABLES
from data_contracts.marts import MARTS
from data_contracts.render import MODELS, contract_columns, rendered, stale
from data_contracts.runs import RUN_TABLES
from data_contracts.vocabulary import Kind


def test_rendered_files_are_those_of_the_contracts():
    assert stale() == [], "run `python -m data_contracts.render`"


def test_rendered_files_say_that_they_are(root):
    for path, text in rendered().items():
        assert "do not edit" in text.partition("version:")[0].partition("select")[0], path


def test_every_table_of_the_lake_is_a_source(root):
    sources = (root / "dbt_project" / "models" / "staging" / "_sources.yml").read_text()
    for table in (*TABLES, *RUN_TABLES):
        assert f'- name: "{table.table_name}"\n' in sources


def test_no_mart_holds_a_float():
    types = {declared.type.duckdb for mart in MARTS for declared in mart.columns.values()}
    assert types.isdisjoint({"DOUBLE", "FLOAT", "HUGEINT"})


def test_an_amount_has_a_currency_beside_it():
    lacking = [
        mart.table_name
        for mart in MARTS
        if any(declared.unit == "currency" for declared in mart.columns.values()) and "currency" not in mart.columns
    ]
    assert lacking == []


def test_every_column_says_source_and_example_and_money_says_its_currency_column():
    columns = contract_columns()
    assert columns.filter(pl.col("example").is_null() | (pl.col("example") == ""))["column_name"].to_list() == []
    places = set(columns.select(pl.format("{}.{}.{}", "schema_name", "table_name", "column_name")).to_series())
    lake = {f"lake.{table.table_name}.{name}" for table in (*TABLES, *RUN_TABLES) for name in table.columns}
    for row in columns.iter_rows(named=True):
        place = f"{row['schema_name']}.{row['table_name']}"
        assert row["source"] in lake or (MODELS.parents[1] / row["source"]).is_file() or place == "meta.tables", row
        if "currency" in (row["unit"] or ""):
            named = row["currency_column"]
            assert f"{place}.{named}" in places or named in places, row
        else:
            assert row["currency_column"] is None


def test_every_number_has_a_unit():
    without = [
        f"{mart.table_name}.{name}"
        for mart in MARTS
        for name, declared in mart.columns.items()
        if declared.type.polars.is_numeric() and declared.unit is None
    ]
    assert without == []


def test_every_mart_is_a_mart_with_a_key():
    assert [mart.table_name for mart in MARTS if mart.table_kind is not Kind.MART or not mart.keys] == []


def test_only_staging_reads_sources(root):
    models = (root / "dbt_project" / "models").rglob("*.sql")
    assert {path.parent.name for path in models if "source(" in path.read_text()} == {"staging"}


@pytest.mark.parametrize(
    "banned", [r"(?<![-*])/(?![-*])", r"\bavg\(", r"\bround\(", r"\bdouble\b", r"\bcurrent_date\b"]
)
def test_sql_neither_divides_nor_rounds_nor_looks_at_the_clock(root, banned):
    # Outside of comments and text: a path in a message may hold a slash.
    for path in (root / "dbt_project" / "models").rglob("*.sql"):
        code = re.sub(r"'[^']*'|--.*|\"[^\"]*\"", "", path.read_text())
        assert not re.search(banned, code), path
