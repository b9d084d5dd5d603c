-- grain: line_item_id
with

line_items as (
    select * from {{ ref('stg_line_items') }}
)

select
    line_item_id,
    legal_entity_id,
    account_id,
    payer_id,
    contract_id,
    product_id,
    price_id,
    price_version_id,
    charge_kind,
    kind,
    is_adjustment,
    dimensions,
    service_date,
    posting_date,
    billing_period_start,
    billing_period_end,
    quantity,
    quantity_before,
    amount_exact,
    amount_exact_before,
    amount,
    list_amount,
    amount_reporting,
    currency,
    fx_rate_date,
    applies_to_line_item_id,
    rule_version,
    strftime(posting_date, '%Y-%m') as accounting_period,
    false as is_period_closed
from line_items
