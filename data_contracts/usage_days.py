"""Contract of `usage_days`."""

from data_contracts.vocabulary import Count, Day, Instant, Layout, Quantity, Table, Text, column, key


class UsageDays(Table):
    """All usage of a cell known on D, with the contract that it falls under or the reason why it falls under none.

    Grain: one row per usage cell (see `usage_states`). Source: transforms.usage_days.
    """

    layout = Layout.PER_PAYER

    account_id: Text = key("Account as the events name it.", example="acct_007")
    stated_contract_id: Text = key("Contract that the events name; empty when they name none.", example="contract_001")
    meter: Text = key("Meter as the events name it.", example="api_requests")
    dimensions: Text = key("Canonical JSON of the priced dimensions.", example='{"model":"small"}')
    value_currency: Text = key(
        "Currency of the events' amounts; empty when neither the meter nor a price looks at them.", example="EUR"
    )
    service_date: Day = key("Local day of the account.")
    slot_at: Instant = key("Start of the slot, UTC.")
    contract_id: Text = column(
        "Contract that covers it.", null_means="none does: see `suspense_rule`", example="contract_001"
    )
    rate_set_id: Text = column("Rate set of that contract.", null_means="no contract covers it", example="payg/USD/UTC")
    suspense_rule: Text = column(
        "Why it cannot be priced yet.", null_means="a contract covers it", example="unknown_meter"
    )
    suspense_detail: Text = column(
        "What the rule found, for a person.",
        null_means="a contract covers it",
        example="no meter gpu_hours in the price book",
    )
    event_count: Count = column("Accepted events that stand.", unit="event", at_least=0)
    reversed_count: Count = column(
        "Accepted events that were taken back; not in `event_count`.", unit="event", at_least=0
    )
    reversal_count: Count = column(
        "Rows that took them back: reversals, and amendments that were taken back themselves.", unit="event", at_least=0
    )
    late_event_count: Count = column(
        "Accepted events delivered more than one day after the day of use, whether they stand or not.",
        unit="event",
        at_least=0,
    )
    duplicate_count: Count = column("Duplicates that were dropped.", unit="event", at_least=0)
    quantity: Quantity = column("Sum of what the meter measures.", unit="unit of the meter")
    landed_quantity: Quantity = column("Sum of the own quantities of the events that stand.", unit="unit of the meter")
    reversed_quantity: Quantity = column(
        "Sum of the own quantities of what was taken back and of what took it back.", unit="unit of the meter"
    )
    amount: Quantity = column("Sum of the events' amounts; 0 where `value_currency` is empty.", unit="value_currency")
    first_delivery_date: Day = column("Delivery that first brought usage of the cell.")
