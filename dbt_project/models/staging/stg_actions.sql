-- grain: action_id
-- rendered by `python -m data_contracts.render`, do not edit
select
    delivery_date,
    action_id,
    action,
    target,
    reason,
    requested_by,
    approved_by,
    requested_at,
    source_file,
    source_line
from {{ source('lake', 'actions') }}
