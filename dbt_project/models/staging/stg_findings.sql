-- grain: rule, subject, currency, first_date
-- rendered by `python -m data_contracts.render`, do not edit
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
from {{ source('lake', 'findings') }}
