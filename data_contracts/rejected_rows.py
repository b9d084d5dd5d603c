"""Contract of `rejected_rows`."""

from data_contracts.vocabulary import Count, Day, Delivery, Quantity, Text, column, key


class RejectedRows(Delivery):
    """A landed record that breaks a rule of intake, with the rule, the place and the remedy.

    Grain: one row per landed record, naming the first rule that it breaks; a row of a file that a feed makes several
    events of is as many records. Source: orchestration.intake.
    """

    delivery_date: Day = key("The delivery that brought the record.")
    source_file: Text = key("Landing file of the record.", example="usage_events/2026-08-01/usage.csv")
    source_line: Count = key("Line of the record's start in that file.", unit="line")
    source_part: Count = key(
        "Which of the line's records: 1, or the place of its meter in the feed.", unit="record", example="1"
    )
    dataset: Text = column("Dataset of the file.", example="usage_events")
    rule: Text = column("Name of the rule that is broken.", example="quantity_not_a_plain_decimal")
    column_name: Text = column(
        "Column that breaks it.", null_means="the rule is about the whole record", example="quantity"
    )
    found: Text = column(
        "The offending text, escaped and cut to 80 characters.", null_means="nothing was there", example="1,250"
    )
    message: Text = column("What is wrong, for a person.", example="`quantity` is not a plain decimal number.")
    remedy: Text = column("What to do about it.", example="Write digits with a point.")
    quantity: Quantity = column("The record's quantity.", null_means="it cannot be read", unit="unit of the meter")
