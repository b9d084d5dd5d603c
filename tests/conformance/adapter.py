"""From a case's own words to landed files: names and units are translated, nothing is priced.

The only numbers that change are units of notation: a percentage becomes a share by moving its point, cents likewise, sizes of
steps become their bounds, and running totals become the events between them, because usage lands as events.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import accumulate, pairwise, repeat
from typing import Any

from tests.conformance.cases import Case

UNIQUE = {"aggregation": "unique_count", "value": "bucket", "dimensions": ["bucket"]}
WEIGHTED = {"aggregation": "weighted_sum", "negative": "allow"}
METERS = [
    {"id": "units", "unit": "unit", "aggregation": "sum"},
    {"id": "grouped", "unit": "unit", "aggregation": "sum", "dimensions": ["bucket", "cloud"]},
    {"id": "corrected", "unit": "unit", "aggregation": "sum", "negative": "allow"},
    {"id": "value", "unit": "currency", "aggregation": "sum", "value": "amount"},
    {"id": "max", "unit": "unit", "aggregation": "max"},
    {"id": "latest", "unit": "unit", "aggregation": "latest", "carry_over": False},
    {"id": "unique", "unit": "unit", **UNIQUE},
    {"id": "unique_kept", "unit": "unit", **UNIQUE, "carry_over": True},
    {"id": "weighted_sum", "unit": "unit", **WEIGHTED},
]
# How a case is used: the evaluations of SCHEMA.md that a night answers with lines.
QUANTITY_EVALS = {"rate", "rate_round", "packages"}
RUN_EVALS = {"delta_seq", "delta", "delta_seq_min_last"}
EVENT_EVALS = {"percentage_events", "percentage_agg"}
BLOCK_EVALS = {"kb_multi", "kb_blocks"}
FREE_EVALS = {"usage_discount", "usage_discount_parts"}
# What is used without a price: of these the source states units, so that a unit price of 1 shows them.
UNPRICED = FREE_EVALS | {"unit_config"}
# Money that a case states as used, whatever made it.
VALUE_EVALS = {"true_up", "true_up_round_used", "overage"}
AGGREGATIONS = {"agg", "weighted_sum", "interval_sum"}
NIGHT = QUANTITY_EVALS | RUN_EVALS | EVENT_EVALS | UNPRICED | VALUE_EVALS | AGGREGATIONS
NIGHT |= {
    "matrix",
    "rate_buckets",
    "daily_free",
    "tier",
    "kb_multi",
    "true_up_rest",
    "true_up_plan",
    "ipp",
    "mixed_lines",
}
# Cases of no named arithmetic that say enough to be used and priced.
TOLD = {
    "lago/flat/dynamic precise total 40.2 cents over 20 units",
    "lago/rounding/dynamic grouped 10.1 and 901.9 cents",
    "openmeter/flat/in arrears, middle part of a split period",
    "openmeter/maximum/dynamic split 70 then +50 max 100",
    "openmeter/package/no usage min 100, middle of period",
    "openmeter/volume/middle of period bills nothing",
    "other_docs/zuora/flat fee 160 units",
}
# What a price of a case may say, and a night can be told.
TERMS = {
    *("model", "unit_amount", "tiers", "package", "percentage", "dimensions", "cells", "default"),
    *(
        "minimum",
        "maximum",
        "usage_discount",
        "unit_config",
        "units",
        "components",
        "aggregation",
        "policy",
        "block_tiers",
    ),
    *("tax_percent", "digits", "threshold_amount", "dynamic", "decimals", "order"),  # of the document, not of the price
}
# The period of a case, whose dates are moved into it, and one that is not over when the night runs.
MONTH = (date(2026, 3, 1), date(2026, 4, 1))
FEBRUARY = (date(2026, 2, 1), date(2026, 3, 1))
UNFINISHED = (date(2026, 4, 1), date(2026, 5, 1))
# The whole periods of a plan, by their days.
RHYTHMS = {
    "7": ("week", (date(2026, 3, 2), date(2026, 3, 9))),
    "28": ("month", (date(2026, 2, 4), date(2026, 3, 4))),
}
# The intervals of a case by their number, one before the contract and one after it.
INTERVALS = {
    -1: date(2025, 12, 1),
    0: date(2026, 1, 1),
    1: date(2026, 2, 1),
    2: date(2026, 3, 1),
    3: date(2026, 4, 1),
}
Window = tuple[date, date]


@dataclass(frozen=True)
class Used:
    """What happened at an instant: a quantity or a value, with dimensions."""

    at: str
    meter: str
    quantity: str | None = None
    amount: str | None = None
    dimensions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stated:
    """A figure of a case: its values, and the days over which lines come to each of them."""

    name: str
    values: list[Decimal]
    windows: list[Window]


def is_for_a_night(case: Case) -> bool:
    """Whether the case is about usage under a price, with figures that lines carry."""
    if case.id in TOLD:
        return True
    # Without units there is nothing to prorate; lines are of money, and what was billed before is a matter of closing.
    known = TERMS | ({"prorated"} if case.input.get("quantity") == "0" else set())
    is_known = set(case.price) <= known and "tier_quantity" not in case.input and case.currency != "CREDITS"
    return case.eval in NIGHT and is_known and _is_whole(case) and bool(stated(case))


def _is_whole(case: Case) -> bool:
    """Whether blocks are of one unit, which makes them tiers, and a plan's period is covered from its start to its end."""
    if case.eval in BLOCK_EVALS:
        sizes = {step["block_size"] for _, unit in _units(case) for step in unit["block_tiers"]}
        return sizes == {"1"} and "billed_before" not in case.input
    return case.eval != "true_up_plan" or _rhythm(case) is not None


