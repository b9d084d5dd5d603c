-- grain: credit_note_id
with

documents as (
    select *
    from {{ ref('stg_billing_documents') }}
    where document_kind = 'credit_note'
),

run as (
    select * from {{ ref('meta_run') }}
)

select
    documents.document_id as credit_note_id,
    documents.document_number as credit_note_number,
    documents.status,
    documents.parked_rule,
    'later_difference' as reason_code,
    documents.corrects_document_id as original_invoice_id,
    documents.legal_entity_id,
    documents.payer_id,
    documents.currency,
    documents.billing_period_start,
    documents.billing_period_end,
    documents.document_date as credit_note_date,
    documents.line_count,
    documents.amount,
    cast(0 as decimal(38, 4)) as tax_amount,
    documents.amount_reporting,
    run.reporting_currency
from documents
cross join run
