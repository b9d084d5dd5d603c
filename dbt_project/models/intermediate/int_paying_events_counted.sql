-- grain: contract_id, price_version_id, dimensions, service_date, currency
-- A wholly free event costs nothing and pays no fixed fee.
with

rated_events as (
    select * from {{ ref('stg_rated_events') }}
),

fees as (
    select * from {{ ref('stg_price_versions') }}
    where fee_category is not null
)

select
    rated_events.contract_id,
    rated_events.price_version_id,
    rated_events.line_dimensions as dimensions,
    rated_events.service_date,
    rated_events.currency,
    count(*) filter (where rated_events.amount_exact <> 0) as paying_count
from rated_events
inner join fees
    on rated_events.price_version_id = fees.price_version_id and rated_events.currency = fees.currency
group by
    rated_events.contract_id,
    rated_events.price_version_id,
    rated_events.line_dimensions,
    rated_events.service_date,
    rated_events.currency
