"""The price book and the contracts of the demo company: files of this package, delivered as they stand.

A delivery's folder holds only what changed; the delivered book is that laid over the deliveries before it, because a
price book is always delivered whole.
"""

from datetime import date
from pathlib import Path

from orchestration.demo.calendar import FIRST_DELIVERY

_FOLDER = Path(__file__).parent

DOCUMENT_DELIVERIES = {
    "price_book": (FIRST_DELIVERY, date(2026, 9, 10), date(2026, 10, 5)),
    "contracts": (FIRST_DELIVERY, date(2026, 10, 1)),
}


def documents(dataset: str, delivery: date) -> dict[str, bytes]:
    """Return the files of one delivery by name."""
    known: dict[str, bytes] = {}
    for day in DOCUMENT_DELIVERIES[dataset]:
        if day <= delivery:
            folder = _FOLDER / dataset / day.isoformat()
            known |= {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    return known
