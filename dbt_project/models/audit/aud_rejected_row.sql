-- grain: delivery_date, source_file, source_line, source_part
with

rejected_rows as (
    select * from {{ ref('stg_rejected_rows') }}
)

select
    delivery_date,
    source_file,
    source_line,
    source_part,
    dataset,
    rule,
    column_name,
    found,
    message,
    remedy,
    quantity
from rejected_rows
