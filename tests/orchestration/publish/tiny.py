"""A published company of three tables, small enough to see at once: what publish, gates and reader are tried on."""

from datetime import date
from pathlib import Path

import duckdb

from data_contracts.marts import AudFeedDay, AudReconciliation, Mart, MetaRun, MetaTables
from data_contracts.vocabulary import Amount, AmountSum, Instant, Quantity, Text, column, key
from orchestration.publish import Night
from orchestration.settings import Settings

D = date(2026, 8, 3)


class DimAccount(Mart, schema="marts"):
    """An account. Grain: one row per account."""

    account_id: Text = key("Account.")
    account_name: Text = column("Its name; it's free text.", null_means="unknown")


class FctLine(Mart, schema="marts"):
    """A line. Grain: one row per line."""

    line_id: Text = key("Line.")
    account_id: Text = column("Account.")
    used_at: Instant = column("When.")
    quantity: Quantity = column("How much.")
    amount: Amount = column("Money.", null_means="not rated")
    currency: Text = column("Of the amount.", null_means="not rated")


class RptTotal(Mart, schema="reports"):
    """Revenue of a currency. Grain: one row per currency."""

    currency: Text = key("Of the amount.")
    amount: AmountSum = column("Sum of the lines.", null_means="nothing rated")


MARTS = (DimAccount, FctLine, RptTotal, AudReconciliation, AudFeedDay, MetaRun, MetaTables)
CHECKS = ("lines_are_totals", "accounts_of_lines")

# Names the build file as dbt's compiled SQL does; the gates attach the candidate under that very name.
RECONCILIATION_SQL = """
-- two ways to the same number
with compared as (
    select 'lines_are_totals' as check_name, 'all' as scope, 'fct_line' as left_name,
        (select sum(amount) from "warehouse"."marts"."fct_line")::decimal(38, 12) as left_amount,
        'rpt_total' as right_name,
        (select sum(amount) from "warehouse"."reports"."rpt_total")::decimal(38, 12) as right_amount,
        'select * from marts.fct_line' as drill_sql
    union all
    select 'accounts_of_lines', 'all', 'fct_line',
        (select count(distinct account_id) from "warehouse"."marts"."fct_line")::decimal(38, 12), 'dim_account',
        (select count(*) from "warehouse"."marts"."dim_account")::decimal(38, 12),
        'select * from marts.dim_account'
)
select check_name, scope, left_name, left_amount, right_name, right_amount,
    (left_amount - right_amount)::decimal(38, 12) as difference, 0::decimal(38, 12) as tolerance,
    coalesce(left_amount = right_amount, false) as is_passed, 'error' as severity, drill_sql
from compared
"""


def settings_at(home: Path, **changes) -> Settings:
    return Settings(home=home, **changes)


def build(path: Path, number: int = 1, *, as_of: date = D, plant: str = "", plant_after: str = "") -> Path:
    """Make a build file as dbt leaves it. `plant` runs before the reconciliation is stored, `plant_after` after it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with duckdb.connect(path.with_name("warehouse.duckdb")) as connection:
        for schema in ("marts", "reports", "audit", "meta"):
            connection.execute(f"create schema {schema}")
        connection.execute(f"""
            create table marts.dim_account as from (values ('b', 'x\ty'), ('a', '=A')) t(account_id, account_name);
            create table marts.fct_line as
                select 'l' || i as line_id, if(i % 2 = 0, 'a', 'b') as account_id,
                    timestamp '2026-08-03 10:00:00' as used_at, i::decimal(38, 12) as quantity,
                    {number}::decimal(18, 4) as amount, 'USD' as currency
                from range(10) r(i);
            create table reports.rpt_total as
                select currency, sum(amount)::decimal(38, 4) as amount from marts.fct_line group by all;
            create table meta.run as select {number}::bigint as run_number, date '{as_of}' as as_of_date,
                date '2026-08-01' as first_delivery_date, date '{as_of}' as last_delivery_date, 3::bigint as delivery_count,
                'c' as code_hash, 'b' as book_hash, 's' as settings_hash, 'l' as lake_hash, 'USD' as reporting_currency, '1' as rule_version;
        """)
        columns = ", ".join(f"{name} {declared.type.duckdb}" for name, declared in AudFeedDay.columns.items())
        connection.execute(f"create table audit.aud_feed_day ({columns})")
        if plant:
            connection.execute(plant)
        connection.execute(f"create table audit.aud_reconciliation as {RECONCILIATION_SQL}")
        if plant_after:
            connection.execute(plant_after)
    return path.with_name("warehouse.duckdb")


def night(number: int = 1, as_of: date = D) -> Night:
    return Night(number, as_of)
