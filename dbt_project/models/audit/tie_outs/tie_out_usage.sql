-- grain: check_name, scope
-- accepted = priced + zero-rated + suspense + excluded, per meter and kind of line, in events and in quantity; and the
-- days of usage hold every accepted event, standing or taken back, but for the reversals that wait for theirs.
with

accepted as (
    select *
    from {{ ref('aud_usage_intake') }}
    where outcome = 'accepted'
),

usage_daily as (
    select * from {{ ref('fct_usage_daily') }}
),

waiting as (
    select *
    from {{ ref('aud_reversal') }}
    where outcome = 'waiting'
),

outcomes as (
    select * from {{ ref('aud_usage_outcome') }}
),

kinds as (
    select 'revenue' as kind
    union all
    select 'cost' as kind
),

accepted_by_kind as (
    select
        accepted.meter,
        kinds.kind,
        accepted.row_count,
        accepted.quantity
    from accepted
    cross join kinds
),

accepted_events as (
    select
        {{ scope_by(['meter']) }},
        {{ strict_sum('row_count') }} as amount
    from accepted
    group by meter
),

found as (
    select
        meter,
        event_count + reversed_count + reversal_count as event_count
    from usage_daily
    union all
    select
        meter,
        1 as event_count
    from waiting
),

-- A day that only a duplicate touched has no event, and so may a meter: nothing to hold against anything.
used_events as (
    select
        {{ scope_by(['meter']) }},
        {{ strict_sum('event_count') }} as amount
    from found
    group by meter
    having sum(event_count) is distinct from 0
),

accepted_events_by_kind as (
    select
        {{ scope_by(['meter', 'kind'], found_by=['meter']) }},
        {{ strict_sum('row_count') }} as amount
    from accepted_by_kind
    group by meter, kind
),

decided_events as (
    select
        {{ scope_by(['meter', 'kind'], found_by=['meter']) }},
        {{ strict_sum('event_count') }} as amount
    from outcomes
    group by meter, kind
    having sum(event_count) is distinct from 0
),

accepted_quantity_by_kind as (
    select
        {{ scope_by(['meter', 'kind'], found_by=['meter']) }},
        {{ strict_sum('quantity') }} as amount
    from accepted_by_kind
    group by meter, kind
),

decided_quantity as (
    select
        {{ scope_by(['meter', 'kind'], found_by=['meter']) }},
        {{ strict_sum('landed_quantity') }} as amount
    from outcomes
    group by meter, kind
    having sum(event_count) is distinct from 0 or sum(landed_quantity) is distinct from 0
)

{{ tie_out(
    'accepted_events_in_usage_daily',
    left='accepted_events', left_name='events accepted',
    right='used_events', right_name='events in fct_usage_daily, and reversals that wait',
    drill_sql="select 'accepted' as side, source_file as found_in, sum(row_count) as events from audit.aud_usage_intake"
    ~ " where {filter} and outcome = 'accepted' group by source_file union all"
    ~ " select 'used', cast(service_date as varchar), sum(event_count + reversed_count + reversal_count)"
    ~ " from marts.fct_usage_daily where {filter} group by service_date union all"
    ~ " select 'waiting', event_id, 1 from audit.aud_reversal where {filter} and outcome = 'waiting'"
    ~ " order by side, found_in"
) }}
union all
{{ tie_out(
    'accepted_events_decided',
    left='accepted_events_by_kind', left_name='events accepted',
    right='decided_events', right_name='events priced, zero-rated, in suspense, excluded',
    drill_sql="select kind, outcome, rule, sum(event_count) as events from audit.aud_usage_outcome where {filter}"
    ~ " group by kind, outcome, rule union all select null, 'accepted', source_file, sum(row_count)"
    ~ " from audit.aud_usage_intake where {filter} and outcome = 'accepted' group by source_file"
    ~ " order by kind, outcome, rule"
) }}
union all
{{ tie_out(
    'accepted_quantity_decided',
    left='accepted_quantity_by_kind', left_name='quantity accepted',
    right='decided_quantity', right_name='quantity priced, zero-rated, in suspense, excluded',
    drill_sql="select kind, outcome, rule, sum(landed_quantity) as quantity from audit.aud_usage_outcome"
    ~ " where {filter} group by kind, outcome, rule union all select null, 'accepted', source_file, sum(quantity)"
    ~ " from audit.aud_usage_intake where {filter} and outcome = 'accepted' group by source_file"
    ~ " order by kind, outcome, rule"
) }}
