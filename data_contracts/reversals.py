"""Contract of `reversals`."""

from data_contracts.vocabulary import Count, Day, Delivery, Flag, Instant, Quantity, Text, column, key

NOTHING = "it takes nothing back"


class Reversals(Delivery):
    """What became of a reversal or an amendment: it takes an event back, or waits by a named rule.

    Grain: one row per reversal or amendment and delivery that decided about it: the one that brought it, and, if it
    had to wait, the one that brought its event. As of D the last row holds. The columns `reversed_*` repeat the event
    that is taken back, so that nobody has to look for it again. Source: orchestration.intake.
    """

    delivery_date: Day = key("The delivery that decided.")
    source: Text = key("System that issued the ids of both events.", example="gateway-eu")
    event_id: Text = key("The reversal or amendment.", example="e-000017")
    correction: Text = column("What it is.", one_of=("reversal", "amendment"))
    reversed_event_id: Text = column("The event that it names.", example="e-000016")
    outcome: Text = column(
        "Whether it is in effect; `settled`: it is, and nothing had to be taken back, for the event it names is in "
        "conflict and never counted.",
        one_of=("applied", "settled", "waiting"),
    )
    rule: Text = column("Why it waits.", null_means="it is in effect", example="reversed_event_unknown")
    is_in_force: Flag = column("Whether it is usage itself from now on: an amendment in effect.")
    landed_on: Day = column("The delivery that brought it.")
    source_file: Text = column("Its landing file.", example="usage_events/2026-08-01/usage.csv")
    source_line: Count = column("Its line.", unit="line")
    account_id: Text = column("Account that it names.", example="acct_007")
    meter: Text = column("Meter that it names.", example="api_requests")
    occurred_at: Instant = column("Its own time, UTC. A reversal takes effect at the time of its event.")
    quantity: Quantity = column("Its own quantity.", unit="unit of the meter")
    amount: Quantity = column("Its own amount.", null_means="no value", unit="value_currency")
    value_currency: Text = column("ISO 4217 code of `amount`.", null_means="it has no amount", example="EUR")
    contract_id: Text = column("Contract that it names.", null_means="it names none", example="contract_001")
    dimensions: Text = column("Canonical JSON of its own dimensions.", example='{"model":"small"}')
    reversed_delivery_date: Day = column("Delivery of the event that is taken back.", null_means=NOTHING)
    reversed_file: Text = column("Its landing file.", null_means=NOTHING, example="usage_events/2026-08-01/usage.csv")
    reversed_line: Count = column("Its line.", null_means=NOTHING, unit="line")
    reversed_account_id: Text = column("Its account.", null_means=NOTHING, example="acct_007")
    reversed_meter: Text = column("Its meter.", null_means=NOTHING, example="api_requests")
    reversed_occurred_at: Instant = column("When it happened, UTC.", null_means=NOTHING)
    reversed_quantity: Quantity = column("Its quantity.", null_means=NOTHING, unit="unit of the meter")
    reversed_amount: Quantity = column(
        "Its amount.", null_means=f"{NOTHING}, or that has no value", unit="value_currency"
    )
    reversed_value_currency: Text = column(
        "ISO 4217 code of its amount.", null_means=f"{NOTHING}, or that has no amount", example="EUR"
    )
    reversed_contract_id: Text = column(
        "Contract that it names.", null_means=f"{NOTHING}, or that names none", example="contract_001"
    )
    reversed_dimensions: Text = column("Its dimensions.", null_means=NOTHING, example='{"model":"small"}')
