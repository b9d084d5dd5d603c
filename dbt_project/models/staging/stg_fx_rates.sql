-- grain: delivery_date, rate_date, base_currency, quote_currency, rate_type
-- rendered by `python -m data_contracts.render`, do not edit
select
    delivery_date,
    rate_date,
    base_currency,
    quote_currency,
    rate_type,
    rate,
    source_file,
    source_line
from {{ source('lake', 'fx_rates') }}
