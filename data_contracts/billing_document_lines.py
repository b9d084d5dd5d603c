"""Contract of `billing_document_lines`, and of the lines that the issue log holds."""

from data_contracts.line_items import LineItems
from data_contracts.price_versions import PriceVersions
from data_contracts.vocabulary import (
    AmountSum,
    Count,
    Day,
    Kind,
    Quantity,
    Table,
    Text,
    UnitPrice,
    column,
    key,
    same,
)

DOCUMENT_KINDS = ("invoice", "credit_note")


class BillingDocumentLines(Table):
    """A line of an invoice or credit note: issued ones as they were issued, the others as they would be tonight.

    A correction is what a line of an issued invoice has become since: it has the billing period of that invoice.

    Grain: one row per document and line. Source: transforms.billing_document_lines.
    """

    document_id: Text = key(
        "`<legal entity>:<payer>:<currency>:<billing_period_start>`, with `/<billing_period_end>` behind it where that "
        "is not a month later, and `:<kind>:<n>` for the n-th correction of an invoice that stands by itself.",
        example="acme_us:acct_001:USD:2026-10-01",
    )
    line_no: Count = key("Number of the line, from 1.", unit="number")
    document_kind: Text = column("What the document is.", one_of=DOCUMENT_KINDS)
    legal_entity_id: Text = same(LineItems.legal_entity_id)
    payer_id: Text = same(LineItems.payer_id)
    account_id: Text = same(LineItems.account_id)
    contract_id: Text = same(LineItems.contract_id)
    product_id: Text = same(LineItems.product_id)
    price_id: Text = same(LineItems.price_id)
    terms_id: Text = same(PriceVersions.terms_id)
    dimensions: Text = same(LineItems.dimensions)
    charge_kind: Text = same(LineItems.charge_kind)
    billing_period_start: Day = same(LineItems.billing_period_start)
    billing_period_end: Day = same(LineItems.billing_period_end)
    service_period_start: Day = column("First local day with a line item (in).")
    service_period_end: Day = column("Day after the last one (out).")
    quantity: Quantity = column("Billing quantity; of a correction what is added or taken off.", unit="unit")
    unit_price: UnitPrice = column(
        "Unit price, for display only: nothing is computed from it.",
        null_means="the price has tiers or a rate instead",
        unit="price_currency",
    )
    amount: AmountSum = column("Sum of the line items, each rounded by its rounding scope.", unit="currency")
    amount_reporting: AmountSum = column(
        "Sum of the line items in the reporting currency, each at the rate of its posting date.",
        null_means="a line item has no rate, see audit.aud_finding",
        unit="reporting currency",
        example="13.99",
    )
    currency: Text = same(LineItems.currency)
    price_currency: Text = same(LineItems.price_currency)
    rated_line_count: Count = column(
        "Line items behind it; of a correction how many more they are now.", unit="line item"
    )
    corrects_document_id: Text = column(
        "Issued invoice that the line corrects.",
        null_means="it corrects none",
        example="acme_us:acct_001:USD:2026-09-01",
    )
    corrects_line_no: Count = column(
        "Its line of the same terms.",
        null_means="it corrects none, or that invoice has no such line",
        unit="number",
        example="3",
    )


class IssuedLines(BillingDocumentLines):
    """A line of an issued document, as it was issued. It never changes.

    Grain: one row per document and line. Source: orchestration.issued.
    """

    table_kind = Kind.ISSUED
