-- grain: currency, target_currency, date_day
with

exchange_rates as (
    select * from {{ ref('stg_exchange_rates') }}
),

companies as (
    select * from {{ ref('stg_companies') }}
)

select
    exchange_rates.currency,
    exchange_rates.target_currency,
    exchange_rates.rate_date_for as date_day,
    exchange_rates.rate_date,
    companies.fx_rate_type as rate_type,
    exchange_rates.base_currency,
    exchange_rates.numerator,
    exchange_rates.denominator,
    companies.fx_max_age_days as max_age_days
from exchange_rates
cross join companies
