-- grain: company_name
-- rendered by `python -m data_contracts.render`, do not edit
select
    company_name,
    time_zone,
    reporting_currency,
    fx_rate_type,
    fx_max_age_days,
    default_plan_id,
    default_legal_entity_id,
    issues_from,
    grace_days,
    billing_starts_on
from {{ source('lake', 'companies') }}
