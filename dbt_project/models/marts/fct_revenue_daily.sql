-- grain: legal_entity_id, account_id, contract_id, product_id, date_day, currency
-- Revenue stands on its posting day; what is billed of it on the day of the document that bills it. A closed month is
-- read as it was sealed; only open months are made.
with

line_items as (
    select *
    from {{ ref('fct_line_item') }}
    where kind = 'revenue' and not is_period_closed
),

closed_months as (
    select * from {{ ref('stg_sealed_periods') }}
),

closed_revenue_daily as (
    select * from {{ ref('stg_closed_revenue_daily') }}
),

invoices as (
    select
        invoice_id as document_id,
        invoice_date as document_date
    from {{ ref('fct_invoice') }}
    where status = 'issued'
    union all
    select
        credit_note_id as document_id,
        credit_note_date as document_date
    from {{ ref('fct_credit_note') }}
    where status = 'issued'
),

document_lines as (
    select * from {{ ref('stg_billing_document_lines') }}
),

run as (
    select * from {{ ref('meta_run') }}
),

movements as (
    select
        legal_entity_id,
        account_id,
        contract_id,
        product_id,
        posting_date as date_day,
        currency,
        cast(amount as decimal(38, 4)) as recognised_amount,
        cast(0 as decimal(38, 4)) as billed_amount,
        cast(list_amount as decimal(38, 4)) as list_amount,
        cast(amount_reporting as decimal(38, 4)) as recognised_amount_reporting,
        cast(0 as decimal(38, 4)) as billed_amount_reporting,
        is_provisional
    from line_items
    union all
    select
        document_lines.legal_entity_id,
        document_lines.account_id,
        document_lines.contract_id,
        document_lines.product_id,
        invoices.document_date as date_day,
        document_lines.currency,
        0 as recognised_amount,
        document_lines.amount as billed_amount,
        0 as list_amount,
        0 as recognised_amount_reporting,
        document_lines.amount_reporting as billed_amount_reporting,
        false as is_provisional
    from document_lines
    inner join invoices on document_lines.document_id = invoices.document_id
    left join closed_months
        on
            document_lines.legal_entity_id = closed_months.legal_entity_id
            and date_trunc('month', invoices.document_date) = closed_months.accounting_month
    where closed_months.seal_number is null
),

daily as (
    select
        legal_entity_id,
        account_id,
        contract_id,
        product_id,
        date_day,
        currency,
        sum(recognised_amount) as recognised_amount,
        sum(billed_amount) as billed_amount,
        sum(list_amount) as list_amount,
        -- A line without a rate makes the sum unknown, not smaller.
        {{ strict_sum('recognised_amount_reporting') }} as recognised_amount_reporting,
        {{ strict_sum('billed_amount_reporting') }} as billed_amount_reporting,
        bool_or(is_provisional) as is_provisional
    from movements
    group by
        legal_entity_id,
        account_id,
        contract_id,
        product_id,
        date_day,
        currency
)

select
    daily.legal_entity_id,
    daily.account_id,
    daily.contract_id,
    daily.product_id,
    daily.date_day,
    daily.currency,
    strftime(daily.date_day, '%Y-%m') as accounting_period,
    daily.recognised_amount,
    daily.billed_amount,
    daily.recognised_amount - daily.billed_amount as unbilled_delta,
    daily.list_amount,
    daily.recognised_amount_reporting,
    daily.billed_amount_reporting,
    daily.recognised_amount_reporting - daily.billed_amount_reporting as unbilled_delta_reporting,
    run.reporting_currency,
    daily.is_provisional
from daily
cross join run
union all
select
    legal_entity_id,
    account_id,
    contract_id,
    product_id,
    date_day,
    currency,
    accounting_period,
    recognised_amount,
    billed_amount,
    unbilled_delta,
    list_amount,
    recognised_amount_reporting,
    billed_amount_reporting,
    unbilled_delta_reporting,
    reporting_currency,
    is_provisional
from closed_revenue_daily
