-- grain: contract_id, valid_from
-- Signed contracts as their documents say, and the default plan of every account: each line item finds its contract.
with

contracts as (
    select * from {{ ref('stg_contracts') }}
),

default_plans as (
    select *
    from {{ ref('stg_account_contracts') }}
    where is_default
),

run as (
    select * from {{ ref('stg_run') }}
),

all_contracts as (
    select
        contract_id,
        valid_from,
        valid_to,
        account_id,
        plan_id,
        currency,
        false as is_default,
        has_overrides,
        starts_on,
        ends_on,
        billing_interval,
        billing_anchor,
        billing_anchor_date,
        grace_days,
        document
    from contracts
    union all
    select
        contract_id,
        valid_from,
        valid_to,
        account_id,
        plan_id,
        currency,
        true as is_default,
        false as has_overrides,
        valid_from as starts_on,
        valid_to as ends_on,
        billing_interval,
        day(billing_anchor_date) as billing_anchor,
        billing_anchor_date,
        cast(null as bigint) as grace_days,
        null as document
    from default_plans
)

select
    all_contracts.contract_id,
    all_contracts.valid_from,
    all_contracts.valid_to,
    all_contracts.valid_from <= run.as_of_date and run.as_of_date < all_contracts.valid_to as is_current,
    all_contracts.account_id,
    all_contracts.plan_id,
    all_contracts.currency,
    all_contracts.is_default,
    all_contracts.has_overrides,
    all_contracts.starts_on,
    all_contracts.ends_on,
    all_contracts.billing_interval,
    cast(all_contracts.billing_anchor as bigint) as billing_anchor,
    all_contracts.billing_anchor_date,
    all_contracts.grace_days,
    all_contracts.document
from all_contracts
cross join run
