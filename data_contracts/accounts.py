"""Contract of `accounts`."""

from data_contracts.vocabulary import Count, Day, Flag, Table, Text, column, key


class Accounts(Table):
    """An account as it was from some local day on, with its payer.

    Grain: one row per account and `valid_from`, intervals half-open and gapless. Source: transforms.accounts.
    """

    account_id: Text = key("Id of the account.", example="acct_007")
    valid_from: Day = key("First local day of this state (in).")
    valid_to: Day = column("First local day of the next state (out); FOREVER when it is the last.")
    account_name: Text = column("Name of the account.", example="First customer")
    currency: Text = column("ISO 4217 code that it is billed in.", pattern="^[A-Z]{3}$", example="USD")
    country: Text = column("ISO 3166 country code.", null_means="not given", example="DE")
    time_zone: Text = column("IANA zone whose days it is billed by.", example="Europe/Berlin")
    parent_account_id: Text = column("Account above it.", null_means="it is a root", example="acct_001")
    payer_id: Text = column("Root of its account tree: the account that is invoiced.", example="acct_001")
    legal_entity_id: Text = column("Our legal entity that bills it.", example="acme_us")
    segment: Text = column("Segment, for reports.", null_means="not given", example="enterprise")
    region: Text = column("Region, for reports.", null_means="not given", example="EMEA")
    is_tax_exempt: Flag = column("Whether no tax is due.")
    net_terms_days: Count = column("Days until an invoice is due.", unit="day", at_least=0)
    recorded_on: Day = column("Delivery that brought this state.")
