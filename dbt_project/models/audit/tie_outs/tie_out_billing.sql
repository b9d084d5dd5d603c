-- grain: check_name, scope
-- Revenue lines = lines of invoices and credit notes, issued and not, per legal entity, currency and billing period, in
-- money and number; lines = their documents; earned less billed = what is not issued; numbers have no gap; a payer has
-- one invoice per currency and period.
{% set period = ['legal_entity_id', 'currency', 'billing_period_start'] -%}
{% set series = ['legal_entity_id', 'document_kind', 'document_year'] -%}
{% set both = "(select invoice_id as document_id, legal_entity_id, payer_id, currency, billing_period_start,"
    ~ " account_id, contract_id, price_id, dimensions, charge_kind, amount, rated_line_count from marts.fct_invoice_line union all"
    ~ " select credit_note_id as document_id, legal_entity_id, payer_id, currency, billing_period_start, account_id,"
    ~ " contract_id, price_id, dimensions, charge_kind, amount, rated_line_count from marts.fct_credit_note_line)" -%}
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

credit_note_lines as (
    select * from {{ ref('fct_credit_note_line') }}
),

credit_notes as (
    select * from {{ ref('fct_credit_note') }}
),

revenue_daily as (
    select * from {{ ref('fct_revenue_daily') }}
),

documents as (
    select
        invoice_id as document_id,
        'invoice' as document_kind,
        invoice_number as document_number,
        year(invoice_date) as document_year,
        status,
        legal_entity_id,
        currency,
        billing_period_start,
        subtotal_amount as amount
    from invoices
    union all
    select
        credit_note_id as document_id,
        'credit_note' as document_kind,
        credit_note_number as document_number,
        year(credit_note_date) as document_year,
        status,
        legal_entity_id,
        currency,
        billing_period_start,
        amount
    from credit_notes
),

document_lines as (
    select
        invoice_id as document_id,
        legal_entity_id,
        currency,
        billing_period_start,
        amount,
        rated_line_count
    from invoice_lines
    union all
    select
        credit_note_id as document_id,
        legal_entity_id,
        currency,
        billing_period_start,
        amount,
        rated_line_count
    from credit_note_lines
),

-- A correction has the period of what it corrects, its document may have a later one.
headed_lines as (
    select
        document_lines.legal_entity_id,
        document_lines.currency,
        documents.billing_period_start,
        document_lines.billing_period_start as earned_in,
        document_lines.amount,
        documents.status
    from document_lines
    left join documents on document_lines.document_id = documents.document_id
),

-- What was issued of a period of which nothing is earned any more has been credited: both come to nothing.
earned as (
    select
        legal_entity_id,
        currency,
        billing_period_start,
        amount,
        1 as line_count
    from line_items
    union all
    select
        legal_entity_id,
        currency,
        earned_in as billing_period_start,
        0 as amount,
        0 as line_count
    from headed_lines
    where status = 'issued'
),

rated_amount as (
    select
        {{ scope_by(period) }},
        {{ strict_sum('amount') }} as amount
    from earned
    group by {{ period | join(', ') }}
),

billed_amount as (
    select
        {{ scope_by(period) }},
        {{ strict_sum('amount') }} as amount
    from document_lines
    group by {{ period | join(', ') }}
),

rated_count as (
    select
        {{ scope_by(period) }},
        sum(line_count) as amount
    from earned
    group by {{ period | join(', ') }}
),

billed_count as (
    select
        {{ scope_by(period) }},
        {{ strict_sum('rated_line_count') }} as amount
    from document_lines
    group by {{ period | join(', ') }}
),

line_amount as (
    select
        {{ scope_by(period) }},
        {{ strict_sum('amount') }} as amount
    from headed_lines
    group by {{ period | join(', ') }}
),

document_amount as (
    select
        {{ scope_by(period) }},
        {{ strict_sum('amount') }} as amount
    from documents
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
),

unbilled_amount as (
    select
        {{ scope_by(['legal_entity_id', 'currency']) }},
        {{ strict_sum('unbilled_delta') }} as amount
    from revenue_daily
    group by legal_entity_id, currency
),

open_amount as (
    select
        {{ scope_by(['legal_entity_id', 'currency']) }},
        cast(coalesce(sum(amount) filter (where status is distinct from 'issued'), 0) as decimal(38, 12)) as amount
    from headed_lines
    group by legal_entity_id, currency
),

last_number as (
    select
        {{ scope_by(series, found_by=['legal_entity_id']) }},
        max(cast(regexp_extract(document_number, '[0-9]+$') as bigint)) as amount
    from documents
    where status = 'issued'
    group by {{ series | join(', ') }}
),

