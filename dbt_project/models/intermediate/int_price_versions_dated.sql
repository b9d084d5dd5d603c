-- grain: price_version_id, currency
-- When a version starts, and when the next one of its price does. A price starts with a local day or at an instant;
-- both become one ordered timestamp, and `starts_with` says how to read it.
with

price_versions as (
    select * from {{ ref('stg_price_versions') }}
),

started as (
    select
        price_version_id,
        currency,
        price_id,
        coalesce(contract_id, '') as override_of,
        coalesce(effective_from_at, cast(effective_from_date as timestamp)) as valid_from,
        case when effective_from_at is null then 'local_day' else 'instant' end as starts_with
    from price_versions
),

-- Distinct, because a correction starts with the version that it supersedes, and a version has a row per currency.
starts as (
    select distinct
        price_id,
        override_of,
        valid_from
    from started
),

intervals as (
    select
        price_id,
        override_of,
        valid_from,
        lead(valid_from) over (partition by price_id, override_of order by valid_from) as next_from
    from starts
)

select
    started.price_version_id,
    started.currency,
    started.starts_with,
    started.valid_from,
    coalesce(intervals.next_from, timestamp '9999-12-31 00:00:00') as valid_to
from started
inner join intervals
    on
        started.price_id = intervals.price_id
        and started.override_of = intervals.override_of
        and started.valid_from = intervals.valid_from
