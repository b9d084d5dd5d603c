"""`ratebook quote`: what usage would cost under a price or plan of any book, without a night and without a home.

The usage is landed for one made-up account in a folder that is thrown away, and taken and rated by the night's own
intake and builders, so that a quote and an invoice cannot differ.
"""

import csv
import json
import shutil
import tempfile
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from data_contracts import LineItems, UsageOutcomes
from orchestration import book, intake
from orchestration.build import Build, open_build
from orchestration.check import check_landing
from orchestration.desk import book_files, refuse_problems
from orchestration.errors import RefusedInput, UsageError
from orchestration.explain import Explanation, explained
from orchestration.intake.findings import Finding
from orchestration.night import NIGHTLY
from orchestration.settings import Settings

ACCOUNT, PLAN = "quote", "quote"
MOST_VALUES = 100_000
KNOWN_SINCE = "2000-01-01"


@dataclass(frozen=True)
class Asked:
    """What is to be priced: usage of one account in a month, under a plan, or under single prices."""

    month: date
    usage: Sequence[Mapping[str, str]]
    plan: str | None = None
    prices: Sequence[str] = ()
    currency: str | None = None
    time_zone: str = "UTC"
    usage_from: str = "usage"  # where the usage comes from, as the person knows it
    usage_lines: Sequence[int] | None = None  # the line of each event there


@dataclass(frozen=True)
class Quote:
    """The lines that the usage makes, each with its derivation, and what of it could not be priced."""

    lines: list[Explanation] = field(default_factory=list)
    unpriced: list[dict[str, Any]] = field(default_factory=list)

    @property
    def totals(self) -> dict[tuple[str, str], Decimal]:
        """Return the sum of the lines by kind and currency."""
        sums: dict[tuple[str, str], Decimal] = {}
        for each in self.lines:
            key = (each.line["kind"], each.line["currency"])
            sums[key] = sums.get(key, Decimal(0)) + each.line["amount"]
        return sums

    def as_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {
            "totals": [
                {"kind": kind, "currency": code, "amount": str(sum_)} for (kind, code), sum_ in self.totals.items()
            ],
            "lines": [each.as_dict() for each in self.lines],
            "unpriced": self.unpriced,
        }


@dataclass(frozen=True)
class OpenBook:
    """A book in a folder: its documents by name, and what they say together."""

    files: Mapping[str, str]
    known: book.Book


def open_book(folder: Path, month: date) -> OpenBook:
    """Read the book in `folder` as it would be delivered in a month.

    Refuses: a book that the night would refuse, with file, line and rule.
    """
    files = book_files(folder)
    accepted = book.accept_delivery(book.EMPTY, month, files, {})
    refuse_problems(folder, accepted)
    if accepted.state.book is None:
        raise RefusedInput(f"{folder}: its documents hold no book.")
    return OpenBook(files, accepted.state.book)


def quote(opened: OpenBook, asked: Asked) -> Quote:
    """Price usage against a book.

    Refuses: usage that the night would refuse, with place and rule; a plan, price or currency that the book does not
    have.
    """
    known = opened.known
    _refuse_unknown(known, asked)
    currency = asked.currency or _only_currency(known, asked)
    home = Path(tempfile.mkdtemp(prefix="ratebook-quote-"))
    try:
        settings = Settings(home=home)
        delivery = asked.month.replace(day=monthrange(asked.month.year, asked.month.month)[1])
        _land(settings.landing, delivery, opened.files, asked, currency)
        return _rated(settings, delivery + timedelta(days=1), asked)
    finally:
        shutil.rmtree(home)


def measured(
    opened: OpenBook,
    price_id: str,
    quantity: str,
    dimensions: Mapping[str, str],
    days: Sequence[date],
    time_zone: str = "UTC",
) -> list[dict[str, str]]:
    """Return usage of a price's meter: the quantity, or the value for a meter of money, once on each day.

    Of a meter that counts events so many of them, of one that counts values so many different ones, of a level one that
    is held from the first moment on.
    """
    if price_id not in opened.known.prices:
        return []  # said by `quote`
    price = opened.known.prices[price_id].item
    if price.meter is None:
        return []
    meter = opened.known.meters[price.meter].item
    if meter.aggregation == "weighted_sum":
        start = datetime.combine(days[0], time.min, ZoneInfo(time_zone)).isoformat()
        return [{"meter": price.meter, "occurred_at": start, "quantity": quantity, **price.where, **dimensions}]
    if meter.aggregation == "unique_count":
        return [
            {
                "meter": price.meter,
                "occurred_at": _noon(day),
                **price.where,
                **dimensions,
                meter.value: f"value {place}",
            }
            for day in days
            for place in range(_whole(quantity))
        ]
    if meter.aggregation == "count":
        event = {"meter": price.meter, **price.where, **dimensions}
        return [{**event, "occurred_at": _noon(day)} for day in days for _ in range(_whole(quantity))]
    is_money = meter.value == "amount"
    return [
        {
            "meter": price.meter,
            "occurred_at": _noon(day),
            "amount" if is_money else "quantity": quantity,
            **price.where,
            **dimensions,
        }
        for day in days
    ]


def _noon(day: date) -> str:
    return f"{day.isoformat()}T12:00:00Z"


