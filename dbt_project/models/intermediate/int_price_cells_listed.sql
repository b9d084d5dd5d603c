-- grain: price_version_id, currency
-- The cells of a matrix, or the times of a rate curve, as one JSON text, decimals quoted: to_json() would write them as
-- floats.
with

price_cells as (
    select * from {{ ref('stg_price_cells') }}
),

rate_curves as (
    select * from {{ ref('stg_rate_curves') }}
),

cells as (
    select
        price_version_id,
        currency,
        dimensions,
        unit_amount
    from price_cells
    union all
    select
        price_version_id,
        currency,
        -- 1 Mon 17:00: the number keeps the days in order. 3 January 2000 was a Monday.
        strftime(
            timestamp '2000-01-03' + to_days(cast(weekday - 1 as integer)) + to_minutes(starts_at_minute), '%u %a %H:%M'
        ) as dimensions,
        unit_amount
    from rate_curves
),

spelled as (
    select
        price_version_id,
        currency,
        dimensions,
        cast(to_json(dimensions) as varchar) || ':"' || {{ plain_decimal('unit_amount') }} || '"' as cell_json
    from cells
)

select
    price_version_id,
    currency,
    '{' || string_agg(cell_json, ',' order by dimensions) || '}' as cells
from spelled
group by price_version_id, currency
