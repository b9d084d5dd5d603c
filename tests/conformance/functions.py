"""Cases that are about one rule by itself, answered by the public function of `transforms/` that holds it.

What a source states by more digits than a currency has, it has cut to them; the answer is compared at as many.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import polars as pl

from data_contracts.vocabulary import EXACT, QUANTITY
from tests.conformance.cases import Case
from transforms import money, periods
from transforms.allocation import with_shares
from transforms.charge_models.package import package

ROUNDED = {"round", "sum_round"}
AMOUNTS = {"ratio", "duration_ratio", "second_ratio"}
SHARES = {"kb_ratio", "kb_cycles", "coefficient", "ratio_value", "second_credits"}
CALENDAR = {"next_date", "whole_periods", "wall_days"}
CENTS = pl.lit(2)
# The part of a period, and the whole of it, by which a source says that an amount is shared out.
SPANS = {
    "duration_ratio": (("from", "to_exclusive"), ("full_from", "full_to_exclusive")),
    "second_ratio": (("change", "period_to_exclusive"), ("period_from", "period_to_exclusive")),
    "second_credits": (("change", "period_to_exclusive"), ("period_from", "period_to_exclusive")),
}
# What an amount by days comes to before it is rounded is told in the source's own floats; what is due is exact.
PRORATED_ONLY = {"amount", "precise_cents"}
THIRTY_DAYS = "30_days"


def is_for_a_function(case: Case) -> bool:
    """Whether a public function says what the case states."""
    if case.eval in ROUNDED:
        # We round to decimals, never to tens or hundreds of units.
        rounds_each = case.price.get("order", "round_then_sum") == "round_then_sum"
        return rounds_each and not case.price["digits"].startswith("-") and "value" in case.expected
    if case.eval in CALENDAR:
        return case.price.get("billing_period") != THIRTY_DAYS
    if case.input.get("whole_periods", "0") != "0":
        return False
    if case.eval in AMOUNTS | SHARES:
        covered, whole = _span(case)
        # Neither a part that is longer than the whole nor one that begins after it is a part.
        return covered >= 0 and (covered <= whole or case.eval == "kb_ratio") and set(case.expected) <= _told(case)
    return case.eval in ("allocate", "packages", "change_ratio")


def _told(case: Case) -> set[str]:
    return PRORATED_ONLY if case.eval in AMOUNTS else {"ratio", "coefficient", "credits", "cycles"}


def stated(case: Case) -> list[Decimal]:
    """Return the figures of a case: one value, the parts in the order of their keys, or all that it states."""
    expected = case.expected
    if case.eval == "allocate":
        return [Decimal(part) for _, part in sorted(expected["allocation"].items())]
    if case.eval == "next_date":
        return [_digits_of(expected["next"])]
    names = ("value", "amount", "ratio", "cycles", "credits", "coefficient", "credit", "charge", "net", "packages")
    names += ("billed_quantity", "periods", "days")
    return [Decimal(expected[name]) for name in names if name in expected]


def answered(cases: Sequence[Case]) -> dict[str, list[Decimal]]:
    """Return what the functions say, by id of the case."""
    rounded = _rounded([case for case in cases if case.eval in ROUNDED])
    others = {case.id: _ANSWERS[str(case.eval)](case) for case in cases if case.eval not in ROUNDED}
    return rounded | others


def _rounded(cases: Sequence[Case]) -> dict[str, list[Decimal]]:
    values = [
        (case.id, Decimal(value), int(case.price["digits"]), case.price["rounding_mode"])
        for case in cases
        for value in case.input.get("values", [case.input.get("value")])
    ]
    frame = pl.LazyFrame(
        values, schema={"id": pl.String, "value": EXACT, "digits": pl.Int64, "mode": pl.String}, orient="row"
    )
    rounded = money.round_to_minor(pl.col("value"), pl.col("digits"), pl.col("mode"))
    summed = frame.with_columns(rounded.alias("rounded")).group_by("id").agg(pl.col("rounded").sum()).collect()
    return {id_: [value] for id_, value in summed.iter_rows()}


def _allocated(case: Case) -> list[Decimal]:
    parts = pl.LazyFrame(
        [(case.id, Decimal(case.input["amount"]), key, Decimal(weight)) for key, weight in case.input["weights"]],
        schema={
            "pool": pl.String,
            "amount": pl.Decimal(38, int(case.price["digits"])),
            "key": pl.String,
            "weight": pl.Decimal(38, 12),
        },
        orient="row",
    )
    shares = with_shares(parts, pool=["pool"], key=["key"], weight="weight", amounts={"amount": "share"})
    return shares.sort("key").collect()["share"].to_list()


def _packages(case: Case) -> list[Decimal]:
    """How many packages are counted, by a price of 1, and how many units are billed, by a price of a package's size."""
    terms = case.price["package"]
    quantity, free, size = (_number(value) for value in (case.input["quantity"], terms["free_units"], terms["size"]))
    return [
        _value(package(quantity, free, size, pl.lit(terms["rounding"]), _number(unit_amount)))
        for unit_amount in ("1", terms["size"])
    ]


