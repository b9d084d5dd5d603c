-- grain: check_name, scope
-- Reads published tables only: the gate runs this very statement again on the file that readers will open.
with

tie_outs as (
    select * from {{ ref('tie_out_intake') }}
    union all
    select * from {{ ref('tie_out_usage') }}
    union all
    select * from {{ ref('tie_out_billing') }}
    union all
    select * from {{ ref('tie_out_revenue') }}
    union all
    select * from {{ ref('tie_out_fees') }}
    union all
    select * from {{ ref('tie_out_cost') }}
    union all
    select * from {{ ref('tie_out_exchange') }}
    union all
    select * from {{ ref('tie_out_close') }}
),

measured as (
    select
        check_name,
        scope,
        left_name,
        left_amount,
        right_name,
        right_amount,
        left_amount - right_amount as difference,
        -- No check needs a tolerance: amounts are sums of rounded amounts, counts are counts.
        cast(0 as decimal(38, 12)) as tolerance,
        drill_sql
    from tie_outs
)

select
    check_name,
    scope,
    left_name,
    left_amount,
    right_name,
    right_amount,
    difference,
    tolerance,
    -- A missing or unknown side makes the difference null, and null is a failure, not a pass.
    coalesce(abs(difference) <= tolerance, false) as is_passed,
    'error' as severity,
    drill_sql
from measured
