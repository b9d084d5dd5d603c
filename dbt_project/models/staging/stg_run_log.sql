-- grain: run_number
-- rendered by `python -m data_contracts.render`, do not edit
select
    run_number,
    as_of_date,
    status,
    started_at,
    finished_at,
    message
from {{ source('lake', 'run_log') }}
