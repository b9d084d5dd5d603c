-- grain: feed, delivery_date
-- rendered by `python -m data_contracts.render`, do not edit
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
from {{ source('lake', 'feed_days') }}
