"""Contract of `standing_bills`."""

from data_contracts.cost_rows import CostRows
from data_contracts.vocabulary import Day, Table, Text, column, same, same_key


class StandingBills(Table):
    """Which delivery of a provider's bill stands on D: the latest one.

    Grain: one row per provider, billing account and billing period. Source: transforms.standing_bills.
    """

    provider_name: Text = same_key(CostRows.provider_name)
    billing_account_id: Text = same_key(CostRows.billing_account_id)
    billing_period_start: Day = same_key(CostRows.billing_period_start)
    delivery_date: Day = column("The delivery whose charges stand.")
    landed_on: Day = same(CostRows.landed_on)
