"""The tie-outs that every publish must show, by name: one that is missing has failed like one that does not hold."""

TIE_OUTS = (
    "accepted_events_decided",
    "accepted_events_in_usage_daily",
    "accepted_quantity_decided",
    "amounts_in_minor_units",
    "invoice_lines_on_invoices",
    "invoice_totals_add_up",
    "landed_quantity_decided",
    "landed_rows_decided",
    "rejected_rows_kept",
    "revenue_daily_in_report_by_account",
    "revenue_daily_in_report_by_product",
    "revenue_lines_counted_on_invoice_lines",
    "revenue_lines_in_revenue_daily",
    "revenue_lines_on_invoice_lines",
    "usage_quantity_kept",
    "usage_rows_kept",
)
