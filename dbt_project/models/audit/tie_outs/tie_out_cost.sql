-- grain: check_name, scope
-- Charges accepted = charges kept, per file; billed cost that stands = cost daily, per provider and billing period;
-- cost lines = cost daily, per currency and accounting period; cost daily and revenue lines = gross margin.
{% set bill = ['provider_name', 'billing_account_id', 'billing_period_start', 'currency'] -%}
with

files as (
    select *
    from {{ ref('aud_input_file') }}
    where dataset = 'costs'
),

cost_intake as (
    select * from {{ ref('aud_cost_intake') }}
),

cost_rows as (
    select * from {{ ref('aud_cost_row') }}
),

line_items as (
    select * from {{ ref('fct_line_item') }}
),

cost_daily as (
    select * from {{ ref('fct_cost_daily') }}
),

margins as (
    select * from {{ ref('rpt_gross_margin_by_currency') }}
),

reported as (
    select * from {{ ref('rpt_gross_margin') }}
),

reported_charges as (
    select
        {{ scope_by(['delivery_date', 'source_file']) }},
        accepted_rows as amount
    from files
    where accepted_rows is distinct from 0
),

kept_charges as (
    select
        {{ scope_by(['delivery_date', 'source_file']) }},
        {{ strict_sum('charge_count') }} as amount
    from cost_intake
    group by delivery_date, source_file
),

reported_cost as (
    select
        {{ scope_by(['delivery_date', 'source_file']) }},
        accepted_quantity as amount
    from files
    where accepted_rows is distinct from 0
),

kept_cost as (
    select
        {{ scope_by(['delivery_date', 'source_file']) }},
        {{ strict_sum('billed_cost') }} as amount
    from cost_intake
    group by delivery_date, source_file
),

landed_charges as (
    select
        {{ scope_by(bill) }},
        {{ strict_sum('charge_count') }} as amount
    from cost_intake
    where is_standing
    group by {{ bill | join(', ') }}
),

standing_charges as (
    select
        {{ scope_by(bill) }},
        count(*) as amount
    from cost_rows
    group by {{ bill | join(', ') }}
),

landed_cost as (
    select
        {{ scope_by(bill) }},
        {{ strict_sum('billed_cost') }} as amount
    from cost_intake
    where is_standing
    group by {{ bill | join(', ') }}
),

actual_cost as (
    select
        {{ scope_by(bill) }},
        {{ strict_sum('billed_cost') }} as amount
    from cost_daily
    where cost_source = 'actual'
    group by {{ bill | join(', ') }}
),

cost_lines as (
    select
        {{ scope_by(['currency', 'accounting_period']) }},
        {{ strict_sum('amount') }} as amount
    from line_items
    where kind = 'cost'
    group by currency, accounting_period
),

modelled_cost as (
    select
        {{ scope_by(['currency', 'accounting_period']) }},
        {{ strict_sum('billed_cost') }} as amount
    from cost_daily
    where cost_source = 'modelled'
    group by currency, accounting_period
),

amounts as (
    select
        currency,
        amount as earned_less_spent,
        0 as counted_cost
    from line_items
    where kind = 'revenue'
    union all
    select
        currency,
        -billed_cost as earned_less_spent,
        case when is_cost_basis then billed_cost else 0 end as counted_cost
    from cost_daily
),

-- Revenue less all cost, counted or not, so that nothing of either side can be missing from the report.
earned_less_spent as (
    select
        {{ scope_by(['currency']) }},
        {{ strict_sum('earned_less_spent') }} as amount
    from amounts
    group by currency
),

reported_margin as (
    select
        {{ scope_by(['currency']) }},
        {{ strict_sum('revenue - coalesce(modelled_cost, 0) - coalesce(actual_cost, 0)') }} as amount
    from margins
    group by currency
),

counted_cost as (
    select
        {{ scope_by(['currency']) }},
        {{ strict_sum('counted_cost') }} as amount
    from amounts
    group by currency
),

reported_counted as (
    select
        {{ scope_by(['currency']) }},
        {{ strict_sum('revenue - gross_margin') }} as amount
    from margins
    group by currency
),

by_month as (
    select
        {{ scope_by(['date_month']) }},
        count(*) as amount
    from (
        select distinct
            date_month,
            account_id,
            product_id
        from margins
    ) as months
    group by date_month
),

reported_by_month as (
    select
        {{ scope_by(['date_month']) }},
        count(*) as amount
    from reported
    group by date_month
),

amounts_reporting as (
    select
        cast(date_trunc('month', posting_date) as date) as date_month,
        account_id,
        product_id,
        amount_reporting as amount
    from line_items
    where kind = 'revenue'
    union all
    select
        cast(date_trunc('month', date_day) as date) as date_month,
        account_id,
        product_id,
        -billed_cost_reporting as amount
    from cost_daily
    where is_cost_basis
),

-- Where one amount has no rate the whole is unknown, on both sides; what is known has to agree.
margin_in_reporting as (
    select
        date_month,
        coalesce({{ known_sum('true') }}, 0) as margin
    from amounts_reporting
    group by date_month, account_id, product_id
),

known_margin as (
    select
        {{ scope_by(['date_month']) }},
        sum(margin) as amount
    from margin_in_reporting
    group by date_month
),

reported_known_margin as (
    select
        {{ scope_by(['date_month']) }},
        sum(coalesce(gross_margin, 0)) as amount
    from reported
    group by date_month
)

