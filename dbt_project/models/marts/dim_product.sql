-- grain: product_id
with

products as (
    select * from {{ ref('stg_products') }}
)

select
    product_id,
    product_name,
    revenue_account,
    cost_basis
from products
