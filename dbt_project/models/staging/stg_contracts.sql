-- grain: contract_id, valid_from
-- rendered by `python -m data_contracts.render`, do not edit
select
    contract_id,
    valid_from,
    valid_to,
    account_id,
    plan_id,
    currency,
    starts_on,
    ends_on,
    billing_interval,
    billing_anchor,
    billing_anchor_date,
    grace_days,
    has_overrides,
    recorded_on,
    document
from {{ source('lake', 'contracts') }}
