-- grain: currency, target_currency, rate_date_for
-- rendered by `python -m data_contracts.render`, do not edit
select
    currency,
    target_currency,
    rate_date_for,
    rate_date,
    base_currency,
    numerator,
    denominator
from {{ source('lake', 'exchange_rates') }}
