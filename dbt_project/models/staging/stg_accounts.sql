-- grain: account_id, valid_from
-- rendered by `python -m data_contracts.render`, do not edit
select
    account_id,
    valid_from,
    valid_to,
    account_name,
    currency,
    country,
    time_zone,
    parent_account_id,
    payer_id,
    legal_entity_id,
    segment,
    region,
    is_tax_exempt,
    net_terms_days,
    recorded_on
from {{ source('lake', 'accounts') }}
