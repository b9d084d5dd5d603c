"""Everything that can be sold, written out by hand. A new model is one file, one line here, one test."""

import inspect
from collections.abc import Callable

import polars as pl

from transforms.charge_models.dynamic import dynamic
from transforms.charge_models.flat import flat
from transforms.charge_models.graduated import graduated
from transforms.charge_models.graduated_percentage import graduated_percentage
from transforms.charge_models.matrix import matrix
from transforms.charge_models.package import package
from transforms.charge_models.per_unit import per_unit
from transforms.charge_models.percentage import percentage
from transforms.charge_models.rate_curve import rate_curve
from transforms.charge_models.unit_fee import unit_fee
from transforms.charge_models.volume import volume

Models = dict[str, Callable[..., pl.Expr]]

# A cumulative model prices the running total of a period; its terms are columns of `price_tiers`.
CUMULATIVE_MODELS: Models = {
    "flat": flat,
    "per_unit": per_unit,
    "graduated": graduated,
    "graduated_percentage": graduated_percentage,
    "volume": volume,
    "package": package,
}

# A cell model prices each usage cell by itself, and a line adds them up; its terms are columns of `priced_usage`.
CELL_MODELS: Models = {"matrix": matrix, "rate_curve": rate_curve, "dynamic": dynamic}

# Those of them that price units, each at the price of its cell or hours.
MODELS_OF_CELLS = ("matrix", "rate_curve")

# An event model prices each event by itself; its terms are columns of `price_versions`.
EVENT_MODELS: Models = {"percentage": percentage, "unit_fee": unit_fee}

# Their amount depends on what was used before, so a total below zero has no price.
MODELS_OF_TOTALS = ("graduated", "graduated_percentage", "volume", "package")


def amount_of(models: Models, model: pl.Expr, quantity: pl.Expr) -> pl.Expr:
    """Price a quantity by the model and the terms that stand in the same row. Null for a model that is not listed."""
    amount = pl.lit(None)
    for name, charge in models.items():
        amount = pl.when(model == name).then(charge(quantity, **terms(charge))).otherwise(amount)
    return amount


def terms(charge: Callable[..., pl.Expr]) -> dict[str, pl.Expr]:
    """Return the columns that a model's parameters name, without the leading quantity."""
    return {name: pl.col(name) for name in list(inspect.signature(charge).parameters)[1:]}
