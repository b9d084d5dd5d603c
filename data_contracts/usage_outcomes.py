"""Contract of `usage_outcomes`."""

from data_contracts.vocabulary import Count, Day, Layout, Quantity, Table, Text, column, key


class UsageOutcomes(Table):
    """What became of accepted usage: priced, zero-rated, in suspense or excluded, per kind of line. It conserves.

    Grain: one row per account, meter, dimensions, local day, kind, outcome, rule and detail. Source:
    transforms.usage_outcomes.
    """

    layout = Layout.PER_PAYER

    account_id: Text = key("Account as the events name it.", example="acct_007")
    meter: Text = key("Meter as the events name it.", example="api_requests")
    dimensions: Text = key("Canonical JSON of the priced dimensions.", example='{"model":"small"}')
    service_date: Day = key("Local day of the account.")
    kind: Text = key("Which kind of line it is about.", one_of=("revenue", "cost"))
    outcome: Text = key("What became of it.", one_of=("priced", "zero_rated", "suspense", "excluded"))
    rule: Text = key(
        "Named reason of suspense or exclusion; empty when it was priced or zero-rated.",
        example="quantity_not_a_plain_decimal",
    )
    detail: Text = key(
        "What the rule found; empty when there is nothing to say.", example="no meter gpu_hours in the price book"
    )
    event_count: Count = column("Accepted events.", unit="event", at_least=0)
    quantity: Quantity = column("Sum of what the meter measures.", unit="unit of the meter")
    landed_quantity: Quantity = column("Sum of the events' own quantities.", unit="unit of the meter")
    first_delivery_date: Day = column("Delivery that first brought some of it.")
