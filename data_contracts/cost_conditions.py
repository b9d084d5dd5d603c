"""Contract of `cost_conditions`."""

from data_contracts.vocabulary import Table, Text, column, key


class CostConditions(Table):
    """What a charge must state to be mapped: an attribute and its exact value. Undated.

    Grain: one row per mapping and attribute. Source: orchestration.book.
    """

    mapping_id: Text = key("Mapping.")
    attribute: Text = key("Attribute of the charge; a tag is `tags.<key>`.", example="provider")
    required_value: Text = column("The text that it must have.", example="AWS")
