-- grain: price_version_id, currency, weekday, starts_at_minute
-- rendered by `python -m data_contracts.render`, do not edit
select
    price_version_id,
    currency,
    weekday,
    starts_at_minute,
    unit_amount
from {{ source('lake', 'rate_curves') }}
