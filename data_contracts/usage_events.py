"""Contract of `usage_events`."""

from data_contracts.vocabulary import Bucket, Count, Day, Delivery, Instant, Quantity, Text, column, key


class UsageEvents(Delivery):
    """A metered event that was accepted: it happened, it is new, and it will be priced, held or excluded by name.

    Grain: one row per `source` and `event_id`. Source: orchestration.intake. Sorted by `account_bucket`, then place.
    """

    delivery_date: Day = column("The delivery that brought the event.")
    source: Text = key("System that issued the event id; empty when the feed names none.", example="gateway-eu")
    event_id: Text = key("The feed's id of the event, exactly as written.", example="e-000017")
    account_id: Text = column(
        "Account that used something, as the feed names it; may be unknown to us yet.", example="acct_007"
    )
    meter: Text = column("What was used; may be unknown to the book yet.", example="input_tokens")
    occurred_at: Instant = column("When it happened, UTC.")
    quantity: Quantity = column("Units used; 1 when the feed gives none.", unit="unit of the meter", at_least=0)
    amount: Quantity = column(
        "Value of the transaction that the event stands for.", null_means="no value", unit="value_currency", at_least=0
    )
    value_currency: Text = column(
        "ISO 4217 code of `amount`.", null_means="the event has no amount", pattern="^[A-Z]{3}$", example="EUR"
    )
    contract_id: Text = column(
        "Contract that the event names.", null_means="the event names none", example="contract_001"
    )
    dimensions: Text = column(
        "Canonical JSON object of text values, keys sorted: the meter's declared dimensions, or every further "
        "column while the meter is unknown.",
        example='{"model":"gpt-4"}',
    )
    account_bucket: Bucket = column("First two bytes of SHA-256 of `account_id`: stable over versions and machines.")
    source_file: Text = column("Landing file the row came from.", example="usage_events/2026-08-01/usage.csv")
    source_line: Count = column("Line of the record's start in that file (row number for Parquet).", unit="line")
