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
        count(*) filter (where side = 'modelled') > 0 as has_modelled,
        count(*) filter (where side = 'actual') > 0 as has_actual,
        {{ known_sum("side = 'modelled'") }} as modelled_cost,
        {{ known_sum("side = 'actual'") }} as actual_cost
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
    case when has_modelled then modelled_cost end as modelled_cost,
    case when has_actual then actual_cost end as actual_cost,
    -- An account may have one side only: the variances of a product add up to the difference of its two costs.
    case
        when
            bool_or(has_modelled) over (partition by date_month, product_id, currency, is_reporting)
            and bool_or(has_actual) over (partition by date_month, product_id, currency, is_reporting)
            then actual_cost - modelled_cost
    end as cost_variance
from monthly
