-- grain: meter
-- rendered by `python -m data_contracts.render`, do not edit
select
    meter,
    unit,
    aggregation,
    value,
    carries_over,
    negative,
    dimensions
from {{ source('lake', 'meters') }}
