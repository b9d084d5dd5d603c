-- grain: schema_name, table_name, column_name
-- rendered by `python -m data_contracts.render`, do not edit
select
    schema_name,
    table_name,
    column_name,
    column_position,
    data_type,
    description,
    unit,
    currency_column,
    source,
    null_means,
    example,
    is_key
from {{ source('lake', 'columns') }}
