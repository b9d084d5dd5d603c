-- grain: product_id
-- rendered by `python -m data_contracts.render`, do not edit
select
    product_id,
    product_name,
    revenue_account,
    cost_basis
from {{ source('lake', 'products') }}
