"""Contract of `priced_usage`."""

from data_contracts.vocabulary import Count, Day, Instant, Layout, Quantity, Table, Text, UnitPrice, column, key


class PricedUsage(Table):
    """Usage with the price version that rates it, or the named reason why none does: nothing falls between.

    Grain: one row per usage cell, kind and price (`price_id` is empty when no price rates it). Additive prices give
    a cell several rows. Source: transforms.priced_usage.
    """

    layout = Layout.PER_PAYER

    account_id: Text = key("Account as the events name it.", example="acct_007")
    stated_contract_id: Text = key("Contract that the events name; empty when they name none.", example="contract_001")
    meter: Text = key("Meter as the events name it.", example="api_requests")
    dimensions: Text = key("Canonical JSON of the cell's priced dimensions.", example='{"model":"small"}')
    value_currency: Text = key(
        "Currency of the events' amounts; empty when neither the meter nor a price looks at them.", example="EUR"
    )
    service_date: Day = key("Local day of the account.")
    slot_at: Instant = key("Start of the slot, UTC.")
    kind: Text = key("Which kind of line it is about.", one_of=("revenue", "cost"))
    price_id: Text = key("Price that rates it; empty when none does.", example="api_requests")
    outcome: Text = column("What becomes of the usage.", one_of=("rated", "suspense", "excluded"))
    rule: Text = column("Named reason.", null_means="it is rated", example="quantity_not_a_plain_decimal")
    detail: Text = column(
        "What the rule found, for a person.", null_means="it is rated", example="no meter gpu_hours in the price book"
    )
    contract_id: Text = column("Contract that covers it.", null_means="none does", example="contract_001")
    price_version_id: Text = column(
        "Version in force in the slot.", null_means="it is not rated", example="api_requests@2026-08-01"
    )
    list_price_version_id: Text = column(
        "The plan's own version in force.", null_means="it is not rated", example="api_requests@2026-08-01"
    )
    model: Text = column("Charge model of the version.", null_means="it is not rated")
    product_id: Text = column("Product of the price.", null_means="it is not rated", example="api")
    currency: Text = column("ISO 4217 code of the version.", null_means="it is not rated", example="USD")
    billing_currency: Text = column("ISO 4217 code that it is billed in.", null_means="it is not rated", example="EUR")
    line_dimensions: Text = column(
        "Dimensions of the line that counts it: conditions and groups of the price, canonical JSON.",
        null_means="it is not rated",
        example='{"model":"small"}',
    )
    unit_amount: UnitPrice = column(
        "Unit price of the matrix cell, or of the hours of the rate curve, that it falls in.",
        null_means="the version is neither",
        unit="currency",
    )
    list_unit_amount: UnitPrice = column(
        "Unit price of its cell or hours in the plan's own version.",
        null_means="that version is neither matrix nor rate curve, or has no such cell",
        unit="currency",
    )
    event_count: Count = column("Accepted events.", unit="event", at_least=0)
    quantity: Quantity = column("Sum of what the meter measures.", unit="unit of the meter")
    landed_quantity: Quantity = column("Sum of the events' own quantities.", unit="unit of the meter")
    amount: Quantity = column("Sum of the events' amounts; 0 where `value_currency` is empty.", unit="value_currency")
    first_delivery_date: Day = column("Delivery that first brought usage of the cell.")
