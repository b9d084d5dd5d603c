"""Cases that are about one rule by itself, answered by the public function of `transforms/` that holds it."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise

import polars as pl

from data_contracts.vocabulary import EXACT, QUANTITY
from tests.conformance.cases import Case
from transforms import money
from transforms.allocation import with_shares
from transforms.billing_quantity import billed

ROUNDED = {"round", "sum_round"}
QUANTITIES = {"unit_config", "usage_discount", "usage_discount_parts"}
FUNCTION = ROUNDED | QUANTITIES | {"allocate"}


def is_for_a_function(case: Case) -> bool:
    """Whether a public function says what the case states; we round to decimals, never to tens or hundreds of units."""
    if case.eval in ROUNDED:
        rounds_each = case.price.get("order", "round_then_sum") == "round_then_sum"
        return rounds_each and not case.price["digits"].startswith("-") and "value" in case.expected
    return case.eval in FUNCTION


def stated(case: Case) -> list[Decimal]:
    """Return the figures of a case: one value, or the parts in the order of their keys."""
    if case.eval == "allocate":
        return [Decimal(part) for _, part in sorted(case.expected["allocation"].items())]
    if case.eval in QUANTITIES:
        return [Decimal(part) for part in _parts(case.expected, "billed_quantities", "billed_quantity")]
    return [Decimal(case.expected["value"])]


def answered(cases: Sequence[Case]) -> dict[str, list[Decimal]]:
    """Return what the functions say, by id of the case."""
    rounded = _rounded([case for case in cases if case.eval in ROUNDED])
    allocated = {case.id: _allocated(case) for case in cases if case.eval == "allocate"}
    return rounded | allocated | {case.id: _billed(case) for case in cases if case.eval in QUANTITIES}


def _parts(stated: dict[str, object], *names: str) -> list[str]:
    """Return what a case states for each part of a period, in their order."""
    found = [stated[name] for name in ("prior_billed_quantity", "prior_quantity", *names) if name in stated]
    return [part for each in found for part in (each if isinstance(each, list) else [each])]


def _billed(case: Case) -> list[Decimal]:
    """Return what is billed of each part: what is of the running total with it, less what was before it."""
    given = case.price.get("unit_config", {"operation": "multiply", "factor": "1", "rounding": "none"})
    factor = Fraction(given["factor"]) if given["operation"] == "multiply" else 1 / Fraction(given["factor"])
    rounds = given["rounding"] != "none"
    totals = [Decimal(0), *accumulate(map(Decimal, _parts(case.input, "parts", "quantity")))]
    frame = pl.LazyFrame({"total": totals}, schema={"total": QUANTITY}).with_columns(
        pl.lit(Decimal(factor.numerator)).cast(QUANTITY).alias("quantity_factor"),
        pl.lit(Decimal(factor.denominator) if rounds else None).cast(QUANTITY).alias("quantity_divisor"),
        pl.lit(given["rounding"] if rounds else None, dtype=pl.String).alias("quantity_round"),
        pl.lit(Decimal(case.price.get("usage_discount", "0"))).cast(QUANTITY).alias("free_units"),
    )
    # Without rounding a divisor is notation: what is priced is the quantity in parts of one unit.
    unit = Decimal(1 if rounds else factor.denominator)
    through = [each / unit for each in frame.select(billed(pl.col("total"))).collect().to_series()]
    return [after - before for before, after in pairwise(through)]


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
