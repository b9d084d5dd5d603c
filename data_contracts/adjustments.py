"""Contract of `adjustments`, and of what the seals hold of it."""

from data_contracts.line_items import LineItems
from data_contracts.vocabulary import Day, Flag, Kind, Layout, Text, column


class Adjustments(LineItems):
    """A line that brings what closed months hold to what is known now, in the first open month; or waits for a release.

    One line per key of `corrections`, two where other versions rate it now: what was sealed is reversed and posted
    anew. Recomputed every night, and a fact only when it is sealed itself. Its service date is the last day of the
    closed month within the billing period.

    Grain: one row per line. Source: transforms.adjustments.
    """

    layout = Layout.WHOLE
    is_of_closed_months = True

    service_month: Day = column("First day of the closed month that it corrects.")
    causes: Text = column("What changed, with `+` between causes.", example="late_usage+price_superseded")
    is_held: Flag = column("Whether it is larger than a bound allows and waits: it is not posted.")
    held_as: Text = column(
        "Names of the bounds that it is over; `ratebook release` names one each.",
        null_means="it is within the bounds",
        example="adjustments/acme_us/2026-10/USD",
    )


class SealedAdjustments(Adjustments):
    """An adjustment that a closed month holds, with what caused it.

    Grain: one row per line. Source: orchestration.close.
    """

    table_kind = Kind.SEALED


class HeldAdjustments(Adjustments):
    """An adjustment that was held when the latest month was closed: still owed, and not forgotten by the close.

    Grain: one row per line, of the latest seal of each legal entity. Source: orchestration.close.
    """

    table_kind = Kind.SEALED
