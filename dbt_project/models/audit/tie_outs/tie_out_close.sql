-- grain: check_name, scope
-- Closed months hold what was sealed, and what they should hold beside it is posted, held or named as drift.
{% set month = ['legal_entity_id', 'service_month', 'currency', 'kind'] -%}
{% set period = ['legal_entity_id', 'accounting_period'] -%}
{% set adjusted = ['legal_entity_id', 'accounting_period', 'currency', 'kind'] -%}
with

line_items as (
    select * from {{ ref('fct_line_item') }}
),

periods as (
    select * from {{ ref('dim_accounting_period') }}
),

adjustments as (
    select * from {{ ref('aud_adjustment') }}
),

closed_months as (
    select * from {{ ref('aud_closed_month') }}
),

closed_lines as (
    select
        {{ scope_by(period) }},
        count(*) as amount
    from line_items
    where is_period_closed
    group by {{ period | join(', ') }}
),

sealed_lines as (
    select
        {{ scope_by(period) }},
        {{ strict_sum('line_count') }} as amount
    from periods
    where is_period_closed and line_count > 0
    group by {{ period | join(', ') }}
),

desired as (
    select
        {{ scope_by(month) }},
        {{ strict_sum('desired_amount') }} as amount
    from closed_months
    group by {{ month | join(', ') }}
),

explained as (
    select
        {{ scope_by(month) }},
        {{ strict_sum('sealed_amount + adjusted_amount + held_amount + drift_amount') }} as amount
    from closed_months
    group by {{ month | join(', ') }}
),

posted_adjustments as (
    select
        {{ scope_by(adjusted) }},
        {{ strict_sum('amount') }} as amount
    from line_items
    where is_adjustment
    group by {{ adjusted | join(', ') }}
),

caused_adjustments as (
    select
        {{ scope_by(adjusted) }},
        {{ strict_sum('amount') }} as amount
    from adjustments
    where not is_held
    group by {{ adjusted | join(', ') }}
)

{{ tie_out(
    'closed_lines_as_sealed',
    left='closed_lines', left_name='lines of closed months in fct_line_item',
    right='sealed_lines', right_name='line_count of dim_accounting_period',
    drill_sql="select * from marts.fct_line_item where is_period_closed and {filter}"
) }}
union all
{{ tie_out(
    'closed_months_explained',
    left='desired', left_name='what closed months should hold by everything known now',
    right='explained', right_name='sealed, adjusted, held and drift of aud_closed_month',
    drill_sql="select * from audit.aud_closed_month where {filter}"
) }}
union all
{{ tie_out(
    'adjustments_have_causes',
    left='posted_adjustments', left_name='adjustments of fct_line_item',
    right='caused_adjustments', right_name='adjustments of aud_adjustment that are not held',
    drill_sql="select * from (select line_item_id, sum(amount) as posted from marts.fct_line_item"
    ~ " where is_adjustment and {filter} group by all) full join (select line_item_id, sum(amount) as caused"
    ~ " from audit.aud_adjustment where not is_held and {filter} group by all) using (line_item_id)"
    ~ " where posted is distinct from caused"
) }}