def stated(case: Case) -> list[Stated]:
    """Return the figures of a case that a night has lines for."""
    return _STATED.get(str(case.eval), _stated_amounts)(case)


def _stated_amounts(case: Case) -> list[Stated]:
    expected, period = case.expected, period_of(case)
    found = [Stated(f"amount of {each['group']}", [Decimal(each["amount"])], [period]) for each in _groups(case)]
    amounts = expected.get("amounts") or [expected.get("amount")]
    if None not in amounts:
        found.append(Stated("amount", [Decimal(each) for each in amounts], _asked(case, period)))
    for name in ("true_up", "discount"):
        is_bound = name == "true_up" or "maximum" in case.price
        if name in expected and is_bound:
            found.append(Stated(name, [Decimal(expected[name])], [period]))
    return found


def _groups(case: Case) -> list[dict[str, str]]:
    return case.expected["breakdown"] if "groups" in case.input else []


def _stated_billed(case: Case) -> list[Stated]:
    """Units that are billed after some were free: of an earlier part and a later one, or of one part after another."""
    expected = case.expected
    values = expected.get("billed_quantities") or [expected["prior_billed_quantity"], expected["billed_quantity"]]
    return [Stated("amount", [Decimal(each) for each in values], _days(period_of(case), range(1, len(values) + 1)))]


def _stated_converted(case: Case) -> list[Stated]:
    return [Stated("amount", [Decimal(case.expected["billed_quantity"])], [period_of(case)])]


def _stated_tier(case: Case) -> list[Stated]:
    """What one tier holds is what is used between its bounds, which is the usage of a day of its own."""
    of_tier = _days(period_of(case), [int(case.expected["tier_index"]) + 1])
    figures = {"quantity": "tier_units", "amount": "tier_amount"}
    return [Stated(name, [Decimal(case.expected[key])], of_tier) for name, key in figures.items()]


def _stated_intervals(case: Case) -> list[Stated]:
    quantities = case.expected["quantities"]
    windows = [(INTERVALS[place], INTERVALS[place + 1]) for place in range(len(quantities))]
    return [Stated("quantity", [Decimal(each) for each in quantities], windows)]


def _stated_quantity(case: Case) -> list[Stated]:
    return [Stated("quantity", [Decimal(case.expected["quantity"])], [period_of(case)])]


def period_of(case: Case) -> Window:
    """Return the days of the billing period that a case is about."""
    if case.input.get("last_of_period") is False:
        return UNFINISHED
    if case.eval == "true_up" and case.input.get("of_days") == "28":
        return FEBRUARY
    rhythm = _rhythm(case) if case.eval == "true_up_plan" else None
    return MONTH if rhythm is None else rhythm[1]


