-- grain: account_id, meter, dimensions, kind, rule, detail
with

usage_outcomes as (
    select *
    from {{ ref('aud_usage_outcome') }}
    where outcome = 'suspense'
),

run as (
    select * from {{ ref('meta_run') }}
),

waiting as (
    select
        account_id,
        meter,
        dimensions,
        kind,
        rule,
        detail,
        cast(sum(event_count) as bigint) as event_count,
        sum(quantity) as quantity,
        min(service_date) as first_service_date,
        max(service_date) as last_service_date,
        min(first_delivery_date) as first_delivery_date
    from usage_outcomes
    group by account_id, meter, dimensions, kind, rule, detail
)

select
    waiting.account_id,
    waiting.meter,
    waiting.dimensions,
    waiting.kind,
    waiting.rule,
    waiting.detail,
    waiting.event_count,
    waiting.quantity,
    waiting.first_service_date,
    waiting.last_service_date,
    waiting.first_delivery_date,
    date_diff('day', waiting.first_delivery_date, run.as_of_date) as age_days
from waiting
cross join run
