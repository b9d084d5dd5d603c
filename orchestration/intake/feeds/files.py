"""The feeds of an installation: files `feeds/<name>.yaml`, each for what lands in `landing/<name>/`."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from orchestration import book
from orchestration.intake.feeds.mapping import foreign_layout, mapped_records, own_names
from orchestration.intake.feeds.schema import FeedDocument
from orchestration.intake.findings import FileRefused, Finding
from orchestration.intake.landing import DATASETS
from orchestration.intake.records import Layout, read_records
from orchestration.settings import Settings

ENDING = ".yaml"
LARGEST_FEED = 1 << 20


@dataclass(frozen=True)
class Feed:
    """A feed as its file says it. `document` is None where the file has findings."""

    name: str
    sha256: str
    content: bytes
    document: FeedDocument | None
    findings: tuple[Finding, ...]

    @property
    def dataset(self) -> str:
        """The dataset that it feeds; while that cannot be read, the feed's own name."""
        return self.name if self.document is None else self.document.dataset

    @property
    def is_mapped(self) -> bool:
        """Whether it maps columns; if not, files are in the dataset's own format."""
        return self.document is not None and self.document.is_mapped

    @property
    def own_names(self) -> list[dict[str, str]]:
        """What the files call the columns of the dataset, for each record of a row; nothing where none is mapped."""
        return own_names(self.document) if self.document is not None and self.document.is_mapped else []

    @property
    def records_per_row(self) -> int:
        """How many records a row becomes."""
        return max(1, 0 if self.document is None else len(self.document.meters))

    def require_valid(self) -> None:
        """Refuse what lands here while the feed cannot be read."""
        if self.findings:
            raise FileRefused(
                "feed_invalid",
                f"Its feed cannot be used: {self.findings[0]}",
                "Correct the feed; the night after takes the file.",
            )


def feeds_of(settings: Settings) -> dict[str, Feed]:
    """Return the feeds by name. A file that cannot be used is among them, with what is wrong with it."""
    if not settings.feeds.is_dir():
        return {}
    files = [path for path in sorted(settings.feeds.glob(f"*{ENDING}")) if path.is_file()]
    return {path.stem: _feed(path.stem, path.read_bytes()) for path in files}


def landed_records(
    path: Path, feed: Feed | None, layout: Layout, *, may_end_open: bool, block_bytes: int
) -> Iterator[pl.DataFrame]:
    """Yield the records of a landed file: in our own format as they stand, else as its feed maps them."""
    document = None if feed is None else feed.document
    if feed is None or document is None or not document.is_mapped:
        yield from read_records(path, layout, may_end_open=may_end_open, block_bytes=block_bytes)
        return
    rows = read_records(path, foreign_layout(document), may_end_open=may_end_open, block_bytes=block_bytes)
    yield from mapped_records(rows, feed.name, document)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a feed, for editors."""
    return {"$schema": book.SCHEMA_DIALECT, **FeedDocument.model_json_schema()}


def _feed(name: str, content: bytes) -> Feed:
    place = f"feeds/{name}{ENDING}"
    document, findings = _read(name, place, content)
    return Feed(name, hashlib.sha256(content).hexdigest(), content, document, findings)


def _read(name: str, place: str, content: bytes) -> tuple[FeedDocument | None, tuple[Finding, ...]]:
    if name in DATASETS:
        taken = Finding(place, None, None, "name_taken", f"`{name}` is a dataset.", "Name the feed after its source.")
        return None, (taken,)
    if len(content) > LARGEST_FEED:
        large = Finding(place, None, None, "too_large", f"It is larger than {LARGEST_FEED:,} bytes.", "Shorten it.")
        return None, (large,)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return None, (
            Finding(place, line, None, "not_utf8", f"Byte {error.start:,} is not UTF-8.", "Save it as UTF-8."),
        )
    document, problems = book.read_item(FeedDocument, place, text)
    found = (Finding(p.path, p.line, p.column, p.rule, p.message, p.remedy) for p in problems)
    return document, tuple(found)
