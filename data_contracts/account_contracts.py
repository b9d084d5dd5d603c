"""Contract of `account_contracts`."""

from data_contracts.contracts import Contracts
from data_contracts.vocabulary import Day, Flag, Table, Text, column, key, same


class AccountContracts(Table):
    """What an account is billed under, from which local day to which: signed contracts and the default plan.

    Grain: one row per account, contract and `valid_from`; half-open. Source: transforms.account_contracts.
    """

    account_id: Text = key("Id of the account.", example="acct_007")
    contract_id: Text = key("Id of the contract; `default:<account>` on the default plan.", example="contract_001")
    valid_from: Day = key("First local day (in).")
    valid_to: Day = column("First local day that is no longer covered (out).")
    is_default: Flag = column("Whether it is the default plan: it covers what no signed contract covers.")
    payer_id: Text = column("Root of the account tree.", example="acct_001")
    legal_entity_id: Text = column("Our legal entity that bills.", example="acme_us")
    plan_id: Text = column("Plan whose prices apply.", example="payg")
    currency: Text = column("ISO 4217 code of billing.", example="USD")
    time_zone: Text = column("IANA zone of the account.", example="Europe/Berlin")
    billing_interval: Text = same(Contracts.billing_interval)
    billing_anchor_date: Day = same(Contracts.billing_anchor_date)
    rate_set_id: Text = column(
        "`<plan>|<currency>|<zone>`, with `|<contract>` behind it when it has overrides.", example="payg/USD/UTC"
    )
