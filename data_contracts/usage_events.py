"""Contract of `usage_events`."""

from data_contracts.vocabulary import Bucket, Count, Day, Delivery, Instant, Quantity, Text, column, key


class UsageEvents(Delivery):
    """A metered event that was accepted: it happened, it is new, and it will be priced, held or excluded by name.

    A reversal is a row that takes another event back; an amendment takes one back and is an event itself. What they
    did stands in `reversals`. Grain: one row per `source` and `event_id`. Source: orchestration.intake. Sorted by
    `account_bucket`, then place.
    """

    delivery_date: Day = column("The delivery that brought the event.")
    source: Text = key("System that issued the event id; empty when the feed names none.", example="gateway-eu")
    event_id: Text = key("The feed's id of the event, exactly as written.", example="e-000017")
    account_id: Text = column(
        "Account that used something, as the feed names it; may be unknown to us yet.", example="acct_007"
    )
    meter: Text = column("What was used; may be unknown to the book yet.", example="input_tokens")
    occurred_at: Instant = column("When it happened, UTC.")
    quantity: Quantity = column(
        "Units used; when the feed gives none 1, of a reversal 0. Below 0 only where the meter says `negative: allow`.",
        unit="unit of the meter",
    )
    amount: Quantity = column(
        "Value of the transaction that the event stands for; below 0 like the quantity.",
        null_means="no value",
        unit="value_currency",
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
    reverses_event_id: Text = column(
        "Event of the same source that the row takes back; the row itself is no usage.",
        null_means="it is no reversal",
        example="e-000016",
    )
    amends_event_id: Text = column(
        "Event of the same source that the row takes the place of.", null_means="it is no amendment", example="e-000015"
    )
    account_bucket: Bucket = column("First two bytes of SHA-256 of `account_id`: stable over versions and machines.")
    source_file: Text = column("Landing file the row came from.", example="usage_events/2026-08-01/usage.csv")
    source_line: Count = column(
        "Line of the record's start in that file (row number for Parquet).", unit="line", at_least=0
    )
