"""The landing zone: which files the world delivered, and what their manifests claim about them.

Only regular files below `landing/<dataset or feed>/<ISO date>/` are looked at. No link is followed, and no name from
outside becomes a path: folders are listed, never built from text.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.intake.findings import FileRefused, Finding, printable
from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.intake.feeds import Feed

USAGE, ACCOUNTS, PRICE_BOOK, CONTRACTS, COSTS, FX_RATES, ACTIONS = DATASETS = (
    "usage_events",
    "accounts",
    "price_book",
    "contracts",
    "costs",
    "fx_rates",
    "actions",
)
MANIFEST = "_manifest.json"
MARKERS = frozenset({MANIFEST, "_SUCCESS"})
LARGEST_MANIFEST = 16 << 20
HASH_BYTES = 1 << 20


@dataclass(frozen=True)
class LandedFile:
    """A regular file of the landing zone.

    `name` is its path below `folder`: the delivery's, or one within it that has a manifest of its own.
    """

    path: Path
    source_file: str
    dataset: str
    folder: Path
    folder_date: date
    name: str
    byte_count: int
    modified_ns: int
    feed: "Feed | None" = None  # what reads it, if it is not in our format

    @property
    def feed_sha256(self) -> str | None:
        """The hash of its feed as it stands now."""
        return None if self.feed is None else self.feed.sha256


@dataclass(frozen=True)
class Claim:
    """What a manifest says about one file; what it does not say is None."""

    rows: int | None = None
    sha256: str | None = None
    control_totals: Mapping[str, Decimal] = field(default_factory=dict)


def landed_files(settings: Settings, feeds: Mapping[str, "Feed"]) -> tuple[list[LandedFile], list[Finding]]:
    """Return every landed file, ordered by path, and what lies in the landing zone but can never be taken."""
    files: list[LandedFile] = []
    stray: list[Finding] = []
    for dataset in _entries(settings.landing):
        feed = None if dataset.name in DATASETS else feeds.get(dataset.name)
        if not dataset.is_dir(follow_symlinks=False) or (feed is None and dataset.name not in DATASETS):
            known = ", ".join(DATASETS)
            remedy = f"Datasets are the folders {known}; other files need feeds/{printable(dataset.name)}.yaml."
            stray.append(_stray(dataset.name, remedy))
            continue
        for folder in _entries(Path(dataset.path)):
            name = f"{dataset.name}/{folder.name}"
            day = _iso_day(folder.name)
            if day is None or not folder.is_dir(follow_symlinks=False):
                stray.append(_stray(name, "Deliver into a folder named by the delivery date, like 2026-08-01."))
                continue
            for entry, below in _walk(Path(folder.path), ""):
                if not entry.is_file(follow_symlinks=False) or not below.isprintable() or not _is_utf8(below):
                    stray.append(_stray(f"{name}/{below}", "Deliver regular files with printable names, no links."))
                    continue
                status = entry.stat(follow_symlinks=False)
                spoken_for = _folder_with_manifest(Path(entry.path), Path(folder.path))
                files.append(
                    LandedFile(
                        Path(entry.path),
                        f"{name}/{below}",
                        dataset.name if feed is None else feed.dataset,
                        spoken_for,
                        day,
                        Path(entry.path).relative_to(spoken_for).as_posix(),
                        status.st_size,
                        status.st_mtime_ns,
                        feed,
                    )
                )
    return sorted(files, key=lambda file: file.source_file), stray


def named_file(path: Path, otherwise: date | None, feeds: Mapping[str, "Feed"]) -> LandedFile | None:
    """Return a file named by a person, wherever it lies; None if no folder above it is named like a dataset or a feed.

    Its delivery date is that of the folder above it, if one is named by a day, else the date given, else a day so late
    that no event lies behind it.
    """
    whole = path.absolute()
    parents = [parent.name for parent in whole.parents]
    name = next((name for name in parents if name in DATASETS or name in feeds), None)
    if name is None:
        return None
    feed = None if name in DATASETS else feeds[name]
    dataset = name if feed is None else feed.dataset
    day = next((day for name in parents if (day := _iso_day(name)) is not None), otherwise) or date(2199, 12, 31)
    status = whole.stat()
    return LandedFile(
        whole, printable(str(path)), dataset, whole.parent, day, whole.name, status.st_size, status.st_mtime_ns, feed
    )


def sha256_if_still(file: LandedFile) -> str | None:
    """Return the SHA-256 of the file's bytes; None if the file changed while, or since, it was looked at."""
    digest = hashlib.sha256()
    with file.path.open("rb") as opened:
        while piece := opened.read(HASH_BYTES):
            digest.update(piece)
        status = os.fstat(opened.fileno())
    is_still = (status.st_size, status.st_mtime_ns) == (file.byte_count, file.modified_ns)
    return digest.hexdigest() if is_still else None


