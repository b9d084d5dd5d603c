-- grain: check_name, scope
-- landed = accepted + duplicate + conflict + rejected, per file, in rows and in quantity; and every bucket of a usage
-- file holds as many rows as the file says.
with

files as (
    select * from {{ ref('aud_input_file') }}
),

usage_files as (
    select *
    from {{ ref('aud_input_file') }}
    where dataset = 'usage_events'
),

usage_intake as (
    select * from {{ ref('aud_usage_intake') }}
),

rejected_rows as (
    select * from {{ ref('aud_rejected_row') }}
),

actions as (
    select * from {{ ref('aud_action') }}
),

landed_rows as (
    select
        {{ scope_by(['delivery_date', 'source_file']) }},
        landed_rows as amount
    from files
),

decided_rows as (
    select
        {{ scope_by(['delivery_date', 'source_file']) }},
        accepted_rows + duplicate_rows + conflict_rows + rejected_rows as amount
    from files
),

landed_quantity as (
    select
        {{ scope_by(['delivery_date', 'source_file']) }},
        landed_quantity as amount
    from files
),

decided_quantity as (
    select
        {{ scope_by(['delivery_date', 'source_file']) }},
        accepted_quantity + duplicate_quantity + conflict_quantity + rejected_quantity as amount
    from files
),

buckets as (
    select
        delivery_date,
        source_file,
        'accepted' as outcome,
        accepted_rows as row_count,
        accepted_quantity as quantity
    from usage_files
    union all
    select
        delivery_date,
        source_file,
        'duplicate' as outcome,
        duplicate_rows as row_count,
        duplicate_quantity as quantity
    from usage_files
    union all
    select
        delivery_date,
        source_file,
        'conflict' as outcome,
        conflict_rows as row_count,
        conflict_quantity as quantity
    from usage_files
),

-- A bucket without rows has no row to be counted; an unknown count stays and fails.
reported_rows as (
    select
        {{ scope_by(['delivery_date', 'source_file', 'outcome'], found_by=['delivery_date', 'source_file']) }},
        row_count as amount
    from buckets
    where row_count is distinct from 0
),

kept_rows as (
    select
        {{ scope_by(['delivery_date', 'source_file', 'outcome'], found_by=['delivery_date', 'source_file']) }},
        {{ strict_sum('row_count') }} as amount
    from usage_intake
    group by delivery_date, source_file, outcome
),

reported_quantity as (
    select
        {{ scope_by(['delivery_date', 'source_file', 'outcome'], found_by=['delivery_date', 'source_file']) }},
        quantity as amount
    from buckets
    where row_count is distinct from 0
),

kept_quantity as (
    select
        {{ scope_by(['delivery_date', 'source_file', 'outcome'], found_by=['delivery_date', 'source_file']) }},
        {{ strict_sum('quantity') }} as amount
    from usage_intake
    group by delivery_date, source_file, outcome
),

reported_rejections as (
    select
        {{ scope_by(['delivery_date', 'source_file']) }},
        rejected_rows as amount
    from files
    where rejected_rows is distinct from 0
),

-- A refused file is not read: what was found wrong in it explains the refusal and is counted nowhere.
kept_rejections as (
    select
        {{ scope_by(['delivery_date', 'source_file']) }},
        count(*) as amount
    from rejected_rows
    where (delivery_date, source_file) not in (
        select (files.delivery_date, files.source_file)
        from files
        where files.status = 'refused'
    )
    group by delivery_date, source_file
),

-- Decisions of people -----------------------------------------------------------------------------------------------

reported_actions as (
    select
        {{ scope_by(['delivery_date', 'source_file']) }},
        accepted_rows as amount
    from files
    where dataset = 'actions' and accepted_rows is distinct from 0
),

kept_actions as (
    select
        {{ scope_by(['delivery_date', 'source_file']) }},
        count(*) as amount
    from actions
    group by delivery_date, source_file
)

{{ tie_out(
    'landed_rows_decided',
    left='landed_rows', left_name='rows landed',
    right='decided_rows', right_name='rows accepted, duplicate, in conflict, rejected',
    drill_sql="select * from audit.aud_input_file where {filter}"
) }}
union all
{{ tie_out(
    'landed_quantity_decided',
    left='landed_quantity', left_name='quantity landed',
    right='decided_quantity', right_name='quantity accepted, duplicate, in conflict, rejected',
    drill_sql="select * from audit.aud_input_file where {filter}"
) }}
union all
{{ tie_out(
    'usage_rows_kept',
    left='reported_rows', left_name='rows that the file reports',
    right='kept_rows', right_name='rows that are kept',
    drill_sql="select delivery_date, source_file, kept.meter, kept.outcome, kept.row_count, files.accepted_rows,"
    ~ " files.duplicate_rows, files.conflict_rows from audit.aud_usage_intake as kept"
    ~ " full join audit.aud_input_file as files using (delivery_date, source_file) where {filter}"
) }}
union all
{{ tie_out(
    'usage_quantity_kept',
    left='reported_quantity', left_name='quantity that the file reports',
    right='kept_quantity', right_name='quantity that is kept',
    drill_sql="select delivery_date, source_file, kept.meter, kept.outcome, kept.quantity, files.accepted_quantity,"
    ~ " files.duplicate_quantity, files.conflict_quantity from audit.aud_usage_intake as kept"
    ~ " full join audit.aud_input_file as files using (delivery_date, source_file) where {filter}"
) }}
union all
{{ tie_out(
    'rejected_rows_kept',
    left='reported_rejections', left_name='rejections that the file reports',
    right='kept_rejections', right_name='rejected rows that are kept',
    drill_sql="select delivery_date, source_file, files.rejected_rows, kept.source_line, kept.rule, kept.found"
    ~ " from audit.aud_input_file as files full join audit.aud_rejected_row as kept using (delivery_date, source_file)"
    ~ " where {filter} order by kept.source_line"
) }}
union all
{{ tie_out(
    'actions_kept',
    left='reported_actions', left_name='decisions that the file reports',
    right='kept_actions', right_name='decisions that are kept',
    drill_sql="select delivery_date, source_file, files.accepted_rows, kept.action_id"
    ~ " from audit.aud_input_file as files full join audit.aud_action as kept using (delivery_date, source_file)"
    ~ " where {filter} order by kept.action_id"
) }}
