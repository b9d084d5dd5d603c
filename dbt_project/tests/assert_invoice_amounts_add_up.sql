-- When this fails, a document contradicts itself: whoever adds up its figures gets another amount than we ask for.
with

invoices as (
    select * from {{ ref('fct_invoice') }}
)

select
    invoice_id,
    subtotal_amount,
    discount_amount,
    tax_amount,
    total_amount,
    amount_paid,
    amount_credited,
    amount_remaining
from invoices
where
    total_amount is distinct from subtotal_amount - discount_amount + tax_amount
    or amount_remaining is distinct from total_amount - amount_paid - amount_credited
