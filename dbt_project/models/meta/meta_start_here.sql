-- grain: question_no
select
    cast(questions.question_no as bigint) as question_no,
    questions.question,
    questions.table_name,
    questions.example_sql
from (
    values
    (
        1,
        'Which run am I reading, and what does it know?',
        'meta.run',
        'select run_number, as_of_date, delivery_count, rule_version from meta.run'
    ),
    (
        2,
        'What is billed, per month and currency?',
        'marts.fct_invoice',
        'select billing_period_start, currency, count(*) as invoices, sum(total_amount) as total_amount '
        || 'from marts.fct_invoice group by all order by all'
    ),
    (
        3,
        'Which products earn it?',
        'reports.rpt_revenue_by_product',
        'select * from reports.rpt_revenue_by_product order by date_month, currency, revenue_rank'
    ),
    (
        4,
        'Which accounts earn it?',
        'reports.rpt_revenue_by_account',
        'select * from reports.rpt_revenue_by_account where revenue_rank <= 10 '
        || 'order by date_month, currency, revenue_rank'
    ),
    (
        5,
        'What does an invoice say, line by line?',
        'marts.fct_invoice_line',
        'select * from marts.fct_invoice_line where invoice_id = '
        || '(select invoice_id from marts.fct_invoice order by line_count desc, invoice_id limit 1) order by line_no'
    ),
    (
        6,
        'Which line items are behind an invoice line? (ratebook explain ID shows one down to its events)',
        'marts.fct_line_item',
        'select line_item_id, service_date, quantity, amount_exact, amount, currency from marts.fct_line_item '
        || 'where (contract_id, price_id, billing_period_start) = (select (contract_id, price_id, '
        || 'billing_period_start) from marts.fct_invoice_line order by rated_line_count desc, invoice_id, line_no '
        || 'limit 1) order by service_date, line_item_id'
    ),
    (
        7,
        'What does it cost, and what is left?',
        'reports.rpt_gross_margin',
        'select date_month, product_id, currency, sum(revenue) as revenue, sum(cost) as cost, '
        || 'sum(gross_margin) as gross_margin, sum(cost_variance) as cost_variance '
        || 'from reports.rpt_gross_margin group by all order by all'
    ),
    (
        8,
        'How much was used, and how much of it is billable?',
        'marts.fct_usage_daily',
        'select meter, unit, value_currency, sum(quantity) as quantity, sum(billable_quantity) as billable_quantity, '
        || 'sum(late_event_count) as late_events from marts.fct_usage_daily group by all order by all'
    ),
    (
        9,
        'Which price held, and since when?',
        'marts.dim_price',
        'select price_id, currency, model, unit_amount, tiers, rate, valid_from, valid_to from marts.dim_price '
        || 'where is_current order by price_id, currency, contract_id'
    ),
    (
        10,
        'What was used and cannot be priced yet?',
        'audit.aud_suspense',
        'select rule, detail, account_id, meter, event_count, quantity, age_days from audit.aud_suspense '
        || 'where kind = ''revenue'' order by age_days desc, account_id, meter'
    ),
    (
        11,
        'Which delivered files and rows were not taken?',
        'audit.aud_input_file',
        'select source_file, status, landed_rows, accepted_rows, duplicate_rows, conflict_rows, rejected_rows '
        || 'from audit.aud_input_file where accepted_rows <> landed_rows or status <> ''loaded'' order by source_file'
    ),
    (
        12,
        'Does everything tie out?',
        'audit.aud_reconciliation',
        'select check_name, count(*) as scopes, count(*) filter (where not is_passed) as failed '
        || 'from audit.aud_reconciliation group by check_name order by check_name'
    ),
    (
        13,
        'What does a column mean?',
        'meta.columns',
        'select table_name, column_name, data_type, description, unit, null_means from meta.columns '
        || 'order by schema_name, table_name, column_position'
    ),
    (
        14,
        'What did each month earn in one currency, and what is missing in it?',
        'reports.rpt_revenue_by_account',
        'select date_month, reporting_currency, sum(recognised_amount_reporting) as recognised, '
        || 'count(*) filter (where recognised_amount_reporting is null) as unknown_accounts '
        || 'from reports.rpt_revenue_by_account group by all order by all'
    ),
    (
        15,
        'Which charges of a provider are nobody''s, and where do they stand?',
        'audit.aud_cost_row',
        'select unmapped_rule, unmapped_detail, provider_name, service_name, sub_account_id, source_file, source_line, '
        || 'billed_cost, currency from audit.aud_cost_row where unmapped_rule is not null '
        || 'order by source_file, source_line'
    ),
    (
        16,
        'Has everything arrived that is expected, and what is provisional until it has?',
        'audit.aud_feed_day',
        'select count(*) as expected_days, '
        || 'count(*) filter (where status in (''incomplete'', ''pending'')) as open_days, '
        || 'count(*) filter (where status = ''late'') as late_days, max(message) as one_of_them '
        || 'from audit.aud_feed_day'
    ),
    (
        17,
        'Which usage was taken back or amended, and what waits for its event?',
        'audit.aud_reversal',
        'select correction, event_id, reversed_event_id, outcome, rule, account_id, meter, reversed_quantity '
        || 'from audit.aud_reversal order by outcome desc, landed_on, event_id'
    )
) as questions (question_no, question, table_name, example_sql)
