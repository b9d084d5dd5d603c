"""Contract of `billable_lines`."""

from data_contracts.line_items import LineItems
from data_contracts.price_versions import PriceVersions
from data_contracts.vocabulary import (
    AmountSum,
    Count,
    Day,
    Layout,
    Quantity,
    Table,
    Text,
    UnitPrice,
    column,
    same,
    same_key,
)


class BillableLines(Table):
    """Everything earned in a billing period at one price, as an invoice would say it: versions of equal terms together.

    Grain: one row per legal entity, payer, currency, billing period, account, contract, product, price, terms,
    dimensions, charge kind and price currency. Source: transforms.billable_lines.
    """

    layout = Layout.PER_PAYER

    legal_entity_id: Text = same_key(LineItems.legal_entity_id)
    payer_id: Text = same_key(LineItems.payer_id)
    currency: Text = same_key(LineItems.currency)
    billing_period_start: Day = same_key(LineItems.billing_period_start)
    billing_period_end: Day = same_key(LineItems.billing_period_end)
    account_id: Text = same_key(LineItems.account_id)
    contract_id: Text = same_key(LineItems.contract_id)
    product_id: Text = same_key(LineItems.product_id)
    price_id: Text = same_key(LineItems.price_id)
    terms_id: Text = same_key(PriceVersions.terms_id)
    dimensions: Text = same_key(LineItems.dimensions)
    charge_kind: Text = same_key(LineItems.charge_kind)
    price_currency: Text = same_key(LineItems.price_currency)
    service_period_start: Day = column("First local day with a line item (in).")
    service_period_end: Day = column("Day after the last one (out).")
    quantity: Quantity = same(LineItems.quantity)
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
    rated_line_count: Count = column("Line items behind it.", unit="line item", at_least=1)