def _amount(case: Case) -> list[Decimal]:
    """An amount for a part of a period, rounded to cents; of several units it is theirs together."""
    covered, whole = _span(case)
    amount = money.multiply(_number(case.input.get("quantity", "1")), _number(case.price["unit_amount"]))
    return [_value(_cents(money.prorated(amount, _number(covered), _number(whole))))]


def _share(case: Case) -> list[Decimal]:
    """The part itself, and what it is of the credits of a whole period, at the digits at which they are stated."""
    covered, whole = (_number(value) for value in _span(case))
    of = {"credits": case.input.get("credits"), "ratio": "1", "coefficient": "1", "cycles": "1"}
    shares = {
        name: _value(money.prorated(_number(of[name]), covered, whole))
        for name in ("ratio", "cycles", "credits", "coefficient")
        if name in case.expected
    }
    digits = {name: -Decimal(case.expected[name]).as_tuple().exponent for name in shares}
    if "digits" in case.price:
        digits |= {name: int(case.price["digits"]) for name in shares if name != "coefficient"}
    return [value.quantize(Decimal(1).scaleb(-digits[name]), ROUND_HALF_UP) for name, value in shares.items()]


def _changed(case: Case) -> list[Decimal]:
    """The credit of the old price, the charge of the new one, each rounded, and both together."""
    covered, whole = (_number(value) for value in _span(case))
    credit, charge = (
        _cents(money.prorated(_number(amount), covered, whole))
        for amount in (f"-{case.input['old']}", case.input["new"])
    )
    found = {"credit": credit, "charge": charge, "net": credit + charge}
    return [_value(expression) for name, expression in found.items() if name in case.expected]


def _next_date(case: Case) -> list[Decimal]:
    """The start of the period that is `count` periods after the one that starts on the current day."""
    current = date.fromisoformat(case.input["current"])
    anchor_day = case.price.get("anchor_day")
    anchor = date(2000, 1, int(anchor_day)) if anchor_day else date.fromisoformat(case.input["anchor"])
    rhythm = [pl.lit(case.price["billing_period"]), pl.lit(anchor)]
    place = periods.number(pl.lit(current), *rhythm) + pl.lit(int(case.price["count"]))
    return [_digits_of(pl.select(periods.start(place, *rhythm)).item().isoformat())]


def _whole_periods(case: Case) -> list[Decimal]:
    """Which period, counted from the first day, the last one begins."""
    first, end = (datetime.fromisoformat(case.input[name]).date() for name in ("from", "to_exclusive"))
    interval = case.price.get("billing_period", "day")
    return [Decimal(pl.select(periods.number(pl.lit(end), pl.lit(interval), pl.lit(first))).item())]


def _span(case: Case) -> tuple[Decimal, Decimal]:
    """Return the part of a period and the whole of it: days as stated, or the seconds between two instants."""
    given = case.input
    if case.eval in SPANS:
        covered, whole = (_seconds(given[since], given[until]) for since, until in SPANS[case.eval])
        return covered, whole
    if "ratio" in given:
        return Decimal(given["ratio"]), Decimal(1)
    return Decimal(given["days"]), Decimal(given["of_days"])


def _seconds(since: str, until: str) -> Decimal:
    elapsed = datetime.fromisoformat(until) - datetime.fromisoformat(since)
    return Decimal(elapsed.days * 86_400 + elapsed.seconds)


def _number(value: Any) -> pl.Expr:
    return pl.lit(Decimal(value)).cast(QUANTITY)


def _cents(amount: pl.Expr) -> pl.Expr:
    return money.round_to_minor(amount, CENTS, pl.lit("half_up"))


def _value(expression: pl.Expr) -> Decimal:
    value: Decimal = pl.select(expression).item()
    return value


def _digits_of(day: str) -> Decimal:
    return Decimal(day.replace("-", ""))


_ANSWERS: dict[str, Callable[[Case], list[Decimal]]] = {
    "allocate": _allocated,
    "packages": _packages,
    "change_ratio": _changed,
    "next_date": _next_date,
    "whole_periods": _whole_periods,
    "wall_days": _whole_periods,
    **dict.fromkeys(AMOUNTS, _amount),
    **dict.fromkeys(SHARES, _share),
}
