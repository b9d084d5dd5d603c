-- grain: document_id
-- rendered by `python -m data_contracts.render`, do not edit
select
    document_id,
    document_kind,
    status,
    parked_rule,
    document_number,
    document_date,
    due_date,
    legal_entity_id,
    payer_id,
    currency,
    billing_period_start,
    billing_period_end,
    corrects_document_id,
    line_count,
    amount,
    amount_reporting
from {{ source('lake', 'billing_documents') }}
