-- grain: delivery_date, source_file, source_line
with

costs as (
    select * from {{ ref('stg_costs') }}
)

select
    delivery_date,
    source_file,
    source_line,
    provider_name,
    billing_account_id,
    billing_period_start,
    charge_date,
    charge_end_date,
    charge_category,
    charge_class,
    charge_description,
    service_category,
    service_name,
    sku_id,
    sub_account_id,
    region_id,
    resource_id,
    tags,
    consumed_quantity,
    consumed_unit,
    list_cost,
    contracted_cost,
    billed_cost,
    effective_cost,
    currency,
    mapping_id,
    product_id,
    account_id,
    allocation_method,
    unmapped_rule,
    unmapped_detail
from costs
