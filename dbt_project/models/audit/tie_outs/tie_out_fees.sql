-- grain: check_name, scope
-- The report of fees = the revenue lines of prices with a fee category, per currency and month of posting.
{% set month = ['currency', 'date_month'] -%}
with

fee_lines as (
    select
        line_items.currency,
        cast(date_trunc('month', line_items.posting_date) as date) as date_month,
        line_items.amount
    from {{ ref('fct_line_item') }} as line_items
    inner join {{ ref('dim_price') }} as prices
        on line_items.price_version_id = prices.price_version_id and line_items.price_currency = prices.currency
    where prices.fee_category is not null and line_items.kind = 'revenue'
),

fees as (
    select * from {{ ref('rpt_payment_fees') }}
),

charged_amount as (
    select
        {{ scope_by(month) }},
        {{ strict_sum('amount') }} as amount
    from fee_lines
    group by {{ month | join(', ') }}
),

reported_amount as (
    select
        {{ scope_by(month) }},
        {{ strict_sum('subtotal') }} as amount
    from fees
    group by {{ month | join(', ') }}
)

{{ tie_out(
    'fee_lines_in_payment_fees',
    left='charged_amount', left_name='fee lines of fct_line_item',
    right='reported_amount', right_name='rpt_payment_fees',
    drill_sql="select * from (select account_id, cast(date_trunc('month', posting_date) as date) as date_month,"
    ~ " line.currency, fee_category, sum(amount) as charged_amount from marts.fct_line_item as line"
    ~ " inner join marts.dim_price as price on line.price_version_id = price.price_version_id"
    ~ " and line.price_currency = price.currency where fee_category is not null and line.kind = 'revenue' group by all)"
    ~ " full join (select account_id, date_month, currency, fee_category, sum(subtotal) as subtotal"
    ~ " from reports.rpt_payment_fees group by all) using (account_id, date_month, currency, fee_category)"
    ~ " where {filter} and charged_amount is distinct from subtotal"
) }}
