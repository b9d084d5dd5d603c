-- grain: delivery_date, source_file
with

landed_files as (
    select * from {{ ref('stg_landed_files') }}
)

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
from landed_files
