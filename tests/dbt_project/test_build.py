"""The tiny night, built by dbt: what readers find in it."""

from datetime import date
from decimal import Decimal

from data_contracts.marts import MARTS, MetaTables
from data_contracts.render import model_name
from orchestration.gates import CHECKS

BUILT = [mart for mart in MARTS if mart is not MetaTables]


def test_everything_ties_out_and_every_check_is_there(night):
    found = night.ask("select check_name, bool_and(is_passed) from audit.aud_reconciliation group by 1 order by 1")
    assert found == [(check, True) for check in sorted(CHECKS)]


def test_every_mart_has_the_columns_and_types_of_its_contract(night):
    """Comments are written by the publish step, into the file that readers open."""
    found = night.ask(
        "select schema_name, table_name, column_name, data_type from duckdb_columns()"
        " where schema_name in ('marts', 'reports', 'audit', 'meta') order by all"
    )
    assert found == sorted(
        (mart.schema_name, mart.table_name, name, declared.type.duckdb)
        for mart in BUILT
        for name, declared in mart.columns.items()
    )


def test_there_are_no_other_schemas(night):
    found = night.ask("select distinct schema_name from duckdb_schemas() where not internal or schema_name = 'main'")
    assert {name for (name,) in found} - {"main"} == {
        *("lake", "staging", "intermediate", "marts", "reports", "audit", "meta")
    }


def test_every_model_opens_with_its_grain(root):
    models = list((root / "dbt_project" / "models").rglob("*.sql"))
    assert [path.name for path in models if not path.read_text().startswith("-- grain: ")] == []


def test_the_grain_line_of_a_mart_is_its_key(root):
    for mart in BUILT:
        text = (root / "dbt_project" / "models" / mart.schema_name / f"{model_name(mart)}.sql").read_text()
        stated = " ".join(text.removeprefix("-- grain: ").replace("\n-- ", " ").split())
        assert stated.startswith(", ".join(mart.keys)), mart.table_name


def test_an_invoice_is_of_a_payer_currency_and_period(night):
    assert night.ask(
        "select invoice_id, status, due_date, line_count, total_amount, amount_remaining from marts.fct_invoice"
        " order by all"
    ) == [
        # What is not earned any more is credited: 10 - 10.
        ("acme_us:a1:USD:2026-09-01", "issued", date(2026, 10, 31), 1, Decimal(10), Decimal(0)),
        # 0.10 + 2.00 + 0.05 of the tariff, 300 by override, 5 for the child; 14 days since November.
        ("acme_us:a1:USD:2026-10-01", "issued", date(2026, 11, 16), 4, Decimal("307.15"), Decimal("307.15")),
        ("acme_us:a1:USD:2026-11-01", "draft", date(2026, 12, 15), 1, Decimal(0), Decimal(0)),
        ("acme_us:b1:JPY:2026-10-01", "draft", date(2026, 12, 16), 1, Decimal(0), Decimal(0)),
    ]


def test_a_credit_note_takes_off_an_issued_invoice_line_by_line(night):
    assert night.ask(
        "select credit_note_number, credit_note_date, amount, original_invoice_id, original_line_no from"
        " marts.fct_credit_note join marts.fct_credit_note_line using (credit_note_id, amount, original_invoice_id)"
    ) == [("US-C-2026-000001", date(2026, 11, 2), Decimal(-10), "acme_us:a1:USD:2026-09-01", 1)]


def test_billed_is_what_is_issued_on_its_day_and_the_rest_is_unbilled(night):
    # 10 of September; 307.15 of October less the 10 that are credited
    assert night.ask(
        "select date_day, sum(billed_amount) from marts.fct_revenue_daily where billed_amount <> 0 group by all"
        " order by all"
    ) == [(date(2026, 10, 1), Decimal(10)), (date(2026, 11, 2), Decimal("297.15"))]
    assert night.ask("select sum(unbilled_delta) from marts.fct_revenue_daily") == [(Decimal(0),)]


def test_versions_with_equal_terms_are_one_line(night):
    assert night.ask(
        "select terms_id, quantity, amount, rated_line_count, service_period_start, service_period_end"
        " from marts.fct_invoice_line where price_id = 'tariff'"
        " and billing_period_start = '2026-10-01' order by terms_id"
    ) == [
        ("tariff@T00", Decimal(150), Decimal("0.15"), 2, date(2026, 10, 1), date(2026, 10, 10)),
        ("tariff@T01", Decimal(200), Decimal(2), 1, date(2026, 10, 1), date(2026, 10, 2)),
    ]


def test_cost_is_no_revenue(night):
    assert night.ask("select sum(recognised_amount) from marts.fct_revenue_daily where currency = 'USD'") == [
        (Decimal("307.15"),)
    ]
    assert night.ask("select kind, sum(amount) from reports.rpt_line_item_monthly group by 1 order by 1") == [
        ("cost", Decimal("1.40")),
        ("revenue", Decimal("307.15")),
    ]


def test_cost_comes_from_both_sides_and_one_of_them_counts(night):
    found = night.ask(
        "select account_id, product_id, cost_source, allocation_method, billed_cost, list_cost, is_cost_basis"
        " from marts.fct_cost_daily order by product_id, account_id, cost_source"
    )
    assert found == [
        ("a1", "llm", "actual", "direct", Decimal(3), Decimal(4), False),
        ("a1", "llm", "modelled", "rated", Decimal("1.4"), Decimal("1.4"), True),
        ("a1", "support", "actual", "usage", Decimal(2), None, True),
        ("a2", "support", "actual", "usage", Decimal(1), None, True),
        ("unallocated", "support", "actual", "unallocated", Decimal(1), None, True),
        ("unmapped", "unmapped", "actual", "unmapped", Decimal("0.5"), Decimal("0.5"), True),
    ]


