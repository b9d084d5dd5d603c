-- grain: run_number
-- rendered by `python -m data_contracts.render`, do not edit
select
    run_number,
    as_of_date,
    status,
    started_at,
    finished_at,
    elapsed_ms,
    table_count,
    row_count,
    byte_count,
    peak_memory_bytes,
    peak_memory_of,
    cells_added_up,
    gates_passed,
    message
from {{ source('lake', 'run_log') }}
