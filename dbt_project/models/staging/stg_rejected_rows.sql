-- grain: delivery_date, source_file, source_line
-- rendered by `python -m data_contracts.render`, do not edit
select
    delivery_date,
    source_file,
    source_line,
    dataset,
    rule,
    column_name,
    found,
    message,
    remedy,
    quantity
from {{ source('lake', 'rejected_rows') }}
