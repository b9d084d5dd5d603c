-- grain: accounting_period, legal_entity_id, account_id, contract_id, price_id, dimensions, charge_kind, kind,
-- is_adjustment, currency
with

line_items as (
    select * from {{ ref('fct_line_item') }}
)

select
    accounting_period,
    legal_entity_id,
    account_id,
    contract_id,
    price_id,
    dimensions,
    charge_kind,
    kind,
    is_adjustment,
    currency,
    product_id,
    sum(quantity) as quantity,
    sum(amount_exact) as amount_exact,
    sum(amount) as amount,
    sum(list_amount) as list_amount,
    {{ strict_sum('amount_reporting') }} as amount_reporting,
    reporting_currency,
    count(*) as line_count
from line_items
group by
    accounting_period,
    legal_entity_id,
    account_id,
    contract_id,
    price_id,
    dimensions,
    charge_kind,
    kind,
    is_adjustment,
    currency,
    product_id,
    reporting_currency
