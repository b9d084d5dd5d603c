-- grain: check_name, scope
-- Rates are kept as delivered and used as kept; every line is reported at the rate of its day, recomputed without any
-- division; reported sums are those of the lines. A group of lines of which one has no rate is unknown on both sides.
{% set period = ['legal_entity_id', 'currency', 'accounting_period'] -%}
with

fx_files as (
    select *
    from {{ ref('aud_input_file') }}
    where dataset = 'fx_rates' and status = 'loaded'
),

fx_rates as (
    select * from {{ ref('dim_fx_rate') }}
),

exchange_rates as (
    select * from {{ ref('dim_exchange_rate') }}
),

line_items as (
    select * from {{ ref('fct_line_item') }}
),

invoices as (
    select
        invoice_id as document_id,
        legal_entity_id,
        currency,
        status,
        total_amount_reporting as amount
    from {{ ref('fct_invoice') }}
    union all
    select
        credit_note_id as document_id,
        legal_entity_id,
        currency,
        status,
        amount_reporting as amount
    from {{ ref('fct_credit_note') }}
),

document_lines as (
    select
        invoice_id as document_id,
        legal_entity_id,
        payer_id,
        currency,
        billing_period_start,
        amount_reporting
    from {{ ref('fct_invoice_line') }}
    union all
    select
        credit_note_id as document_id,
        legal_entity_id,
        payer_id,
        currency,
        billing_period_start,
        amount_reporting
    from {{ ref('fct_credit_note_line') }}
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

-- Rates: kept as delivered ------------------------------------------------------------------------------------------

reported_rates as (
    select
        {{ scope_by(['delivery_date', 'source_file']) }},
        accepted_rows as amount
    from fx_files
    where accepted_rows is distinct from 0
),

kept_rates as (
    select
        {{ scope_by(['delivery_date', 'source_file']) }},
        count(*) as amount
    from fx_rates
    group by delivery_date, source_file
),

-- Rates: used as kept -----------------------------------------------------------------------------------------------

sides as (
    select
        rate_date,
        rate_type,
        base_currency,
        quote_currency as currency,
        rate
    from fx_rates
    where is_current
    union all
    select distinct
        rate_date,
        rate_type,
        base_currency,
        base_currency as currency,
        cast(1 as decimal(38, 12)) as rate
    from fx_rates
    where is_current
),

-- Both sides on every date that the day can look back to: the latest of them is the one to use.
candidates as (
    select
        exchange_rates.currency,
        exchange_rates.target_currency,
        exchange_rates.date_day,
        of_currency.rate_date,
        of_currency.rate as denominator,
        of_target.rate as numerator
    from exchange_rates
    inner join sides as of_currency
        on
            exchange_rates.base_currency = of_currency.base_currency
            and exchange_rates.rate_type = of_currency.rate_type
            and exchange_rates.currency = of_currency.currency
            and of_currency.rate_date <= exchange_rates.date_day
            and of_currency.rate_date >= exchange_rates.date_day - cast(exchange_rates.max_age_days as integer)
    inner join sides as of_target
        on
            of_currency.base_currency = of_target.base_currency
            and of_currency.rate_type = of_target.rate_type
            and of_currency.rate_date = of_target.rate_date
            and exchange_rates.target_currency = of_target.currency
),

latest as (
    select *
    from candidates
    qualify row_number() over (partition by currency, target_currency, date_day order by rate_date desc) = 1
),

judged_rates as (
    select
        exchange_rates.target_currency,
        -- A rate that no delivery explains has no candidate: unknown counts as off.
        coalesce(
            exchange_rates.rate_date <> latest.rate_date
            or exchange_rates.numerator <> latest.numerator
            or exchange_rates.denominator <> latest.denominator,
            true
        ) as is_off
    from exchange_rates
    left join latest
        on
            exchange_rates.currency = latest.currency
            and exchange_rates.target_currency = latest.target_currency
            and exchange_rates.date_day = latest.date_day
),

rates_off as (
    select
        {{ scope_by(['target_currency']) }},
        count(*) filter (where is_off) as amount
    from judged_rates
    group by target_currency
),

no_rate_off as (
    select
        {{ scope_by(['target_currency']) }},
        0 as amount
    from judged_rates
    group by target_currency
),

-- Lines: reported at the rate of their day --------------------------------------------------------------------------

line_rates as (
    select
        line_items.currency,
        line_items.reporting_currency,
        line_items.amount,
        line_items.amount_reporting,
        line_items.fx_rate_date,
        exchange_rates.rate_date,
        exchange_rates.denominator,
        abs(line_items.amount) * exchange_rates.numerator as amount_crossed,
        abs(line_items.amount_reporting) * exchange_rates.denominator as reported_crossed,
        currencies.minor_unit_amount * exchange_rates.denominator as unit_crossed
    from line_items
    left join exchange_rates
        on
            line_items.currency = exchange_rates.currency
            and line_items.reporting_currency = exchange_rates.target_currency
            and line_items.posting_date = exchange_rates.date_day
    left join currencies on line_items.reporting_currency = currencies.currency
    -- A closed month keeps the rates that it was closed with.
    where not line_items.is_period_closed
),

judged_lines as (
    select
        currency,
        coalesce(
            case
                when currency = reporting_currency
                    then amount_reporting is distinct from amount or fx_rate_date is not null
                when rate_date is null then amount_reporting is not null or fx_rate_date is not null
                -- Unknown in spite of a rate: only an amount that reaches 10^13 may be.
                when amount_reporting is null then amount_crossed < 10000000000000 * denominator
                -- amount * numerator / denominator, rounded half up, is within half a unit: both sides are multiplied
                -- by 2 * denominator, so that nothing is divided.
                else
                    fx_rate_date is distinct from rate_date
                    or sign(amount) * sign(amount_reporting) < 0
                    or 2 * (reported_crossed - amount_crossed) > unit_crossed
                    or 2 * (amount_crossed - reported_crossed) >= unit_crossed
            end,
            true
        ) as is_off
    from line_rates
),

lines_off as (
    select
        {{ scope_by(['currency']) }},
        count(*) filter (where is_off) as amount
    from judged_lines
    group by currency
),

no_line_off as (
    select
        {{ scope_by(['currency']) }},
        0 as amount
    from judged_lines
    group by currency
),

-- Lines: converted at the rate of their service date ------------------------------------------------------------------

judged_conversions as (
    select
        line_items.currency,
        coalesce(
            case
                when line_items.price_currency = line_items.currency then line_items.price_rate_date is not null
                else line_items.price_rate_date <> exchange_rates.rate_date
            end,
            true
        ) as is_off
    from line_items
    left join exchange_rates
        on
            line_items.price_currency = exchange_rates.currency
            and line_items.currency = exchange_rates.target_currency
            and line_items.service_date = exchange_rates.date_day
    -- An adjustment is a difference of many days and names none of their rates.
    where not line_items.is_period_closed and not line_items.is_adjustment
),

conversions_off as (
    select
        {{ scope_by(['currency']) }},
        count(*) filter (where is_off) as amount
    from judged_conversions
    group by currency
),

no_conversion_off as (
    select
        {{ scope_by(['currency']) }},
        0 as amount
    from judged_conversions
    group by currency
),

-- Sums: those of the lines ------------------------------------------------------------------------------------------

lines_by_day as (
    select
        legal_entity_id,
        currency,
        accounting_period,
        {{ strict_sum('amount_reporting') }} as amount
    from line_items
    where kind = 'revenue'
    group by legal_entity_id, account_id, contract_id, product_id, posting_date, currency, accounting_period
),

-- A period in which something is only billed has earned nothing.
earned_by_day as (
    select
        legal_entity_id,
        currency,
        accounting_period,
        amount
    from lines_by_day
    union all
    select
        legal_entity_id,
        currency,
        accounting_period,
        0 as amount
    from revenue_daily
    where billed_amount <> 0
),

reported_by_day as (
    select
        {{ scope_by(period) }},
        coalesce(sum(amount), 0) as amount
    from earned_by_day
    group by {{ period | join(', ') }}
),

recognised_by_day as (
    select
        {{ scope_by(period) }},
        coalesce(sum(recognised_amount_reporting), 0) as amount
    from revenue_daily
    group by {{ period | join(', ') }}
),

-- What was issued of a period of which nothing is earned any more has been credited: both come to nothing.
earned as (
    select
        legal_entity_id,
        payer_id,
        currency,
        billing_period_start,
        amount_reporting
    from line_items
    where kind = 'revenue'
    union all
    select
        document_lines.legal_entity_id,
        document_lines.payer_id,
        document_lines.currency,
        document_lines.billing_period_start,
        0 as amount_reporting
    from document_lines
    inner join invoices on document_lines.document_id = invoices.document_id
    where invoices.status = 'issued'
),

lines_by_invoice as (
    select
        legal_entity_id,
        currency,
        billing_period_start,
        {{ strict_sum('amount_reporting') }} as amount
    from earned
    group by legal_entity_id, payer_id, currency, billing_period_start
),

reported_by_invoice as (
    select
        {{ scope_by(['legal_entity_id', 'currency', 'billing_period_start']) }},
        coalesce(sum(amount), 0) as amount
    from lines_by_invoice
    group by legal_entity_id, currency, billing_period_start
),

document_lines_by_payer as (
    select
        legal_entity_id,
        currency,
        billing_period_start,
        {{ strict_sum('amount_reporting') }} as amount
    from document_lines
    group by legal_entity_id, payer_id, currency, billing_period_start
),

invoiced as (
    select
        {{ scope_by(['legal_entity_id', 'currency', 'billing_period_start']) }},
        coalesce(sum(amount), 0) as amount
    from document_lines_by_payer
    group by legal_entity_id, currency, billing_period_start
),

lines_of_document as (
    select
        legal_entity_id,
        currency,
        {{ strict_sum('amount_reporting') }} as amount
    from document_lines
    group by document_id, legal_entity_id, currency
),

reported_of_lines as (
    select
        {{ scope_by(['legal_entity_id', 'currency']) }},
        coalesce(sum(amount), 0) as amount
    from lines_of_document
    group by legal_entity_id, currency
),

reported_of_headers as (
    select
        {{ scope_by(['legal_entity_id', 'currency']) }},
        coalesce(sum(amount), 0) as amount
    from invoices
    group by legal_entity_id, currency
),

daily_by_product as (
    select
        currency,
        {{ strict_sum('recognised_amount_reporting') }} as amount
    from revenue_daily
    group by date_trunc('month', date_day), product_id, currency
),

recognised_by_product as (
    select
        {{ scope_by(['currency']) }},
        coalesce(sum(amount), 0) as amount
    from daily_by_product
    group by currency
),

reported_by_product as (
    select
        {{ scope_by(['currency']) }},
        coalesce(sum(recognised_amount_reporting), 0) as amount
    from by_product
    group by currency
),

daily_by_account as (
    select
        currency,
        {{ strict_sum('recognised_amount_reporting') }} as amount
    from revenue_daily
    group by date_trunc('month', date_day), account_id, currency
),

recognised_by_account as (
    select
        {{ scope_by(['currency']) }},
        coalesce(sum(amount), 0) as amount
    from daily_by_account
    group by currency
),

reported_by_account as (
    select
        {{ scope_by(['currency']) }},
        coalesce(sum(recognised_amount_reporting), 0) as amount
    from by_account
    group by currency
)

{{ tie_out(
    'fx_rates_kept',
    left='reported_rates', left_name='rates that the file reports as accepted',
    right='kept_rates', right_name='dim_fx_rate',
    drill_sql="select * from audit.aud_input_file left join (select delivery_date, source_file, count(*) as kept"
    ~ " from marts.dim_fx_rate group by all) using (delivery_date, source_file) where {filter}"
) }}
union all
{{ tie_out(
    'exchange_rates_as_delivered',
    left='rates_off', left_name='exchange rates that are not the last ones delivered',
    right='no_rate_off', right_name='none',
    drill_sql="select used.*, delivered.quote_currency, delivered.rate from marts.dim_exchange_rate as used"
    ~ " left join marts.dim_fx_rate as delivered on used.base_currency = delivered.base_currency and"
    ~ " used.rate_date = delivered.rate_date and delivered.is_current and"
    ~ " delivered.quote_currency in (used.currency, used.target_currency) where {filter}"
) }}
union all
{{ tie_out(
    'lines_reported_at_the_rate',
    left='lines_off', left_name='lines whose reported amount is not that of the rate of their day',
    right='no_line_off', right_name='none',
    drill_sql="select line_item_id, posting_date, amount, line_items.currency, amount_reporting, reporting_currency,"
    ~ " fx_rate_date, rate_date, numerator, denominator from marts.fct_line_item as line_items"
    ~ " left join marts.dim_exchange_rate as rates on line_items.currency = rates.currency and"
    ~ " reporting_currency = target_currency and posting_date = date_day where line_items.{filter}"
) }}
union all
{{ tie_out(
    'converted_lines_name_their_rate',
    left='conversions_off', left_name='lines that do not name the rate of their service date',
    right='no_conversion_off', right_name='none',
    drill_sql="select line_item_id, service_date, price_currency, line_items.currency, price_rate_date, rate_date"
    ~ " from marts.fct_line_item as line_items left join marts.dim_exchange_rate as rates on"
    ~ " price_currency = rates.currency and line_items.currency = target_currency and service_date = date_day"
    ~ " where line_items.{filter}"
) }}
union all
{{ tie_out(
    'reported_lines_in_revenue_daily',
    left='reported_by_day', left_name='reported revenue of fct_line_item',
    right='recognised_by_day', right_name='fct_revenue_daily',
    drill_sql="select * from (select account_id, contract_id, product_id, posting_date as date_day,"
    ~ " sum(amount_reporting) as reported, count(*) - count(amount_reporting) as unknown from marts.fct_line_item"
    ~ " where kind = 'revenue' and {filter} group by all) full join (select account_id, contract_id, product_id,"
    ~ " date_day, recognised_amount_reporting from marts.fct_revenue_daily where {filter})"
    ~ " using (account_id, contract_id, product_id, date_day) where reported is distinct from"
    ~ " recognised_amount_reporting"
) }}
union all
{{ tie_out(
    'reported_lines_on_invoices',
    left='reported_by_invoice', left_name='reported revenue of fct_line_item',
    right='invoiced', right_name='fct_invoice_line and fct_credit_note_line',
    drill_sql="select * from (select payer_id, sum(amount_reporting) as reported,"
    ~ " count(*) - count(amount_reporting) as unknown from marts.fct_line_item where kind = 'revenue' and {filter}"
    ~ " group by all) full join (select payer_id, sum(amount_reporting) as invoiced from (select legal_entity_id,"
    ~ " payer_id, currency, billing_period_start, amount_reporting from marts.fct_invoice_line union all select"
    ~ " legal_entity_id, payer_id, currency, billing_period_start, amount_reporting from marts.fct_credit_note_line)"
    ~ " where {filter} group by all) using (payer_id) where reported is distinct from invoiced"
) }}
union all
{{ tie_out(
    'reported_lines_on_headers',
    left='reported_of_lines', left_name='reported amounts of lines of invoices and credit notes',
    right='reported_of_headers', right_name='those of fct_invoice and fct_credit_note',
    drill_sql="select * from (select document_id, sum(amount_reporting) as of_lines from (select invoice_id as"
    ~ " document_id, legal_entity_id, currency, amount_reporting from marts.fct_invoice_line union all select"
    ~ " credit_note_id, legal_entity_id, currency, amount_reporting from marts.fct_credit_note_line) where {filter}"
    ~ " group by all) full join (select invoice_id as document_id, legal_entity_id, currency, total_amount_reporting"
    ~ " as of_header from marts.fct_invoice union all select credit_note_id, legal_entity_id, currency,"
    ~ " amount_reporting from marts.fct_credit_note) using (document_id) where of_lines is distinct from of_header"
) }}
union all
{{ tie_out(
    'reported_revenue_in_report_by_product',
    left='recognised_by_product', left_name='fct_revenue_daily',
    right='reported_by_product', right_name='rpt_revenue_by_product',
    drill_sql="select * from (select cast(date_trunc('month', date_day) as date) as date_month, product_id,"
    ~ " sum(recognised_amount_reporting) as daily_amount from marts.fct_revenue_daily where {filter} group by all)"
    ~ " full join (select date_month, product_id, recognised_amount_reporting from reports.rpt_revenue_by_product"
    ~ " where {filter}) using (date_month, product_id) where daily_amount is distinct from recognised_amount_reporting"
) }}
union all
{{ tie_out(
    'reported_revenue_in_report_by_account',
    left='recognised_by_account', left_name='fct_revenue_daily',
    right='reported_by_account', right_name='rpt_revenue_by_account',
    drill_sql="select * from (select cast(date_trunc('month', date_day) as date) as date_month, account_id,"
    ~ " sum(recognised_amount_reporting) as daily_amount from marts.fct_revenue_daily where {filter} group by all)"
    ~ " full join (select date_month, account_id, recognised_amount_reporting from reports.rpt_revenue_by_account"
    ~ " where {filter}) using (date_month, account_id) where daily_amount is distinct from recognised_amount_reporting"
) }}
