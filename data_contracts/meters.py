"""Contract of `meters`."""

from data_contracts.vocabulary import Flag, Table, Text, column, key

AGGREGATIONS = ("sum", "count", "max", "latest", "unique_count", "weighted_sum")


class Meters(Table):
    """What is measured, and how events become a quantity. Undated.

    Grain: one row per meter. Source: orchestration.book.
    """

    meter: Text = key("Id of the meter, as events name it.", example="api_requests")
    unit: Text = column("Unit of one.", example="token")
    aggregation: Text = column("How events add up within a period.", one_of=AGGREGATIONS)
    value: Text = column(
        "Which field of the event is measured: `quantity`, `amount`, or the dimension that a unique_count counts.",
        example="quantity",
    )
    carries_over: Flag = column("Whether a billing period begins with what the one before ended with.")
    negative: Text = column("Whether its events may be below 0.", one_of=("reject", "allow"))
    dimensions: Text = column("Canonical JSON array of the declared dimensions, sorted.", example='["model"]')
