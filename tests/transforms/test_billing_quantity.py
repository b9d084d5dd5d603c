"""Rules of what is priced of a quantity: conversion first, then free units."""

from decimal import Decimal

import polars as pl
import pytest

from data_contracts.vocabulary import QUANTITY
from transforms.billing_quantity import billed

TERMS = {"quantity_factor": "1", "quantity_divisor": None, "quantity_round": None, "free_units": None}


def priced_of(total, **terms):
    given = {**TERMS, **terms}
    quantities = {name: value for name, value in given.items() if name != "quantity_round"}
    frame = pl.DataFrame(
        {
            "total": pl.Series([Decimal(total)], dtype=QUANTITY),
            "quantity_round": pl.Series([given["quantity_round"]], dtype=pl.String),
            **{
                name: pl.Series([None if value is None else Decimal(value)], dtype=QUANTITY)
                for name, value in quantities.items()
            },
        }
    )
    return frame.select(billed(pl.col("total"))).item()


@pytest.mark.parametrize(
    ("total", "up", "down", "half_up"),
    [
        pytest.param("0", 0, 0, 0, id="nothing stays nothing"),
        pytest.param("0.000000000001", 1, 0, 0, id="the smallest part of one"),
        pytest.param("499.999999999999", 1, 0, 0, id="just below a half"),
        pytest.param("500", 1, 0, 1, id="a half"),
        pytest.param("1000", 1, 1, 1, id="one exactly"),
        pytest.param("1000.000000000001", 2, 1, 1, id="a trillionth more is another one"),
        pytest.param("-1400", -2, -1, -1, id="below zero as above: away from it, or towards it"),
        pytest.param("99999999999999999999", 10**17, 10**17 - 1, 10**17, id="all digits that a quantity has"),
    ],
)
def test_a_divided_quantity_is_rounded_to_whole_units(total, up, down, half_up):
    found = [priced_of(total, quantity_divisor="1000", quantity_round=mode) for mode in ("up", "down", "half_up")]
    assert found == [up, down, half_up]


def test_a_multiplied_quantity_is_rounded_likewise():
    """1.2 is 6 / 5: 12 units are 14.4, 15 and 14."""
    assert priced_of("12", quantity_factor="6", quantity_divisor="5", quantity_round="up") == 15
    assert priced_of("12", quantity_factor="6", quantity_divisor="5", quantity_round="half_up") == 14


def test_without_rounding_a_factor_multiplies():
    assert priced_of("1.5", quantity_factor="8") == 12


def test_without_a_conversion_a_quantity_is_itself_down_to_its_last_place():
    assert priced_of("0.123456789012", quantity_factor=None) == Decimal("0.123456789012")


@pytest.mark.parametrize(
    ("total", "left"),
    [pytest.param("2000", 0, id="two of two free"), pytest.param("2001", 1, id="the third is not")],
)
def test_free_units_are_units_after_the_conversion(total, left):
    assert priced_of(total, quantity_divisor="1000", quantity_round="up", free_units="2") == left
