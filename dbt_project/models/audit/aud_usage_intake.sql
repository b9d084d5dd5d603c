-- grain: delivery_date, source_file, meter, outcome
-- Counted from the rows themselves, so that what intake says of a file can be held against what lies there.
with

usage_events as (
    select * from {{ ref('stg_usage_events') }}
),

repeated_events as (
    select * from {{ ref('stg_repeated_events') }}
),

decided as (
    select
        delivery_date,
        source_file,
        meter,
        'accepted' as outcome,
        coalesce(reverses_event_id, amends_event_id) as reversed_event_id,
        quantity
    from usage_events
    union all
    select
        delivery_date,
        source_file,
        meter,
        outcome,
        coalesce(reverses_event_id, amends_event_id) as reversed_event_id,
        quantity
    from repeated_events
)

select
    delivery_date,
    source_file,
    meter,
    outcome,
    count(*) as row_count,
    count(reversed_event_id) as reversal_count,
    sum(quantity) as quantity
from decided
group by delivery_date, source_file, meter, outcome
