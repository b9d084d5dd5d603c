-- grain: invoice_id
with

invoice_lines as (
    select * from {{ ref('fct_invoice_line') }}
),

accounts as (
    select * from {{ ref('dim_account') }}
),

awaited_days as (
    select * from {{ ref('int_usage_days_awaited') }}
),

totals as (
    select
        invoice_id,
        legal_entity_id,
        payer_id,
        currency,
        reporting_currency,
        billing_period_start,
        billing_period_end,
        count(*) as line_count,
        sum(amount) as subtotal_amount,
        cast(0 as decimal(38, 4)) as discount_amount,
        sum(tax_amount) as tax_amount,
        cast(0 as decimal(38, 4)) as amount_paid,
        cast(0 as decimal(38, 4)) as amount_credited,
        {{ strict_sum('amount_reporting') }} as total_amount_reporting
    from invoice_lines
    group by
        invoice_id,
        legal_entity_id,
        payer_id,
        currency,
        reporting_currency,
        billing_period_start,
        billing_period_end
)

select
    totals.invoice_id,
    cast(null as varchar) as invoice_number,
    'draft' as status,
    totals.legal_entity_id,
    totals.payer_id,
    totals.currency,
    totals.billing_period_start,
    totals.billing_period_end,
    totals.billing_period_end as invoice_date,
    -- A payer without a state on that day has no due date, which the contract stops.
    totals.billing_period_end + cast(accounts.collection_terms_days as integer) as due_date,
    totals.line_count,
    totals.subtotal_amount,
    totals.discount_amount,
    totals.tax_amount,
    totals.subtotal_amount - totals.discount_amount + totals.tax_amount as total_amount,
    totals.amount_paid,
    totals.amount_credited,
    totals.subtotal_amount - totals.discount_amount + totals.tax_amount
    - totals.amount_paid - totals.amount_credited as amount_remaining,
    totals.total_amount_reporting,
    totals.reporting_currency,
    -- Of the period, not of the lines: a day without any usage yet has no line that could say so.
    exists(
        select 1
        from awaited_days
        where
            awaited_days.service_date >= totals.billing_period_start
            and awaited_days.service_date < totals.billing_period_end
    ) as is_provisional
from totals
left join accounts
    on
        totals.payer_id = accounts.account_id
        and totals.billing_period_end >= accounts.valid_from
        and totals.billing_period_end < accounts.valid_to
