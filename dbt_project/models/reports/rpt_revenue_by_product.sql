-- grain: date_month, product_id, currency
with

revenue as (
    select * from {{ ref('fct_revenue_daily') }}
),

products as (
    select * from {{ ref('dim_product') }}
),

monthly as (
    select
        cast(date_trunc('month', date_day) as date) as date_month,
        product_id,
        currency,
        reporting_currency,
        sum(recognised_amount) as recognised_amount,
        sum(billed_amount) as billed_amount,
        sum(list_amount) as list_amount,
        {{ strict_sum('recognised_amount_reporting') }} as recognised_amount_reporting,
        sum(billed_amount_reporting) as billed_amount_reporting,
        count(distinct account_id) as account_count
    from revenue
    group by date_trunc('month', date_day), product_id, currency, reporting_currency
)

select
    monthly.date_month,
    monthly.product_id,
    monthly.currency,
    products.product_name,
    monthly.recognised_amount,
    monthly.billed_amount,
    monthly.list_amount,
    monthly.recognised_amount_reporting,
    monthly.billed_amount_reporting,
    monthly.reporting_currency,
    monthly.list_amount - monthly.recognised_amount as price_concession_amount,
    monthly.account_count,
    rank() over (
        partition by monthly.date_month, monthly.currency
        order by monthly.recognised_amount desc
    ) as revenue_rank
from monthly
left join products on monthly.product_id = products.product_id
