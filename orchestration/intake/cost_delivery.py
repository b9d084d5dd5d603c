"""The cost files of one delivery: a provider's bill, which a later delivery of the same scope replaces whole."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
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
from orchestration.intake.usage_delivery import check_size
from orchestration.settings import Settings

BILLED = pl.col("value:BilledCost")
NUMBERS = {name: pl.col(f"value:{name}") for name in (*COSTS, *DECIMALS)}


def take_costs(
    outcomes: Sequence[FileOutcome], *, settings: Settings, delivery_date: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return `cost_rows` and the rejected records of the delivery. The quantity of a record is its billed cost.

    Refuses all files of a folder when one of them is refused: a bill of which a part is missing would replace the
    whole one of the day before. The same bytes may be delivered again: they replace what came in between.
    """
    taken: dict[Path, list[tuple[pl.DataFrame, pl.DataFrame]]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.is_loaded:
            try:
                taken[outcome.file.folder] += _read_file(outcome, settings, delivery_date)
            except FileRefused as refused:
                outcome.refuse_for(refused)
    for broken in [outcome for outcome in outcomes if not outcome.is_loaded]:
        taken.pop(broken.file.folder, None)
        for outcome in outcomes:
            if outcome.is_loaded and outcome.file.folder == broken.file.folder:
                outcome.refuse(_incomplete(outcome, broken))
    parts = [part for parts in taken.values() for part in parts]
    accepted = pl.concat([CostRows.empty(), *(rows for rows, _ in parts)])
    rejected = pl.concat([RejectedRows.empty(), *(bad for _, bad in parts)])
    by_file = {outcome.file.source_file: outcome for outcome in outcomes}
    count_into(by_file, accepted, "accepted", "billed_cost")
    count_into(by_file, rejected, "rejected", "quantity")
    return accepted.sort("source_file", "source_line"), rejected


def _read_file(
    outcome: FileOutcome, settings: Settings, delivery_date: date
) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    """Return rows and rejected records of a file, batch by batch; its landed rows and cost are counted before."""
    file = outcome.file
    totals = ControlTotals(outcome.claim, NUMBERS)
    parts = []
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
        parts.append((rows, rejected))
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
