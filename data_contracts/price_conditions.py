"""Contract of `price_conditions`."""

from data_contracts.vocabulary import Flag, Table, Text, column, key


class PriceConditions(Table):
    """One dimension that a price looks at: to apply at all, to split its lines, or to find a cell of its matrix.

    Grain: one row per price and dimension; a price that looks at none has no row. Source: orchestration.book.
    """

    price_id: Text = key("Id of the price.", example="api_requests")
    dimension: Text = key("Name of the dimension.", example="model")
    meter: Text = column("Meter of the price.", example="api_requests")
    value: Text = column(
        "Text that the dimension must equal.",
        null_means="any: the price groups by it, or a matrix asks",
        example="small",
    )
    is_on_line: Flag = column("Whether it splits lines and counters: a condition or `group_by`, not a matrix alone.")
