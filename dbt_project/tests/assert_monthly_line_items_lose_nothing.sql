-- When this fails, rpt_line_item_monthly and fct_line_item tell two stories: reports built on the month are wrong.
with

line_items as (
    select * from {{ ref('fct_line_item') }}
),

monthly as (
    select * from {{ ref('rpt_line_item_monthly') }}
),

both_sides as (
    select
        kind,
        currency,
        accounting_period,
        amount,
        amount_exact,
        1 as line_count
    from line_items
    union all
    select
        kind,
        currency,
        accounting_period,
        -amount as amount,
        -amount_exact as amount_exact,
        -line_count as line_count
    from monthly
)

select
    kind,
    currency,
    accounting_period,
    sum(amount) as amount_difference,
    sum(amount_exact) as exact_difference,
    sum(line_count) as count_difference
from both_sides
group by kind, currency, accounting_period
having
    sum(amount) is distinct from 0
    or sum(amount_exact) is distinct from 0
    or sum(line_count) is distinct from 0
