-- grain: price_version_id, currency, dimensions
-- rendered by `python -m data_contracts.render`, do not edit
select
    price_version_id,
    currency,
    dimensions,
    unit_amount
from {{ source('lake', 'price_cells') }}
