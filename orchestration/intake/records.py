"""One shape for every format: batches of records whose values are text, with their line and what is wrong with them."""

import difflib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from orchestration.intake.blocks import BLOCK_BYTES, READ_BYTES, text_blocks
from orchestration.intake.cloud_events import cloud_event_records
from orchestration.intake.csv_records import COMMA, csv_records, header_of
from orchestration.intake.findings import FileRefused
from orchestration.intake.ndjson_records import flat_records, lines_of
from orchestration.intake.parquet_records import TYPED, Naive, parquet_columns, parquet_records, with_texts

CSV = (".csv", ".csv.gz", ".csv.zst")
NDJSON = (".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz", ".ndjson.zst", ".jsonl.zst")
PARQUET = (".parquet",)
# An added column this close to the name of an absent one is that one, renamed.
RENAMED = 0.85


@dataclass(frozen=True)
class Layout:
    """Columns that a dataset knows, those it cannot do without, and further names that are legitimate."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    declared: frozenset[str] = frozenset()
    either: tuple[str, ...] = ()  # optional ones, of which at least one must be there
    custom_prefix: str | None = None  # how names begin that anybody may add
    keeps_unknown: bool = True  # whether columns that are not known are read, too
    may_end_empty: bool = False  # whether the header may end with an empty name: a comma stands behind every line
    naive_utc: frozenset[str] = frozenset()  # times that Parquet may hold without a zone: they are UTC
    # Files of other formats: other names are none of our business, times without a zone stay as they are.
    is_foreign: bool = False
    delimiter: str = COMMA
    takes_cloud_events: bool = False
    typed: frozenset[str] = frozenset()  # numbers and times that a Parquet file gives without their text

    @property
    def known(self) -> tuple[str, ...]:
        """Names of the columns that the dataset knows."""
        return (*self.required, *self.optional)

    def is_free(self, name: str) -> bool:
        """Whether a name that is not known is legitimate all the same, and never a misspelt one."""
        if self.is_foreign or name in self.declared:
            return True
        return self.custom_prefix is not None and name.startswith(self.custom_prefix)

    def is_read(self, name: str) -> bool:
        """Whether a column is read; one without a name, as behind a last comma, is none of a foreign file."""
        return name in self.known or (self.keeps_unknown and not (self.is_foreign and name == ""))


def read_records(
    path: Path, layout: Layout, *, may_end_open: bool, block_bytes: int = BLOCK_BYTES
) -> Iterator[pl.DataFrame]:
    """Yield batches with `line`, `fault`, `found` and `raw:<name>` text columns, every known column among them.

    What the layout calls typed is `typed:<name>` with `value:<name>` instead where a Parquet file holds it so.
    Refuses the file: unknown ending, other dialect, a header that lacks, repeats or misspells a column, and all that
    the readers of the formats refuse.
    """
    name = path.name
    if name.endswith(CSV):
        batches = _csv_batches(path, layout, may_end_open=may_end_open, block_bytes=block_bytes)
    elif name.endswith(NDJSON):
        batches = _ndjson_batches(path, layout, may_end_open=may_end_open, block_bytes=block_bytes)
    elif name.endswith(PARQUET):
        reads = None if layout.keeps_unknown else frozenset(layout.known)
        naive = Naive(layout.naive_utc, kept=layout.is_foreign)
        check_columns(parquet_columns(path, reads, naive), layout, None)
        batches = parquet_records(path, reads, naive)
        batches = (_with_few_types(batch, layout.typed) for batch in batches)
    else:
        raise FileRefused(
            "unknown_format",
            f"`{name}` ends like no format that can be read here.",
            f"Deliver {', '.join((*CSV, *NDJSON[:3], *PARQUET))}.",
        )
    for batch in batches:
        yield _with_known_columns(batch, layout)


def csv_columns(path: Path, *, may_end_open: bool) -> list[str]:
    """Return the column names of a CSV file, so that a dataset of several layouts can tell which one it is."""
    for block in text_blocks(path, quoted_newlines=True, may_end_open=may_end_open, block_bytes=READ_BYTES):
        columns, _ = header_of(block)
        if columns:
            return columns
    return []


def check_columns(names: Sequence[str], layout: Layout, line: int | None) -> None:
    """Refuse column names that are empty, repeated, misspelt or incomplete, showing the nearest name."""
    known = layout.known
    if layout.may_end_empty and names[-1:] == [""]:
        names = names[:-1]
    counted = [name for name in names if layout.is_read(name)] if layout.is_foreign else names
    problems = [f"column {place} has no name" for place, name in enumerate(counted, 1) if not name]
    problems += [
        f"`{name}` stands {names.count(name)} times" for name in dict.fromkeys(counted) if names.count(name) > 1
    ]
    problems += [
        f"`{name}` should be written `{_folded(known)[_fold(name)]}`"
        for name in dict.fromkeys(names)
        if name not in known and not layout.is_free(name) and _fold(name) in _folded(known)
    ]
    problems += [
        f"`{column}` is missing{_nearest(column, names, known)}" for column in layout.required if column not in names
    ]
    if layout.either and not set(layout.either) & set(names):
        problems.append(f"{' or '.join(f'`{name}`' for name in layout.either)} is missing")
    problems += [
        f"`{name}` looks like `{near[0]}`, renamed"
        for name in dict.fromkeys(names)
        if name not in known and not layout.is_free(name) and _fold(name) not in _folded(known)
        for near in [difflib.get_close_matches(name, [c for c in layout.optional if c not in names], 1, RENAMED)]
        if near
    ]
    if problems:
        raise FileRefused(
            "columns",
            f"The columns do not fit: {'; '.join(problems)}.",
            f"Name them exactly; required are {', '.join(layout.required)}.",
            line=line,
        )


def _fold(name: str) -> str:
    return name.strip().casefold()


def _folded(names: Sequence[str]) -> dict[str, str]:
    return {_fold(name): name for name in names}


def _nearest(column: str, names: Sequence[str], known: Sequence[str]) -> str:
    near = difflib.get_close_matches(column, [name for name in names if name and name not in known], 1, 0.5)
    return f" (nearest: `{near[0]}`)" if near else ""


def _csv_batches(path: Path, layout: Layout, *, may_end_open: bool, block_bytes: int) -> Iterator[pl.DataFrame]:
    columns: list[str] = []
    for block in text_blocks(path, quoted_newlines=True, may_end_open=may_end_open, block_bytes=block_bytes):
        rest = block
        if not columns:
            columns, remaining = header_of(block, layout.delimiter if layout.is_foreign else None)
            if columns:
                check_columns(columns, layout, block.first_line)
            if remaining is None:
                continue
            rest = remaining
        yield csv_records(rest, [name if layout.is_read(name) else None for name in columns], layout.delimiter)


def _ndjson_batches(path: Path, layout: Layout, *, may_end_open: bool, block_bytes: int) -> Iterator[pl.DataFrame]:
    names: list[str] = []
    for block in text_blocks(path, quoted_newlines=False, may_end_open=may_end_open, block_bytes=block_bytes):
        lines = lines_of(block)
        batch = cloud_event_records(lines) if layout.takes_cloud_events else flat_records(lines)
        found = [name.removeprefix("raw:") for name in batch.columns if name.startswith("raw:")]
        added = [name for name in found if name not in names]
        if added:
            # Keys may be left out of a record, so only a name that no record of the first block has is missing.
            names += added
            check_columns(names, layout, None)
        yield batch


def _with_few_types(batch: pl.DataFrame, kept: Collection[str]) -> pl.DataFrame:
    """Put its text in the place of each typed column that is not kept."""
    typed = [f"{TYPED}{name}" for name in kept if f"{TYPED}{name}" in batch.columns]
    texts = with_texts(batch.drop(typed))
    texts = texts.drop(name for name in texts.columns if name.startswith(TYPED))
    return texts.with_columns(batch[name] for name in typed)


def _with_known_columns(batch: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    known = [f"raw:{name}" for name in layout.known if f"{TYPED}{name}" not in batch.columns]
    whole = batch.with_columns(pl.lit(None, pl.String).alias(name) for name in known if name not in batch.columns)
    return whole if layout.keeps_unknown else whole.select("line", "fault", "found", *known)
