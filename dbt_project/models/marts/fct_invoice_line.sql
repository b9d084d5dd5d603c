-- grain: invoice_id, line_no
with

document_lines as (
    select *
    from {{ ref('stg_billing_document_lines') }}
    where document_kind = 'invoice'
),

run as (
    select * from {{ ref('meta_run') }}
)

select
    document_lines.document_id as invoice_id,
    document_lines.line_no,
    document_lines.legal_entity_id,
    document_lines.payer_id,
    document_lines.account_id,
    document_lines.contract_id,
    document_lines.product_id,
    document_lines.price_id,
    document_lines.terms_id,
    document_lines.dimensions,
    document_lines.charge_kind,
    document_lines.billing_period_start,
    document_lines.billing_period_end,
    document_lines.service_period_start,
    document_lines.service_period_end,
    document_lines.quantity,
    document_lines.unit_price,
    document_lines.amount,
    document_lines.amount_reporting,
    cast(0 as decimal(38, 4)) as tax_amount,
    document_lines.currency,
    document_lines.price_currency,
    run.reporting_currency,
    document_lines.rated_line_count,
    document_lines.corrects_document_id as corrects_invoice_id,
    document_lines.corrects_line_no
from document_lines
cross join run