{{ tie_out(
    'cost_rows_kept',
    left='reported_charges', left_name='charges that the file reports',
    right='kept_charges', right_name='charges that are kept',
    drill_sql="select delivery_date, source_file, files.accepted_rows, kept.provider_name, kept.billing_period_start,"
    ~ " kept.charge_count from audit.aud_input_file as files full join audit.aud_cost_intake as kept"
    ~ " using (delivery_date, source_file) where {filter}"
) }}
union all
{{ tie_out(
    'cost_amounts_kept',
    left='reported_cost', left_name='billed cost that the file reports',
    right='kept_cost', right_name='billed cost that is kept',
    drill_sql="select delivery_date, source_file, files.accepted_quantity, kept.provider_name,"
    ~ " kept.billing_period_start, kept.billed_cost from audit.aud_input_file as files"
    ~ " full join audit.aud_cost_intake as kept using (delivery_date, source_file) where {filter}"
) }}
union all
{{ tie_out(
    'standing_charges_in_cost_rows',
    left='landed_charges', left_name='charges of the bills that stand',
    right='standing_charges', right_name='charges in aud_cost_row',
    drill_sql="select 'landed' as side, source_file, sum(charge_count) as charges from audit.aud_cost_intake"
    ~ " where is_standing and {filter} group by all union all select 'standing', source_file, count(*)"
    ~ " from audit.aud_cost_row where {filter} group by all order by all"
) }}
union all
{{ tie_out(
    'provider_cost_in_cost_daily',
    left='landed_cost', left_name='billed cost of the bills that stand',
    right='actual_cost', right_name='actual cost of fct_cost_daily',
    drill_sql="select 'landed' as side, source_file as found_in, sum(billed_cost) as billed_cost"
    ~ " from audit.aud_cost_intake where is_standing and {filter} group by all union all"
    ~ " select 'daily', product_id || ' ' || account_id, sum(billed_cost) from marts.fct_cost_daily"
    ~ " where cost_source = 'actual' and {filter} group by all order by all"
) }}
union all
{{ tie_out(
    'cost_lines_in_cost_daily',
    left='cost_lines', left_name='cost lines of fct_line_item',
    right='modelled_cost', right_name='modelled cost of fct_cost_daily',
    drill_sql="select * from (select account_id, product_id, posting_date as date_day, sum(amount) as line_amount"
    ~ " from marts.fct_line_item where kind = 'cost' and {filter} group by all) full join (select account_id,"
    ~ " product_id, date_day, sum(billed_cost) as daily_cost from marts.fct_cost_daily"
    ~ " where cost_source = 'modelled' and {filter} group by all) using (account_id, product_id, date_day)"
    ~ " where line_amount is distinct from daily_cost"
) }}
union all
{{ tie_out(
    'revenue_and_cost_in_gross_margin',
    left='earned_less_spent', left_name='revenue lines less fct_cost_daily',
    right='reported_margin', right_name='revenue less both costs of rpt_gross_margin_by_currency',
    drill_sql="select * from (select account_id, product_id, sum(amount) as earned from marts.fct_line_item"
    ~ " where kind = 'revenue' and {filter} group by all) full join (select account_id, product_id,"
    ~ " sum(billed_cost) as spent from marts.fct_cost_daily where {filter} group by all) using (account_id, product_id)"
    ~ " full join (select account_id, product_id, sum(revenue) as revenue, sum(modelled_cost) as modelled_cost,"
    ~ " sum(actual_cost) as actual_cost from reports.rpt_gross_margin_by_currency where {filter} group by all)"
    ~ " using (account_id, product_id) where coalesce(earned, spent) is null or coalesce(earned, 0)"
    ~ " - coalesce(spent, 0) is distinct from revenue - coalesce(modelled_cost, 0) - coalesce(actual_cost, 0)"
) }}
union all
{{ tie_out(
    'counted_cost_in_gross_margin',
    left='counted_cost', left_name='cost basis of fct_cost_daily',
    right='reported_counted', right_name='revenue less gross margin of rpt_gross_margin_by_currency',
    drill_sql="select * from (select account_id, product_id, sum(billed_cost) as counted_cost"
    ~ " from marts.fct_cost_daily where is_cost_basis and {filter} group by all) full join (select account_id,"
    ~ " product_id, sum(revenue - gross_margin) as reported_cost from reports.rpt_gross_margin_by_currency"
    ~ " where {filter} group by all) using (account_id, product_id)"
    ~ " where coalesce(counted_cost, 0) is distinct from reported_cost"
    ~ " or not exists (select 1 from marts.fct_line_item where {filter})"
) }}
union all
{{ tie_out(
    'margins_in_reporting_currency',
    left='by_month', left_name='accounts and products of rpt_gross_margin_by_currency',
    right='reported_by_month', right_name='rows of rpt_gross_margin',
    drill_sql="select date_month, account_id, product_id, by_currency.currency, by_currency.gross_margin,"
    ~ " reporting.gross_margin as in_reporting from reports.rpt_gross_margin_by_currency as by_currency"
    ~ " full join reports.rpt_gross_margin as reporting using (date_month, account_id, product_id) where {filter}"
) }}
union all
{{ tie_out(
    'amounts_in_reporting_gross_margin',
    left='known_margin', left_name='revenue less counted cost in the reporting currency',
    right='reported_known_margin', right_name='rpt_gross_margin',
    drill_sql="select * from (select date_trunc('month', posting_date)::date as date_month, account_id, product_id,"
    ~ " sum(amount_reporting) as earned from marts.fct_line_item where kind = 'revenue' group by all)"
    ~ " full join (select date_trunc('month', date_day)::date as date_month, account_id, product_id,"
    ~ " sum(billed_cost_reporting) as spent from marts.fct_cost_daily where is_cost_basis group by all)"
    ~ " using (date_month, account_id, product_id) full join reports.rpt_gross_margin"
    ~ " using (date_month, account_id, product_id) where {filter}"
    ~ " and coalesce(earned, 0) - coalesce(spent, 0) is distinct from gross_margin"
) }}
