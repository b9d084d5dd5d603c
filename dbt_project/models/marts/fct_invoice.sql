-- grain: invoice_id
with

documents as (
    select *
    from {{ ref('stg_billing_documents') }}
    where document_kind = 'invoice'
),

credited as (
    select
        original_invoice_id,
        sum(amount) as amount
    from {{ ref('fct_credit_note') }}
    where status = 'issued'
    group by original_invoice_id
),

awaited_days as (
    select * from {{ ref('int_usage_days_awaited') }}
),

run as (
    select * from {{ ref('meta_run') }}
),

totals as (
    select
        documents.*,
        cast(0 as decimal(38, 4)) as discount_amount,
        cast(0 as decimal(38, 4)) as tax_amount,
        cast(0 as decimal(38, 4)) as amount_paid,
        -- A credit note is below zero, what it takes off an invoice is not.
        cast(-coalesce(credited.amount, 0) as decimal(38, 4)) as amount_credited,
        -- Of the period, not of the lines: a day without any usage yet has no line that could say so.
        exists(
            select 1
            from awaited_days
            where
                awaited_days.service_date >= documents.billing_period_start
                and awaited_days.service_date < documents.billing_period_end
        ) as is_awaited
    from documents
    left join credited on documents.document_id = credited.original_invoice_id
)

select
    totals.document_id as invoice_id,
    totals.document_number as invoice_number,
    totals.status,
    totals.parked_rule,
    totals.legal_entity_id,
    totals.payer_id,
    totals.currency,
    totals.billing_period_start,
    totals.billing_period_end,
    totals.document_date as invoice_date,
    totals.due_date,
    totals.corrects_document_id as corrects_invoice_id,
    totals.line_count,
    totals.amount as subtotal_amount,
    totals.discount_amount,
    totals.tax_amount,
    totals.amount - totals.discount_amount + totals.tax_amount as total_amount,
    totals.amount_paid,
    totals.amount_credited,
    totals.amount - totals.discount_amount + totals.tax_amount
    - totals.amount_paid - totals.amount_credited as amount_remaining,
    totals.amount_reporting as total_amount_reporting,
    run.reporting_currency,
    -- What is issued is final.
    totals.status <> 'issued' and totals.is_awaited as is_provisional
from totals
cross join run
