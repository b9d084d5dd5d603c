"""Contract of `cost_meters`."""

from data_contracts.vocabulary import Table, Text, key


class CostMeters(Table):
    """A meter by whose usage accounts share a mapping's charges. Undated.

    Grain: one row per mapping and meter. Source: orchestration.book.
    """

    mapping_id: Text = key("Mapping.")
    meter: Text = key("Meter; all meters of a mapping have one unit.")
