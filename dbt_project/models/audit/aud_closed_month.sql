-- grain: legal_entity_id, service_month, currency, kind
-- Everything a closed month should hold by what is known now, and where it is: sealed, posted later, held, or drift.
with

desired as (
    select * from {{ ref('stg_line_items') }}
),

line_items as (
    select * from {{ ref('fct_line_item') }}
),

adjustments as (
    select * from {{ ref('aud_adjustment') }}
),

drift as (
    select * from {{ ref('aud_rule_drift') }}
),

closed_months as (
    select
        legal_entity_id,
        max(accounting_month) as closed_through
    from {{ ref('stg_sealed_periods') }}
    group by legal_entity_id
),

amounts as (
    select
        legal_entity_id,
        cast(date_trunc('month', service_date) as date) as service_month,
        currency,
        kind,
        'desired' as side,
        amount
    from desired
    union all
    select
        legal_entity_id,
        cast(date_trunc('month', service_date) as date) as service_month,
        currency,
        kind,
        case when is_period_closed then 'sealed' else 'adjusted' end as side,
        amount
    from line_items
    where is_period_closed or is_adjustment
    union all
    select
        legal_entity_id,
        service_month,
        currency,
        kind,
        'held' as side,
        amount
    from adjustments
    where is_held
    union all
    select
        legal_entity_id,
        service_month,
        currency,
        kind,
        'drift' as side,
        drift_amount as amount
    from drift
)

select
    amounts.legal_entity_id,
    amounts.service_month,
    amounts.currency,
    amounts.kind,
    {{ sum_of_side('sealed') }} as sealed_amount,
    {{ sum_of_side('adjusted') }} as adjusted_amount,
    {{ sum_of_side('held') }} as held_amount,
    {{ sum_of_side('drift') }} as drift_amount,
    {{ sum_of_side('desired') }} as desired_amount
from amounts
inner join closed_months on amounts.legal_entity_id = closed_months.legal_entity_id
where amounts.service_month <= closed_months.closed_through
group by
    amounts.legal_entity_id,
    amounts.service_month,
    amounts.currency,
    amounts.kind
