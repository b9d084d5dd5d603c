"""The cost files of one delivery: a provider's bill, which a later delivery of the same scope replaces whole."""

import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl

from data_contracts import CostRows, RejectedRows
from orchestration.intake.control_totals import ControlTotals, exact_sum
from orchestration.intake.costs import COSTS, DECIMALS, LAYOUT, cost_rows, readable
from orchestration.intake.feeds import landed_records
from orchestration.intake.findings import FileRefused, Finding
from orchestration.intake.judged import rejected_rows
from orchestration.intake.landing import COSTS as DATASET
from orchestration.intake.outcomes import EXACT, FileOutcome, count_into
from orchestration.intake.parts import block_bytes
from orchestration.intake.tables import write_table
from orchestration.intake.usage_delivery import check_size
from orchestration.settings import Settings
from orchestration.storage import write_parquet

BILLED = pl.col("value:BilledCost")
NUMBERS = {name: pl.col(f"value:{name}") for name in (*COSTS, *DECIMALS)}


@dataclass(frozen=True)
class _Part:
    """A batch of one file: where its charges lie, how many they are, what they bill, and the records left out."""

    outcome: FileOutcome
    path: Path
    charges: int
    billed: Decimal
    rejected: pl.DataFrame


def take_costs(
    outcomes: Sequence[FileOutcome], *, settings: Settings, delivery_date: date, folder: Path
) -> tuple[int, pl.DataFrame]:
    """Write the delivery's `cost_rows` into `folder`; return their number and the rejected records.

    The quantity of a record is its billed cost. Memory is bounded: charges go to disk block by block, in the order of
    files and lines.
    Refuses all files of a folder when one of them is refused: a bill of which a part is missing would replace the
    whole one of the day before. The same bytes may be delivered again: they replace what came in between.
    """
    scratch = folder / ".charges"
    taken: dict[Path, list[_Part]] = defaultdict(list)
    for number, outcome in enumerate(outcomes):
        if outcome.is_loaded:
            try:
                taken[outcome.file.folder] += _read_file(outcome, settings, delivery_date, scratch / f"{number}")
            except FileRefused as refused:
                outcome.refuse_for(refused)
    for broken in [outcome for outcome in outcomes if not outcome.is_loaded]:
        taken.pop(broken.file.folder, None)
        for outcome in outcomes:
            if outcome.is_loaded and outcome.file.folder == broken.file.folder:
                outcome.refuse(_incomplete(outcome, broken))
    parts = [part for parts in taken.values() for part in parts]
    for part in parts:
        part.outcome.add("accepted", part.charges, part.billed)
    rejected = pl.concat([RejectedRows.empty(), *(part.rejected for part in parts)])
    count_into({outcome.file.source_file: outcome for outcome in outcomes}, rejected, "rejected", "quantity")
    _write([part.path for part in parts if part.charges], folder)
    shutil.rmtree(scratch, ignore_errors=True)
    return sum(part.charges for part in parts), rejected


def _write(paths: Sequence[Path], folder: Path) -> None:
    if not paths:
        write_table(CostRows, CostRows.empty(), folder)
        return
    pl.concat([pl.scan_parquet(path, glob=False) for path in paths]).sink_parquet(
        folder / f"{CostRows.table_name}.parquet",
        compression="zstd",
        compression_level=1,
        statistics=True,
        maintain_order=True,
    )


def _read_file(outcome: FileOutcome, settings: Settings, delivery_date: date, scratch: Path) -> list[_Part]:
    """Write a file's charges into `scratch`, batch by batch; its landed rows and cost are counted before."""
    file = outcome.file
    totals = ControlTotals(outcome.claim, NUMBERS)
    parts: list[_Part] = []
    batches = landed_records(
        file.path, file.feed, LAYOUT, may_end_open=outcome.claim is not None, block_bytes=block_bytes(settings)
    )
    for batch in batches:
        records = readable(batch)
        outcome.landed_rows += records.height
        outcome.landed_quantity = EXACT.add(outcome.landed_quantity, exact_sum(records, BILLED))
        totals.add(records)
        rows, bad = cost_rows(
            records, delivery_date=delivery_date, source_file=file.source_file, landed_on=file.folder_date
        )
        rejected = rejected_rows(
            bad,
            BILLED,
            delivery_date=delivery_date,
            source_file=file.source_file,
            dataset=DATASET,
            own_names=outcome.own_names,
        )
        path = scratch / f"{len(parts)}.parquet"
        write_parquet(CostRows, rows.sort("source_line"), path)
        parts.append(_Part(outcome, path, rows.height, exact_sum(rows, pl.col("billed_cost")), rejected))
    check_size(outcome, outcome.landed_rows)
    totals.verify()
    return parts


def _incomplete(outcome: FileOutcome, broken: FileOutcome) -> Finding:
    return Finding(
        outcome.file.source_file,
        None,
        None,
        "bill_incomplete",
        f"Another file of the same folder was refused: {broken.file.source_file} ({broken.rule}).",
        "Deliver the whole folder again; until then the bill before stands.",
    )
