-- grain: price_version_id, currency, tier
-- rendered by `python -m data_contracts.render`, do not edit
select
    price_version_id,
    currency,
    tier,
    lower_bound,
    up_to,
    "offset",
    unit_amount,
    flat_amount,
    base_amount,
    package_size,
    package_round
from {{ source('lake', 'price_tiers') }}
