"""Contract of `plan_prices`."""

from data_contracts.vocabulary import Day, Table, Text, column, key


class PlanPrices(Table):
    """A price that belongs to a plan, since when. Grain: one row per plan and price. Source: orchestration.book."""

    plan_id: Text = key("Id of the plan.", example="payg")
    price_id: Text = key("Id of the price.", example="api_requests")
    effective_from: Day = column("First local day of the price in the plan; BEGINNING when always.")
