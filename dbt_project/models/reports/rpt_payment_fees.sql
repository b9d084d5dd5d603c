-- grain: date_month, account_id, currency, price_currency, fee_category, fee_name, variable_rate, fixed_per_item_amount
-- A price by the event has a share and a fixed part, one over a value a share, any other a fixed part alone.
with

fee_lines as (
    select * from {{ ref('int_fee_lines_priced') }}
),

described as (
    select
        cast(date_trunc('month', posting_date) as date) as date_month,
        account_id,
        currency,
        price_currency,
        fee_category,
        price_name
        || case
            when dimensions = '{}' then ''
            else ' (' || replace(replace(replace(trim(dimensions, '{}'), '":"', '='), '","', ', '), '"', '') || ')'
        end
        || case charge_kind
            when 'minimum_true_up' then ', minimum'
            when 'maximum' then ', maximum'
            else ''
        end as fee_name,
        case
            when is_bound then 0
            when model = 'percentage' then rate
            when is_share then coalesce(unit_amount, 0)
            else 0
        end as variable_rate,
        -- A share that the price does not have has no volume, a fixed part that it does not have no items.
        case
            when is_share and model <> 'dynamic' and (model <> 'percentage' or rate <> 0) then quantity
            else 0
        end as volume_amount,
        case
            when is_bound then 0
            when model = 'percentage' then fixed_amount
            when model = 'flat' then flat_amount
            when is_share or model in ('package', 'dynamic') then 0
            else coalesce(unit_amount, 0)
        end as fixed_amount,
        case
            when model = 'percentage' and fixed_amount <> 0 then paying_count
            when model = 'flat' and amount <> 0 and not is_bound then 1
            when is_share or model in ('percentage', 'flat', 'package', 'dynamic') then 0
            else quantity
        end as item_count,
        amount
    from fee_lines
)

select
    date_month,
    account_id,
    currency,
    price_currency,
    fee_category,
    fee_name,
    cast(variable_rate as decimal(38, 24)) as variable_rate,
    sum(cast(volume_amount as decimal(38, 12))) as variable_volume_amount,
    cast(fixed_amount as decimal(38, 24)) as fixed_per_item_amount,
    sum(cast(item_count as decimal(38, 12))) as fixed_per_item_count,
    sum(amount) as subtotal
from described
group by date_month, account_id, currency, price_currency, fee_category, fee_name, variable_rate, fixed_amount
