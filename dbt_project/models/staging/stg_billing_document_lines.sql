-- grain: document_id, line_no
-- rendered by `python -m data_contracts.render`, do not edit
select
    document_id,
    line_no,
    document_kind,
    legal_entity_id,
    payer_id,
    account_id,
    contract_id,
    product_id,
    price_id,
    terms_id,
    dimensions,
    charge_kind,
    billing_period_start,
    billing_period_end,
    service_period_start,
    service_period_end,
    quantity,
    unit_price,
    amount,
    amount_reporting,
    currency,
    price_currency,
    rated_line_count,
    corrects_document_id,
    corrects_line_no
from {{ source('lake', 'billing_document_lines') }}
