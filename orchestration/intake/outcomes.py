"""What became of each file of a delivery, as rows of `landed_files`, and the proof that nothing was lost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal

import polars as pl

from data_contracts import LandedFiles
from orchestration.errors import RatebookError
from orchestration.intake.findings import FileRefused, Finding, as_message
from orchestration.intake.landing import Claim, LandedFile

BUCKETS = ("accepted", "duplicate", "conflict", "rejected")
NOTHING = Decimal(0)
# Python's own context rounds sums to 28 digits; quantities have 38.
EXACT = Context(prec=76)


@dataclass
class FileOutcome:
    """One file on its way through intake. `counts` holds (rows, quantity) of each bucket."""

    file: LandedFile
    sha256: str
    claim: Claim | None = None
    status: str = "loaded"
    rule: str | None = None
    message: str | None = None
    findings: list[Finding] = field(default_factory=list)
    landed_rows: int = 0
    landed_quantity: Decimal = NOTHING
    counts: dict[str, tuple[int, Decimal]] = field(default_factory=dict)

    @property
    def is_loaded(self) -> bool:
        """Whether the file's records count."""
        return self.status == "loaded"

    @property
    def own_names(self) -> Sequence[Mapping[str, str]]:
        """What the file calls the columns of its dataset, where a feed reads it, for each part of a row."""
        return () if self.file.feed is None else self.file.feed.own_names

    @property
    def records_per_row(self) -> int:
        """How many records a row of the file becomes."""
        return 1 if self.file.feed is None else self.file.feed.records_per_row

    def refuse(self, *findings: Finding) -> None:
        """Take nothing of the file."""
        self.status, self.rule, self.message = "refused", findings[0].rule, as_message(findings)
        self.findings = list(findings)
        self.landed_rows, self.landed_quantity, self.counts = 0, NOTHING, {}

    def refuse_for(self, refused: FileRefused) -> None:
        """Take nothing of the file, for the reason that was raised."""
        self.refuse(refused.finding(self.file.source_file))

    def mark_duplicate(self, first: str) -> None:
        """Take nothing of the file, because the same bytes were taken before."""
        self.status = "duplicate_file"
        self.message = f"The same bytes were delivered before as {first}; they have no effect again."

    def add(self, bucket: str, rows: int, quantity: Decimal | None) -> None:
        """Count records into a bucket."""
        held_rows, held_quantity = self.counts.get(bucket, (0, NOTHING))
        self.counts[bucket] = (held_rows + rows, EXACT.add(held_quantity, quantity or NOTHING))

    def as_row(self, delivery_date: date) -> dict[str, object]:
        """Return the row of `landed_files`."""
        row: dict[str, object] = {
            "delivery_date": delivery_date,
            "source_file": self.file.source_file,
            "dataset": self.file.dataset,
            "sha256": self.sha256,
            "byte_count": self.file.byte_count,
            "status": self.status,
            "rule": self.rule,
            "message": self.message,
            "landed_rows": self.landed_rows,
            "landed_quantity": self.landed_quantity,
        }
        for bucket in BUCKETS:
            row[f"{bucket}_rows"], row[f"{bucket}_quantity"] = self.counts.get(bucket, (0, NOTHING))
        return row


def landed_files_table(outcomes: Iterable[FileOutcome], delivery_date: date) -> pl.DataFrame:
    """Return `landed_files` of one delivery, ordered by file.

    Refuses: a file whose landed records or quantities are not those of its four buckets together. The former are
    counted on the raw text, the latter on the tables that are about to be written.
    """
    rows = [outcome.as_row(delivery_date) for outcome in outcomes]
    table = pl.DataFrame(rows, schema=LandedFiles.schema()).sort("source_file")
    lost = table.filter(
        (pl.col("landed_rows") != pl.sum_horizontal(f"{bucket}_rows" for bucket in BUCKETS))
        | (pl.col("landed_quantity") != _sum(f"{bucket}_quantity" for bucket in BUCKETS))
    )
    if lost.height:
        raise RatebookError(
            f"landed_files: {lost.height:,} of {table.height:,} files do not conserve their records or quantities "
            f"({', '.join(lost['source_file'].head(5).to_list())}). Nothing was taken; this is a fault of the program."
        )
    return table


def count_into(
    outcomes: Mapping[str, FileOutcome], table: pl.DataFrame, bucket: str | None, quantity: str | None
) -> None:
    """Count the rows of a table into their files' bucket (None: the bucket named by the column `outcome`)."""
    if table.is_empty():
        return
    named = pl.col("outcome") if bucket is None else pl.lit(bucket)
    total = pl.lit(NOTHING) if quantity is None else pl.col(quantity).sum()
    # Lazy, because an eager grouped sum of decimals would wrap on overflow where this one raises.
    counted = table.lazy().group_by("source_file", named.alias("bucket")).agg(pl.len().alias("rows"), total.alias("q"))
    for source_file, name, rows, sum_of_quantity in counted.collect().rows():
        outcomes[source_file].add(name, rows, sum_of_quantity)


def _sum(names: Iterable[str]) -> pl.Expr:
    total = pl.lit(NOTHING)
    for name in names:
        total = total + pl.col(name)
    return total
