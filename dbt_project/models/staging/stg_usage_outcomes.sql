-- grain: account_id, meter, dimensions, service_date, kind, outcome, rule, detail
-- rendered by `python -m data_contracts.render`, do not edit
select
    account_id,
    meter,
    dimensions,
    service_date,
    kind,
    outcome,
    rule,
    detail,
    event_count,
    quantity,
    landed_quantity,
    first_delivery_date
from {{ source('lake', 'usage_outcomes') }}
