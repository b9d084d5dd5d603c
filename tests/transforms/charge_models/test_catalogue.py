"""The list of what can be sold: models, their terms, and what the book may name."""

from decimal import Decimal

import polars as pl
import pytest

from data_contracts import PricedUsage, PriceTiers, PriceVersions
from data_contracts.price_versions import MODELS
from data_contracts.vocabulary import EXACT
from transforms import charge_models
from transforms.charge_models import CELL_MODELS, CUMULATIVE_MODELS, EVENT_MODELS, amount_of, terms


def test_the_contract_names_every_model_once_and_no_other():
    assert sorted([*CUMULATIVE_MODELS, *CELL_MODELS, *EVENT_MODELS]) == sorted(MODELS)


@pytest.mark.parametrize("name", sorted(CUMULATIVE_MODELS))
def test_the_terms_of_a_cumulative_model_are_columns_of_the_tiers(name):
    assert set(terms(CUMULATIVE_MODELS[name])) <= set(PriceTiers.columns)


@pytest.mark.parametrize("name", sorted(CELL_MODELS))
def test_the_terms_of_a_cell_model_are_columns_of_priced_usage(name):
    assert set(terms(CELL_MODELS[name])) <= set(PricedUsage.columns)


@pytest.mark.parametrize("name", sorted(EVENT_MODELS))
def test_the_terms_of_an_event_model_are_columns_of_the_versions_beside_what_the_allowance_leaves(name):
    assert set(terms(EVENT_MODELS[name])) - {"is_free"} <= set(PriceVersions.columns)


def test_an_unknown_model_has_no_amount():
    frame = PriceTiers.empty().lazy().collect().clear(1).with_columns(pl.lit("matrix").alias("model"))
    assert frame.select(amount_of(CUMULATIVE_MODELS, pl.col("model"), pl.lit(1))).item() is None


def test_each_row_is_priced_by_its_own_model_with_its_own_terms():
    """3 units: a flat of 49.00, 3 × 0.10, and 20.00 + 3 × 0.30."""
    terms = pl.DataFrame(
        {
            "model": ["flat", "per_unit", "volume"],
            "quantity": ["3", "3", "3"],
            "flat_amount": ["49", "0", "20"],
            "unit_amount": ["0", "0.10", "0.30"],
        }
    ).with_columns(pl.col("quantity", "flat_amount", "unit_amount").cast(EXACT))
    models = {name: charge_models.CUMULATIVE_MODELS[name] for name in ("flat", "per_unit", "volume")}
    found = terms.select(charge_models.amount_of(models, pl.col("model"), pl.col("quantity")))
    assert found.to_series().to_list() == [Decimal(49), Decimal("0.30"), Decimal("20.90")]


def test_the_models_are_told_apart_by_what_they_price():
    """Semantics: a running total, each cell, or each event; four of the first know no total below zero."""
    totals = {"flat", "per_unit", "graduated", "graduated_percentage", "volume", "package"}
    assert set(charge_models.CUMULATIVE_MODELS) == totals
    assert set(charge_models.CELL_MODELS) == {"matrix", "rate_curve", "dynamic"}
    assert set(charge_models.EVENT_MODELS) == {"percentage", "unit_fee"}
    assert set(charge_models.MODELS_OF_CELLS) == {"matrix", "rate_curve"}
    assert set(charge_models.MODELS_OF_TOTALS) == totals - {"flat", "per_unit"}
