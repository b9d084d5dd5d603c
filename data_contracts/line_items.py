"""Contract of `line_items`."""

from data_contracts.vocabulary import Amount, Day, ExactAmount, Flag, Layout, Quantity, Table, Text, column, key

CHARGE_KINDS = (
    "usage",
    "recurring",
    "one_time",
    "discount",
    "maximum",
    "minimum_true_up",
    "overage",
    "credit_draw",
    "tax",
    "pass_through",
)


class LineItems(Table):
    """Money with its reason: what one price version made of one contract's usage on one day.

    Grain: one row per contract, price version, group, charge kind, service date and posting month. Amounts of one
    rounding scope (contract, price, group, billing period) are differences of rounded running totals, so that
    sum(amount) = round(sum(amount_exact)). Source: transforms.line_items.
    """

    layout = Layout.PER_PAYER

    line_item_id: Text = key(
        "Readable natural key.", example='acme-2026/gpt4@2026-01-01/{"model":"gpt-4"}/usage/2026-08-03'
    )
    legal_entity_id: Text = column("Our legal entity that bills.", example="acme_us")
    account_id: Text = column("Account that used it.", example="acct_007")
    payer_id: Text = column("Account that is invoiced.", example="acct_001")
    contract_id: Text = column("Contract; `default:<account>` on the default plan.", example="contract_001")
    product_id: Text = column("Product that was sold.", example="api")
    price_id: Text = column("Price that made the line.", example="api_requests")
    price_version_id: Text = column("Version of the price in force.", example="api_requests@2026-08-01")
    charge_kind: Text = column("What kind of charge it is.", one_of=CHARGE_KINDS)
    kind: Text = column("Revenue or cost.", one_of=("revenue", "cost"))
    is_adjustment: Flag = column("Whether it corrects a closed month.")
    dimensions: Text = column("Canonical JSON of the priced dimensions, keys sorted.", example='{"model":"small"}')
    service_date: Day = column("Local day of the account on which it was used.")
    posting_date: Day = column("Day in whose accounting period it counts.")
    billing_period_start: Day = column("First local day of the billing period (in).")
    billing_period_end: Day = column("First local day of the next one (out).")
    quantity: Quantity = column("Billing quantity of the line.", unit="unit of the meter")
    quantity_before: Quantity = column(
        "Quantity already counted before it: the cumulative is the sum of both.", unit="unit of the meter"
    )
    amount_exact: ExactAmount = column("Amount before rounding, correct to 24 places.", unit="currency")
    amount_exact_before: ExactAmount = column("Unrounded total of the rounding scope before the line.", unit="currency")
    amount: Amount = column("Amount, rounded once to the currency's minor unit.", unit="currency")
    list_amount: Amount = column("The same usage at the plan's price without override.", unit="currency")
    amount_reporting: Amount = column(
        "Amount at the rate of the posting date, rounded once.",
        null_means="no rate is known, see audit.aud_finding",
        unit="reporting currency",
        example="13.99",
    )
    currency: Text = column("ISO 4217 code of the amounts.", pattern="^[A-Z]{3}$", example="USD")
    price_currency: Text = column(
        "ISO 4217 code of the price; other than `currency` where it is converted.", example="USD"
    )
    price_rate_date: Day = column(
        "Day for which the rate that converts the price was fixed.",
        null_means="the price is in the currency itself",
        example="2026-07-31",
    )
    fx_rate_date: Day = column(
        "Day for which the rate behind `amount_reporting` was fixed.",
        null_means="none was used: the amount is in the reporting currency, or no rate is known",
        example="2026-07-31",
    )
    applies_to_line_item_id: Text = column(
        "Line that a discount, tax, draw or minimum refers to.",
        null_means="none",
        example="acme-2026/gpt4@2026-01-01/{}/usage/2026-08-03",
    )
    rule_version: Text = column("Version of the rating rules that made the line.", example="1")
