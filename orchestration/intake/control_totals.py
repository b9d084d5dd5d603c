"""What a manifest states as the totals of a file, beside what the file turns out to hold."""

from collections.abc import Mapping
from decimal import Decimal

import polars as pl

from orchestration.intake.findings import FileRefused, printable
from orchestration.intake.landing import Claim
from orchestration.intake.outcomes import EXACT, NOTHING


class ControlTotals:
    """Sums of the columns whose totals are stated, batch by batch.

    Refuses: a stated total of a column that `numbers` does not have, and one that is not what the file holds.
    """

    def __init__(self, claim: Claim | None, numbers: Mapping[str, pl.Expr]) -> None:
        """Total what the claim states; `numbers` says how each column that can be totalled is read."""
        self._stated = {} if claim is None else claim.control_totals
        self._numbers = numbers
        self._found = dict.fromkeys(self._stated, NOTHING)
        for name in self._stated:
            if name not in numbers:
                raise FileRefused(
                    "control_total_unknown",
                    f"The manifest states a total of `{printable(name)}`; only {', '.join(numbers)} can be totalled.",
                    "Leave it out of the manifest.",
                )

    def add(self, records: pl.DataFrame) -> None:
        """Add a batch of records."""
        for name in self._found:
            self._found[name] = EXACT.add(self._found[name], exact_sum(records, self._numbers[name]))

    def verify(self) -> None:
        """Compare, after the last batch."""
        for name, found in self._found.items():
            if found != self._stated[name]:
                raise FileRefused(
                    "control_total",
                    f"The manifest states {self._stated[name]} as the total of `{name}`; the file holds {found:f}.",
                    "Deliver the whole file again, or correct the manifest.",
                    column=name,
                )


def exact_sum(records: pl.DataFrame, number: pl.Expr) -> Decimal:
    """Sum decimals. Lazy, because an eager sum can wrap on overflow where this one raises."""
    return records.lazy().select(number.sum()).collect().item() or NOTHING
