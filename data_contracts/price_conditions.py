"""Contract of `price_conditions`."""

from data_contracts.vocabulary import Table, Text, column, key


class PriceConditions(Table):
    """One condition of a price on a dimension of its meter.

    Grain: one row per price and dimension; a price without conditions has no row. Source: orchestration.book.
    """

    price_id: Text = key("Id of the price.", example="api_requests")
    dimension: Text = key("Name of the dimension.", example="model")
    meter: Text = column("Meter of the price.", example="api_requests")
    value: Text = column("Text that the dimension must equal.", example="small")
