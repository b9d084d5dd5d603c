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
    message
from run_log
