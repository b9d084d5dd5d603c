-- grain: account_id, stated_contract_id, meter, dimensions, value_currency, service_date, slot_at
-- rendered by `python -m data_contracts.render`, do not edit
select
    account_id,
    stated_contract_id,
    meter,
    dimensions,
    value_currency,
    service_date,
    slot_at,
    contract_id,
    rate_set_id,
    suspense_rule,
    suspense_detail,
    event_count,
    reversed_count,
    reversal_count,
    late_event_count,
    duplicate_count,
    quantity,
    landed_quantity,
    reversed_quantity,
    amount,
    first_delivery_date
from {{ source('lake', 'usage_days') }}
