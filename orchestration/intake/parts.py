"""Events of a delivery on their way from files to decisions: in memory while they fit, else in parts on disk."""

import shutil
from collections import defaultdict
from pathlib import Path

import polars as pl

from orchestration.intake.landing import LandedFile
from orchestration.intake.parquet_records import parquet_rows
from orchestration.intake.usage import KEY
from orchestration.settings import Settings

MEGABYTE = 1 << 20
# Measured on text of 60 to 100 bytes a record: parsing, sorting and deciding hold about twenty times the text.
BYTES_PER_TEXT_BYTE = 20
TEXT_PER_PACKED_BYTE = 8
# Of a Parquet file the rows are known: parsing, deciding and sorting an event with a 36-character id hold this much.
BYTES_PER_EVENT = 500
LARGEST_BLOCK, SMALLEST_BLOCK = 32 * MEGABYTE, MEGABYTE // 2


def block_bytes(settings: Settings) -> int:
    """Return how much text is parsed at a time."""
    return max(SMALLEST_BLOCK, min(LARGEST_BLOCK, settings.memory_mb * MEGABYTE // 64))


def bucket_count(settings: Settings, files: list[LandedFile]) -> int:
    """Return into how many buckets the events must be cut so that one fits into half of the memory setting."""
    return max(1, -(-sum(map(_held_bytes, files)) // (settings.memory_mb * MEGABYTE // 2)))


def _held_bytes(file: LandedFile) -> int:
    records_per_row = 1 if file.feed is None else file.feed.records_per_row
    if file.name.endswith(".parquet"):
        return parquet_rows(file.path) * BYTES_PER_EVENT * records_per_row
    unpacked = file.byte_count * (TEXT_PER_PACKED_BYTE if file.name.endswith((".gz", ".zst")) else 1)
    return unpacked * BYTES_PER_TEXT_BYTE * records_per_row


def together(frames: list[pl.DataFrame], empty: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of all frames; of one frame the frame itself, whose constant columns then stay one value."""
    return frames[0] if len(frames) == 1 else pl.concat([empty, *frames])


class Parts:
    """Events by bucket of their key. A file that turns out to be refused at its end is dropped whole."""

    def __init__(self, folder: Path, buckets: int) -> None:
        """Keep `buckets` buckets; more than one are kept below `folder`."""
        self.folder = folder
        self.buckets = buckets
        self._frames: dict[int, list[pl.DataFrame]] = defaultdict(list)
        self._written = 0

    def add(self, file_number: int, events: pl.DataFrame) -> None:
        """Add a batch of one file's events."""
        if self.buckets == 1:
            self._frames[file_number].append(events)
            return
        # This hash is not stable over versions and need not be: it lives no longer than this delivery is taken.
        bucket = pl.struct(KEY).hash() % self.buckets
        for (number,), part in events.group_by(bucket.alias("bucket")):
            self._write(self.folder / f"{number}" / f"{file_number}", part)

    def drop(self, file_number: int) -> None:
        """Forget a file's events."""
        self._frames.pop(file_number, None)
        for folder in self.folder.glob(f"*/{file_number}"):
            shutil.rmtree(folder)

    def bucket(self, number: int, empty: pl.DataFrame) -> pl.DataFrame:
        """Return the events of one bucket, in no particular order."""
        if self.buckets == 1:
            return together([frame for frames in self._frames.values() for frame in frames], empty)
        paths = sorted(self.folder.glob(f"{number}/*/*.parquet"))
        return pl.read_parquet(paths, glob=False) if paths else empty

    def _write(self, folder: Path, part: pl.DataFrame) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        part.write_parquet(folder / f"{self._written}.parquet", compression="lz4")
        self._written += 1
