-- grain: price_version_id, currency
with

price_versions as (
    select * from {{ ref('stg_price_versions') }}
),

dated as (
    select * from {{ ref('int_price_versions_dated') }}
),

tiers_listed as (
    select * from {{ ref('int_price_tiers_listed') }}
),

cells_listed as (
    select * from {{ ref('int_price_cells_listed') }}
),

meters as (
    select * from {{ ref('stg_meters') }}
),

run as (
    select * from {{ ref('stg_run') }}
)

select
    price_versions.price_version_id,
    price_versions.currency,
    price_versions.price_id,
    price_versions.contract_id,
    price_versions.product_id,
    nullif(price_versions.meter, '') as meter,
    meters.unit,
    price_versions.model,
    price_versions.kind,
    price_versions.conditions,
    price_versions.terms_id,
    price_versions.unit_amount,
    -- A per_unit price has one tier inside; its unit price says the same.
    case when price_versions.model <> 'per_unit' then tiers_listed.tiers end as tiers,
    cells_listed.cells,
    price_versions.price_name,
    price_versions.fee_category,
    price_versions.passes_through,
    price_versions.rate,
    price_versions.fixed_amount,
    price_versions.minimum_fee,
    price_versions.maximum_fee,
    price_versions.free_units,
    price_versions.quantity_factor,
    price_versions.quantity_divisor,
    price_versions.quantity_round,
    price_versions.flat_on_zero,
    price_versions.minimum_amount,
    price_versions.maximum_amount,
    price_versions.counter_version_id,
    price_versions.tier_period,
    price_versions.pool,
    price_versions.shares_tiers,
    price_versions.due_interval,
    price_versions.rounding,
    price_versions.round_at,
    dated.valid_from,
    dated.valid_to,
    dated.starts_with,
    price_versions.superseded_on is null
    and dated.valid_from < run.as_of_date + interval 1 day
    and run.as_of_date + interval 1 day <= dated.valid_to as is_current,
    price_versions.superseded_on is not null as is_superseded,
    price_versions.contract_id is not null as is_override,
    price_versions.superseded_by,
    price_versions.superseded_on,
    price_versions.reason,
    price_versions.approved_by,
    price_versions.recorded_on,
    price_versions.document
from price_versions
inner join dated
    on price_versions.price_version_id = dated.price_version_id and price_versions.currency = dated.currency
left join tiers_listed
    on
        price_versions.price_version_id = tiers_listed.price_version_id
        and price_versions.currency = tiers_listed.currency
left join cells_listed
    on
        price_versions.price_version_id = cells_listed.price_version_id
        and price_versions.currency = cells_listed.currency
left join meters on price_versions.meter = meters.meter
cross join run
