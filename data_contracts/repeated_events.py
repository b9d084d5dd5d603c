"""Contract of `repeated_events`."""

from data_contracts.vocabulary import Count, Day, Delivery, Instant, Quantity, Text, column, key


class RepeatedEvents(Delivery):
    """A well-formed usage row that did not become usage: its event key, or the event it takes back, was taken before.

    Grain: one row per landed record; a line that a feed makes several events of is as many records. A conflict waits
    here with its whole content until an amendment or a release names the winner. Source: orchestration.intake.
    """

    delivery_date: Day = key("The delivery that brought the row.")
    source_file: Text = key("Landing file of the row.", example="usage_events/2026-08-01/usage.csv")
    source_line: Count = key("Line of the record's start in that file.", unit="line")
    outcome: Text = column("The same again, or something else.", one_of=("duplicate", "conflict"))
    source: Text = column("System that issued the event id.", example="gateway-eu")
    event_id: Text = key("The feed's id of the event.", example="e-000017")
    account_id: Text = column("Account named by the row.", example="acct_007")
    meter: Text = column("Meter named by the row.", example="api_requests")
    occurred_at: Instant = column("When the row says that it happened, UTC.")
    quantity: Quantity = column("Units of the row.", unit="unit of the meter")
    amount: Quantity = column("Value of the transaction.", null_means="no value", unit="value_currency")
    value_currency: Text = column("ISO 4217 code of `amount`.", null_means="the row has no amount", example="EUR")
    contract_id: Text = column("Contract that the row names.", null_means="the row names none", example="contract_001")
    dimensions: Text = column("Canonical JSON of the row's dimensions.", example='{"model":"small"}')
    reverses_event_id: Text = column(
        "Event that the row wants to take back.", null_means="it is no reversal", example="e-000016"
    )
    amends_event_id: Text = column(
        "Event whose place the row wants to take.", null_means="it is no amendment", example="e-000015"
    )
    standing_delivery_date: Day = column(
        "Delivery of the event that stands, or of the first reversal or amendment of the same event.",
        null_means="no event of this key stands: all of them are held",
    )
    standing_file: Text = column(
        "Its file.", null_means="no event of this key stands", example="usage_events/2026-08-01/usage.csv"
    )
    standing_line: Count = column("Its line.", null_means="no event of this key stands")
