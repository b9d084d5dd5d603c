"""Each gate against a planted difference that only it catches. Planted in the build file, hashes agree with the build."""

import re
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest

from data_contracts.marts import AudReconciliation, Mart, MetaRun, MetaTables
from data_contracts.vocabulary import Amount, Column, ColumnType, Text, column, key
from orchestration import gates, publish
from tests.orchestration.publish import tiny
from tests.orchestration.test_close import PLANTED as PLANTED_IN_CLOSED


def gates_on(
    tmp_path: Path, plant: str = "", plant_after: str = "", *, marts=tiny.MARTS, sql=tiny.RECONCILIATION_SQL, spoil=None
) -> list[gates.GateResult]:
    settings = tiny.settings_at(tmp_path)
    warehouse = tiny.build(tmp_path / "build" / "warehouse.duckdb", plant=plant, plant_after=plant_after)
    hashes = publish.hash_tables(warehouse, marts)
    candidate = publish.write_candidate(settings, tiny.night(), warehouse, hashes, marts)
    if spoil:
        spoil(candidate)
    return gates.run_gates(candidate, sql, hashes, marts, tiny.CHECKS)


def failed(results: list[gates.GateResult]) -> set[tuple[str, str]]:
    return {(result.name, result.scope) for result in results if not result.passed}


# Contracts loosened by mistake: what they let through has to be caught by the gate that does not ask the contract.
FLOAT = ColumnType(pl.Float64(), "DOUBLE")


class LooseAccount(Mart, schema="marts", name="dim_account"):
    """An account whose name became a number. Grain: one row per account."""

    account_id: Text = key("Account.")
    account_name: Text = column("Its name.")


LooseAccount.columns = {
    **LooseAccount.columns,
    "account_name": replace(LooseAccount.columns["account_name"], type=FLOAT, name="account_name"),
}


class NullableKey(Mart, schema="marts", name="dim_account"):
    """An account. Grain: one row per account."""

    account_id: Text = Column("Account.", is_key=True, null_means="somebody loosened it")
    account_name: Text = column("Its name.")


class NoCurrency(Mart, schema="marts", name="dim_account"):
    """An account with money of no currency. Grain: one row per account."""

    account_id: Text = key("Account.")
    fee_amount: Amount = column("Money in nothing.")


def with_mart(loose: type[Mart]) -> tuple[type[Mart], ...]:
    return tuple(loose if publish.place_of(loose) == publish.place_of(mart) else mart for mart in tiny.MARTS)


def change(candidate: Path, sql: str) -> None:
    with duckdb.connect(candidate / "ratebook.duckdb") as connection:
        connection.execute(sql)


def rewrite_parquet(candidate: Path) -> None:
    file = candidate / "parquet" / "marts" / "dim_account.parquet"
    frame = pl.read_parquet(file).with_columns(account_name=pl.lit("Somebody else"))
    frame.write_parquet(file)


def test_an_honest_candidate_passes_every_gate(tmp_path):
    results = gates_on(tmp_path)
    assert failed(results) == set()
    assert {gate.__name__ for gate in gates.GATES if gate is not gates.reconciliation} <= {r.name for r in results}
    assert {*tiny.CHECKS} <= {result.name for result in results}


TABLE_OF_TABLES = "update meta.tables set row_count = row_count + 1 where table_name = 'dim_account'"

FEED_DAYS = """
    insert into audit.aud_feed_day by name
    select feed, date '2026-08-03' as delivery_date, date '2026-08-03' as due_date, status, 1 as expected_files,
        0 as arrived_files, 0 as late_files, 0 as refused_files, 0 as expected_rows, 0 as arrived_rows, if_missing,
        'nothing' as message
    from (values ('a', 'incomplete', 'provisional'), ('b', 'pending', 'hold'), ('c', 'late', 'hold'), {last})
        as days (feed, status, if_missing)
"""

