"""Each tie-out finds its planted difference, and the statement it hands out lists the rows behind it."""

import shutil

import duckdb
import pytest

# The published file has no constraints, so a null can get into it.
NO_CONSTRAINTS = """
    create table marts.plain as select * from marts.{0}; drop table marts.{0}; alter table marts.plain rename to {0};
"""

PLANTED = [
    pytest.param(
        "update audit.aud_input_file set landed_rows = landed_rows + 1 where dataset = 'accounts'",
        {"landed_rows_decided"},
        id="a landed row is in no bucket",
    ),
    pytest.param(
        "update audit.aud_input_file set landed_quantity = landed_quantity + 0.000000000001 where accepted_rows = 2",
        {"landed_quantity_decided"},
        id="a quantity loses its last digit",
    ),
    pytest.param(
        "update audit.aud_usage_intake set row_count = row_count + 1 where outcome = 'conflict'",
        {"usage_rows_kept"},
        id="a row is held twice",
    ),
    pytest.param(
        "delete from audit.aud_usage_intake where outcome = 'duplicate'",
        {"usage_rows_kept", "usage_quantity_kept"},
        id="a bucket is missing altogether",
    ),
    pytest.param(
        "delete from audit.aud_rejected_row where rule = 'account_id_missing'",
        {"rejected_rows_kept"},
        id="a rejected row cannot be looked up",
    ),
    pytest.param(
        "delete from audit.aud_action",
        {"actions_kept"},
        id="a decision of a person is gone",
    ),
    pytest.param(
        "update marts.fct_usage_daily set event_count = event_count + 1 where account_id = 'ghost'",
        {"accepted_events_in_usage_daily"},
        id="an event is used twice",
    ),
    pytest.param(
        "update marts.fct_usage_daily set reversed_count = 0 where reversed_count = 1",
        {"accepted_events_in_usage_daily"},
        id="an event that was taken back is forgotten",
    ),
    pytest.param(
        "delete from audit.aud_reversal where outcome = 'waiting'",
        {"accepted_events_in_usage_daily"},
        id="a reversal that waits is forgotten",
    ),
    pytest.param(
        "delete from audit.aud_usage_outcome where account_id = 'ghost' and kind = 'revenue'",
        {"accepted_events_decided", "accepted_quantity_decided"},
        id="usage in suspense is forgotten",
    ),
    pytest.param(
        "delete from audit.aud_usage_outcome where kind = 'cost'",
        {"accepted_events_decided", "accepted_quantity_decided"},
        id="a kind of line has no outcome at all",
    ),
    pytest.param(
        "update audit.aud_usage_outcome set landed_quantity = landed_quantity + 1 where account_id = 'b1'",
        {"accepted_quantity_decided"},
        id="an outcome invents quantity",
    ),
    pytest.param(
        "update marts.fct_line_item set amount = amount + 0.01 where line_item_id = 'l1'",
        {
            "revenue_lines_on_invoice_lines",
            "revenue_lines_in_revenue_daily",
            "revenue_and_cost_in_gross_margin",
            "lines_reported_at_the_rate",
        },
        id="a cent more on a line",
    ),
    pytest.param(
        "delete from marts.fct_line_item where line_item_id = 'l7'",
        {
            "revenue_lines_on_invoice_lines",
            "revenue_lines_counted_on_invoice_lines",
            "revenue_lines_in_revenue_daily",
            "revenue_and_cost_in_gross_margin",
            "counted_cost_in_gross_margin",
            "reported_lines_in_revenue_daily",
            "reported_lines_on_invoices",
        },
        id="a line of zero, the only one of its currency, is lost",
    ),
    pytest.param(
        "update marts.fct_invoice_line set rated_line_count = rated_line_count + 1 where payer_id = 'b1'",
        {"revenue_lines_counted_on_invoice_lines"},
        id="a line is counted twice",
    ),
    pytest.param(
        "update marts.fct_credit_note_line set amount = amount - 1, amount_reporting = amount_reporting - 1",
        {"revenue_lines_on_invoice_lines", "invoice_lines_on_invoices", "reported_lines_on_invoices"}
        | {"reported_lines_on_headers"},
        id="I3 a credit note takes off more than it says",
    ),
    pytest.param(
        "update marts.fct_invoice set status = 'draft' where billing_period_start = '2026-10-01' and currency = 'USD'",
        {"unbilled_is_not_issued"},
        id="an invoice that is out is said to be open",
    ),
    pytest.param(
        "update marts.fct_invoice set invoice_number = 'US-2026-000009' where invoice_number = 'US-2026-000002'",
        {"document_numbers_without_gap"},
        id="I7 numbers have a gap",
    ),
    pytest.param(
        "update marts.fct_invoice set billing_period_start = '2026-09-01', billing_period_end = '2026-10-01'"
        " where billing_period_start = '2026-10-01' and currency = 'USD'",
        {"one_invoice_per_period"},
        id="I7 a period is invoiced twice",
    ),
    pytest.param(
        "delete from marts.fct_invoice where currency = 'JPY'",
        {"invoice_lines_on_invoices", "reported_lines_on_headers"},
        id="lines without an invoice",
    ),
    pytest.param(
        "update marts.fct_invoice set total_amount = total_amount - 1 where payer_id = 'a1'",
        {"invoice_totals_add_up"},
        id="a total that its parts do not give",
    ),
    pytest.param(
        "update marts.fct_line_item set list_amount = 0.5 where currency = 'JPY'",
        {"amounts_in_minor_units"},
        id="half a yen",
    ),
    pytest.param(
        "delete from marts.dim_currency where currency = 'JPY'",
        {"amounts_in_minor_units"},
        id="a currency nobody knows",
    ),
    pytest.param(
        "update reports.rpt_revenue_by_product set recognised_amount = recognised_amount + 1 where currency = 'USD'",
        {"revenue_daily_in_report_by_product"},
        id="a report by product adds something",
    ),
    pytest.param(
        "delete from reports.rpt_revenue_by_account where currency = 'JPY'",
        {"revenue_daily_in_report_by_account", "reported_revenue_in_report_by_account"},
        id="a report by account loses a currency",
    ),
    pytest.param(
        "update reports.rpt_payment_fees set subtotal = subtotal - 0.01",
        {"fee_lines_in_payment_fees"},
        id="a report of fees that lost a cent",
    ),
    pytest.param(
        "update marts.dim_price set fee_category = 'Support' where price_id = 'steps' and currency = 'JPY'",
        {"fee_lines_in_payment_fees"},
        id="a fee that the report has left out",
    ),
    pytest.param(
        "update audit.aud_input_file set accepted_rows = accepted_rows + 1, landed_rows = landed_rows + 1"
        " where source_file = 'costs/2026-11-02/aws.csv'",
        {"cost_rows_kept"},
        id="a charge is lost on the way into the lake",
    ),
    pytest.param(
        "update audit.aud_cost_intake set billed_cost = billed_cost + 0.000000000001 where not is_standing",
        {"cost_amounts_kept"},
        id="a replaced bill loses its last digit",
    ),
    pytest.param(
        "update audit.aud_cost_intake set is_standing = not is_standing",
        {"standing_charges_in_cost_rows", "provider_cost_in_cost_daily"},
        id="the replaced bill is taken for the one that stands",
    ),
    pytest.param(
        "delete from audit.aud_cost_row where unmapped_rule is not null",
        {"standing_charges_in_cost_rows"},
        id="an unmapped charge cannot be looked up",
    ),
    pytest.param(
        "update marts.fct_cost_daily set billed_cost = billed_cost + 0.000000000001 where account_id = 'unallocated'",
        {"provider_cost_in_cost_daily", "revenue_and_cost_in_gross_margin", "counted_cost_in_gross_margin"},
        id="I6 shares that are more than their pool",
    ),
    pytest.param(
        "update marts.fct_cost_daily set billed_cost = billed_cost - 0.01 where cost_source = 'modelled'",
        {"cost_lines_in_cost_daily", "revenue_and_cost_in_gross_margin", "counted_cost_in_gross_margin"},
        id="a modelled cost that no line made",
    ),
    pytest.param(
        "update marts.fct_cost_daily set is_cost_basis = true where product_id = 'llm'",
        {"counted_cost_in_gross_margin", "amounts_in_reporting_gross_margin"},
        id="a product's cost counts twice",
    ),
    pytest.param(
        "update reports.rpt_gross_margin_by_currency set actual_cost = null where account_id = 'a1' and product_id = 'llm'",
        {"revenue_and_cost_in_gross_margin"},
        id="the report hides the other cost of a product",
    ),
    pytest.param(
        "delete from reports.rpt_gross_margin where account_id = 'b1'",
        {"margins_in_reporting_currency"},
        id="an account is left out of one of the reports",
    ),
    pytest.param(
        "update reports.rpt_gross_margin set gross_margin = gross_margin + 1 where account_id = 'a2'",
        {"amounts_in_reporting_gross_margin"},
        id="a margin that its amounts do not give",
    ),
    pytest.param(
        NO_CONSTRAINTS.format("fct_line_item")
        + "update marts.fct_line_item set amount = null where line_item_id = 'l7'",
        {
            "revenue_lines_on_invoice_lines",
            "revenue_lines_in_revenue_daily",
            "amounts_in_minor_units",
            "revenue_and_cost_in_gross_margin",
            "lines_reported_at_the_rate",
        },
        id="an unknown amount where the sum was zero",
    ),
    pytest.param(
        NO_CONSTRAINTS.format("fct_revenue_daily")
        + "update marts.fct_revenue_daily set currency = null where currency = 'JPY'",
        {
            "revenue_lines_in_revenue_daily",
            "unbilled_is_not_issued",
            "revenue_daily_in_report_by_product",
            "revenue_daily_in_report_by_account",
            "reported_lines_in_revenue_daily",
            "reported_revenue_in_report_by_product",
            "reported_revenue_in_report_by_account",
        },
        id="a key that is null",
    ),
    pytest.param(
        "delete from marts.dim_fx_rate where superseded_on is not null",
        {"fx_rates_kept"},
        id="a corrected rate is forgotten",
    ),
    pytest.param(
        "update marts.dim_fx_rate set rate = rate + 0.000001 where is_current and quote_currency = 'USD'",
        {"exchange_rates_as_delivered"},
        id="a rate is used that is not the one delivered",
    ),
    pytest.param(
        "update marts.dim_exchange_rate set denominator = 15 where currency = 'JPY'",
        {"exchange_rates_as_delivered"},
        id="a rate is used that is off by ten",
    ),
    pytest.param(
        "update marts.dim_exchange_rate set max_age_days = 0",
        {"exchange_rates_as_delivered"},
        id="a rate is used that is too old",
    ),
    pytest.param(
        "update marts.fct_line_item set amount_reporting = 0.01 where line_item_id = 'l7'",
        {"lines_reported_at_the_rate", "reported_lines_in_revenue_daily", "reported_lines_on_invoices", "amounts_in_reporting_gross_margin"},
        id="I23 a cent comes out of no yen",
    ),
    pytest.param(
        "update marts.fct_line_item set amount_reporting = null where line_item_id = 'l7'",
        {"lines_reported_at_the_rate"},
        id="a line is unknown in spite of its rate, and was nothing",
    ),
    pytest.param(
        "update marts.fct_line_item set fx_rate_date = '2026-10-01' where line_item_id = 'l7'",
        {"lines_reported_at_the_rate"},
        id="I23 a line names a day that its rate is not of",
    ),
    pytest.param(
        "update marts.fct_line_item set price_currency = 'EUR' where line_item_id = 'l1'",
        {"converted_lines_name_their_rate"},
        id="I23 a price is converted and names no rate",
    ),
    pytest.param(
        "update marts.fct_revenue_daily set recognised_amount_reporting = null where account_id = 'a2'",
        {
            "reported_lines_in_revenue_daily",
            "reported_revenue_in_report_by_product",
            "reported_revenue_in_report_by_account",
        },
        id="a day that is known is said to be unknown",
    ),
    pytest.param(
        "update marts.fct_invoice set total_amount_reporting = total_amount_reporting + 1 where payer_id = 'b1'",
        {"reported_lines_on_headers"},
        id="an invoice reports more than its lines",
    ),
    pytest.param(
        "update reports.rpt_revenue_by_product set recognised_amount_reporting = 7 where currency = 'JPY'",
        {"reported_revenue_in_report_by_product"},
        id="a report by product reports something else",
    ),
]


