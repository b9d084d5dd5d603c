-- grain: rate_date, base_currency, quote_currency, rate_type, delivery_date
with

fx_rates as (
    select * from {{ ref('stg_fx_rates') }}
),

in_order as (
    select
        rate_date,
        base_currency,
        quote_currency,
        rate_type,
        delivery_date,
        rate,
        lead(delivery_date) over (
            partition by rate_date, base_currency, quote_currency, rate_type
            order by delivery_date
        ) as superseded_on,
        source_file,
        source_line
    from fx_rates
)

select
    rate_date,
    base_currency,
    quote_currency,
    rate_type,
    delivery_date,
    rate,
    superseded_on is null as is_current,
    superseded_on,
    source_file,
    source_line
from in_order
