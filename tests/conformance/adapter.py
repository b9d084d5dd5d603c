"""From a case's own words to landed files: names and units are translated, nothing is priced.

The only numbers that change are units of notation: a percentage becomes a share by moving its point, and running totals
become the events between them, because usage lands as events.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any

from tests.conformance.cases import Case

METERS = [
    {"id": "units", "unit": "unit", "aggregation": "sum"},
    {"id": "grouped", "unit": "unit", "aggregation": "sum", "dimensions": ["bucket", "cloud"]},
    {"id": "corrected", "unit": "unit", "aggregation": "sum", "negative": "allow"},
    {"id": "value", "unit": "currency", "aggregation": "sum", "value": "amount"},
]
# How a case is used: the evaluations of SCHEMA.md that a night answers with lines.
QUANTITY_EVALS = {"rate", "rate_round", "packages"}
RUN_EVALS = {"delta_seq", "delta"}
EVENT_EVALS = {"percentage_events", "percentage_agg"}
NIGHT = QUANTITY_EVALS | RUN_EVALS | EVENT_EVALS | {"matrix", "rate_buckets"}
# What a price of a case may say, and a night can be told.
TERMS = {
    *("model", "unit_amount", "tiers", "package", "percentage", "dimensions", "cells", "default"),
    *("minimum", "maximum", "usage_discount", "unit_config"),
    *("tax_percent", "digits", "threshold_amount", "dynamic"),  # of the document, not of the price
}


@dataclass(frozen=True)
class Used:
    """What happened on a day: a quantity or a value, with dimensions."""

    day: int
    quantity: str | None = None
    amount: str | None = None
    dimensions: dict[str, str] = field(default_factory=dict)


def is_for_a_night(case: Case) -> bool:
    """Whether the case is about usage under a price, with figures that lines carry."""
    figures = "amount" in case.expected or "amounts" in case.expected
    known = set(case.price) <= TERMS and "tier_quantity" not in case.input
    return case.eval in NIGHT and figures and known and case.currency != "CREDITS"


def price(case: Case) -> dict[str, Any]:
    """Return the price of a case as a price of a book."""
    stated = case.price
    model = stated["model"]
    version: dict[str, Any] = {"effective_from": "2026-01-01"}
    for name in ("minimum", "maximum"):
        if name in stated:
            version[name] = stated[name]
    if "usage_discount" in stated:
        version["free_units"] = stated["usage_discount"]
    if "unit_config" in stated:
        asked = stated["unit_config"]
        version["unit_conversion"] = {asked["operation"]: asked["factor"], "round": asked["rounding"]}
    if model in ("graduated", "volume", "graduated_percentage"):
        version["tiers"] = list(_tiers(stated["tiers"]))
    elif model == "package":
        version["package"] = _package(stated["package"])
    elif model == "percentage":
        version["percentage"] = _percentage(stated["percentage"])
    elif model == "matrix":
        version["matrix"] = _matrix(stated)
    else:
        version["flat_amount" if model == "flat" else "unit_amount"] = stated["unit_amount"]
    made = {
        "id": case.account_id,
        "product": "cases",
        "model": model,
        "currency": case.currency,
        "versions": [version],
    }
    if model != "flat":
        made["meter"] = _meter(case)
    return made | ({"group_by": ["bucket"]} if case.eval == "rate_buckets" else {})


def used(case: Case) -> list[Used]:
    """Return what the account of a case used, in order."""
    given = case.input
    if case.eval in EVENT_EVALS:
        values = given["events"] if "events" in given else _leading_events(given)
        return [Used(1, amount=value) for value in values]
    if case.eval == "matrix":
        return [Used(1, quantity=event["value"], dimensions={"cloud": event["cloud"]}) for event in given["events"]]
    if case.eval == "rate_buckets":
        buckets = enumerate(given["bucket_quantities"])
        return [Used(1, quantity=each, dimensions={"bucket": f"b{place}"}) for place, each in buckets]
    return [_measured(case, run, each) for run, each in enumerate(_quantities(given), start=1)]


def _quantities(given: dict[str, Any]) -> list[str]:
    """Return the quantity of each run."""
    if "cumulative_quantities" in given:
        return _increments(given["cumulative_quantities"])
    return [given[name] for name in ("prior_quantity", "quantity") if name in given]


def _measured(case: Case, run: int, quantity: str) -> Used:
    """A price of money measures the amount of an event, any other its quantity."""
    return Used(run, amount=quantity) if _meter(case) == "value" else Used(run, quantity=quantity)


def asked_days(case: Case) -> list[int] | None:
    """Return the days whose lines the case states one by one, None for the whole period."""
    if case.eval == "delta":
        return [2]
    if case.eval == "delta_seq":
        return list(range(1, len(case.input["cumulative_quantities"]) + 1))
    return None


def _meter(case: Case) -> str:
    if case.eval in EVENT_EVALS or case.price["model"] == "graduated_percentage":
        return "value"
    if case.eval in ("matrix", "rate_buckets"):
        return "grouped"
    return "corrected" if case.eval in RUN_EVALS else "units"


def _tiers(tiers: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for tier in tiers:
        rate = tier.get("rate_percent")
        price = {"rate": _share(rate)} if rate is not None else {"unit_amount": tier["unit_amount"]}
        yield {"up_to": tier["up_to"], **price, "flat_amount": tier["flat_amount"]}
    if tiers[-1]["up_to"] is not None:
        # The source's own last tier ends; a book must say what lies beyond, where no case goes.
        yield {"up_to": None, "unit_amount": "0"}


def _package(package: dict[str, Any]) -> dict[str, Any]:
    return {name: package[name] for name in ("size", "amount", "free_units")} | {"round": package["rounding"]}


def _percentage(stated: dict[str, Any]) -> dict[str, Any]:
    free_events = stated["free_events"]
    given = {
        "rate": _share(stated["rate_percent"]),
        "fixed": stated["fixed_per_event"],
        "free_events": None if free_events is None else int(free_events),
        "free_amount": stated["free_amount"],
        "min": stated["txn_min"],
        "max": stated["txn_max"],
    }
    return {name: value for name, value in given.items() if value is not None}


def _matrix(stated: dict[str, Any]) -> dict[str, Any]:
    dimensions = stated["dimensions"]
    cells = [
        {"where": {name: cell[name] for name in dimensions}, "unit_amount": cell["unit_amount"]}
        for cell in stated["cells"]
    ]
    return {"dimensions": dimensions, "cells": cells} | ({"default": stated["default"]} if "default" in stated else {})


def _share(percent: str) -> str:
    return f"{Decimal(percent).scaleb(-2):f}"


def _increments(running_totals: Sequence[str]) -> list[str]:
    totals = [Decimal(0), *map(Decimal, running_totals)]
    return [str(after - before) for before, after in pairwise(totals)]


def _leading_events(given: dict[str, Any]) -> list[str]:
    """Return events with the stated running totals, then the rest of the value, then events without value."""
    known = _increments(given["running_total"])
    rest = _increments([*given["running_total"], given["quantity"]])[-1]
    return [*known, rest, *["0"] * (int(given["count"]) - len(known) - 1)]
