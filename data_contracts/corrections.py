"""Contract of `corrections`."""

from data_contracts.line_items import LineItems
from data_contracts.vocabulary import (
    Amount,
    Day,
    ExactAmount,
    Flag,
    Layout,
    Quantity,
    Table,
    Text,
    column,
    key,
    same,
    same_key,
)

CAUSES = (
    "late_usage",
    "reversal",
    "amendment",
    "price_superseded",
    "contract_change",
    "account_change",
    "rate_corrected",
    "suspense_released",
    "other_input",
    "rule_change",
)


class Corrections(Table):
    """What closed months hold of something and what they should hold by everything known now, where these differ.

    `settled` is what the inputs of the close come to by the code of tonight, so that settled to desired is what new
    inputs change, and sealed to settled what the code alone does: `drift`, which is posted only after `restate`.

    Grain: one row per legal entity, account, contract, price, dimensions, charge kind, currency, billing period and
    closed month of service; only where something differs. Source: transforms.corrections.
    """

    layout = Layout.PER_PAYER
    is_of_closed_months = True

    legal_entity_id: Text = same_key(LineItems.legal_entity_id)
    account_id: Text = same_key(LineItems.account_id)
    contract_id: Text = same_key(LineItems.contract_id)
    price_id: Text = same_key(LineItems.price_id)
    dimensions: Text = same_key(LineItems.dimensions)
    charge_kind: Text = same_key(LineItems.charge_kind)
    currency: Text = same_key(LineItems.currency)
    billing_period_start: Day = same_key(LineItems.billing_period_start)
    billing_period_end: Day = same_key(LineItems.billing_period_end)
    service_month: Day = key("First day of the closed month of service.")
    payer_id: Text = same(LineItems.payer_id)
    product_id: Text = same(LineItems.product_id)
    kind: Text = same(LineItems.kind)
    price_currency: Text = same(LineItems.price_currency)
    price_version_id: Text = column("Version in force at the end.", example="api_requests@2026-08-01")
    sealed_version_id: Text = column("Version of the last sealed line, or the same.", example="api_requests@2026-08-01")
    is_other_terms: Flag = column("Whether other versions rate it now: then it is reversed and posted anew.")
    causes: Text = column("What changed, with `+` between causes.", example="late_usage+price_superseded")
    sealed_quantity: Quantity = column("Quantity of the sealed lines.", unit="unit of the meter")
    sealed_amount_exact: ExactAmount = column("Their amount before rounding.", unit="currency")
    sealed_amount: Amount = column("Their amount.", unit="currency")
    sealed_list_amount: Amount = column("Their list amount.", unit="currency")
    quantity: Quantity = column("Quantity to post.", unit="unit of the meter")
    amount_exact: ExactAmount = column("Amount to post, before rounding.", unit="currency")
    amount: Amount = column("Amount to post.", unit="currency")
    list_amount: Amount = column("List amount to post.", unit="currency")
    drift_quantity: Quantity = column("Quantity that only the code changes.", unit="unit of the meter")
    drift_amount_exact: ExactAmount = column("Amount that only the code changes, before rounding.", unit="currency")
    drift_amount: Amount = column("Amount that only the code changes: shown, not posted.", unit="currency")
    drift_list_amount: Amount = column("List amount that only the code changes.", unit="currency")
