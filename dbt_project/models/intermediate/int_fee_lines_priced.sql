-- grain: line_item_id
-- Lines of prices with a fee category, with the unit price at which their period's total stands.
with

line_items as (
    select * from {{ ref('fct_line_item') }}
),

prices as (
    select * from {{ ref('dim_price') }}
    where fee_category is not null and kind = 'revenue'
),

meters as (
    select * from {{ ref('stg_meters') }}
),

tiers as (
    select * from {{ ref('stg_price_tiers') }}
),

cells as (
    select * from {{ ref('stg_price_cells') }}
),

paying as (
    select * from {{ ref('int_paying_events_counted') }}
),

fee_lines as (
    select
        line_items.line_item_id,
        line_items.account_id,
        line_items.contract_id,
        line_items.posting_date,
        line_items.service_date,
        line_items.billing_period_start,
        line_items.charge_kind,
        line_items.is_adjustment,
        line_items.dimensions,
        line_items.quantity,
        line_items.amount,
        line_items.currency,
        prices.price_version_id,
        prices.currency as price_currency,
        prices.fee_category,
        prices.price_name,
        prices.model,
        prices.rate,
        prices.fixed_amount,
        line_items.charge_kind in ('maximum', 'minimum_true_up') as is_bound,
        prices.model in ('percentage', 'graduated_percentage') or coalesce(meters.value = 'amount', false) as is_share
    from line_items
    inner join prices
        on line_items.price_version_id = prices.price_version_id and line_items.price_currency = prices.currency
    left join meters on prices.meter = meters.meter
),

totals as (
    select
        contract_id,
        price_version_id,
        price_currency,
        dimensions,
        billing_period_start,
        sum(quantity) as total
    from fee_lines
    group by contract_id, price_version_id, price_currency, dimensions, billing_period_start
),

-- The tier that holds the total; tier one holds what is below it, too.
tiers_reached as (
    select
        totals.contract_id,
        totals.price_version_id,
        totals.price_currency,
        totals.dimensions,
        totals.billing_period_start,
        tiers.unit_amount,
        tiers.flat_amount
    from totals
    inner join tiers
        on
            totals.price_version_id = tiers.price_version_id
            and totals.price_currency = tiers.currency
            and (totals.total > tiers.lower_bound or tiers.lower_bound < 0)
            and (totals.total <= tiers.up_to or tiers.up_to is null)
)

select
    fee_lines.line_item_id,
    fee_lines.account_id,
    fee_lines.posting_date,
    fee_lines.charge_kind,
    fee_lines.dimensions,
    fee_lines.quantity,
    fee_lines.amount,
    fee_lines.currency,
    fee_lines.price_currency,
    fee_lines.fee_category,
    fee_lines.price_name,
    fee_lines.model,
    fee_lines.rate,
    fee_lines.fixed_amount,
    fee_lines.is_bound,
    fee_lines.is_share,
    coalesce(cells.unit_amount, other_cells.unit_amount, tiers_reached.unit_amount) as unit_amount,
    tiers_reached.flat_amount,
    coalesce(paying.paying_count, 0) as paying_count
from fee_lines
left join tiers_reached
    on
        fee_lines.contract_id = tiers_reached.contract_id
        and fee_lines.price_version_id = tiers_reached.price_version_id
        and fee_lines.price_currency = tiers_reached.price_currency
        and fee_lines.dimensions = tiers_reached.dimensions
        and fee_lines.billing_period_start = tiers_reached.billing_period_start
left join cells
    on
        fee_lines.price_version_id = cells.price_version_id
        and fee_lines.price_currency = cells.currency
        and fee_lines.dimensions = cells.dimensions
left join cells as other_cells
    on
        fee_lines.price_version_id = other_cells.price_version_id
        and fee_lines.price_currency = other_cells.currency
        and other_cells.dimensions = 'default'
left join paying
    on
        fee_lines.contract_id = paying.contract_id
        and fee_lines.price_version_id = paying.price_version_id
        and fee_lines.price_currency = paying.currency
        and fee_lines.dimensions = paying.dimensions
        and fee_lines.service_date = paying.service_date
        and not fee_lines.is_bound
        and not fee_lines.is_adjustment
