"""Contract of `rates`."""

from data_contracts.vocabulary import Flag, Instant, Table, Text, column, key


class Rates(Table):
    """Which version of which price a rate set applies, between which instants.

    Grain: one row per rate set, price and `valid_from_at`; half-open; no two rows of one rate set and price overlap.
    Source: transforms.rates.
    """

    rate_set_id: Text = key("Rate set: the distinct plan, currency, zone and overrides.", example="payg/USD/UTC")
    price_id: Text = key("Price.", example="api_requests")
    valid_from_at: Instant = key("First instant of the version, UTC (in).")
    valid_to_at: Instant = column("First instant of the next one, UTC (out).")
    meter: Text = column("Meter that it rates.", example="api_requests")
    kind: Text = column("What it makes.", one_of=("revenue", "cost"))
    model: Text = column("Charge model.")
    product_id: Text = column("Product.", example="api")
    currency: Text = column("ISO 4217 code of its amounts.", example="USD")
    billing_currency: Text = column(
        "ISO 4217 code that it is billed in; other than `currency` where the price is converted.", example="EUR"
    )
    price_version_id: Text = column("Version in force.", example="api_requests@2026-08-01")
    list_price_version_id: Text = column(
        "Version of the plan's own price in force, without the override.", example="api_requests@2026-08-01"
    )
    conditions: Text = column("Canonical JSON of the dimensions that usage must have.", example='{"model":"small"}')
    is_sold: Flag = column("Whether the version has amounts in the currency; where it has none, usage waits for them.")
    is_additive: Flag = column("Whether it may apply beside another revenue price.")
