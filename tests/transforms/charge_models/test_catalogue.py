"""The list of what can be sold: models, their terms, and what the book may name."""

import polars as pl
import pytest

from data_contracts import PriceTiers, PriceVersions
from data_contracts.price_versions import MODELS
from transforms.charge_models import CUMULATIVE_MODELS, EVENT_MODELS, cumulative_amount, terms


def test_the_contract_names_every_model_once_and_no_other():
    assert sorted([*CUMULATIVE_MODELS, *EVENT_MODELS]) == sorted(MODELS)


@pytest.mark.parametrize("name", sorted(CUMULATIVE_MODELS))
def test_the_terms_of_a_cumulative_model_are_columns_of_the_tiers(name):
    assert set(terms(CUMULATIVE_MODELS[name])) <= set(PriceTiers.columns)


def test_the_terms_of_an_event_model_are_columns_of_the_versions_beside_what_the_allowance_leaves():
    assert set(terms(EVENT_MODELS["percentage"])) - {"is_free"} <= set(PriceVersions.columns)


def test_an_unknown_model_has_no_amount():
    zero = {name: [0] for name in ("offset", "base_amount", "unit_amount", "flat_amount")}
    frame = pl.DataFrame({"model": ["package"], **zero})
    assert frame.select(cumulative_amount(pl.col("model"), pl.lit(1))).item() is None
