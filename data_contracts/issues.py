"""Contract of `issues`."""

from data_contracts.vocabulary import Count, Day, Kind, Table, column, key


class Issues(Table):
    """An entry of the issue log: what a night has issued, also nothing. Entries are never changed or removed.

    Grain: one row per entry. Source: orchestration.issued.
    """

    table_kind = Kind.ISSUED

    issue_number: Count = key("Number of the entry, from 1.", unit="number")
    issued_as_of: Day = column("Delivery date of the night that issued: a later one sees the entry.")
    document_count: Count = column("Documents of the entry.", unit="document", at_least=0)
