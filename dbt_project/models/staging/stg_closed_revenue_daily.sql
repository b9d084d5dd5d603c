-- grain: legal_entity_id, account_id, contract_id, product_id, date_day, currency
-- rendered by `python -m data_contracts.render`, do not edit
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
from {{ source('lake', 'closed_revenue_daily') }}
