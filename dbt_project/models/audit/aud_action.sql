-- grain: action_id
with

actions as (
    select * from {{ ref('stg_actions') }}
)

select
    action_id,
    delivery_date,
    action,
    target,
    reason,
    requested_by,
    approved_by,
    requested_at,
    source_file,
    source_line
from actions
