"""One night over all cases that a night can answer: an account, a contract and a plan each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from orchestration import night, publish
from orchestration.settings import Settings
from tests.conformance.adapter import METERS, Stated, Window, contract, period_of, prices, stated, used
from tests.conformance.cases import Case

# The book, accounts and contracts are known from here on, and usage of all months lands at once.
KNOWN, LANDED = date(2026, 2, 1), date(2026, 4, 10)
KIND_OF_FIGURE = {"true_up": "minimum_true_up", "discount": "maximum"}


@dataclass(frozen=True)
class Found:
    """What the lines of a case come to, before and after rounding, for each of its stated figures."""

    exact: list[list[Decimal]]
    rounded: list[list[Decimal]]


def land(cases: Sequence[Case], landing: Path) -> None:
    """Write accounts, book, contracts and usage of the cases."""
    accounts = [
        {"account_id": case.account_id, "name": case.id, "currency": case.currency, "valid_from": "2025-01-01"}
        for case in cases
    ]
    _write(landing, KNOWN, "accounts", "accounts.ndjson", "\n".join(map(json.dumps, accounts)) + "\n")
    by_case = {case.account_id: prices(case) for case in cases}
    named = {price.get("meter") for of_case in by_case.values() for price in of_case}
    book = {
        "company": {"name": "Conformance", "reporting_currency": "USD"},
        "products": [{"id": "cases", "name": "Cases"}],
        "meters": [meter for meter in METERS if meter["id"] in named],
        "prices": [price for of_case in by_case.values() for price in of_case],
        "plans": [{"id": plan, "prices": [price["id"] for price in of_case]} for plan, of_case in by_case.items()],
    }
    _write(landing, KNOWN, "price_book", "book.json", json.dumps(book, indent=1))
    contracts = [
        {"contract_id": f"contract_{case.account_id}", "account_id": case.account_id, "plan": case.account_id}
        | contract(case)
        for case in cases
    ]
    _write(landing, KNOWN, "contracts", "contracts.json", json.dumps({"contracts": contracts}))
    events = [event for case in cases for event in _events(case)]
    _write(landing, LANDED, "usage_events", "usage.ndjson", "\n".join(map(json.dumps, events)) + "\n")


def rated(cases: Sequence[Case], home: Path) -> dict[str, Found]:
    """Run the night and return what each case came to, by its id."""
    land(cases, home / "landing")
    settings = Settings(home=home)
    night.run(settings, LANDED)
    run = publish.published_run(settings)
    assert run is not None
    with duckdb.connect(run.database, read_only=True) as connection:
        lines = pl.DataFrame(
            connection.sql(
                "select account_id, dimensions, charge_kind, service_date, quantity, amount_exact, amount "
                "from marts.fct_line_item"
            )
        )
    by_account = {key: part for (key,), part in lines.group_by("account_id")}
    return {case.id: _found(case, by_account.get(case.account_id, lines.clear())) for case in cases}


def _found(case: Case, lines: pl.DataFrame) -> Found:
    digits = case.expected.get("round_digits")
    exact = [_values(case, figure, lines, "amount_exact") for figure in stated(case)]
    # A quantity that the source rounds is rounded like its own; money is rounded by the night.
    rounded = [
        [_to_digits(value, int(digits)) for value in values]
        if digits is not None
        else _values(case, figure, lines, "amount")
        for values, figure in zip(exact, stated(case), strict=True)
    ]
    return Found(exact, rounded)


def _values(case: Case, figure: Stated, lines: pl.DataFrame, amount: str) -> list[Decimal]:
    kind = KIND_OF_FIGURE.get(figure.name)
    if kind is not None:
        bounds = _within(lines.filter(pl.col("charge_kind") == kind), period_of(case))
        return [abs(_sum(bounds, amount))]
    group = figure.name.removeprefix("amount of ")
    mine = (
        lines.filter(pl.col("dimensions").str.contains(f':"{group}"', literal=True)) if group != figure.name else lines
    )
    column = "quantity" if figure.name == "quantity" else amount
    return [_sum(_within(mine, window), column) for window in figure.windows]


def _within(lines: pl.DataFrame, window: Window) -> pl.DataFrame:
    return lines.filter(pl.col("service_date").is_between(*window, closed="left"))


def _sum(lines: pl.DataFrame, column: str) -> Decimal:
    return lines.lazy().select(pl.col(column).sum()).collect().item() or Decimal(0)


def _to_digits(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def _events(case: Case) -> list[dict[str, Any]]:
    return [
        {
            "event_id": f"{case.account_id}-{place}",
            "account_id": case.account_id,
            "contract_id": f"contract_{case.account_id}",
            "meter": each.meter,
            "occurred_at": each.at,
            **({"quantity": each.quantity} if each.quantity is not None else {}),
            **({"amount": each.amount, "currency": case.currency} if each.amount is not None else {}),
            **each.dimensions,
        }
        for place, each in enumerate(used(case))
    ]


def _write(landing: Path, day: date, dataset: str, name: str, text: str) -> None:
    folder = landing / dataset / day.isoformat()
    folder.mkdir(parents=True)
    (folder / name).write_text(text, "utf-8")
