-- grain: invoice_id, line_no
-- Versions with equal terms are one line: a tariff with a price per half-hour has as many lines as it has prices.
with

line_items as (
    select *
    from {{ ref('fct_line_item') }}
    where kind = 'revenue'
),

prices as (
    select * from {{ ref('dim_price') }}
),

merged as (
    select
        'draft:' || line_items.legal_entity_id || ':' || line_items.payer_id || ':' || line_items.currency
        || ':' || line_items.billing_period_start
        -- A payer may have contracts whose periods start on one day and end on several.
        || case
            when line_items.billing_period_end = line_items.billing_period_start + interval 1 month then ''
            else '/' || line_items.billing_period_end
        end as invoice_id,
        line_items.legal_entity_id,
        line_items.payer_id,
        line_items.account_id,
        line_items.contract_id,
        line_items.product_id,
        line_items.price_id,
        -- A line without terms keeps its money and stops at the contract: terms_id is never null.
        prices.terms_id,
        line_items.dimensions,
        line_items.charge_kind,
        line_items.billing_period_start,
        line_items.billing_period_end,
        min(line_items.service_date) as service_period_start,
        max(line_items.service_date) + 1 as service_period_end,
        sum(line_items.quantity) as quantity,
        prices.unit_amount as unit_price,
        sum(line_items.amount) as amount,
        {{ strict_sum('line_items.amount_reporting') }} as amount_reporting,
        line_items.currency,
        line_items.price_currency,
        line_items.reporting_currency,
        count(*) as rated_line_count
    from line_items
    left join prices
        on line_items.price_version_id = prices.price_version_id and line_items.price_currency = prices.currency
    group by
        line_items.legal_entity_id,
        line_items.payer_id,
        line_items.account_id,
        line_items.contract_id,
        line_items.product_id,
        line_items.price_id,
        prices.terms_id,
        line_items.dimensions,
        line_items.charge_kind,
        line_items.billing_period_start,
        line_items.billing_period_end,
        prices.unit_amount,
        line_items.currency,
        line_items.price_currency,
        line_items.reporting_currency
)

select
    invoice_id,
    row_number() over (
        partition by invoice_id
        order by account_id, contract_id, product_id, price_id, terms_id, dimensions, charge_kind
    ) as line_no,
    legal_entity_id,
    payer_id,
    account_id,
    contract_id,
    product_id,
    price_id,
    terms_id,
    dimensions,
    charge_kind,
    billing_period_start,
    billing_period_end,
    service_period_start,
    service_period_end,
    quantity,
    unit_price,
    amount,
    amount_reporting,
    cast(0 as decimal(38, 4)) as tax_amount,
    currency,
    price_currency,
    reporting_currency,
    rated_line_count
from merged
