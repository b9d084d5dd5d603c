-- grain: account_id, contract_id, valid_from
-- rendered by `python -m data_contracts.render`, do not edit
select
    account_id,
    contract_id,
    valid_from,
    valid_to,
    is_default,
    payer_id,
    legal_entity_id,
    plan_id,
    currency,
    time_zone,
    billing_interval,
    billing_anchor_date,
    rate_set_id
from {{ source('lake', 'account_contracts') }}
