-- grain: check_name, scope
-- Revenue daily = revenue lines, per legal entity, currency and accounting period; reports = revenue daily; and every
-- rounded amount is a multiple of its currency's smallest one.
{% set period = ['legal_entity_id', 'currency', 'accounting_period'] -%}
with

line_items as (
    select * from {{ ref('fct_line_item') }}
),

revenue_items as (
    select *
    from {{ ref('fct_line_item') }}
    where kind = 'revenue'
),

revenue_daily as (
    select * from {{ ref('fct_revenue_daily') }}
),

by_product as (
    select * from {{ ref('rpt_revenue_by_product') }}
),

by_account as (
    select * from {{ ref('rpt_revenue_by_account') }}
),

currencies as (
    select * from {{ ref('dim_currency') }}
),

-- A period in which something is only billed has earned nothing.
earned as (
    select
        legal_entity_id,
        currency,
        accounting_period,
        amount
    from revenue_items
    union all
    select
        legal_entity_id,
        currency,
        accounting_period,
        0 as amount
    from revenue_daily
    where billed_amount <> 0
),

rated_amount as (
    select
        {{ scope_by(period) }},
        {{ strict_sum('amount') }} as amount
    from earned
    group by {{ period | join(', ') }}
),

recognised_amount as (
    select
        {{ scope_by(period) }},
        {{ strict_sum('recognised_amount') }} as amount
    from revenue_daily
    group by {{ period | join(', ') }}
),

recognised_by_currency as (
    select
        {{ scope_by(['currency']) }},
        {{ strict_sum('recognised_amount') }} as amount
    from revenue_daily
    group by currency
),

reported_by_product as (
    select
        {{ scope_by(['currency']) }},
        {{ strict_sum('recognised_amount') }} as amount
    from by_product
    group by currency
),

reported_by_account as (
    select
        {{ scope_by(['currency']) }},
        {{ strict_sum('recognised_amount') }} as amount
    from by_account
    group by currency
),

judged_amounts as (
    select
        line_items.currency,
        -- An unknown amount or an unknown currency counts as off: coalesce to true, never to false.
        coalesce(
            line_items.amount % currencies.minor_unit_amount <> 0
            or line_items.list_amount % currencies.minor_unit_amount <> 0,
            true
        ) as is_off
    from line_items
    left join currencies on line_items.currency = currencies.currency
),

amounts_off as (
    select
        {{ scope_by(['currency']) }},
        count(*) filter (where is_off) as amount
    from judged_amounts
    group by currency
),

none_off as (
    select
        {{ scope_by(['currency']) }},
        0 as amount
    from judged_amounts
    group by currency
)

{{ tie_out(
    'revenue_lines_in_revenue_daily',
    left='rated_amount', left_name='revenue of fct_line_item',
    right='recognised_amount', right_name='fct_revenue_daily',
    drill_sql="select * from (select account_id, contract_id, product_id, posting_date as date_day,"
    ~ " sum(amount) as rated_amount from marts.fct_line_item where kind = 'revenue' and {filter} group by all)"
    ~ " full join (select account_id, contract_id, product_id, date_day, sum(recognised_amount) as recognised_amount"
    ~ " from marts.fct_revenue_daily where {filter} group by all)"
    ~ " using (account_id, contract_id, product_id, date_day) where rated_amount is distinct from recognised_amount"
) }}
union all
{{ tie_out(
    'revenue_daily_in_report_by_product',
    left='recognised_by_currency', left_name='fct_revenue_daily',
    right='reported_by_product', right_name='rpt_revenue_by_product',
    drill_sql="select * from (select cast(date_trunc('month', date_day) as date) as date_month, product_id,"
    ~ " sum(recognised_amount) as daily_amount from marts.fct_revenue_daily where {filter} group by all)"
    ~ " full join (select date_month, product_id, recognised_amount from reports.rpt_revenue_by_product where {filter})"
    ~ " using (date_month, product_id) where daily_amount is distinct from recognised_amount"
) }}
union all
{{ tie_out(
    'revenue_daily_in_report_by_account',
    left='recognised_by_currency', left_name='fct_revenue_daily',
    right='reported_by_account', right_name='rpt_revenue_by_account',
    drill_sql="select * from (select cast(date_trunc('month', date_day) as date) as date_month, account_id,"
    ~ " sum(recognised_amount) as daily_amount from marts.fct_revenue_daily where {filter} group by all)"
    ~ " full join (select date_month, account_id, recognised_amount from reports.rpt_revenue_by_account where {filter})"
    ~ " using (date_month, account_id) where daily_amount is distinct from recognised_amount"
) }}
union all
{{ tie_out(
    'amounts_in_minor_units',
    left='amounts_off', left_name='lines whose amount the currency cannot express',
    right='none_off', right_name='none',
    drill_sql="select line_item_id, amount, list_amount, currency from marts.fct_line_item"
    ~ " left join marts.dim_currency using (currency) where {filter} and coalesce(amount % minor_unit_amount <> 0"
    ~ " or list_amount % minor_unit_amount <> 0, true)"
) }}
