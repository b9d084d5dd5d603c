-- grain: price_version_id, currency
-- The cells of a matrix as one JSON text, decimals quoted: to_json() would write them as floats.
with

price_cells as (
    select * from {{ ref('stg_price_cells') }}
),

spelled as (
    select
        price_version_id,
        currency,
        dimensions,
        cast(to_json(dimensions) as varchar) || ':"' || {{ plain_decimal('unit_amount') }} || '"' as cell_json
    from price_cells
)

select
    price_version_id,
    currency,
    '{' || string_agg(cell_json, ',' order by dimensions) || '}' as cells
from spelled
group by price_version_id, currency
