-- grain: legal_entity_id, accounting_month
-- rendered by `python -m data_contracts.render`, do not edit
select
    legal_entity_id,
    accounting_month,
    seal_number,
    sealed_as_of,
    line_count,
    reason,
    requested_by,
    approved_by,
    locked_at
from {{ source('lake', 'sealed_periods') }}