def contract(case: Case) -> dict[str, Any]:
    """Return the contract of a case: its start, its end, its billing period."""
    first, _ = period_of(case)
    given: dict[str, Any] = {"starts_on": first.isoformat()}
    if case.eval == "true_up" and "days" in case.input:
        given["starts_on"] = "2026-02-04"  # 25 of the 28 days of February are left
    if case.eval == "interval_sum":
        given |= {"starts_on": "2026-01-01", "ends_on": "2026-04-01"}
    if case.eval in ("agg", "weighted_sum"):
        given |= {"starts_on": "2026-02-01", "ends_on": "2026-04-01"}
    if (rhythm := _rhythm(case)) is not None and case.eval == "true_up_plan":
        given["billing"] = {"interval": rhythm[0], "anchor": first.isoformat()}
    return given


def prices(case: Case) -> list[dict[str, Any]]:
    """Return the prices of a case as prices of a book."""
    if case.eval in BLOCK_EVALS:
        return [_price(case, unit, _of_blocks(terms), "grouped", {"bucket": unit}) for unit, terms in _units(case)]
    if case.eval == "ipp":
        return [
            _price(case, name, _percentage_of(percent), "value", additive=True)
            for name, percent in case.price["components"].items()
        ]
    if case.eval == "mixed_lines":
        fixed = [
            _price(case, f"fixed{place}", {"model": "flat", "flat_amount": amount})
            for place, amount in enumerate(case.input["fixed"])
        ]
        return fixed + [
            _price(case, f"usage{place}", _per_unit(line["unit_amount"]), "grouped", {"bucket": f"b{place}"})
            for place, line in enumerate(case.input["usage"])
        ]
    return [_price(case, "", {"model": _model(case), **_terms(case)}, _meter(case), **_grouped(case))]


def used(case: Case) -> list[Used]:
    """Return what the account of a case used, in order."""
    return list(_USED.get(str(case.eval), _used_in_runs)(case, _meter(case)))


def _used_in_runs(case: Case, meter: str) -> Iterator[Used]:
    if "groups" in case.input:
        for place, (name, (cents,)) in enumerate(case.input["groups"].items()):
            yield Used(_at(case, 1, place), meter, "1", _of_cents(cents), {"bucket": name})
    elif "precise_total_cents" in case.input:
        yield Used(_at(case, 1), meter, case.input["quantity"], _of_cents(case.input["precise_total_cents"]))
    elif case.price.get("model") != "flat" or case.eval == "overage":
        for day, value in zip(_run_days(case), _quantities(case), strict=True):
            # A price of money measures the amount of an event, any other its quantity.
            is_value = meter == "value"
            yield Used(_at(case, day), meter, None if is_value else value, value if is_value else None)


def _used_in_intervals(case: Case, meter: str) -> Iterator[Used]:
    for each in case.input["events"]:
        yield Used(f"{INTERVALS[int(each['interval'])]:%Y-%m}-10T12:00:00Z", meter, each["value"])


def _used_as_level(case: Case, meter: str) -> Iterator[Used]:
    """Changes of a level, after what was carried into the period."""
    yield Used("2026-02-20T00:00:00Z", meter, case.input["initial"])
    for each in case.input["events"]:
        yield Used(each["at"].replace("2023-08", "2026-03"), meter, each["value"])


def _used_by_unit(case: Case, meter: str) -> Iterator[Used]:
    quantities = case.input.get("quantities") or {unit: case.input["quantity"] for unit, _ in _units(case)}
    for unit, quantity in quantities.items():
        yield Used(_at(case, 1), meter, quantity, dimensions={"bucket": unit})


def _used_on_lines(case: Case, meter: str) -> Iterator[Used]:
    for place, each in enumerate(case.input["usage"]):
        yield Used(_at(case, 1), meter, each["quantity"], dimensions={"bucket": f"b{place}"})


def _used_by_value(case: Case, meter: str) -> Iterator[Used]:
    given = case.input
    if case.eval == "ipp":
        values = [given["transaction"]]
    else:
        values = given["events"] if "events" in given else _leading_events(given)
    for place, value in enumerate(values):
        yield Used(_at(case, 1, place), meter, amount=value)


