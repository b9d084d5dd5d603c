"""The pricing desk: what is in force for whom, and what a changed book means. Nothing here is published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from data_contracts import AccountContracts, PriceVersions, Rates
from orchestration import book
from orchestration.book.differences import Difference, differences
from orchestration.build import Build
from orchestration.errors import RefusedInput, UsageError

# The first book of a comparison counts as delivered on this day, the second on the next: both are one history.
FIRST, SECOND = date(2000, 1, 1), date(2000, 1, 2)
DOCUMENTS = (".yaml", ".yml", ".json", ".ndjson", ".jsonl", ".csv")


def compare_books(before: Path, after: Path) -> list[Difference]:
    """Return what the book in folder `after` says differently from the one in `before`.

    Refuses: a folder without documents, a document that is no book, and a change that no delivery could make (an
    edited or vanished version), as the night would.
    """
    known = _accepted(book.EMPTY, FIRST, before)
    try:
        return differences(known, _accepted(known, SECOND, after))
    except RefusedInput as refused:
        # Neither book was delivered: a version is known from the folder, not from a day.
        raise RefusedInput(str(refused).replace(f"since the delivery of {FIRST}", f"from {before}")) from None


def _accepted(known: book.BookState, day: date, folder: Path) -> book.BookState:
    accepted = book.accept_delivery(known, day, book_files(folder), {})
    refuse_problems(folder, accepted)
    return accepted.state


def refuse_problems(
    folder: Path, accepted: book.Accepted, complaint: str = "the night would refuse this book."
) -> None:
    """Refuse what could not be accepted, with file, line and rule of each problem."""
    if accepted.problems:
        shown = "\n".join(f"  {problem}" for problem in accepted.problems)
        raise RefusedInput(f"{folder}: {complaint}\n{shown}")


def book_files(folder: Path) -> Mapping[str, str]:
    """Read the documents of one price book: all files of a folder, by name."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder; a book is the folder of its documents.")
    paths = [path for path in sorted(folder.iterdir()) if path.is_file() and path.name.endswith(DOCUMENTS)]
    if not paths:
        raise UsageError(f"{folder} holds no document of a price book ({', '.join(DOCUMENTS)}).")
    return {path.name: path.read_text("utf-8") for path in paths}


@dataclass(frozen=True)
class InForce:
    """A version that is in force at an instant, and the contracts that it is in force for."""

    columns: Sequence[str]
    rows: Sequence[tuple[object, ...]]


def in_force(build: Build, at: datetime, price_id: str | None) -> InForce:
    """Return which version of each price is in force at an instant, by plan, currency and zone, and for how many.

    Grain: one row per price version, plan, currency and zone; a contract with prices of its own has rows of its own.
    """
    rates = build.frame(Rates).filter((pl.col("valid_from_at") <= at) & (pl.col("valid_to_at") > at))
    day = at.date()
    holders = (
        build.frame(AccountContracts)
        .filter((pl.col("valid_from") <= day) & (pl.col("valid_to") > day))
        .group_by("rate_set_id")
        .agg(
            pl.col("plan_id").first(),
            pl.col("time_zone").first(),
            pl.col("contract_id").n_unique().alias("contracts"),
            pl.col("account_id").n_unique().alias("accounts"),
            pl.col("contract_id").min().alias("for_example"),
        )
    )
    recorded = build.frame(PriceVersions).select("price_version_id", "currency", "document")
    found = (
        rates.join(holders, on="rate_set_id", how="inner", validate="m:1")
        .join(recorded, on=["price_version_id", "currency"], how="left", validate="m:1")
        .filter(pl.lit(value=True) if price_id is None else pl.col("price_id") == price_id)
        .select(
            *("price_id", "price_version_id", "kind", "model", "currency", "plan_id", "time_zone", "is_sold"),
            *("valid_from_at", "valid_to_at", "contracts", "accounts", "for_example", "document"),
        )
        .sort("price_id", "plan_id", "currency", "time_zone", "price_version_id")
        .collect()
    )
    return InForce(found.columns, found.rows())
