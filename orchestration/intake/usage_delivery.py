"""The usage files of one delivery: read, judged, decided, and written as the delivery's usage tables."""

import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from data_contracts import RejectedRows, RepeatedEvents, UsageEvents
from data_contracts.validation import validate
from orchestration.intake.control_totals import ControlTotals, exact_sum
from orchestration.intake.decisions import PLACE, decide
from orchestration.intake.feeds import landed_records
from orchestration.intake.findings import FileRefused
from orchestration.intake.judged import rejected_rows
from orchestration.intake.lake import Lake, key_hashes
from orchestration.intake.landing import USAGE
from orchestration.intake.outcomes import EXACT, FileOutcome, count_into
from orchestration.intake.parts import Parts, block_bytes, bucket_count, together
from orchestration.intake.reversals import first_of_each, is_correction, reversals_of
from orchestration.intake.tables import write_table
from orchestration.intake.usage import KEY, NUMBERS, Meters, usage_events, usage_layout, with_numbers
from orchestration.settings import Settings
from orchestration.storage import as_category, empty_texts, scan

SORTED_BY = ("account_bucket", *PLACE)
EVENTS = {**UsageEvents.schema(), "all_dimensions": pl.String()}


@dataclass(frozen=True)
class UsageDelivery:
    """What the usage files of a delivery became; `usage_events.parquet` is already written."""

    accepted_rows: int
    repeated: pl.DataFrame
    reversals: pl.DataFrame
    rejected: pl.DataFrame
    usage_dates: frozenset[str]


def take_usage(
    outcomes: Sequence[FileOutcome],
    meters: Meters,
    *,
    signed: Collection[str],
    settings: Settings,
    lake: Lake,
    delivery_date: date,
    folder: Path,
) -> UsageDelivery:
    """Decide every record of the delivery's usage files and write its `usage_events` into `folder`.

    Memory is bounded: files are read in blocks, events are decided in buckets of their key and sorted in buckets of
    their account.
    """
    files = [outcome.file for outcome in outcomes if outcome.is_loaded]
    parts = Parts(folder / ".parts", bucket_count(settings, files))
    all_rejected = read_files(outcomes, meters, signed, parts, settings, delivery_date)
    by_file = {outcome.file.source_file: outcome for outcome in outcomes}
    count_into(by_file, all_rejected, "rejected", "quantity")
    repeated: list[pl.DataFrame] = []
    corrections = [pl.DataFrame(schema=EVENTS)]
    tonight = [key_hashes(corrections[0])]
    dates: set[str] = set()
    rows = 0
    slices = _Slices(folder, parts.buckets)
    for number in range(parts.buckets):
        newcomers = parts.bucket(number, pl.DataFrame(schema=EVENTS)).with_row_index("row")
        days = frozenset(newcomers["occurred_at"].dt.date().unique().cast(pl.String).to_list())
        hashes = key_hashes(newcomers)
        seen = lake.sightings(hashes, days, settings)
        tonight.append(hashes)
        # Almost every key is the only one of its hash, tonight and ever: such an event is new, nothing is to decide.
        is_doubtful = hashes.is_duplicated() | hashes.is_in(seen["key_hash"].implode())
        doubtful = newcomers.filter(is_doubtful)
        standing, held = lake.earlier_events(doubtful.select(KEY).unique(), set(seen["delivery_date"]))
        decided, again = decide(doubtful, standing, held)
        is_accepted = ~is_doubtful | newcomers["row"].is_in(decided["row"].implode())
        is_usage = is_accepted & ~newcomers.select(is_correction()).to_series()
        corrections.append(newcomers.drop("row").filter(is_accepted & ~is_usage))
        count_into(by_file, newcomers.select("source_file", "quantity").filter(is_usage), "accepted", "quantity")
        count_into(by_file, again, None, "quantity")
        slices.add(newcomers.select(UsageEvents.columns.keys()), is_usage)
        repeated.append(again.select(RepeatedEvents.columns.keys()))
        dates |= days
        rows += int(is_usage.sum())
    lake.remember(delivery_date, pl.concat(tonight))
    # Whoever takes back the same event may lie in another bucket, so these are decided together.
    first, second = first_of_each(pl.concat(corrections), lake)
    count_into(by_file, first, "accepted", "quantity")
    count_into(by_file, second, None, "quantity")
    slices.add(first.select(UsageEvents.columns.keys()), pl.repeat(value=True, n=first.height, eager=True))
    repeated.append(second.select(RepeatedEvents.columns.keys()))
    slices.write()
    all_repeated = pl.concat(repeated).sort("source_file", "source_line", "source", "event_id")
    is_torn = (pl.col("outcome") == "conflict") & pl.col("standing_delivery_date").is_null()
    reversals = reversals_of(
        first,
        usage=folder / f"{UsageEvents.table_name}.parquet",
        torn=all_repeated.filter(is_torn),
        lake=lake,
        delivery_date=delivery_date,
    )
    shutil.rmtree(parts.folder, ignore_errors=True)
    return UsageDelivery(
        rows + first.height,
        all_repeated,
        reversals,
        all_rejected.sort("source_file", "source_line", "source_part"),
        frozenset(dates),
    )


def read_files(
    outcomes: Sequence[FileOutcome],
    meters: Meters,
    signed: Collection[str],
    parts: Parts,
    settings: Settings,
    delivery_date: date,
) -> pl.DataFrame:
    """Parse the files into `parts`; return their rejected records. A file that cannot be taken is refused whole."""
    rejected = [RejectedRows.empty()]
    for number, outcome in enumerate(outcomes):
        if outcome.is_loaded:
            try:
                rejected += _read_file(outcome, meters, signed, parts, number, settings, delivery_date)
            except FileRefused as refused:
                outcome.refuse_for(refused)
                parts.drop(number)
    return pl.concat(rejected)