def _used_in_cells(case: Case, meter: str) -> Iterator[Used]:
    for place, each in enumerate(case.input["events"]):
        yield Used(_at(case, 1, place), meter, each["value"], dimensions={"cloud": each["cloud"]})


def _used_in_buckets(case: Case, meter: str) -> Iterator[Used]:
    for place, each in enumerate(case.input["bucket_quantities"]):
        yield Used(_at(case, 1, place), meter, each, dimensions={"bucket": f"b{place}"})


def _aggregated(case: Case, meter: str) -> Iterator[Used]:
    """The events of a window; those of another month that the notes name stay outside of it."""
    events = case.input["events"]
    if meter.startswith("unique"):
        # What was added a month before: both cases say so, and differ in whether it is kept.
        if len(events) == 1 or case.id.endswith("keeps old"):
            yield Used("2026-02-10T12:00:00Z", meter, "1", dimensions={"bucket": "a"})
        for place, event in enumerate(events[-1:]):
            yield Used(_at(case, 10, place), meter, "1", dimensions={"bucket": event["id"]})
        return
    for place, value in enumerate(events):
        yield Used(_at(case, 10, place), meter, value)


def _quantities(case: Case) -> list[str]:
    """Return the quantity of each run, or its value."""
    given = case.input
    if "cumulative_quantities" in given:
        return _increments(given["cumulative_quantities"])
    if case.eval == "tier":
        bounds = [tier["up_to"] for tier in case.price["tiers"]]
        below = [bound for bound in bounds if bound is not None and Decimal(bound) < Decimal(given["quantity"])]
        return _increments([*below, given["quantity"]])
    if "parts" in given:
        return list(given["parts"])
    if case.eval == "overage":
        return [given["billed_before"], case.price["unit_amount"]]
    if "used_amount" in given:
        return [given["used_amount"]]
    return [given[name] for name in ("prior_quantity", "quantity") if name in given]


def _run_days(case: Case) -> list[int]:
    """Return on which day each run is used: one after the other, the last on the last day where that is said."""
    count = len(_quantities(case))
    if case.eval == "delta_seq_min_last":
        return [*range(1, count), 31]
    if case.eval == "true_up":
        return [5]  # by then also a contract of the rest of February has begun
    return list(range(1, count + 1))


def _asked(case: Case, period: Window) -> list[Window]:
    """Return the days whose lines the case states one by one, else the whole period."""
    if case.eval in ("delta_seq", "delta_seq_min_last"):
        return _days(period, _run_days(case))
    if case.eval == "delta" or (case.id in TOLD and "prior_quantity" in case.input):
        return _days(period, [2])
    return [period]


def _days(period: Window, numbers: Sequence[int]) -> list[Window]:
    first, _ = period
    days = [date.fromordinal(first.toordinal() + number - 1) for number in numbers]
    return [(day, date.fromordinal(day.toordinal() + 1)) for day in days]


def _at(case: Case, day: int, second: int = 0) -> str:
    first, _ = period_of(case)
    return f"{first:%Y-%m}-{day:02d}T12:00:{second:02d}Z"


def _rhythm(case: Case) -> tuple[str, Window] | None:
    """Return interval and days of a plan's whole period, moved up to this spring; None where a part of it is covered."""
    given = case.input
    return RHYTHMS.get(given.get("days", "")) if given.get("days") == given.get("of_days") else None


def _model(case: Case) -> str:
    model = case.price.get("model", "none")
    if case.id == "lago/flat/dynamic precise total 40.2 cents over 20 units" or "groups" in case.input:
        return "dynamic"
    if case.eval in VALUE_EVALS:
        return "per_unit"
    return "per_unit" if model == "none" else model


