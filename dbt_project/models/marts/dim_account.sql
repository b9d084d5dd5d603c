-- grain: account_id, valid_from
with

accounts as (
    select * from {{ ref('stg_accounts') }}
),

run as (
    select * from {{ ref('stg_run') }}
)

select
    accounts.account_id,
    accounts.valid_from,
    accounts.valid_to,
    accounts.valid_from <= run.as_of_date and run.as_of_date < accounts.valid_to as is_current,
    accounts.account_name,
    accounts.currency,
    accounts.country,
    accounts.time_zone,
    accounts.parent_account_id,
    accounts.payer_id,
    accounts.legal_entity_id,
    accounts.segment,
    accounts.region,
    accounts.is_tax_exempt,
    accounts.net_terms_days as collection_terms_days,
    accounts.recorded_on
from accounts
cross join run
