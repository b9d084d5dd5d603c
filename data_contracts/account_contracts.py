"""Contract of `account_contracts`."""

from data_contracts.vocabulary import Day, Flag, Table, Text, column, key


class AccountContracts(Table):
    """What an account is billed under, from which local day to which: signed contracts and the default plan.

    Grain: one row per account, contract and `valid_from`; half-open. Source: transforms.account_contracts.
    """

    account_id: Text = key("Id of the account.")
    contract_id: Text = key("Id of the contract; `default:<account>` on the default plan.")
    valid_from: Day = key("First local day (in).")
    valid_to: Day = column("First local day that is no longer covered (out).")
    is_default: Flag = column("Whether it is the default plan: it covers what no signed contract covers.")
    payer_id: Text = column("Root of the account tree.")
    legal_entity_id: Text = column("Our legal entity that bills.")
    plan_id: Text = column("Plan whose prices apply.")
    currency: Text = column("ISO 4217 code of billing.")
    time_zone: Text = column("IANA zone of the account.")
    rate_set_id: Text = column("`<plan>|<currency>|<zone>`, with `|<contract>` behind it when it has overrides.")