PLANTED = [
    pytest.param(
        {"plant": FEED_DAYS.format(last="('d', 'incomplete', 'hold')")},
        {("feeds_are_complete", "d 2026-08-03")},
        id="F01 a feed that the publish waits for, beside others that it does not wait for",
    ),
    pytest.param(
        {"plant": "update reports.rpt_total set amount = amount + 0.0001"},
        {("lines_are_totals", "all")},
        id="a ten-thousandth too much in a report",
    ),
    pytest.param(
        {"plant": "update marts.fct_line set amount = null, currency = null; update reports.rpt_total set amount = null"},
        {("lines_are_totals", "all")},
        id="null on both sides is not equal",
    ),
    pytest.param(
        {"sql": f"select * from ({tiny.RECONCILIATION_SQL}) where check_name = 'lines_are_totals' -- and no more",
         "plant_after": "delete from audit.aud_reconciliation where check_name = 'accounts_of_lines'"},
        {("accounts_of_lines", "all")},
        id="a check without a row compares nothing",
    ),
    pytest.param(
        {"plant_after": "update audit.aud_reconciliation set left_name = 'another table'"},
        {("reconciliation_as_stored", "audit.aud_reconciliation")},
        id="readers are told something else than was computed",
    ),
    pytest.param(
        {"plant": "update marts.fct_line set used_at = null where line_id = 'l3'"},
        {("contracts", "marts.fct_line")},
        id="null in a column that must not be null",
    ),
    pytest.param(
        {"plant": "update marts.fct_line set line_id = 'l1' where line_id = 'l3'"},
        {("contracts", "marts.fct_line")},
        id="two rows of one key",
    ),
    pytest.param(
        {"plant": "alter table marts.fct_line alter amount type decimal(38, 4)"},
        {("contracts", "marts.fct_line")},
        id="the right number in another type",
    ),
    pytest.param(
        {"plant": "create or replace table marts.dim_account as select account_id, 0.1::double as account_name from marts.dim_account",
         "marts": with_mart(LooseAccount)},
        {("no_float", "all")},
        id="a DOUBLE that its contract allows",
    ),
    pytest.param(
        {"plant": "update marts.dim_account set account_id = null where account_id = 'a'", "marts": with_mart(NullableKey)},
        {("no_null_key", "marts.dim_account")},
        id="a null key that its contract allows",
    ),
    pytest.param(
        {"plant": "create or replace table marts.dim_account as select account_id, 1::decimal(18, 4) as fee_amount from marts.dim_account",
         "marts": with_mart(NoCurrency)},
        {("amounts_have_currency", "marts.dim_account")},
        id="an amount without a currency column",
    ),
    pytest.param(
        {"plant": "update marts.fct_line set currency = null where line_id = 'l3'"},
        {("amounts_have_currency", "marts.fct_line")},
        id="an amount whose currency is null",
    ),
    pytest.param(
        {"plant": "insert into meta.run select 99, * exclude (run_number) from meta.run"},
        {("names_one_run", "meta.run")},
        id="two runs in one file",
    ),
    pytest.param(
        {"plant": "update meta.run set run_number = 7"}, {("names_one_run", "meta.run")}, id="the file of another run"
    ),
    pytest.param(
        {"spoil": lambda candidate: change(candidate, "update marts.dim_account set account_name = 'Other' where account_id = 'a'")},
        {("hashes_as_built", "marts.dim_account")},
        id="a text that changed after the build",
    ),
    pytest.param(
        {"spoil": lambda candidate: change(candidate, TABLE_OF_TABLES)},
        {("hashes_as_built", "content of meta.tables")},
        id="the table of tables says another number of rows",
    ),
    pytest.param(
        {"spoil": rewrite_parquet}, {("parquet_as_built", "marts.dim_account")}, id="a Parquet copy that is no copy"
    ),
    pytest.param(
        {"spoil": lambda candidate: change(candidate, "create view marts.peek as select 1 as i")},
        {("only_declared_tables", "marts, reports, audit, meta")},
        id="a view among the tables",
    ),
    pytest.param(
        {"spoil": lambda candidate: (candidate / "ratebook.duckdb.wal").touch()},
        {("no_write_ahead_log", "all")},
        id="a write-ahead log beside the file",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("planted", "caught_by"), PLANTED)
def test_each_gate_alone_catches_its_planted_difference(tmp_path, planted, caught_by):
    results = gates_on(tmp_path, **planted)
    assert failed(results) == caught_by
    if caught_by != {("no_write_ahead_log", "all")}:
        every_drill_runs_on_the_file(next((tmp_path / "published").glob(".candidate-*")), results)


def every_drill_runs_on_the_file(candidate: Path, results: list[gates.GateResult]) -> None:
    with duckdb.connect(candidate / "ratebook.duckdb", read_only=True) as connection:
        for result in results:
            if result.drill_sql:
                connection.execute(result.drill_sql).fetchall()


def test_every_gate_has_a_planted_difference():
    planted = {name for case in PLANTED for name, _ in case.values[1]}
    named = {gate.__name__ for gate in gates.GATES} | {gates.no_write_ahead_log.__name__, *tiny.CHECKS}
    # A closed month has to be closed before something can be planted in it: test_close.py does both.
    planted |= named & {name for case in PLANTED_IN_CLOSED for name in case.values[1]}
    assert planted == named - {gates.reconciliation.__name__}


def test_a_gate_that_crashes_or_finds_nothing_has_failed_and_stops_no_other(tmp_path):
    results = gates_on(tmp_path, sql="select no_such_column from marts.fct_line")
    assert failed(results) == {("reconciliation", "all"), ("reconciliation_as_stored", "all")}
    crashed = next(result for result in results if result.name == "reconciliation")
    assert "no_such_column" in crashed.message
    assert len(results) > 10


def test_a_tie_out_that_calls_itself_passed_is_still_looked_at(tmp_path):
    boasting = tiny.RECONCILIATION_SQL.replace("coalesce(left_amount = right_amount, false)", "true")
    results = gates_on(tmp_path, plant="update reports.rpt_total set amount = amount + 1", sql=boasting,
                       plant_after=f"create or replace table audit.aud_reconciliation as {boasting}")  # fmt: skip
    assert failed(results) == {("lines_are_totals", "all")}


def test_rows_are_checked_batch_by_batch_and_keys_over_all_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(gates, "BATCH_ROWS", 3)
    assert failed(gates_on(tmp_path)) == set()
    late = "update marts.fct_line set used_at = null where line_id = 'l9'"
    assert failed(gates_on(tmp_path, late)) == {("contracts", "marts.fct_line")}
    far_apart = "update marts.fct_line set line_id = 'l0' where line_id = 'l9'"
    assert failed(gates_on(tmp_path, far_apart)) == {("contracts", "marts.fct_line")}


def test_what_is_held_is_explained_with_difference_and_drill_and_kept_for_a_look(tmp_path):
    settings = tiny.settings_at(tmp_path)
    results = gates_on(tmp_path, plant="update reports.rpt_total set amount = amount + 1")
    held = publish.hold(settings, settings.published / ".candidate-1-2026-08-03", tiny.night())
    text = gates.explain([result for result in results if not result.passed], held / publish.DATABASE)
    assert text.splitlines() == [
        "1 gates held the publish; the last good run is still served.",
        "  lines_are_totals [all]: 10.000000000000 is not 11.000000000000, difference -1.000000000000.",
        "    select * from marts.fct_line",
        f"The SQL runs on the held file: duckdb -readonly '{held}/ratebook.duckdb'",
    ]
    assert (held / "ratebook.duckdb").exists()
    assert publish.published_run(settings) is None


def test_the_list_of_checks_is_that_of_the_dbt_models():
    models = Path(__file__).parents[3] / "dbt_project" / "models" / "audit" / "tie_outs"
    written = [name for model in models.glob("*.sql") for name in re.findall(r"tie_out\(\s*'(\w+)'", model.read_text())]
    assert sorted(written) == sorted(gates.CHECKS)


def test_only_contracts_of_the_published_schemas_are_marts():
    assert {mart.schema_name for mart in (AudReconciliation, MetaRun, MetaTables)} <= set(publish.SCHEMAS)
