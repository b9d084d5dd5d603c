"""Contract of `line_inputs`, and of what the seals hold of it."""

from data_contracts.vocabulary import Count, Day, Kind, Layout, Table, Text, column, key

# What the lines of an account are made of; a component that changed is the cause of an adjustment.
COMPONENTS = ("usage", "prices", "contracts", "accounts", "rates")


class LineInputs(Table):
    """Fingerprint of what the lines of an account in a billing period were made of, one per kind of input.

    Fingerprints of one code and one version of the engine can be compared; others say nothing of each other.

    Grain: one row per account, payer, billing period and component. Source: transforms.line_inputs.
    """

    layout = Layout.PER_PAYER

    account_id: Text = key("Account that used it.", example="acct_007")
    payer_id: Text = key("Account that is invoiced.", example="acct_001")
    billing_period_start: Day = key("First local day of the billing period (in).")
    component: Text = key("Kind of input.", one_of=COMPONENTS)
    row_count: Count = column("Rows of the kind.", unit="row", at_least=0)
    fingerprint: Text = column("Fingerprint of these rows, whatever their order.", example="9f2c41d07a5e")


class SealedInputs(LineInputs):
    """What the lines of a closed month were made of when it was sealed.

    Grain: one row per account, payer, billing period and component, of the latest seal of each legal entity. Source:
    orchestration.close.
    """

    table_kind = Kind.SEALED
    layout = Layout.WHOLE


class SettledInputs(LineInputs):
    """What the lines of closed months were made of at the close, fingerprinted by the code of tonight.

    Grain: one row per account, payer, billing period and component. Source: orchestration.settled.
    """

    layout = Layout.WHOLE
