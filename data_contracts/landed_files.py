"""Contract of `landed_files`."""

from data_contracts.vocabulary import Count, Day, Delivery, Quantity, Text, column, key

STATUSES = ("loaded", "refused", "duplicate_file")


class LandedFiles(Delivery):
    """A file found in the landing zone, and where every row of it went.

    Grain: one row per delivery date and file. Source: orchestration.intake.
    """

    delivery_date: Day = key("The delivery that this file belongs to (the night that first saw it).")
    source_file: Text = key("Path below `landing/`, with forward slashes.", example="usage_events/2026-08-01/a.csv")
    dataset: Text = column("Dataset folder the file was found in.", example="usage_events")
    sha256: Text = column("SHA-256 of the file's bytes, hexadecimal.", example="9f2c41d07a5e")
    byte_count: Count = column("Size of the file.", unit="byte", at_least=0)
    status: Text = column("What became of the file as a whole.", one_of=STATUSES)
    rule: Text = column(
        "Rule that refused the file.", null_means="the file was not refused", example="quantity_not_a_plain_decimal"
    )
    message: Text = column(
        "What is wrong and what to do, for a person.",
        null_means="the file was loaded",
        example="`quantity` is not a plain decimal number.",
    )
    landed_rows: Count = column("Records read, before any decision; 0 for a refused file.", unit="row", at_least=0)
    accepted_rows: Count = column("Records that became rows of their table.", unit="row", at_least=0)
    duplicate_rows: Count = column("Records with an event key and content already seen.", unit="row", at_least=0)
    conflict_rows: Count = column("Records with a known event key and other content; held.", unit="row", at_least=0)
    rejected_rows: Count = column("Records that break a rule of intake.", unit="row", at_least=0)
    landed_quantity: Quantity = column("Sum of all quantities that can be read, before any decision.", unit="mixed")
    accepted_quantity: Quantity = column("Sum of the quantities of accepted records.", unit="mixed")
    duplicate_quantity: Quantity = column("Sum of the quantities of duplicates.", unit="mixed")
    conflict_quantity: Quantity = column("Sum of the quantities of conflicts.", unit="mixed")
    rejected_quantity: Quantity = column("Sum of the readable quantities of rejected records.", unit="mixed")
