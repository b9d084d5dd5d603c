"""Which files the demo company delivers on which day, and the refusal of a landing zone that holds others."""

from collections.abc import Iterator
from pathlib import Path

from orchestration.demo.accounts import SNAPSHOTS
from orchestration.demo.calendar import DAY_COUNT, day
from orchestration.demo.costs import BILL_FILE, BILLS
from orchestration.demo.documents import DOCUMENT_DELIVERIES, documents
from orchestration.demo.rates import RATES_FILE, rate_deliveries
from orchestration.errors import UsageError

MANIFEST = "_manifest.json"
ACCOUNTS_FILE = "accounts.csv"


def file_format(delivery_day: int) -> str:
    """Mostly compressed CSV, as a warehouse exports it; the other formats on fixed days of the week."""
    return {3: "ndjson", 5: "parquet", 6: "csv"}.get(delivery_day % 7, "csv.gz")


def usage_files(delivery_day: int) -> dict[str, str]:
    """Return the day's usage files by what they hold: all usage, or on some days the API's apart from the rest."""
    stems = ("api", "other") if delivery_day % 15 == 10 else ("usage",)
    return {stem: f"{stem}-{day(delivery_day).isoformat()}.{file_format(delivery_day)}" for stem in stems}


def has_manifest(delivery_day: int) -> bool:
    """Whether the day's usage comes with a manifest: every tenth day."""
    return delivery_day % 10 == 0


def file_names() -> frozenset[str]:
    """Every file of the demo landing zone, as its path below it."""
    return frozenset(_file_names())


def refuse_other_data(landing: Path) -> None:
    """Refuse a landing zone that is not exactly the demo company's: the demo never mixes with real deliveries."""
    # Intake passes over hidden files, and a file manager leaves some behind.
    seen = (path for path in landing.rglob("*") if path.is_file() and not path.name.startswith("."))
    found = {path.relative_to(landing).as_posix() for path in seen}
    if foreign := sorted(found - file_names()):
        raise UsageError(
            f"{landing} holds {len(foreign):,} files that are not the demo company's, {foreign[0]} the first. "
            "Give the demo a folder of its own with --home, or use `ratebook run` for your own deliveries."
        )
    if missing := sorted(file_names() - found):
        raise UsageError(
            f"{landing} lacks {len(missing):,} of the {len(file_names())} files of the demo company, {missing[0]} the "
            "first. Delete the demo's home folder and start again."
        )


def _file_names() -> Iterator[str]:
    for number in range(DAY_COUNT):
        folder = f"usage_events/{day(number).isoformat()}"
        yield from (f"{folder}/{name}" for name in usage_files(number).values())
        if has_manifest(number):
            yield f"{folder}/{MANIFEST}"
    yield from (f"accounts/{delivery.isoformat()}/{ACCOUNTS_FILE}" for delivery in SNAPSHOTS)
    yield from (f"fx_rates/{delivery.isoformat()}/{RATES_FILE}" for delivery in rate_deliveries())
    yield from (f"costs/{delivery.isoformat()}/{BILL_FILE}" for delivery in BILLS)
    for dataset, deliveries in DOCUMENT_DELIVERIES.items():
        for delivery in deliveries:
            yield from (f"{dataset}/{delivery.isoformat()}/{name}" for name in documents(dataset, delivery))
