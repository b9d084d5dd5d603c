-- grain: feed, delivery_date
with

feed_days as (
    select * from {{ ref('stg_feed_days') }}
)

select
    feed,
    delivery_date,
    due_date,
    status,
    expected_files,
    arrived_files,
    late_files,
    refused_files,
    expected_rows,
    arrived_rows,
    missing_sources,
    completed_on,
    last_seen_on,
    if_missing,
    service_from,
    service_to,
    message
from feed_days