def _whole(quantity: str) -> int:
    if not quantity.isdecimal() or int(quantity) > MOST_VALUES:
        raise UsageError(f"--quantity {quantity}: of a meter that counts it is a whole number up to {MOST_VALUES:,}.")
    return int(quantity)


def read_usage(path: Path) -> tuple[list[dict[str, str]], list[int]]:
    """Read a list of events and the line of each: a CSV with a header, at least `meter` and `occurred_at`.

    Ids and account are filled in by `quote`.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        numbered = [({name: value for name, value in row.items() if value}, reader.line_num) for row in reader]
    rows, lines = [row for row, _ in numbered], [line for _, line in numbered]
    missing = [name for name in ("meter", "occurred_at") if any(name not in row for row in rows)]
    if missing or not rows:
        raise UsageError(
            f"{path}: {' and '.join(missing) or 'every row'} is missing; the first line names the columns."
        )
    return rows, lines


def _refuse_unknown(known: book.Book, asked: Asked) -> None:
    for what, wanted, names in (
        ("plan", [asked.plan] if asked.plan else [], known.plans),
        ("price", asked.prices, known.prices),
    ):
        for name in wanted:
            if name not in names:
                raise UsageError(f"The book has no {what} {name}; it has {', '.join(sorted(names)) or 'none'}.")


def _only_currency(known: book.Book, asked: Asked) -> str:
    entries = known.plans[asked.plan].item.prices if asked.plan else []
    wanted = [*asked.prices, *(entry.price for entry in entries)]
    sold = [known.prices[name] for name in wanted if known.prices[name].item.kind == "revenue"]
    currencies = {code for price in sold for version in price.versions for code, _ in version.terms}
    if len(currencies) == 1:
        return currencies.pop()
    raise UsageError(f"Say in which currency: --currency, one of {', '.join(sorted(currencies)) or 'none'}.")


def _land(landing: Path, delivery: date, files: Mapping[str, str], asked: Asked, currency: str) -> None:
    plan = asked.plan or PLAN
    documents = dict(files)
    if asked.plan is None:
        documents["quote-plan.json"] = json.dumps({"plans": [{"id": PLAN, "prices": list(asked.prices)}]})
    for name, text in documents.items():
        _write(landing, "price_book", delivery, name, text)
    account = {
        "account_id": ACCOUNT,
        "name": ACCOUNT,
        "currency": currency,
        "time_zone": asked.time_zone,
        "valid_from": KNOWN_SINCE,
    }
    _write(landing, "accounts", delivery, "accounts.ndjson", json.dumps(account) + "\n")
    contract = {
        "contract_id": ACCOUNT,
        "account_id": ACCOUNT,
        "plan": plan,
        "starts_on": asked.month.isoformat(),
        "ends_on": (delivery + timedelta(days=1)).isoformat(),
    }
    _write(landing, "contracts", delivery, "contracts.json", json.dumps({"contracts": [contract]}))
    events = [
        {
            **({"currency": currency} if "amount" in row else {}),
            **row,
            # Whoever used it in the list: it is the made-up account that is quoted.
            "event_id": f"{place:07d}",
            "account_id": ACCOUNT,
        }
        for place, row in enumerate(asked.usage, start=1)
    ]
    if events:
        _write(landing, "usage_events", delivery, "usage.ndjson", "".join(json.dumps(event) + "\n" for event in events))


def _write(landing: Path, dataset: str, delivery: date, name: str, text: str) -> None:
    folder = landing / dataset / delivery.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, "utf-8")


def _rated(settings: Settings, as_of: date, asked: Asked) -> Quote:
    if findings := check_landing(settings):
        raise RefusedInput("\n".join(str(_as_asked(finding, asked)) for finding in findings))
    intake.snapshot_through(settings, as_of)
    build = open_build(settings, as_of)
    build.make_book()
    for builder in NIGHTLY:
        build.make(builder)
    return Quote([explained(build, line_item_id) for line_item_id in _lines(build)], _unpriced(build, asked.month))


def _as_asked(finding: Finding, asked: Asked) -> Finding:
    """Say where the person wrote what is wrong, not where it was landed for the quote."""
    if not finding.file.startswith("usage_events/"):
        return finding
    line = None if finding.line is None or asked.usage_lines is None else asked.usage_lines[finding.line - 1]
    return replace(finding, file=asked.usage_from, line=line)


def _lines(build: Build) -> list[str]:
    """The lines of the contract in order; the book's default plan, which the account has too, is not asked about."""
    order = ["service_date", "price_id", "dimensions", "charge_kind", "line_item_id"]
    asked = build.frame(LineItems).filter(pl.col("contract_id") == ACCOUNT).sort(order)
    ids: list[str] = asked.select("line_item_id").collect()["line_item_id"].to_list()
    return ids


def _unpriced(build: Build, month: date) -> list[dict[str, Any]]:
    # A level that is still held when the contract of the quote has ended is not what was asked about.
    is_asked = (pl.col("event_count") > 0) | (pl.col("service_date").dt.truncate("1mo") == month)
    waiting = build.frame(UsageOutcomes).filter(pl.col("outcome") == "suspense", pl.col("kind") == "revenue", is_asked)
    names = ("meter", "dimensions", "service_date", "rule", "detail", "event_count", "quantity")
    return waiting.select(names).collect().to_dicts()
