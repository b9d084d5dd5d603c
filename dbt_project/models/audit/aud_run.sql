-- grain: run_number
with

run_log as (
    select * from {{ ref('stg_run_log') }}
)

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
from run_log
