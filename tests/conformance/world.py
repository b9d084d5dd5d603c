"""One night over all cases that a night can answer: an account, a contract and a plan each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from orchestration import night, publish
from orchestration.settings import Settings
from tests.conformance.adapter import METERS, asked_days, price, used
from tests.conformance.cases import Case

DELIVERY = date(2026, 9, 30)
# The month after, so that what falls due at the end of a billing period has fallen due.
AS_OF = date(2026, 10, 1)
FIGURE_OF_KIND = {"minimum_true_up": "true_up", "maximum": "discount"}


@dataclass(frozen=True)
class Found:
    """What the lines of a case come to, before and after rounding, figure by figure in the order of the runs."""

    exact: dict[str, list[Decimal]]
    rounded: dict[str, list[Decimal]]


def land(cases: Sequence[Case], landing: Path) -> None:
    """Write accounts, book, contracts and usage of the cases as one delivery."""
    accounts = [
        {"account_id": case.account_id, "name": case.id, "currency": case.currency, "valid_from": "2026-01-01"}
        for case in cases
    ]
    _write(landing, "accounts", "accounts.ndjson", "\n".join(map(json.dumps, accounts)) + "\n")
    prices = [price(case) for case in cases]
    named = {each.get("meter") for each in prices}
    book = {
        "company": {"name": "Conformance", "reporting_currency": "USD"},
        "products": [{"id": "cases", "name": "Cases"}],
        "meters": [meter for meter in METERS if meter["id"] in named],
        "prices": prices,
        "plans": [{"id": case.account_id, "prices": [case.account_id]} for case in cases],
    }
    _write(landing, "price_book", "book.json", json.dumps(book, indent=1))
    contracts = [
        {
            "contract_id": f"contract_{case.account_id}",
            "account_id": case.account_id,
            "plan": case.account_id,
            "starts_on": "2026-09-01",
        }
        for case in cases
    ]
    _write(landing, "contracts", "contracts.json", json.dumps({"contracts": contracts}))
    events = [event for case in cases for event in _events(case)]
    _write(landing, "usage_events", "usage.ndjson", "\n".join(map(json.dumps, events)) + "\n")


def rated(cases: Sequence[Case], home: Path) -> dict[str, Found]:
    """Run the night and return what each case came to, by its id."""
    land(cases, home / "landing")
    settings = Settings(home=home)
    night.run(settings, AS_OF)
    run = publish.published_run(settings)
    assert run is not None
    with duckdb.connect(run.database, read_only=True) as connection:
        lines = pl.DataFrame(
            connection.sql(
                "select account_id, charge_kind, day(service_date) as day, amount_exact, amount "
                "from marts.fct_line_item where billing_period_start = date '2026-09-01'"
            )
        )
    by_account = {key: part for (key,), part in lines.group_by("account_id")}
    return {case.id: _found(case, by_account[case.account_id]) for case in cases}


def _found(case: Case, lines: pl.DataFrame) -> Found:
    return Found(_figures(case, lines, "amount_exact"), _figures(case, lines, "amount"))


def _figures(case: Case, lines: pl.DataFrame, column: str) -> dict[str, list[Decimal]]:
    days = asked_days(case)
    runs = [lines] if days is None else [lines.filter(pl.col("day") == day) for day in days]
    figures = {"amount": [_sum(run, column) for run in runs]}
    for kind, figure in FIGURE_OF_KIND.items():
        figures[figure] = [abs(_sum(lines.filter(pl.col("charge_kind") == kind), column))]
    return figures


def _sum(lines: pl.DataFrame, column: str) -> Decimal:
    return lines.lazy().select(pl.col(column).sum()).collect().item() or Decimal(0)


def _events(case: Case) -> list[dict[str, Any]]:
    if case.price["model"] == "flat":
        return []
    return [
        {
            "event_id": f"{case.account_id}-{place}",
            "account_id": case.account_id,
            "meter": price(case)["meter"],
            "occurred_at": f"2026-09-{each.day:02d}T12:00:{place:02d}Z",
            **({"quantity": each.quantity} if each.quantity is not None else {}),
            **({"amount": each.amount, "currency": case.currency} if each.amount is not None else {}),
            **each.dimensions,
        }
        for place, each in enumerate(used(case))
    ]


def _write(landing: Path, dataset: str, name: str, text: str) -> None:
    folder = landing / dataset / DELIVERY.isoformat()
    folder.mkdir(parents=True)
    (folder / name).write_text(text, "utf-8")
