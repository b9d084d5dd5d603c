-- grain: legal_entity_id, account_id, contract_id, product_id, date_day, currency
-- A closed month is read as it was sealed; only open months are made.
with

line_items as (
    select *
    from {{ ref('fct_line_item') }}
    where kind = 'revenue' and not is_period_closed
),

closed_revenue_daily as (
    select * from {{ ref('stg_closed_revenue_daily') }}
),

daily as (
    select
        legal_entity_id,
        account_id,
        contract_id,
        product_id,
        posting_date as date_day,
        currency,
        accounting_period,
        reporting_currency,
        sum(amount) as recognised_amount,
        -- Nothing is billed before invoices are issued; a draft is no bill.
        cast(0 as decimal(38, 4)) as billed_amount,
        sum(list_amount) as list_amount,
        -- A line without a rate makes the sum unknown, not smaller.
        {{ strict_sum('amount_reporting') }} as recognised_amount_reporting,
        cast(0 as decimal(38, 4)) as billed_amount_reporting,
        bool_or(is_provisional) as is_provisional
    from line_items
    group by
        legal_entity_id,
        account_id,
        contract_id,
        product_id,
        posting_date,
        currency,
        accounting_period,
        reporting_currency
)

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
    recognised_amount - billed_amount as unbilled_delta,
    list_amount,
    recognised_amount_reporting,
    billed_amount_reporting,
    recognised_amount_reporting - billed_amount_reporting as unbilled_delta_reporting,
    reporting_currency,
    is_provisional
from daily
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
