"""The issue log: what has gone to customers. Entries are added at its end and never changed, not by a reopen either.

An entry is a folder `issued/<number>/` that appears in one rename: the documents of a night with all their lines, and a
manifest with the hash of every file and of the manifest before. A night that dies before has issued nothing.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from data_contracts import (
    BillingDocumentLines,
    BillingDocuments,
    Companies,
    Contracts,
    IssuedDocuments,
    IssuedLines,
    Issues,
)
from data_contracts.vocabulary import Table
from orchestration.chain import MANIFEST, ChainEntry, cut_off, head, holds, numbered
from orchestration.errors import RatebookError
from orchestration.publish import published_runs
from orchestration.settings import Settings
from orchestration.storage import atomic_directory, scan, sha256_of, write_parquet
from transforms.issue_calendar import days_of_issue

if TYPE_CHECKING:
    from orchestration.build import Build

HEAD = "issue_head"  # in the manifest of a publish: the last entry that it has seen
FORMAT = 1


def chain(settings: Settings) -> list[ChainEntry]:
    """Return every entry, oldest first. What lies there is not read: `broken` does that."""
    return [ChainEntry(*each) for each in numbered(settings.issued)]


def entries(settings: Settings, as_of: date = date.max) -> list[ChainEntry]:
    """Return the entries that a night of D sees, oldest first."""
    return [entry for entry in chain(settings) if entry.as_of <= as_of]


def documents(settings: Settings, *, after: int = 0) -> pl.DataFrame:
    """Return the documents of the entries behind the first `after` ones, in the order of their numbers."""
    files = [entry.file(IssuedDocuments) for entry in entries(settings)[after:]]
    return scan(IssuedDocuments, files).sort("document_kind", "document_number").collect()


def rehearsed(build: "Build") -> pl.DataFrame:
    """Return what the night of this build would issue: its tables are made, nothing is issued."""
    build.require(BillingDocuments)
    return issued_tonight(build)


def issued_tonight(build: "Build") -> pl.DataFrame:
    """Return the documents that the night of this build issues and the log does not hold yet."""
    is_issued = build.frame(BillingDocuments).filter(pl.col("status") == "issued")
    return is_issued.join(build.frame(IssuedDocuments), on="document_id", how="anti").sort("document_number").collect()


def append(build: "Build") -> int:
    """Write what the night of this build issues as the next entry of the log, whole or not at all; return how many.

    An entry without documents says how far the rule of issue has come. Call it while holding the run lock.
    Refuses: a document that the log holds already (I7), a log that has grown since the build was opened.
    """
    documents = issued_tonight(build)
    standing = entries(build.settings)
    if len(standing) != len(build.issued) and documents.height:
        raise RatebookError(f"{build.settings.issued}: the log has grown since this night began. Run the night again.")
    if documents.is_empty() and not due_days(build):
        return 0
    lines = build.frame(BillingDocumentLines).join(documents.lazy(), on="document_id", how="semi").collect()
    _refuse_twice(standing, documents)
    number = len(standing) + 1
    issue = pl.DataFrame([(number, build.as_of, documents.height)], schema=Issues.schema(), orient="row")
    build.settings.issued.mkdir(parents=True, exist_ok=True, mode=0o700)
    with atomic_directory(build.settings.issued / f"{number:06}") as folder:
        entry = ChainEntry(number, folder)
        tables: dict[type[Table], pl.DataFrame] = {Issues: issue, IssuedDocuments: documents, IssuedLines: lines}
        for table, frame in tables.items():
            write_parquet(table, frame.select(table.schema().keys()), entry.file(table))
        manifest = {
            "format": FORMAT,
            "number": number,
            "as_of": build.as_of.isoformat(),
            "documents": documents.height,
            "files": {path.name: sha256_of(path) for path in sorted(folder.iterdir())},
            "previous": head(standing),
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return documents.height


def due_days(build: "Build") -> list[date]:
    """Return the days of issue up to D that no entry has come to; none where the book does not say from when on."""
    standing = entries(build.settings)
    after = max((entry.as_of for entry in standing), default=None)
    return days_of_issue(build.frame(Contracts), build.frame(Companies), after=after, through=build.as_of)


def _refuse_twice(standing: list[ChainEntry], documents: pl.DataFrame) -> None:
    known = scan(IssuedDocuments, [entry.file(IssuedDocuments) for entry in standing])
    for column in ("document_id", "document_number"):
        twice = known.join(documents.lazy(), on=column, how="semi").select(column).collect().to_series()
        if twice.len():
            raise RatebookError(f"{column} {twice[0]} is issued already; nothing was issued.")


def require_head(settings: Settings, known: str | None) -> None:
    """Refuse a log that lacks the entry which a published run has seen: numbers would be given twice (F88)."""
    if known is not None and not holds(chain(settings), known):
        raise RatebookError(
            f"{settings.issued}: the published run has seen the issue {known[:12]}…, which is not there. An older "
            "backup was restored, or an entry was changed or removed: restore issued/ as it was; nothing was run."
        )


def verify(settings: Settings) -> Iterator[str]:
    """Yield everything that is wrong with the log, and what the kept publishes have seen that is not there."""
    found = list(broken(settings))
    yield from found
    if found:  # the entries behind the first fault may not even be readable
        return
    yield from cut_off(chain(settings), published_runs(settings), HEAD, "issue")


def broken(settings: Settings) -> Iterator[str]:
    """Yield everything that is wrong with the log, oldest first: a changed byte, a file or an entry that is missing.

    A missing end is missed by the published runs (`verify`, `require_head`).
    """
    before: str | None = None
    for position, entry in enumerate(chain(settings), start=1):
        if entry.number != position:
            yield f"entry {position} of the issue log is missing."
            return
        try:
            yield from _broken_entry(entry, before)
            before = entry.sha256
        except (OSError, ValueError, KeyError, TypeError) as error:
            yield f"entry {position} of the issue log: {MANIFEST} cannot be read: {type(error).__name__} {error}."
            return


def _broken_entry(entry: ChainEntry, before: str | None) -> Iterator[str]:
    stated: Mapping[str, str] = entry.manifest["files"]
    there = {path.name: sha256_of(path) for path in entry.folder.iterdir() if path.name != MANIFEST}
    for name in sorted(set(stated) | set(there)):
        if stated.get(name) != there.get(name):
            yield f"entry {entry.number} of the issue log: {name} is not what was issued."
    if entry.manifest["previous"] != before:
        yield f"entry {entry.number} of the issue log does not follow the one before it."