number_count as (
    select
        {{ scope_by(series, found_by=['legal_entity_id']) }},
        count(distinct document_number) as amount
    from documents
    where status = 'issued'
    group by {{ series | join(', ') }}
),

first_invoices as (
    select
        legal_entity_id,
        currency,
        billing_period_start,
        count(*) as invoice_count,
        count(distinct payer_id || ' ' || billing_period_end) as payer_count
    from invoices
    where corrects_invoice_id is null
    group by {{ period | join(', ') }}
),

invoice_count as (
    select
        {{ scope_by(period) }},
        invoice_count as amount
    from first_invoices
),

payer_count as (
    select
        {{ scope_by(period) }},
        payer_count as amount
    from first_invoices
)

{{ tie_out(
    'revenue_lines_on_invoice_lines',
    left='rated_amount', left_name='revenue of fct_line_item',
    right='billed_amount', right_name='fct_invoice_line and fct_credit_note_line',
    drill_sql="select * from (select payer_id, account_id, contract_id, price_id, dimensions, charge_kind,"
    ~ " sum(amount) as rated_amount from marts.fct_line_item where kind = 'revenue' and {filter} group by all)"
    ~ " full join (select payer_id, account_id, contract_id, price_id, dimensions, charge_kind,"
    ~ " sum(amount) as billed_amount from " ~ both ~ " where {filter} group by all)"
    ~ " using (payer_id, account_id, contract_id, price_id, dimensions, charge_kind)"
    ~ " where rated_amount is distinct from billed_amount"
) }}
union all
{{ tie_out(
    'revenue_lines_counted_on_invoice_lines',
    left='rated_count', left_name='revenue lines of fct_line_item',
    right='billed_count', right_name='rated_line_count of fct_invoice_line and fct_credit_note_line',
    drill_sql="select * from (select payer_id, account_id, contract_id, price_id, dimensions, charge_kind,"
    ~ " count(*) as rated_count from marts.fct_line_item where kind = 'revenue' and {filter} group by all)"
    ~ " full join (select payer_id, account_id, contract_id, price_id, dimensions, charge_kind,"
    ~ " sum(rated_line_count) as billed_count from " ~ both ~ " where {filter} group by all)"
    ~ " using (payer_id, account_id, contract_id, price_id, dimensions, charge_kind)"
    ~ " where rated_count is distinct from billed_count"
) }}
union all
{{ tie_out(
    'invoice_lines_on_invoices',
    left='line_amount', left_name='lines of fct_invoice_line and fct_credit_note_line',
    right='document_amount', right_name='fct_invoice and fct_credit_note',
    drill_sql="select * from (select document_id, sum(amount) as line_amount from " ~ both
    ~ " group by all) full join (select invoice_id as document_id, legal_entity_id, currency, billing_period_start,"
    ~ " subtotal_amount as amount from marts.fct_invoice union all select credit_note_id, legal_entity_id, currency,"
    ~ " billing_period_start, amount from marts.fct_credit_note) using (document_id)"
    ~ " where line_amount is distinct from amount and ({filter} or amount is null)"
) }}
union all
{{ tie_out(
    'invoice_totals_add_up',
    left='due_amount', left_name='subtotal less discount with tax of fct_invoice',
    right='owed_amount', right_name='total of fct_invoice',
    drill_sql="select * from marts.fct_invoice where {filter}"
    ~ " and total_amount is distinct from subtotal_amount - discount_amount + tax_amount"
) }}
union all
{{ tie_out(
    'unbilled_is_not_issued',
    left='unbilled_amount', left_name='unbilled_delta of fct_revenue_daily',
    right='open_amount', right_name='lines of documents that are not issued',
    drill_sql="select account_id, contract_id, product_id, sum(recognised_amount) as recognised_amount,"
    ~ " sum(billed_amount) as billed_amount, sum(unbilled_delta) as unbilled_amount from marts.fct_revenue_daily"
    ~ " where {filter} group by all order by all"
) }}
union all
{{ tie_out(
    'document_numbers_without_gap',
    left='last_number', left_name='highest number of issued documents',
    right='number_count', right_name='numbers of issued documents',
    drill_sql="select * from (select 'invoice' as document_kind, invoice_number as document_number, invoice_date as"
    ~ " document_date, legal_entity_id from marts.fct_invoice union all select 'credit_note', credit_note_number,"
    ~ " credit_note_date, legal_entity_id from marts.fct_credit_note) where {filter} and document_number is not null"
    ~ " order by all"
) }}
union all
{{ tie_out(
    'one_invoice_per_period',
    left='invoice_count', left_name='invoices that correct none',
    right='payer_count', right_name='their payers and periods',
    drill_sql="select payer_id, billing_period_end, count(*) from marts.fct_invoice where corrects_invoice_id is null"
    ~ " and {filter} group by all having count(*) > 1"
) }}
