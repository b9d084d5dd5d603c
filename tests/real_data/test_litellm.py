"""The whole price history, as upstream wrote it: plain decimals of the same value, and lists that are refused."""

from decimal import Decimal

import polars as pl
import pytest

from tests.real_data import litellm


@pytest.fixture(scope="module")
def history(shared):
    return litellm.price_history(shared)


def test_every_price_is_a_plain_decimal_or_a_list_of_tiers(history):
    prices, lists = litellm.plain_prices(history)
    assert (history.height, prices.height, lists.height) == (12_800, 12_769, 31)
    assert prices.filter(~pl.col("unit_price").str.contains(r"^[0-9]+(\.[0-9]{1,24})?$")).is_empty()


def test_no_price_changes_its_value(history):
    prices, lists = litellm.plain_prices(history)
    written = history.join(lists.select(key := ["model", "price_field", "valid_from"]), on=key, how="anti")
    assert [Decimal(text) for text in prices["unit_price"]] == [Decimal(text) for text in written["unit_price"]]


def test_scientific_notation_becomes_digits(history):
    own = litellm.plain_prices(history.filter(pl.col("model") == "gpt-3.5-turbo"))[0]
    assert "0.0000005" in own["unit_price"].to_list()


def test_a_price_that_24_places_do_not_hold_is_refused():
    with pytest.raises(AssertionError, match="more than 24 places"):
        litellm.plain_prices(pl.DataFrame({"unit_price": ["1e-25"]}))
