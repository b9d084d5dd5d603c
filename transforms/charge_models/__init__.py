"""Everything that can be sold, written out by hand. A new model is one file, one line here, one test."""

import inspect
from collections.abc import Callable

import polars as pl

from transforms.charge_models.graduated import graduated
from transforms.charge_models.per_unit import per_unit
from transforms.charge_models.percentage import percentage
from transforms.charge_models.volume import volume

# A cumulative model prices the running total of a period; its terms are columns of `price_tiers`.
CUMULATIVE_MODELS: dict[str, Callable[..., pl.Expr]] = {
    "per_unit": per_unit,
    "graduated": graduated,
    "volume": volume,
}

# An event model prices each event by itself; its terms are columns of `price_versions`.
EVENT_MODELS: dict[str, Callable[..., pl.Expr]] = {"percentage": percentage}


def cumulative_amount(model: pl.Expr, quantity: pl.Expr) -> pl.Expr:
    """Price a running total by the model and the tier that stand in the same row. Null for an unknown model."""
    amount = pl.lit(None)
    for name, charge in CUMULATIVE_MODELS.items():
        amount = pl.when(model == name).then(charge(quantity, **terms(charge))).otherwise(amount)
    return amount


def terms(charge: Callable[..., pl.Expr]) -> dict[str, pl.Expr]:
    """Return the columns that a model's parameters name, without the leading quantity."""
    return {name: pl.col(name) for name in list(inspect.signature(charge).parameters)[1:]}
