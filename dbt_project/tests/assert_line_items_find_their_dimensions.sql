-- When this fails, money hangs on something that readers cannot look up: a join on the dimension named here loses it.
with

line_items as (
    select * from {{ ref('fct_line_item') }}
),

accounts as (
    select * from {{ ref('dim_account') }}
),

contracts as (
    select * from {{ ref('dim_contract') }}
),

products as (
    select * from {{ ref('dim_product') }}
),

prices as (
    select * from {{ ref('dim_price') }}
),

days as (
    select * from {{ ref('dim_date') }}
)

select
    line_item_id,
    'dim_account' as missing_in
from line_items
where account_id not in (select accounts.account_id from accounts)
union all
select
    line_item_id,
    'dim_account, as payer' as missing_in
from line_items
where payer_id not in (select accounts.account_id from accounts)
union all
select
    line_item_id,
    'dim_contract' as missing_in
from line_items
where contract_id not in (select contracts.contract_id from contracts)
union all
select
    line_item_id,
    'dim_product' as missing_in
from line_items
where product_id not in (select products.product_id from products)
union all
select
    line_item_id,
    'dim_price' as missing_in
from line_items
where (price_version_id, price_currency) not in (select (prices.price_version_id, prices.currency) from prices)
union all
select
    line_item_id,
    'dim_date' as missing_in
from line_items
where
    posting_date not in (select days.date_day from days)
    or service_date not in (select days.date_day from days)