def _read_file(
    outcome: FileOutcome,
    meters: Meters,
    signed: Collection[str],
    parts: Parts,
    number: int,
    settings: Settings,
    delivery_date: date,
) -> list[pl.DataFrame]:
    """Parse one file into `parts`; return its rejected records. Its landed rows and quantity are counted before."""
    file = outcome.file
    rejected = []
    totals = ControlTotals(outcome.claim, NUMBERS)
    for batch in _batches(outcome, meters, settings):
        raw = with_numbers(batch)
        outcome.landed_rows += raw.height
        outcome.landed_quantity = EXACT.add(outcome.landed_quantity, exact_sum(raw, pl.col("readable")))
        totals.add(raw)
        events, bad = usage_events(raw, meters, delivery_date, signed=signed)
        places = {"delivery_date": pl.lit(delivery_date), "source_file": pl.lit(file.source_file)}
        parts.add(number, events.with_columns(**places).select(EVENTS.keys()))
        rejected.append(
            rejected_rows(
                bad,
                pl.col("readable"),
                delivery_date=delivery_date,
                source_file=file.source_file,
                dataset=USAGE,
                own_names=outcome.own_names,
            )
        )
    check_size(outcome, outcome.landed_rows // outcome.records_per_row)
    totals.verify()
    return rejected


def _batches(outcome: FileOutcome, meters: Meters, settings: Settings) -> Iterator[pl.DataFrame]:
    return landed_records(
        outcome.file.path,
        outcome.file.feed,
        usage_layout(meters),
        may_end_open=outcome.claim is not None,
        block_bytes=block_bytes(settings),
    )


def check_size(outcome: FileOutcome, rows: int) -> None:
    """Refuse a file without records, unless its manifest says so, and one with other records than its manifest says."""
    stated = None if outcome.claim is None else outcome.claim.rows
    if stated is not None and stated != rows:
        raise FileRefused(
            "row_count",
            f"The manifest states {stated:,} rows; the file holds {rows:,}.",
            "Deliver the whole file again, or correct the manifest.",
        )
    if rows == 0 and stated is None:
        raise FileRefused(
            "empty_file",
            "The file holds no records.",
            "Deliver its records, or a _manifest.json that states 0 rows.",
        )


class _Slices:
    """Accepted events on their way into one file sorted by account bucket and place."""

    def __init__(self, folder: Path, count: int) -> None:
        self.snapshot = folder
        self.folder = folder / ".parts" / "slices"
        self.count = count
        self._only: list[tuple[pl.DataFrame, pl.Series]] = []
        self._written = 0

    def add(self, events: pl.DataFrame, is_accepted: pl.Series) -> None:
        """Add the accepted events of one key bucket."""
        if self.count == 1:
            self._only += [(events, is_accepted)] if events.height else []
            return
        number = (pl.col("account_bucket").cast(pl.Int64) * self.count) // (1 << 16)
        for (slice_number,), part in events.filter(is_accepted).group_by(number.alias("slice")):
            folder = self.folder / f"{slice_number:06d}"
            folder.mkdir(parents=True, exist_ok=True)
            part.write_parquet(folder / f"{self._written}.parquet", compression="lz4")
            self._written += 1

    def write(self) -> None:
        """Write the one file, each slice checked against the contract; keys cannot meet across key buckets."""
        if self.count == 1:
            events = together([frame for frame, _ in self._only], UsageEvents.empty())
            is_accepted = pl.concat([pl.Series(dtype=pl.Boolean()), *(mask for _, mask in self._only)])
            write_table(UsageEvents, in_order(events, is_accepted), self.snapshot)
            return
        ready: list[Path] = []
        empty: frozenset[str] | None = None
        for folder in sorted(self.folder.glob("*")):
            events = in_order(pl.read_parquet(sorted(folder.glob("*.parquet")), glob=False))
            ready.append(folder / "sorted")
            empty = empty_texts(events) if empty is None else empty & empty_texts(events)
            validate(UsageEvents, events).write_parquet(ready[-1], compression="lz4")
        if not ready:
            write_table(UsageEvents, UsageEvents.empty(), self.snapshot)
            return
        as_category(scan(UsageEvents, ready), empty or ()).sink_parquet(
            self.snapshot / f"{UsageEvents.table_name}.parquet",
            compression="zstd",
            compression_level=1,
            statistics=True,
            maintain_order=True,
        )


def in_order(events: pl.DataFrame, is_accepted: pl.Series | None = None) -> pl.DataFrame:
    """Return the accepted events, sorted by account bucket and place.

    Files are read in their order, so their rows mostly stand by place already. Then bucket and row number are sorted as
    one number, and every column is picked once: half the time of a filter and a sort by three columns.
    """
    line, file = pl.col("source_line"), pl.col("source_file")
    is_other_file = file != file.shift(1)
    is_in_place = (file > file.shift(1)) | (~is_other_file & (line >= line.shift(1)))
    if not events.select(is_in_place.all()).item():
        accepted = events if is_accepted is None else events.filter(is_accepted)
        return accepted.sort(SORTED_BY)
    row = pl.int_range(pl.len(), dtype=pl.UInt64)
    places = events.select(pl.col("account_bucket").cast(pl.UInt64) * (1 << 48) + row).to_series()
    if is_accepted is not None:
        places = places.filter(is_accepted)
    rows = (places.sort() % (1 << 48)).cast(pl.UInt32)
    return events.select(pl.all().gather(rows))
