"""The chain of seals: what was closed, when, knowing what, by whom; each seal names the hash of the one before.

A seal is a folder `seals/<number>/` that appears in one rename and never changes: what the month held, and a manifest
with the hash of every file. Reopening adds an entry, too; nothing is ever taken out. `orchestration.close` writes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from data_contracts import HeldAdjustments, SealedAdjustments, SealedInputs, SealedLineItems, SealedPeriods
from data_contracts.closed_partitions import PARTITIONS
from data_contracts.vocabulary import Table
from orchestration.chain import MANIFEST, ChainEntry, cut_off, holds, numbered
from orchestration.errors import RatebookError
from orchestration.publish import published_runs
from orchestration.settings import Settings
from orchestration.storage import replace_file, sha256_of

HEAD = "HEAD.json"
SEEN = "seal_head"  # in the manifest of a publish: the last entry that it has seen
FORMAT = 1
CLOSE, REOPEN = "close", "reopen"
TABLES: tuple[type[Table], ...] = (
    SealedPeriods,
    SealedLineItems,
    SealedInputs,
    SealedAdjustments,
    HeldAdjustments,
    *PARTITIONS,
)
# Of these the latest seal of an entity tells the whole; of the others each seal tells its own month.
OF_LATEST: tuple[type[Table], ...] = (SealedInputs, HeldAdjustments)


class Seal(ChainEntry):
    """One entry of the chain: a month closed, or reopened. A later night than its `as_of` (D_c) sees it."""

    @property
    def event(self) -> str:
        """Return whether it closes or reopens."""
        return str(self.manifest["event"])

    @property
    def legal_entity_id(self) -> str:
        """Return whose month it is."""
        return str(self.manifest["legal_entity_id"])

    @property
    def month(self) -> date:
        """Return the first day of the month."""
        return date.fromisoformat(self.manifest["month"])

    @property
    def name(self) -> str:
        """Return what a person calls it."""
        return f"seal {self.number} ({self.event} of {self.month:%Y-%m}, {self.legal_entity_id})"

    def partitions(self) -> dict[str, Mapping[str, Any]]:
        """Return rows and canonical hash of the sealed partitions of marts, by the name of the mart."""
        return dict(self.manifest["partitions"])


def chain(settings: Settings) -> list[Seal]:
    """Return every entry, oldest first. What lies there is not checked: that is what `broken` does."""
    return [Seal(*each) for each in numbered(settings.seals)]


def in_force(settings: Settings, as_of: date) -> list[Seal]:
    """Return the seals of the months that a run of `as_of` sees closed, oldest first.

    Rule:    a run of D sees an entry that knows less than D; of the entries of a month the last one holds.
    """
    last: dict[tuple[str, date], Seal] = {}
    for seal in chain(settings):
        if seal.as_of < as_of:
            last[seal.legal_entity_id, seal.month] = seal
    return sorted((seal for seal in last.values() if seal.event == CLOSE), key=lambda seal: seal.number)


def latest(seals: Sequence[Seal]) -> dict[str, Seal]:
    """Return the last of the given seals in force per legal entity: that of its last closed month."""
    return {seal.legal_entity_id: seal for seal in sorted(seals, key=lambda seal: seal.month)}


def files_in_force(seals: Sequence[Seal], table: type[Table]) -> list[Path]:
    """Return the files that hold a sealed table, of the given seals."""
    counted = latest(seals).values() if table in OF_LATEST else seals
    return [seal.file(table) for seal in counted]


def verify(settings: Settings) -> Iterator[str]:
    """Yield everything that is wrong with the chain, and what the kept publishes have seen that is not there."""
    yield from broken(settings)
    yield from cut_off(chain(settings), published_runs(settings), SEEN, "seal")


def note_head(settings: Settings, seal: Seal) -> None:
    """Note the last entry beside the chain, so that a lost end is missed."""
    content = {"number": seal.number, "sha256": seal.sha256}
    replace_file(settings.seals / HEAD, f"{json.dumps(content)}\n".encode())


def require_head(settings: Settings, known: str | None) -> None:
    """Refuse a chain that lacks the entry which a published run has seen: an older backup was restored (F88)."""
    if known is not None and not holds(chain(settings), known):
        raise RatebookError(
            f"{settings.seals}: the published run has seen the seal {known[:12]}…, which is not there. An older backup "
            "was restored, or a seal was removed: restore seals/ as it was; nothing was run."
        )


def broken(settings: Settings) -> Iterator[str]:
    """Yield everything that is wrong with the chain, oldest first: the first one is where it was changed (I32).

    A changed byte, and so a changed row or order; a file too many or too few; a missing entry in the middle. A missing
    end is missed by `HEAD.json`, and by the published runs (`require_head`).
    """
    before: str | None = None
    for position, seal in enumerate(chain(settings), start=1):
        if seal.number != position:
            yield f"seal {position} is missing: the next one that is there is {seal.number}."
            return
        if not (seal.folder / MANIFEST).is_file():
            yield f"seal {position} has no {MANIFEST}."
            return
        try:
            stated = seal.manifest
            if stated["previous"] != before:
                yield f"{seal.name} follows {stated['previous']}, but the entry before it is {before}."
            yield from _broken_files(seal)
        except (ValueError, KeyError, TypeError) as error:
            yield f"seal {position}: {MANIFEST} is not what was written: {type(error).__name__} {error}."
        before = seal.sha256
    yield from _lost_end(settings)


def _lost_end(settings: Settings) -> Iterator[str]:
    entries = chain(settings)
    noted = settings.seals / HEAD
    if not noted.is_file():
        if entries:
            yield f"{noted} is missing: it names the last seal."
        return
    known = json.loads(noted.read_bytes())
    # A close that was killed before it could note its last entry leaves a head that is one behind, which is no fault.
    there = {seal.number: seal.sha256 for seal in entries}
    if there.get(known["number"]) != known["sha256"]:
        yield f"seal {known['number']} is not the one that {HEAD} names: it was changed, or removed from the end."


def _broken_files(seal: Seal) -> Iterator[str]:
    stated: Mapping[str, Mapping[str, Any]] = seal.manifest["files"]
    there = {path.relative_to(seal.folder).as_posix() for path in seal.folder.rglob("*") if path.is_file()} - {MANIFEST}
    for name in sorted(there ^ set(stated)):
        yield f"{seal.name}: {name} is {'missing' if name in stated else 'no file of it'}."
    for name in sorted(there & set(stated)):
        if sha256_of(seal.folder / name) != stated[name]["sha256"]:
            yield f"{seal.name}: {name} has other bytes than were sealed."
