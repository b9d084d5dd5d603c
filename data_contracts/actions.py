"""Contract of `actions`."""

from data_contracts.vocabulary import Count, Day, Delivery, Instant, Text, column, key

ACTIONS = ("close", "reopen", "restate", "release")


class Actions(Delivery):
    """A decision that a person made by hand, and another one approved: what, of what, why, who, when.

    The names are those that the command was given. They are evidence, not access control. A decision counts from the
    first delivery date that sees it, and is never taken out or changed; another one follows it.

    Grain: one row per decision. Source: orchestration.intake; the commands land them (orchestration.actions).
    """

    delivery_date: Day = column("The first delivery date that sees the decision.", example="2026-11-01")
    action_id: Text = key("The decision's id.", example="20261101T081500.000000Z-release")
    action: Text = column("What was decided.", one_of=ACTIONS)
    target: Text = column("What it was decided of: a month, a payer, a gate and its scope.", example="2026-10")
    reason: Text = column("Why, in the words of who decided.", example="all invoices of October are out")
    requested_by: Text = column("Who decided.", example="ada")
    approved_by: Text = column("Who approved it: somebody else.", example="grace")
    requested_at: Instant = column("When it was decided.")
    source_file: Text = column(
        "Landing file of the decision.", example="actions/2026-11-01/20261101T081500.000000Z-release.ndjson"
    )
    source_line: Count = column("Line of the record's start in that file.", unit="line", example="1")
