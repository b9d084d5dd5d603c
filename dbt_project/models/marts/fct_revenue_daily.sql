-- grain: legal_entity_id, account_id, contract_id, product_id, date_day, currency
with

line_items as (
    select *
    from {{ ref('fct_line_item') }}
    where kind = 'revenue'
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
        sum(amount) as recognised_amount,
        -- Nothing is billed before invoices are issued; a draft is no bill.
        cast(0 as decimal(38, 4)) as billed_amount,
        sum(list_amount) as list_amount
    from line_items
    group by
        legal_entity_id,
        account_id,
        contract_id,
        product_id,
        posting_date,
        currency,
        accounting_period
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
    list_amount
from daily
