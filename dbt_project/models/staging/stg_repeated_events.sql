-- grain: delivery_date, source_file, source_line, event_id
-- rendered by `python -m data_contracts.render`, do not edit
select
    delivery_date,
    source_file,
    source_line,
    outcome,
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
    standing_delivery_date,
    standing_file,
    standing_line
from {{ source('lake', 'repeated_events') }}
