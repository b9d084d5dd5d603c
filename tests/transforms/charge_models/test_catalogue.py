"""The list of what can be sold: models, their terms, and what the book may name."""

import polars as pl
import pytest

from data_contracts import PricedUsage, PriceTiers, PriceVersions
from data_contracts.price_versions import MODELS
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
