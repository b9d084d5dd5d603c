-- grain: source, event_id
-- rendered by `python -m data_contracts.render`, do not edit
select
    delivery_date,
    source,
    event_id,
    account_id,
    meter,
    occurred_at,
    quantity,
    amount,
    value_currency,
    contract_id,
    dimensions,
    reverses_event_id,
    amends_event_id,
    account_bucket,
    source_file,
    source_line
from {{ source('lake', 'usage_events') }}
