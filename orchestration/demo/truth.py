"""What the demo generator knows about its own files, counted while they are made and never read back from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class DatasetTruth:
    """Where every row of a dataset goes: landed = accepted + duplicate + conflict + rejected."""

    files: int
    landed_rows: int
    accepted_rows: int
    duplicate_rows: int = 0
    conflict_rows: int = 0
    rejected_rows: int = 0


@dataclass(frozen=True)
class DemoTruth:
    """The known totals of the demo landing, all deliveries together."""

    datasets: Mapping[str, DatasetTruth]
    late_events: int  # accepted, delivered more than one day after the account's local day of use
    unknown_account_events: int  # of an account that is never delivered: in suspense to the end
    resolved_account_events: int  # of an account that is delivered later, valid from before them
    unknown_meter_events: int
    unpriced_model_events: int
    currency_mismatch_events: int  # payments in another currency than the account is billed in
    internal_account_events: int  # excluded from revenue by the rule `internal_load_test`
    cost_only_events: int  # excluded from revenue by the rule `gpu_seconds_are_cost`, other than the internal account's
    accepted_events: Mapping[str, int]  # by meter
    accepted_quantity: Mapping[str, Decimal]  # by meter, in its unit; an event without a quantity counts 1
    accepted_payments: Mapping[str, Decimal]  # value of payments, by their currency
    standing_billed_cost: Decimal  # what the provider bills in the bills that stand, USD

    @property
    def suspense_events(self) -> int:
        """Accepted events that no price can rate at the end of the quarter."""
        unknown = self.unknown_account_events + self.unknown_meter_events
        return unknown + self.unpriced_model_events + self.currency_mismatch_events
