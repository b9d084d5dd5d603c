-- grain: currency
with

currencies as (
    select * from {{ ref('stg_currencies') }}
),

exchange_rates as (
    select * from {{ ref('dim_exchange_rate') }}
),

run as (
    select * from {{ ref('meta_run') }}
),

latest_rates as (
    select
        exchange_rates.currency,
        max(exchange_rates.rate_date) as rate_date
    from exchange_rates
    inner join run on exchange_rates.target_currency = run.reporting_currency
    group by exchange_rates.currency
)

select
    currencies.currency,
    currencies.currency_name,
    currencies.minor_units,
    -- Spelled out: a power of ten would be a DOUBLE. ISO 4217 knows no more than four decimals; more would be null
    -- here, which the contract stops.
    cast(
        case currencies.minor_units
            when 0 then '1'
            when 1 then '0.1'
            when 2 then '0.01'
            when 3 then '0.001'
            when 4 then '0.0001'
        end as decimal(18, 4)
    ) as minor_unit_amount,
    currencies.currency = run.reporting_currency as is_reporting_currency,
    latest_rates.rate_date as latest_rate_date
from currencies
cross join run
left join latest_rates on currencies.currency = latest_rates.currency