def test_a_margin_shows_the_cost_that_counts_and_the_variance_to_the_other(night):
    columns = "revenue, cost, gross_margin, margin_pct, modelled_cost, actual_cost, cost_variance"
    found = night.ask(
        f"select account_id, product_id, {columns} from reports.rpt_gross_margin_by_currency"
        " where currency = 'USD' order by product_id, account_id"
    )
    assert found == [
        # 0.10 + 2.00 + 0.05 less 1.40 modelled; the bill says 3.
        ("a1", "llm", *map(Decimal, ("2.15", "1.4", "0.75", "34.88", "1.4", "3", "1.6"))),
        ("a1", "support", *map(Decimal, ("300", "2", "298", "99.33")), None, Decimal(2), None),
        ("a2", "support", *map(Decimal, ("5", "1", "4", "80")), None, Decimal(1), None),
        ("unallocated", "support", *map(Decimal, ("0", "1", "-1")), None, None, Decimal(1), None),
        ("unmapped", "unmapped", *map(Decimal, ("0", "0.5", "-0.5")), None, None, Decimal("0.5"), None),
    ]


def test_an_amount_without_a_rate_leaves_the_margin_unknown(night):
    found = night.ask(
        "select account_id, currency, revenue, cost, gross_margin from reports.rpt_gross_margin"
        " where account_id in ('b1', 'unallocated') order by 1"
    )
    assert found == [
        ("b1", "USD", Decimal(0), Decimal(0), Decimal(0)),
        ("unallocated", "USD", Decimal(0), None, None),
    ]


def test_a_replaced_bill_stays_visible_and_counts_no_more(night):
    assert night.ask("select landed_on, is_standing, billed_cost from audit.aud_cost_intake order by 1") == [
        (date(2026, 11, 2), False, Decimal(9)),
        (date(2026, 11, 4), True, Decimal("7.5")),
    ]


def test_a_report_shows_the_account_as_it_is_now(night):
    assert night.ask(
        "select account_id, account_name, segment, price_concession_amount, revenue_rank"
        " from reports.rpt_revenue_by_account where date_month = '2026-10-01' and currency = 'USD' order by 1"
    ) == [("a1", "Ant Ltd.", "large", Decimal(100), 1), ("a2", "Antling", "small", Decimal(0), 2)]


def test_a_correction_is_current_and_what_it_superseded_is_not(night):
    assert night.ask(
        "select price_version_id, is_current, is_superseded, is_override, valid_to::date from marts.dim_price"
        " where price_id = 'steps' and currency = 'USD' order by 1"
    ) == [
        ("c1/steps@2026-10-01", True, False, True, date(9999, 12, 31)),
        ("steps@2026-01-01", False, False, False, date(2026, 11, 1)),
        ("steps@2026-11-01", False, True, False, date(2026, 12, 1)),
        ("steps@2026-11-01#1", True, False, False, date(2026, 12, 1)),
        ("steps@2026-12-01", False, False, False, date(9999, 12, 31)),
    ]


def test_the_default_plan_is_a_contract_too(night):
    assert night.ask("select contract_id, is_default, is_current, document from marts.dim_contract order by 1") == [
        ("c1", False, True, "contracts/c1.yaml:1"),
        ("default:a2", True, True, None),
        ("default:b1", True, True, None),
    ]


def test_suspense_names_usage_and_reason(night):
    asked = "select account_id, kind, rule, event_count, age_days from audit.aud_suspense order by account_id, kind"
    assert night.ask(asked) == [
        ("a1", "cost", "reversed_event_unknown", 1, 33),
        ("a1", "revenue", "reversed_event_unknown", 1, 33),
        ("ghost", "cost", "unknown_account", 1, 33),
        ("ghost", "revenue", "unknown_account", 1, 33),
    ]


def test_intake_counts_the_rows_that_take_events_back(night):
    counted = "select row_count, reversal_count from audit.aud_usage_intake where delivery_date = '2026-10-03'"
    assert night.ask(f"{counted} order by outcome") == [(6, 2), (1, 0)]


def test_the_calendar_reaches_from_the_first_usage_to_the_year_after_the_run(night):
    assert night.ask("select min(date_day), max(date_day), count(*) from marts.dim_date") == [
        (date(2026, 1, 1), date(2027, 12, 31), 365 + 365)
    ]
    assert night.ask("select * from marts.dim_date where date_day = '2026-10-31'") == [
        (
            *(date(2026, 10, 31), date(2026, 10, 1), date(2026, 10, 1), date(2026, 1, 1)),
            *("2026-10", "October", 6, True, True),
        )
    ]


def test_every_question_of_start_here_runs_and_asks_the_table_it_names(night):
    for table, statement in night.ask("select table_name, example_sql from meta.start_here order by question_no"):
        assert table in statement
        assert night.ask(statement), statement


def test_meta_columns_describes_every_published_column(night):
    assert night.ask("select count(*) from meta.columns") == [(sum(len(mart.columns) for mart in MARTS),)]
    assert night.ask("select unit, null_means, is_key from meta.columns where column_name = 'invoice_number'") == [
        (None, "it is not issued", False)
    ]


def test_a_fee_is_reported_with_its_rates_and_the_lines_that_it_made(night):
    """200 tokens at 0.01: a price of units has items, not a volume."""
    names = "fee_category, fee_name, variable_rate, variable_volume_amount, fixed_per_item_amount, fixed_per_item_count"
    assert night.ask(f"select account_id, currency, {names}, subtotal from reports.rpt_payment_fees") == [
        ("a1", "USD", "Metered", "API requests (model=gpt-4)", 0, 0, Decimal("0.01"), 200, 2)
    ]