@pytest.mark.parametrize(("planted", "failing"), PLANTED)
def test_a_planted_difference_fails_its_checks_and_no_other(night, tmp_path, planted, failing):
    # The name of the file is the name of the catalog, which the compiled statement holds.
    copy = tmp_path / "warehouse.duckdb"
    shutil.copy(night.warehouse, copy)
    with duckdb.connect(copy) as connection:
        for statement in planted.split(";"):
            connection.execute(statement)
        found = connection.execute(
            f"select check_name, drill_sql from ({night.compiled('aud_reconciliation')}) where not is_passed"
        ).fetchall()
        assert {check for check, _ in found} == failing
        assert all(drill for _, drill in found)
        for check in failing:
            rows = [row for name, drill in found if name == check for row in connection.execute(drill).fetchall()]
            assert rows, f"{check} shows nothing"


def test_every_drill_statement_runs_as_it_stands(night):
    drills = night.ask("select drill_sql from audit.aud_reconciliation")
    with duckdb.connect(night.warehouse, read_only=True) as connection:
        for (drill,) in drills:
            connection.execute(drill)


def test_the_reconciliation_reads_published_tables_only(night):
    compiled = night.compiled("aud_reconciliation")
    assert '"staging"' not in compiled
    assert '"lake"' not in compiled
    assert '"intermediate"' not in compiled
