-- grain: rule, subject, currency, first_date
with

findings as (
    select * from {{ ref('stg_findings') }}
)

select
    rule,
    subject,
    currency,
    first_date,
    last_date,
    line_count,
    amount,
    detail,
    remedy
from findings
