-- grain: service_date
-- Days of usage of which a feed has not brought everything yet.
with

feed_days as (
    select *
    from {{ ref('stg_feed_days') }}
    where status in ('incomplete', 'pending') and service_from is not null
)

select distinct cast(unnest(generate_series(service_from, service_to - 1, interval 1 day)) as date) as service_date
from feed_days
