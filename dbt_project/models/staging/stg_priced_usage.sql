-- grain: account_id, stated_contract_id, meter, dimensions, value_currency, service_date, slot_at, kind, price_id
-- rendered by `python -m data_contracts.render`, do not edit
select
    account_id,
    stated_contract_id,
    meter,
    dimensions,
    value_currency,
    service_date,
    slot_at,
    kind,
    price_id,
    outcome,
    rule,
    detail,
    contract_id,
    price_version_id,
    list_price_version_id,
    model,
    product_id,
    currency,
    conditions,
    event_count,
    quantity,
    landed_quantity,
    first_delivery_date
from {{ source('lake', 'priced_usage') }}