def _terms(case: Case) -> dict[str, Any]:
    """Return the terms of the version."""
    stated_terms, model = case.price, _model(case)
    terms: dict[str, Any] = {name: stated_terms[name] for name in ("minimum", "maximum") if name in stated_terms}
    if "usage_discount" in stated_terms:
        terms["free_units"] = stated_terms["usage_discount"]
    if "unit_config" in stated_terms:
        said = stated_terms["unit_config"]
        terms["unit_conversion"] = {said["operation"]: said["factor"], "round": said["rounding"]}
    if model in ("graduated", "volume", "graduated_percentage"):
        terms["tiers"] = list(_tiers(stated_terms["tiers"]))
    elif model == "package":
        terms["package"] = _package(stated_terms["package"])
    elif model == "percentage":
        terms["percentage"] = _percentage(stated_terms["percentage"])
    elif model == "matrix":
        terms["matrix"] = _matrix(stated_terms)
    elif model == "flat":
        terms["flat_amount"] = stated_terms["unit_amount"]
    elif model == "per_unit":
        # Money that is used, and units that are only counted, are shown by a unit price of 1.
        is_shown = case.eval in VALUE_EVALS | UNPRICED | AGGREGATIONS
        terms["unit_amount"] = "1" if is_shown else stated_terms["unit_amount"]
    return terms


def _price(
    case: Case,
    suffix: str,
    terms: dict[str, Any],
    meter: str | None = None,
    where: dict[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    version = {"effective_from": "2025-01-01"} | {name: value for name, value in terms.items() if name != "model"}
    made = {
        "id": f"{case.account_id}{suffix}",
        "product": "cases",
        "model": terms["model"],
        "currency": case.currency,
        "versions": [version],
        **more,
    }
    # A flat price is one of time: it is due whatever is used.
    if terms["model"] != "flat":
        made["meter"] = meter
    return made | ({"where": where} if where else {})


def _grouped(case: Case) -> dict[str, Any]:
    return {"group_by": ["bucket"]} if case.eval == "rate_buckets" or "groups" in case.input else {}


def _meter(case: Case) -> str:
    model = case.price.get("model")
    if case.eval in EVENT_EVALS or case.eval in VALUE_EVALS or model == "graduated_percentage" or case.eval == "ipp":
        return "value"
    if case.eval == "agg":
        name = case.price["aggregation"]
        kept = "unique_kept" if case.id.endswith("keeps old") else "unique"
        return {"sum": "units", "unique_count": kept}.get(name, name)
    if case.eval == "weighted_sum":
        return "weighted_sum"
    if case.eval in BLOCK_EVALS | {"matrix", "rate_buckets", "mixed_lines"} or "groups" in case.input:
        return "grouped"
    return "corrected" if case.eval in RUN_EVALS else "units"


def _units(case: Case) -> list[tuple[str, dict[str, Any]]]:
    return list(case.price.get("units", {"unit": case.price}).items())


def _of_blocks(unit: dict[str, Any]) -> dict[str, Any]:
    """Blocks of one unit are tiers: all of them, or the top one for everything."""
    steps = unit["block_tiers"]
    bounds = [*accumulate(Decimal(step["max_blocks"]) for step in steps[:-1]), None]
    tiers = [
        {"up_to": None if bound is None else str(bound), "unit_amount": step["block_amount"]}
        for bound, step in zip(bounds, steps, strict=True)
    ]
    return {"model": {"all_tiers": "graduated", "top_tier": "volume"}[unit["policy"]], "tiers": tiers}


def _per_unit(unit_amount: str) -> dict[str, Any]:
    return {"model": "per_unit", "unit_amount": unit_amount}


def _percentage_of(percent: str) -> dict[str, Any]:
    return {"model": "percentage", "percentage": {"rate": _share(percent)}}


def _of_cents(cents: str) -> str:
    return f"{Decimal(cents).scaleb(-2):f}"


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
    return [*known, rest, *repeat("0", int(given["count"]) - len(known) - 1)]


_STATED: dict[str, Callable[[Case], list[Stated]]] = {
    **dict.fromkeys(FREE_EVALS, _stated_billed),
    "unit_config": _stated_converted,
    "tier": _stated_tier,
    "interval_sum": _stated_intervals,
    "agg": _stated_quantity,
    "weighted_sum": _stated_quantity,
}
_USED: dict[str, Callable[[Case, str], Iterator[Used]]] = {
    **dict.fromkeys(BLOCK_EVALS, _used_by_unit),
    **dict.fromkeys(EVENT_EVALS | {"ipp"}, _used_by_value),
    "agg": _aggregated,
    "weighted_sum": _used_as_level,
    "interval_sum": _used_in_intervals,
    "mixed_lines": _used_on_lines,
    "matrix": _used_in_cells,
    "rate_buckets": _used_in_buckets,
}
