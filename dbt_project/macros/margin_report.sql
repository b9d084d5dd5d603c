{#- What an account's product earned and cost in a month, beside its margin of the month before: in each currency, or in
    the reporting one. `which` chooses the rows of int_margins_by_month. -#}
{% macro margin_report(which) -%}
with

margins as (
    select *
    from {{ ref('int_margins_by_month') }}
    where {{ which }}
),

accounts as (
    select *
    from {{ ref('dim_account') }}
    where is_current
),

products as (
    select * from {{ ref('dim_product') }}
),

with_percent as (
    select
        *,
        {{ percent('gross_margin', 'revenue') }} as margin_pct
    from margins
)

select
    margins.date_month,
    margins.account_id,
    margins.product_id,
    margins.currency,
    accounts.account_name,
    products.product_name,
    products.cost_basis,
    margins.revenue,
    margins.cost,
    margins.gross_margin,
    margins.margin_pct,
    before.margin_pct as margin_pct_prior,
    margins.modelled_cost,
    margins.actual_cost,
    margins.cost_variance
from with_percent as margins
left join with_percent as before
    on
        margins.account_id = before.account_id
        and margins.product_id = before.product_id
        and margins.currency = before.currency
        and margins.date_month = before.date_month + interval 1 month
left join accounts on margins.account_id = accounts.account_id
left join products on margins.product_id = products.product_id
{%- endmacro %}
