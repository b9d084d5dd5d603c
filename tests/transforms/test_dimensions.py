r"""Rules of `dimensions`: canonical JSON taken apart and put together, also where values hold quotes and `\`."""

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms import dimensions

AWKWARD = [
    pytest.param("plain", id="plain text"),
    pytest.param("", id="empty"),
    pytest.param('say "hi"', id="quotes inside"),
    pytest.param('a":"b', id="what separates name and value"),
    pytest.param('a","b":"c', id="what separates two dimensions"),
    pytest.param("back\\slash", id="a backslash"),
    pytest.param("ends in \\", id="a backslash before the closing quote"),
    pytest.param('\\"', id="a backslash and a quote"),
    pytest.param("\\\\", id="two backslashes"),
    pytest.param("{}[],:", id="braces, brackets, comma, colon"),
    pytest.param("日本 é \U0001f600 $1", id="letters of all sorts, and what a regex would put in"),
]
# Intake lets no control character in, and a line separator is one.
TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=8) | st.text('"\\:,{}a', max_size=8)
NAME = st.text("abc_-.:XYZ", min_size=1, max_size=4)
OBJECTS = st.dictionaries(NAME, TEXT, max_size=4)


def written(values: dict[str, str]) -> str:
    """Canonical JSON, as intake writes it."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def taken_apart(values: dict[str, str]) -> dict[str, str]:
    frame = pl.LazyFrame({"dimensions": [written(values)]})
    return dict(dimensions.exploded(frame).select("dimension", "value").collect().rows())


@pytest.mark.parametrize("value", AWKWARD)
def test_a_value_comes_out_as_it_was_before_it_was_written(value):
    assert taken_apart({"model": value, "region": "eu"}) == {"model": value, "region": "eu"}


def test_usage_without_dimensions_has_no_row():
    assert taken_apart({}) == {}


@settings(max_examples=100, deadline=None)
@given(OBJECTS)
def test_every_object_comes_apart_into_what_it_was_made_of(values):
    assert taken_apart(values) == values


@settings(max_examples=60, deadline=None)
@given(OBJECTS)
def test_pairs_put_together_are_the_canonical_object_again(values):
    frame = pl.LazyFrame({"dimensions": [written(values)]})
    together = dimensions.exploded(frame).select(dimensions.canonical(pl.col("pair")).alias("dimensions"))
    assert together.collect().item() == written(values)


def projected(*cells: tuple[str, str], priced: list[tuple[str, str]]) -> list[str]:
    usage = pl.LazyFrame(cells, schema={"meter": pl.String, "dimensions": pl.String}, orient="row").with_row_index()
    looked_at = pl.LazyFrame(priced, schema={"meter": pl.String, "dimension": pl.String}, orient="row")
    return dimensions.projected(usage, looked_at).sort("index").collect()["dimensions"].to_list()


def test_only_dimensions_that_a_price_of_the_meter_looks_at_are_kept():
    """Model is priced for tokens, region for storage: each keeps its own, so a day stays one cell."""
    found = projected(
        ("tokens", '{"model":"m","region":"eu"}'),
        ("storage", '{"model":"m","region":"eu"}'),
        ("calls", '{"model":"m","region":"eu"}'),
        ("tokens", "{}"),
        priced=[("tokens", "model"), ("storage", "region")],
    )
    assert found == ['{"model":"m"}', '{"region":"eu"}', "{}", "{}"]


def test_several_prices_that_look_at_one_dimension_keep_it_once():
    assert projected(("tokens", '{"model":"m"}'), priced=[("tokens", "model")] * 3) == ['{"model":"m"}']


def test_a_name_inside_of_a_value_is_not_a_dimension():
    r"""The value says `","region":"eu`; region itself is not there."""
    cell = written({"model": '","region":"eu'})
    assert projected(("tokens", cell), priced=[("tokens", "region")]) == ["{}"]
