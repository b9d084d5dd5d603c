-- grain: run_number, table_name
-- rendered by `python -m data_contracts.render`, do not edit
select
    run_number,
    table_name,
    step,
    elapsed_ms,
    row_count,
    byte_count,
    step_elapsed_ms,
    step_peak_memory_bytes
from {{ source('lake', 'run_tables') }}
