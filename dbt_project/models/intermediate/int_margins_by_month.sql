-- grain: date_month, account_id, product_id, currency, is_reporting
-- Revenue and cost by month, once in each currency and once in the reporting currency, so that both reports read alike.
with

line_items as (
    select *
    from {{ ref('fct_line_item') }}
    where kind = 'revenue'
),

costs as (
    select * from {{ ref('fct_cost_daily') }}
),

amounts as (
    select
        posting_date as date_day,
        account_id,
        product_id,
        currency,
        'revenue' as side,
        true as is_counted,
        amount,
        amount_reporting,
        reporting_currency
    from line_items
    union all
    select
        date_day,
        account_id,
        product_id,
        currency,
        cost_source as side,
        is_cost_basis as is_counted,
        billed_cost as amount,
        billed_cost_reporting as amount_reporting,
        reporting_currency
    from costs
),

in_both as (
    select
        date_day,
        account_id,
        product_id,
        currency,
        side,
        is_counted,
        amount,
        false as is_reporting
    from amounts
    union all
    select
        date_day,
        account_id,
        product_id,
        reporting_currency as currency,
        side,
        is_counted,
        amount_reporting as amount,
        true as is_reporting
    from amounts
),

monthly as (
    select
        cast(date_trunc('month', date_day) as date) as date_month,
        account_id,
        product_id,
        currency,
        is_reporting,
        -- Nothing earned is zero, an amount without a rate is unknown.
        {{ known_sum("side = 'revenue'") }} as revenue,
        {{ known_sum("side <> 'revenue' and is_counted") }} as cost,
        case when count(*) filter (where side = 'modelled') > 0 then {{ known_sum("side = 'modelled'") }} end
            as modelled_cost,
        case when count(*) filter (where side = 'actual') > 0 then {{ known_sum("side = 'actual'") }} end
            as actual_cost
    from in_both
    group by date_trunc('month', date_day), account_id, product_id, currency, is_reporting
)

select
    date_month,
    account_id,
    product_id,
    currency,
    is_reporting,
    revenue,
    cost,
    revenue - cost as gross_margin,
    modelled_cost,
    actual_cost,
    actual_cost - modelled_cost as cost_variance
from monthly
