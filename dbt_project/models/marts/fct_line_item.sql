-- grain: line_item_id
-- A closed month is read as it was sealed; only open months are made.
with

line_items as (
    select * from {{ ref('stg_posted_line_items') }}
),

closed_months as (
    select * from {{ ref('stg_sealed_periods') }}
),

closed_line_items as (
    select * from {{ ref('stg_closed_line_items') }}
),

run as (
    select * from {{ ref('meta_run') }}
),

awaited_days as (
    select * from {{ ref('int_usage_days_awaited') }}
)

select
    line_items.line_item_id,
    line_items.legal_entity_id,
    line_items.account_id,
    line_items.payer_id,
    line_items.contract_id,
    line_items.product_id,
    line_items.price_id,
    line_items.price_version_id,
    line_items.charge_kind,
    line_items.kind,
    line_items.is_adjustment,
    line_items.dimensions,
    line_items.service_date,
    line_items.posting_date,
    line_items.billing_period_start,
    line_items.billing_period_end,
    line_items.quantity,
    line_items.quantity_before,
    line_items.amount_exact,
    line_items.amount_exact_before,
    line_items.amount,
    line_items.list_amount,
    line_items.amount_reporting,
    line_items.currency,
    run.reporting_currency,
    line_items.price_currency,
    line_items.price_rate_date,
    line_items.fx_rate_date,
    line_items.applies_to_line_item_id,
    line_items.rule_version,
    strftime(line_items.posting_date, '%Y-%m') as accounting_period,
    false as is_period_closed,
    awaited_days.service_date is not null and line_items.charge_kind in ('usage', 'pass_through') as is_provisional
from line_items
cross join run
left join awaited_days on line_items.service_date = awaited_days.service_date
left join closed_months
    on
        line_items.legal_entity_id = closed_months.legal_entity_id
        and date_trunc('month', line_items.posting_date) = closed_months.accounting_month
where closed_months.seal_number is null
union all
select
    line_item_id,
    legal_entity_id,
    account_id,
    payer_id,
    contract_id,
    product_id,
    price_id,
    price_version_id,
    charge_kind,
    kind,
    is_adjustment,
    dimensions,
    service_date,
    posting_date,
    billing_period_start,
    billing_period_end,
    quantity,
    quantity_before,
    amount_exact,
    amount_exact_before,
    amount,
    list_amount,
    amount_reporting,
    currency,
    reporting_currency,
    price_currency,
    price_rate_date,
    fx_rate_date,
    applies_to_line_item_id,
    rule_version,
    accounting_period,
    is_period_closed,
    is_provisional
from closed_line_items
