"""Contract of `posted_line_items`, and of what the seals hold of it."""

from data_contracts.line_items import LineItems
from data_contracts.vocabulary import Kind, Layout


class PostedLineItems(LineItems):
    """A line as it counts in the accounts: closed months as sealed, open ones as known now, and the adjustments.

    Grain: one row per line. Source: transforms.posted_line_items.
    """


class SealedLineItems(LineItems):
    """A line of a closed month as it was sealed, adjustments of earlier months among them. It never changes.

    Grain: one row per line. Source: orchestration.close.
    """

    table_kind = Kind.SEALED
    layout = Layout.WHOLE
