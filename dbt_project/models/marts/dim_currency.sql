-- grain: currency
with

currencies as (
    select * from {{ ref('stg_currencies') }}
)

select
    currency,
    currency_name,
    minor_units,
    -- Spelled out: a power of ten would be a DOUBLE. ISO 4217 knows no more than four decimals; more would be null
    -- here, which the contract stops.
    cast(
        case minor_units
            when 0 then '1'
            when 1 then '0.1'
            when 2 then '0.01'
            when 3 then '0.001'
            when 4 then '0.0001'
        end as decimal(18, 4)
    ) as minor_unit_amount
from currencies
