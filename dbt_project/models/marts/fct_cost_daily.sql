-- grain: account_id, product_id, date_day, cost_source, provider_name, billing_account_id, billing_period_start,
-- allocation_method, currency
with

line_items as (
    select *
    from {{ ref('fct_line_item') }}
    where kind = 'cost'
),

cost_shares as (
    select * from {{ ref('stg_cost_shares') }}
),

products as (
    select * from {{ ref('dim_product') }}
),

run as (
    select * from {{ ref('stg_run') }}
),

modelled as (
    select
        account_id,
        product_id,
        posting_date as date_day,
        'modelled' as cost_source,
        '' as provider_name,
        '' as billing_account_id,
        billing_period_start,
        'rated' as allocation_method,
        currency,
        list_amount as list_cost,
        amount as contracted_cost,
        amount as billed_cost,
        amount as effective_cost,
        amount_reporting as billed_cost_reporting
    from line_items
),

actual as (
    select
        account_id,
        product_id,
        charge_date as date_day,
        'actual' as cost_source,
        provider_name,
        billing_account_id,
        billing_period_start,
        allocation_method,
        currency,
        list_cost,
        contracted_cost,
        billed_cost,
        effective_cost,
        billed_cost_reporting
    from cost_shares
),

costs as (
    select * from modelled
    union all
    select * from actual
),

daily as (
    select
        account_id,
        product_id,
        date_day,
        cost_source,
        provider_name,
        billing_account_id,
        billing_period_start,
        allocation_method,
        currency,
        cast({{ strict_sum('list_cost') }} as decimal(38, 12)) as list_cost,
        cast({{ strict_sum('contracted_cost') }} as decimal(38, 12)) as contracted_cost,
        cast({{ strict_sum('billed_cost') }} as decimal(38, 12)) as billed_cost,
        cast({{ strict_sum('effective_cost') }} as decimal(38, 12)) as effective_cost,
        cast({{ strict_sum('billed_cost_reporting') }} as decimal(38, 12)) as billed_cost_reporting
    from costs
    group by
        account_id,
        product_id,
        date_day,
        cost_source,
        provider_name,
        billing_account_id,
        billing_period_start,
        allocation_method,
        currency
)

select
    daily.account_id,
    daily.product_id,
    daily.date_day,
    daily.cost_source,
    daily.provider_name,
    daily.billing_account_id,
    daily.billing_period_start,
    daily.allocation_method,
    daily.currency,
    strftime(daily.date_day, '%Y-%m') as accounting_period,
    -- What no mapping claims has no product, and no cost price models it: it counts as it was billed.
    daily.cost_source = coalesce(products.cost_basis, 'actual') as is_cost_basis,
    daily.list_cost,
    daily.contracted_cost,
    daily.billed_cost,
    daily.effective_cost,
    daily.billed_cost_reporting,
    run.reporting_currency
from daily
cross join run
left join products on daily.product_id = products.product_id
