-- grain: run_number
with

run as (
    select * from {{ ref('stg_run') }}
)

select
    run_number,
    as_of_date,
    first_delivery_date,
    last_delivery_date,
    delivery_count,
    code_hash,
    book_hash,
    settings_hash,
    lake_hash,
    reporting_currency,
    rule_version
from run
