-- grain: run_number, table_name
with

run_tables as (
    select * from {{ ref('stg_run_tables') }}
)

select
    run_number,
    table_name,
    step,
    elapsed_ms,
    row_count,
    byte_count,
    step_elapsed_ms,
    step_peak_memory_bytes
from run_tables
