"""Contract of `settled_line_items`."""

from data_contracts.line_items import LineItems
from data_contracts.vocabulary import Day, Layout, column


class SettledLineItems(LineItems):
    """A line of a closed month as it was known at the close, rated by the code of tonight.

    What differs from it now differs by its inputs; what differs from the seal differs by its code (`rule_drift`).

    Grain: one row per line of a closed month. Source: orchestration.settled.
    """

    layout = Layout.WHOLE

    sealed_as_of: Day = column("Last delivery date that the latest seal of its legal entity knows.")
