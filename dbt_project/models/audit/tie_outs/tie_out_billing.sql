-- grain: check_name, scope
-- Revenue lines = draft invoice lines = invoices, per legal entity, currency and billing period, in money and number.
{% set period = ['legal_entity_id', 'currency', 'billing_period_start'] -%}
with

line_items as (
    select *
    from {{ ref('fct_line_item') }}
    where kind = 'revenue'
),

invoice_lines as (
    select * from {{ ref('fct_invoice_line') }}
),

invoices as (
    select * from {{ ref('fct_invoice') }}
),

rated_amount as (
    select
        {{ scope_by(period) }},
        {{ strict_sum('amount') }} as amount
    from line_items
    group by {{ period | join(', ') }}
),

billed_amount as (
    select
        {{ scope_by(period) }},
        {{ strict_sum('amount') }} as amount
    from invoice_lines
    group by {{ period | join(', ') }}
),

rated_count as (
    select
        {{ scope_by(period) }},
        count(*) as amount
    from line_items
    group by {{ period | join(', ') }}
),

billed_count as (
    select
        {{ scope_by(period) }},
        {{ strict_sum('rated_line_count') }} as amount
    from invoice_lines
    group by {{ period | join(', ') }}
),

invoiced_amount as (
    select
        {{ scope_by(period) }},
        {{ strict_sum('subtotal_amount') }} as amount
    from invoices
    group by {{ period | join(', ') }}
),

owed_amount as (
    select
        {{ scope_by(period) }},
        {{ strict_sum('total_amount') }} as amount
    from invoices
    group by {{ period | join(', ') }}
),

due_amount as (
    select
        {{ scope_by(period) }},
        {{ strict_sum('subtotal_amount - discount_amount + tax_amount') }} as amount
    from invoices
    group by {{ period | join(', ') }}
)

{{ tie_out(
    'revenue_lines_on_invoice_lines',
    left='rated_amount', left_name='revenue of fct_line_item',
    right='billed_amount', right_name='fct_invoice_line',
    drill_sql="select * from (select payer_id, account_id, contract_id, price_id, dimensions, charge_kind,"
    ~ " sum(amount) as rated_amount from marts.fct_line_item where kind = 'revenue' and {filter} group by all)"
    ~ " full join (select payer_id, account_id, contract_id, price_id, dimensions, charge_kind,"
    ~ " sum(amount) as billed_amount from marts.fct_invoice_line where {filter} group by all)"
    ~ " using (payer_id, account_id, contract_id, price_id, dimensions, charge_kind)"
    ~ " where rated_amount is distinct from billed_amount"
) }}
union all
{{ tie_out(
    'revenue_lines_counted_on_invoice_lines',
    left='rated_count', left_name='revenue lines of fct_line_item',
    right='billed_count', right_name='rated_line_count of fct_invoice_line',
    drill_sql="select * from (select payer_id, account_id, contract_id, price_id, dimensions, charge_kind,"
    ~ " count(*) as rated_count from marts.fct_line_item where kind = 'revenue' and {filter} group by all)"
    ~ " full join (select payer_id, account_id, contract_id, price_id, dimensions, charge_kind,"
    ~ " sum(rated_line_count) as billed_count from marts.fct_invoice_line where {filter} group by all)"
    ~ " using (payer_id, account_id, contract_id, price_id, dimensions, charge_kind)"
    ~ " where rated_count is distinct from billed_count"
) }}
union all
{{ tie_out(
    'invoice_lines_on_invoices',
    left='billed_amount', left_name='fct_invoice_line',
    right='invoiced_amount', right_name='subtotals of fct_invoice',
    drill_sql="select * from (select invoice_id, sum(amount) as line_amount from marts.fct_invoice_line"
    ~ " where {filter} group by all) full join (select invoice_id, subtotal_amount from marts.fct_invoice"
    ~ " where {filter}) using (invoice_id) where line_amount is distinct from subtotal_amount"
) }}
union all
{{ tie_out(
    'invoice_totals_add_up',
    left='due_amount', left_name='subtotal less discount with tax of fct_invoice',
    right='owed_amount', right_name='total of fct_invoice',
    drill_sql="select * from marts.fct_invoice where {filter}"
    ~ " and total_amount is distinct from subtotal_amount - discount_amount + tax_amount"
) }}
