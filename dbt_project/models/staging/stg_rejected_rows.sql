-- grain: delivery_date, source_file, source_line, source_part
-- rendered by `python -m data_contracts.render`, do not edit
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
from {{ source('lake', 'rejected_rows') }}
