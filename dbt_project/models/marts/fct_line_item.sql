-- grain: line_item_id
with

line_items as (
    select * from {{ ref('stg_line_items') }}
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
