"""Lands the benchmark's month as a user would: usage as Parquet, accounts as CSV, the book as YAML, contracts as JSON."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from orchestration.storage import atomic_directory
from tests.benchmarks import company, usage

# Name of a workload, its events, its book, and what every tenth contract overrides.
WORKLOADS = {
    "metered": (usage.metered_events, company.metered_book, ("meter-00", company.METERED_OVERRIDE)),
    "payments": (usage.payments, company.payment_book, ("card-visa-domestic", company.PAYMENT_OVERRIDE)),
}


def land(landing: Path, workload: str, events: int, *, say: Callable[[str], None] = lambda _: None) -> None:
    """Write the landing zone of a workload unless it is there; it appears whole or not at all."""
    if landing.is_dir():
        return
    landing.parent.mkdir(parents=True, exist_ok=True)
    make_events, make_book, override = WORKLOADS[workload]
    first = usage.FIRST_DAY.isoformat()
    with atomic_directory(landing) as folder:
        for dataset in ("accounts", "price_book", "contracts"):
            (folder / dataset / first).mkdir(parents=True)
        company.landed_accounts().write_csv(folder / "accounts" / first / "accounts.csv")
        with (folder / "contracts" / first / "contracts.ndjson").open("w") as file:
            file.writelines(company.contracts(*override))
        (folder / "price_book" / first / "book.yaml").write_text(_yaml(make_book()))
        for day, delivered in make_events(events):
            # The first day brings what usage is rated by, and its usage comes with the second: so both can be timed.
            delivery = max(day, usage.FIRST_DAY + timedelta(days=1))
            path = folder / "usage_events" / delivery.isoformat() / f"of-{day}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            delivered.write_parquet(path, compression="zstd", compression_level=1, row_group_size=1 << 18)
            say(f"{workload}, {events:,} events: {day} landed")


def _yaml(book: dict[str, object]) -> str:
    """A book with one entry a line; what JSON writes is YAML, too."""
    lines = [f"company: {json.dumps(book['company'])}"]
    for name in ("products", "meters", "prices", "plans"):
        entries = book[name]
        lines.append(f"{name}:")
        lines += [f"  - {json.dumps(entry)}" for entry in (entries if isinstance(entries, list) else [])]
    return "\n".join(lines) + "\n"
