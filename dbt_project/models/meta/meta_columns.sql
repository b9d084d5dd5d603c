-- grain: schema_name, table_name, column_name
with

contract_columns as (
    select * from {{ ref('stg_columns') }}
)

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
from contract_columns
