-- grain: run_number
-- rendered by `python -m data_contracts.render`, do not edit
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
from {{ source('lake', 'run') }}
