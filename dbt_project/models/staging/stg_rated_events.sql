-- grain: source, event_id, price_id
-- rendered by `python -m data_contracts.render`, do not edit
select
    source,
    event_id,
    price_id,
    account_id,
    contract_id,
    price_version_id,
    list_price_version_id,
    line_dimensions,
    service_date,
    occurred_at,
    quantity,
    amount_exact,
    amount,
    list_exact,
    list_amount,
    currency,
    billing_currency,
    delivery_date,
    source_file,
    source_line
from {{ source('lake', 'rated_events') }}
