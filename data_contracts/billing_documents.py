"""Contract of `billing_documents`, and of the documents that the issue log holds."""

from data_contracts.billing_document_lines import DOCUMENT_KINDS, BillingDocumentLines
from data_contracts.line_items import LineItems
from data_contracts.vocabulary import AmountSum, Count, Day, Kind, Table, Text, column, same, same_key

STATUSES = ("draft", "parked", "issued")


class BillingDocuments(Table):
    """An invoice or credit note: issued ones as they were issued, the others as they would be tonight.

    Grain: one row per document; one invoice per legal entity, payer, currency and billing period, and its corrections
    that stand by themselves. Source: transforms.billing_documents.
    """

    document_id: Text = same_key(BillingDocumentLines.document_id)
    document_kind: Text = column("What it is.", one_of=DOCUMENT_KINDS)
    status: Text = column("Draft; parked: due, and not issued for a reason; issued: final.", one_of=STATUSES)
    parked_rule: Text = column("Why it is parked.", null_means="it is not", example="amount_bound")
    document_number: Text = column(
        "Number, gapless per legal entity, kind and year.", null_means="it is not issued", example="US-2026-000017"
    )
    document_date: Day = column(
        "Night that issued it; of others the day on which they are due: end of the billing period and days of grace."
    )
    due_date: Day = column("Day of the document and the payer's net terms.")
    legal_entity_id: Text = same(LineItems.legal_entity_id)
    payer_id: Text = same(LineItems.payer_id)
    currency: Text = same(LineItems.currency)
    billing_period_start: Day = same(LineItems.billing_period_start)
    billing_period_end: Day = same(LineItems.billing_period_end)
    corrects_document_id: Text = same(BillingDocumentLines.corrects_document_id)
    line_count: Count = column("Lines.", unit="line", at_least=1)
    amount: AmountSum = column("Sum of its lines: above zero an invoice, below a credit note.", unit="currency")
    amount_reporting: AmountSum = same(BillingDocumentLines.amount_reporting)


class IssuedDocuments(BillingDocuments):
    """A document as it was issued. It never changes.

    Grain: one row per document. Source: orchestration.issued.
    """

    table_kind = Kind.ISSUED
