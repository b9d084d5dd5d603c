"""Cases that are about one rule by itself, answered by the public function of `transforms/` that holds it."""

from collections.abc import Sequence
from decimal import Decimal

import polars as pl

from data_contracts.vocabulary import EXACT
from tests.conformance.cases import Case
from transforms import money
from transforms.allocation import with_shares

ROUNDED = {"round", "sum_round"}
FUNCTION = ROUNDED | {"allocate"}


def is_for_a_function(case: Case) -> bool:
    """Whether a public function says what the case states; we round to decimals, never to tens or hundreds of units."""
    if case.eval in ROUNDED:
        rounds_each = case.price.get("order", "round_then_sum") == "round_then_sum"
        return rounds_each and not case.price["digits"].startswith("-") and "value" in case.expected
    return case.eval == "allocate"


def stated(case: Case) -> list[Decimal]:
    """Return the figures of a case: one value, or the parts in the order of their keys."""
    if case.eval == "allocate":
        return [Decimal(part) for _, part in sorted(case.expected["allocation"].items())]
    return [Decimal(case.expected["value"])]


def answered(cases: Sequence[Case]) -> dict[str, list[Decimal]]:
    """Return what the functions say, by id of the case."""
    rounded = _rounded([case for case in cases if case.eval in ROUNDED])
    return rounded | {case.id: _allocated(case) for case in cases if case.eval == "allocate"}


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
