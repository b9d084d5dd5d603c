"""Contract of `documents`."""

from data_contracts.vocabulary import Count, Day, Delivery, Text, column, key


class Documents(Delivery):
    """A price-book or contract document that was accepted, kept whole.

    Grain: one row per delivery, dataset and path. All files of one price-book delivery are one book; a later
    delivery of `price_book` replaces it, a later `contracts` delivery adds to what is known. Source:
    orchestration.intake.
    """

    delivery_date: Day = key("The delivery of the document.")
    dataset: Text = key("`price_book` or `contracts`.", one_of=("price_book", "contracts"))
    path: Text = key("Path below the delivery's folder, as `versions_from` would name it.", example="llm.yaml")
    source_file: Text = column("Landing file.", example="usage_events/2026-08-01/usage.csv")
    sha256: Text = column("SHA-256 of the text's UTF-8 bytes.", example="9f2c41d07a5e")
    byte_count: Count = column("Size of the text.", unit="byte", at_least=0)
    content: Text = column("The document itself.", example="company: {name: Acme}")
