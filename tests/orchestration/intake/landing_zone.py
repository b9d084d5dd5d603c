"""What the world delivers in a test, and a price book that declares meters in one line each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from data_contracts import LandedFiles, Table
from orchestration import intake
from orchestration.intake.findings import Finding
from orchestration.settings import Settings

HEADER = "event_id,account_id,meter,occurred_at,quantity"


@dataclass(frozen=True)
class Problem:
    """Stands in for `book.Problem`."""

    path: str
    line: int | None
    column: str | None
    rule: str
    message: str
    remedy: str


@dataclass(frozen=True)
class State:
    """Stands in for `book.BookState`."""

    meters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def signed_meters(self) -> frozenset[str]:
        """Those that declare a dimension called `negative`."""
        return frozenset(meter for meter, dimensions in self.meters.items() if "negative" in dimensions)


@dataclass(frozen=True)
class Delivery:
    """Stands in for `book.Delivery`."""

    problems: list[Problem]
    accepts_price_book: bool
    refused_contracts: set[str]
    state: State


@dataclass(frozen=True)
class Document:
    """Stands in for `book.Document`."""

    delivery_date: date
    dataset: str
    path: str
    content: str


def _meters(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read `meter: dimension dimension` lines."""
    pairs = [line.partition(":") for text in texts for line in text.splitlines() if ":" in line]
    return {name.strip(): tuple(dimensions.split()) for name, _, dimensions in pairs}


def accept_delivery(
    known: State, delivery_date: date, price_book_files: Mapping[str, str], contract_files: Mapping[str, str]
) -> Delivery:
    problems = [
        Problem(path, 1, None, "broken_document", "It says broken.", "Repair it.")
        for path, text in {**price_book_files, **contract_files}.items()
        if "broken" in text
    ]
    broken = {problem.path for problem in problems}
    accepts = bool(price_book_files) and not broken & set(price_book_files)
    state = State(_meters(list(price_book_files.values()))) if accepts else known
    return Delivery(problems, accepts, broken & set(contract_files), state)


def load_state(documents: Sequence[Document]) -> State:
    books = [document for document in documents if document.dataset == "price_book"]
    last = max((document.delivery_date for document in books), default=None)
    return State(_meters([document.content for document in books if document.delivery_date == last]))


@dataclass
class Landing:
    """What the world delivers in a test, and what became of it."""

    settings: Settings
    said: list[str] = field(default_factory=list)

    def put(self, name: str, content: str | bytes) -> Path:
        """Land a file at `<dataset>/<date>/<name>`."""
        path = self.settings.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def feed(self, name: str, text: str) -> Path:
        """Write the feed that reads what lands in the folder of its name."""
        path = self.settings.feeds / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def usage(self, *rows: str, day: int = 1, name: str = "a.csv", header: str = HEADER) -> Path:
        """Land usage rows as CSV, August `day`."""
        return self.put(f"usage_events/2026-08-{day:02d}/{name}", "\n".join((header, *rows)) + "\n")

    def take(self, day: int = 1) -> list[date]:
        """Snapshot through August `day`."""
        return intake.snapshot_through(self.settings, date(2026, 8, day), progress=self.said.append)

    def table(self, table: type[Table], day: int = 31) -> pl.DataFrame:
        """Return all delivered rows of a table up to August `day`."""
        paths = intake.delivered_paths(self.settings, table, date(2026, 8, day))
        return pl.concat([table.empty(), *(pl.read_parquet(path) for path in paths)])

    def refusals(self) -> list[tuple[str, str]]:
        """Return (file, rule) of every refused file."""
        refused = self.table(LandedFiles).filter(pl.col("status") == "refused").sort("delivery_date", "source_file")
        return refused.select("source_file", "rule").rows()


def rules(findings: Sequence[Finding]) -> list[str]:
    """Return the rules of findings, in order."""
    return [finding.rule for finding in findings]


def event(event_id: str = "e1", **given: str) -> str:
    """Return a CSV row of a usage event in the order of HEADER."""
    row = {"account_id": "acme", "meter": "tokens", "occurred_at": "2026-08-01T10:00:00Z", "quantity": "1", **given}
    return ",".join([event_id, *row.values()])