def read_claims(folder: Path) -> dict[str, Claim] | None:
    """Return what the folder's manifest says per file name; None if there is no manifest.

    Refuses: a manifest that is not JSON of the documented shape. All files of the folder fall with it.
    """
    path = folder / MANIFEST
    if not _has_manifest(folder):
        return None
    if path.stat().st_size > LARGEST_MANIFEST:
        raise _broken_manifest(f"it is larger than {LARGEST_MANIFEST:,} bytes")
    try:
        document = json.loads(path.read_bytes(), parse_float=str, object_pairs_hook=_unique)
        entries = document["files"]
        names = [entry["name"] for entry in entries]
        claims = {entry["name"]: _claim(entry) for entry in entries}
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation, RecursionError) as error:
        raise _broken_manifest(printable(str(error) or type(error).__name__)) from None
    if len(claims) != len(names):
        raise _broken_manifest("it names a file twice")
    return claims


def check_claims(claims: dict[str, Claim] | None, present: set[str], *, required: bool) -> None:
    """Refuse a folder whose manifest is due and absent, or names files that are not there."""
    if claims is None:
        if required:
            raise FileRefused("manifest_required", f"{MANIFEST} is missing.", "Deliver it with the files.")
        return
    absent = sorted(set(claims) - present)
    if absent:
        shown = ", ".join(printable(name) for name in absent[:5])
        raise FileRefused(
            "manifest_names_missing_files",
            f"{MANIFEST} names {len(absent)} files that are not there: {shown}.",
            "Deliver the folder again, whole.",
        )


def _claim(entry: Mapping[str, object]) -> Claim:
    rows, sha256, totals = entry.get("rows"), entry.get("sha256"), entry.get("control_totals") or {}
    if not isinstance(entry["name"], str):
        raise TypeError("`name` is not text")
    if not (rows is None or (isinstance(rows, int) and not isinstance(rows, bool) and rows >= 0)):
        raise TypeError(f"`rows` of {entry['name']} is not a whole number")
    if not (sha256 is None or isinstance(sha256, str)):
        raise TypeError(f"`sha256` of {entry['name']} is not text")
    if not isinstance(totals, dict):
        raise TypeError(f"`control_totals` of {entry['name']} is not an object")
    sums = {name: Decimal(str(total)) for name, total in totals.items()}
    if not all(total.is_finite() for total in sums.values()):
        raise TypeError(f"a control total of {entry['name']} is not a number")
    return Claim(rows, None if sha256 is None else sha256.lower(), sums)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return dict(pairs)


def _broken_manifest(why: str) -> FileRefused:
    return FileRefused(
        "manifest_unreadable",
        f"{MANIFEST} cannot be used: {why}.",
        'Write {"files": [{"name": …, "rows": …, "sha256": …, "control_totals": {"quantity": "…"}}]}.',
    )


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if not _is_skipped(entry.name)), key=lambda entry: entry.name)


def _walk(folder: Path, above: str) -> Iterator[tuple[os.DirEntry[str], str]]:
    for entry in _entries(folder):
        below = f"{above}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), f"{below}/")
        else:
            yield entry, below


def _folder_with_manifest(file: Path, delivery: Path) -> Path:
    """Return the folder whose manifest speaks for a file: the nearest one that has one, else the delivery's."""
    return next(folder for folder in file.parents if folder == delivery or _has_manifest(folder))


def _has_manifest(folder: Path) -> bool:
    path = folder / MANIFEST
    return path.is_file() and not path.is_symlink()


def _is_skipped(name: str) -> bool:
    """Whether a name says that the file is not (yet) meant for us."""
    return name.startswith(".") or name in MARKERS or name.endswith(".part")


def _iso_day(name: str) -> date | None:
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return None
    return day if day.isoformat() == name else None


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _stray(name: str, remedy: str) -> Finding:
    return Finding(printable(name), None, None, "not_a_delivery", "This is not looked at.", remedy)
