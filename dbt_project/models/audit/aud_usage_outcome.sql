-- grain: account_id, meter, dimensions, service_date, kind, outcome, rule, detail
with

usage_outcomes as (
    select * from {{ ref('stg_usage_outcomes') }}
)

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
from usage_outcomes
