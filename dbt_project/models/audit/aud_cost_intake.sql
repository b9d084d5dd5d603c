-- grain: delivery_date, source_file, provider_name, billing_account_id, billing_period_start, currency
with

cost_rows as (
    select * from {{ ref('stg_cost_rows') }}
),

-- The rule by which a bill replaces another is written a second time here, so that the tie-out compares two.
standing as (
    select
        provider_name,
        billing_account_id,
        billing_period_start,
        max((delivery_date, landed_on)) as latest
    from cost_rows
    group by provider_name, billing_account_id, billing_period_start
)

select
    cost_rows.delivery_date,
    cost_rows.source_file,
    cost_rows.provider_name,
    cost_rows.billing_account_id,
    cost_rows.billing_period_start,
    cost_rows.currency,
    cost_rows.landed_on,
    (cost_rows.delivery_date, cost_rows.landed_on) = standing.latest as is_standing,
    count(*) as charge_count,
    cast(sum(cost_rows.billed_cost) as decimal(38, 12)) as billed_cost
from cost_rows
inner join standing
    on
        cost_rows.provider_name = standing.provider_name
        and cost_rows.billing_account_id = standing.billing_account_id
        and cost_rows.billing_period_start = standing.billing_period_start
group by
    cost_rows.delivery_date,
    cost_rows.source_file,
    cost_rows.provider_name,
    cost_rows.billing_account_id,
    cost_rows.billing_period_start,
    cost_rows.currency,
    cost_rows.landed_on,
    standing.latest
