"""Contract of `exclusions`."""

from data_contracts.vocabulary import Day, Table, Text, column, key


class Exclusions(Table):
    """A named rule by which usage is not billable. Grain: one row per rule. Source: orchestration.book."""

    exclusion_id: Text = key("Name of the rule.", example="internal_tests")
    kind: Text = column("Which kind of line it suppresses.", one_of=("revenue", "cost"))
    meter: Text = column("Meter it is about.", null_means="every meter", example="api_requests")
    account_id: Text = column("Account it is about.", null_means="every account", example="acct_007")
    effective_from: Day = column("First local day of the rule; BEGINNING when always.")
    reason: Text = column("Why, for a person.", example="The order form says 0.012.")
