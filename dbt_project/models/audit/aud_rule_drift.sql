-- grain: legal_entity_id, account_id, contract_id, price_id, dimensions, charge_kind, currency, billing_period_start,
-- service_month
with

corrections as (
    select * from {{ ref('stg_corrections') }}
)

select
    legal_entity_id,
    account_id,
    contract_id,
    price_id,
    dimensions,
    charge_kind,
    currency,
    billing_period_start,
    service_month,
    payer_id,
    product_id,
    kind,
    price_version_id,
    sealed_quantity,
    sealed_amount,
    drift_quantity,
    drift_amount_exact,
    drift_amount
from corrections
where drift_quantity <> 0 or drift_amount_exact <> 0 or drift_amount <> 0 or drift_list_amount <> 0
