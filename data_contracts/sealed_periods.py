"""Contract of `sealed_periods`."""

from data_contracts.vocabulary import Count, Day, Instant, SealedLog, Text, column, key


class SealedPeriods(SealedLog):
    """A closed month of a legal entity: by which seal, with what knowledge, who closed it and who approved.

    The names are those that the command was given: evidence, not access control.

    Grain: one row per legal entity and closed month, as D sees them. Source: orchestration.close.
    """

    legal_entity_id: Text = key("Our legal entity.", example="acme_us")
    accounting_month: Day = key("First day of the closed month of posting.")
    seal_number: Count = column("Number of the seal in the chain.", unit="number", at_least=1)
    sealed_as_of: Day = column("Last delivery date that the seal knows; later nights see the month closed.")
    line_count: Count = column("Lines sealed.", unit="line", at_least=0)
    reason: Text = column("Why it was closed, in the words of who did.", example="October is complete")
    requested_by: Text = column("Who closed it.", example="ada")
    approved_by: Text = column("Who approved it: somebody else.", example="grace")
    locked_at: Instant = column("When it was closed, UTC.")
