-- grain: line_item_id
with

adjustments as (
    select * from {{ ref('stg_adjustments') }}
),

sealed_adjustments as (
    select * from {{ ref('stg_sealed_adjustments') }}
),

both_kinds as (
    select
        *,
        false as is_sealed
    from adjustments
    union all
    select
        *,
        true as is_sealed
    from sealed_adjustments
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
    dimensions,
    currency,
    billing_period_start,
    billing_period_end,
    service_month,
    service_date,
    posting_date,
    strftime(posting_date, '%Y-%m') as accounting_period,
    quantity,
    amount_exact,
    amount,
    list_amount,
    amount_reporting,
    causes,
    is_held,
    held_as,
    is_sealed
from both_kinds
