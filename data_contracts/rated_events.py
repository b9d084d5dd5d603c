"""Contract of `rated_events`."""

from data_contracts.vocabulary import (
    Amount,
    Count,
    Day,
    ExactAmount,
    Instant,
    Layout,
    Quantity,
    Table,
    Text,
    column,
    key,
)


class RatedEvents(Table):
    """The fee of one event under an event model.

    Grain: one row per event and price. `amount` is rounded per event; `amount_exact` is not. Source:
    transforms.rated_events.
    """

    layout = Layout.PER_PAYER

    source: Text = key("System that issued the event id.", example="gateway-eu")
    event_id: Text = key("The event.", example="e-000017")
    price_id: Text = key("The price that rates it.", example="api_requests")
    account_id: Text = column("Account.", example="acct_007")
    contract_id: Text = column("Contract.", example="contract_001")
    price_version_id: Text = column("Version in force at the event's instant.", example="api_requests@2026-08-01")
    list_price_version_id: Text = column("The plan's own version in force.", example="api_requests@2026-08-01")
    line_dimensions: Text = column(
        "Dimensions of the line that counts it: conditions and groups of the price, canonical JSON.",
        example='{"model":"small"}',
    )
    service_date: Day = column("Local day of the account.")
    occurred_at: Instant = column("When it happened, UTC.")
    quantity: Quantity = column("The event's value: what the meter measures.", unit="currency")
    amount_exact: ExactAmount = column("Fee before rounding.", unit="currency")
    amount: Amount = column("Fee, converted and rounded once to the minor unit.", unit="billing_currency")
    list_exact: ExactAmount = column("Fee at the plan's own price, before rounding.", unit="currency")
    list_amount: Amount = column("Fee at the plan's own price, likewise.", unit="billing_currency")
    currency: Text = column("ISO 4217 code of the price, and of the amounts before rounding.", example="USD")
    billing_currency: Text = column(
        "ISO 4217 code that it is billed in, and of the rounded amounts; the same unless the price is converted.",
        example="EUR",
    )
    delivery_date: Day = column("Delivery of the event.")
    source_file: Text = column("Landing file of the event.", example="usage_events/2026-08-01/usage.csv")
    source_line: Count = column("Line in that file.")
