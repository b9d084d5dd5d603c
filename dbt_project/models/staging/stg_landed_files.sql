-- grain: delivery_date, source_file
-- rendered by `python -m data_contracts.render`, do not edit
select
    delivery_date,
    source_file,
    dataset,
    sha256,
    byte_count,
    status,
    rule,
    message,
    landed_rows,
    accepted_rows,
    duplicate_rows,
    conflict_rows,
    rejected_rows,
    landed_quantity,
    accepted_quantity,
    duplicate_quantity,
    conflict_quantity,
    rejected_quantity
from {{ source('lake', 'landed_files') }}
