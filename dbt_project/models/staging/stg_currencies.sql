-- grain: currency
-- rendered by `python -m data_contracts.render`, do not edit
select
    currency,
    currency_name,
    minor_units
from {{ source('lake', 'currencies') }}
