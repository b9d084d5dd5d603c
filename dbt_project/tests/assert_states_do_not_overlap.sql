-- When this fails, an account, a contract or a standing price has two states on one day: a join on it doubles money.
with

accounts as (
    select * from {{ ref('dim_account') }}
),

contracts as (
    select * from {{ ref('dim_contract') }}
),

prices as (
    select *
    from {{ ref('dim_price') }}
    where not is_superseded
),

states as (
    select
        'dim_account' as dimension,
        account_id as state_of,
        cast(valid_from as timestamp) as valid_from,
        cast(valid_to as timestamp) as valid_to
    from accounts
    union all
    select
        'dim_contract' as dimension,
        contract_id as state_of,
        cast(valid_from as timestamp) as valid_from,
        cast(valid_to as timestamp) as valid_to
    from contracts
    union all
    select
        'dim_price' as dimension,
        -- A local day and an instant cannot be compared without a zone: each kind of start by itself.
        concat_ws(' ', price_id, currency, starts_with, contract_id) as state_of,
        valid_from,
        valid_to
    from prices
),

followed as (
    select
        dimension,
        state_of,
        valid_from,
        valid_to,
        lead(valid_from) over (partition by dimension, state_of order by valid_from, valid_to) as next_from
    from states
)

select
    dimension,
    state_of,
    valid_from,
    valid_to,
    next_from
from followed
where valid_from >= valid_to or next_from < valid_to
