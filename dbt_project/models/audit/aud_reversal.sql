-- grain: source, event_id
-- What was decided last holds: a reversal that waited takes effect in the delivery that brings its event.
with

reversals as (
    select * from {{ ref('stg_reversals') }}
),

last_decisions as (
    select *
    from reversals
    qualify row_number() over (partition by source, event_id order by delivery_date desc) = 1
)

select
    source,
    event_id,
    correction,
    outcome,
    rule,
    landed_on,
    delivery_date as decided_on,
    source_file,
    source_line,
    account_id,
    meter,
    occurred_at,
    quantity,
    reversed_event_id,
    reversed_delivery_date,
    reversed_file,
    reversed_line,
    reversed_occurred_at,
    reversed_quantity
from last_decisions
