"""The whole price history, as upstream wrote it: plain decimals of the same value, and lists that are refused."""

import csv
import gzip
import re
from datetime import datetime
from decimal import Decimal

import polars as pl
import pytest

from orchestration.errors import RefusedInput
from tests.real_data import litellm


@pytest.fixture(scope="module")
def history(shared):
    return litellm.price_history(shared)


@pytest.fixture(scope="module")
def index(shared):
    """Every snapshot: when it was committed, and for nine of them where it is no JSON."""
    text = gzip.decompress((shared / "data/prices/litellm_snapshot_index.csv.gz").read_bytes()).decode()
    return list(csv.DictReader(text.splitlines()))


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


def test_the_lists_of_tiers_are_refused_by_name_and_count(history):
    refused = litellm.refusals(litellm.plain_prices(history)[1])
    assert (len(refused), len(set(refused))) == (31, 31)
    assert refused[0] == "dashscope/qwen-flash: tiered_pricing since 2025-09-12T01:14:39Z is a list of tiers"
    assert {text.split("/")[0] for text in refused} == {"dashscope", "exa_ai", "firecrawl", "volcengine"}


def test_no_price_needs_more_than_23_places(history):
    prices = litellm.plain_prices(history)[0]
    places = prices["unit_price"].str.split(".").list.get(1, null_on_oob=True).str.len_chars()
    assert (places.max(), (places == 23).sum()) == (23, 9)


def test_a_snapshot_says_what_the_history_says_of_its_instant(shared, history, index):
    """Two ways to the same prices: the file of the day, and the history that was made of all of them."""
    found = litellm.snapshot_prices(shared / "data/prices/litellm_monthly/2023-10-10_152ffca815.json.gz")
    (committed,) = (row["commit_time_utc"] for row in index if row["commit"].startswith("152ffca815"))
    at = datetime.fromisoformat(committed)
    then = history.filter(
        pl.col("valid_from") <= at,
        (pl.col("valid_to") > at) | pl.col("valid_to").is_null(),
        pl.col("price_field").is_in(list(litellm.METERS)),
    )
    known = {
        (model, field): Decimal(price) for model, field, price in then["model", "price_field", "unit_price"].rows()
    }
    assert {key: Decimal(price) for key, price in found.items()} == known
    assert len(known) == 158


def test_the_nine_invalid_snapshots_are_refused_with_file_line_and_column(shared, index):
    """The index of the data says where another reader of JSON stumbled: at the same line and column."""
    stumbled = {
        row["commit"][:10]: re.search(r"line (\d+) column (\d+)", row["changes_or_error"]).groups()
        for row in index
        if "line" in row["changes_or_error"]
    }
    files = sorted((shared / "data/prices/litellm_invalid").glob("*.json.gz"))
    assert [file.name.removesuffix(".json.gz") for file in files] == sorted(stumbled)
    for file in files:
        with pytest.raises(RefusedInput) as refused:
            litellm.snapshot_prices(file)
        line, column = stumbled[file.name.removesuffix(".json.gz")]
        name = file.name.removesuffix(".gz")
        assert str(refused.value).splitlines()[-1].startswith(f"{name}:{line}: column {column}: ")
