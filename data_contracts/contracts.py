"""Contract of `contracts`."""

from data_contracts.vocabulary import Count, Day, Flag, Table, Text, column, key

# The first is what a contract has that does not say.
INTERVALS = ("month", "week", "quarter", "year")


class Contracts(Table):
    """A customer contract as it stood from some day on.

    Grain: one row per contract and `valid_from`, intervals half-open and gapless within a contract. The contract
    covers a local day d when valid_from <= d < valid_to and starts_on <= d < ends_on. Source: orchestration.book.
    """

    contract_id: Text = key("Id of the contract.", example="contract_001")
    valid_from: Day = key("First local day of this state of the contract (in).")
    valid_to: Day = column("First local day of the next state (out); FOREVER when it is the last.")
    account_id: Text = column("Account that signed.", example="acct_007")
    plan_id: Text = column("Plan whose prices apply.", example="payg")
    currency: Text = column(
        "ISO 4217 code of billing.", null_means="the account's", pattern="^[A-Z]{3}$", example="USD"
    )
    starts_on: Day = column("First local day that the contract covers.")
    ends_on: Day = column("First local day that it no longer covers; FOREVER when open.")
    billing_interval: Text = column("Length of a billing period.", one_of=INTERVALS)
    billing_anchor: Count = column(
        "Day of the month on which a billing period starts, of a week its weekday (1 is Monday). In a shorter month "
        "its last day.",
        unit="day",
        at_least=1,
    )
    billing_anchor_date: Day = column(
        "A day on which a billing period starts: all others count from it, before and after.", example="2000-01-01"
    )
    grace_days: Count = column(
        "Days after the period's end until it is billed.",
        null_means="the contract does not say",
        unit="day",
        at_least=0,
    )
    has_overrides: Flag = column("Whether the contract has prices of its own.")
    recorded_on: Day = column("Delivery that brought this state.")
    document: Text = column("Where it stands: path and line.", example="llm.yaml:41")
