-- grain: provider_name, billing_account_id, billing_period_start, charge_date, charge_end_date, mapping_id, product_id,
-- allocation_method, account_id, currency
-- rendered by `python -m data_contracts.render`, do not edit
select
    provider_name,
    billing_account_id,
    billing_period_start,
    charge_date,
    charge_end_date,
    mapping_id,
    product_id,
    allocation_method,
    account_id,
    currency,
    charge_count,
    weight,
    pool_weight,
    list_cost,
    contracted_cost,
    billed_cost,
    effective_cost,
    billed_cost_reporting,
    fx_rate_date
from {{ source('lake', 'cost_shares') }}
