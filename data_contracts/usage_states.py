"""Contract of `usage_states`."""

from data_contracts.vocabulary import Count, Day, Instant, Layout, Quantity, Table, Text, column, key


class UsageStates(Table):
    """What one delivery contributes to a day of usage: the additive state from which any later night is merged.

    Grain: one row per delivery and usage cell. A cell is account, stated contract, meter, priced dimensions, value
    currency, local day and slot. Source: transforms.usage_states.
    """

    layout = Layout.PER_DELIVERY

    delivery_date: Day = key("The delivery.")
    account_id: Text = key("Account as the events name it.", example="acct_007")
    stated_contract_id: Text = key("Contract that the events name; empty when they name none.", example="contract_001")
    meter: Text = key("Meter as the events name it.", example="api_requests")
    dimensions: Text = key(
        "Canonical JSON of the dimensions that some price of the meter looks at.", example='{"model":"small"}'
    )
    value_currency: Text = key(
        "Currency of the events' amounts; empty when neither the meter nor a price looks at them.", example="EUR"
    )
    service_date: Day = key("Local day of the account; UTC day while the account is unknown.")
    slot_at: Instant = key("Start of the slot: of the local day, or of a price change inside it. UTC.")
    event_count: Count = column("Accepted events, less those that the delivery took back.", unit="event")
    reversed_count: Count = column("Events that the delivery took back.", unit="event", at_least=0)
    reversal_count: Count = column(
        "Rows by which it did: reversals, and amendments that were taken back themselves.", unit="event", at_least=0
    )
    negative_count: Count = column("Events below 0, less those taken back.", unit="event")
    duplicate_count: Count = column("Duplicates that were dropped.", unit="event", at_least=0)
    quantity: Quantity = column(
        "Sum of what the meter measures, less what was taken back: quantities, amounts, or the count itself."
    )
    landed_quantity: Quantity = column(
        "Sum of the events' own quantities, less those taken back, whatever the meter measures."
    )
    reversed_quantity: Quantity = column(
        "Sum of the own quantities of what was taken back and of what took it back, whatever the meter measures."
    )
    amount: Quantity = column(
        "Sum of the events' amounts, less what was taken back; 0 where `value_currency` is empty.",
        unit="value_currency",
    )
