"""Text to values: nothing is guessed, every problem has its place (faults F49, K22)."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.book.documents import Plain, mark_of, read_text
from tests.orchestration.book.samples import DESIGN_EXAMPLE, accepted, problems, rules


def test_no_scalar_has_a_type_and_every_value_knows_its_place():
    root = read_text("a.yaml", 'country: NO\nsize: 010\nprice: "1.10"\nnothing: ~\nlist: [yes, 12:30:45]\n').roots[0]
    assert root == {"country": "NO", "size": "010", "price": "1.10", "nothing": None, "list": ["yes", "12:30:45"]}
    assert isinstance(root["size"], Plain)
    assert not isinstance(root["price"], Plain)
    assert (mark_of(root, ("list", 1)).line, mark_of(root, ("list", 1)).column) == (5, 13)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(
            "company: {name: A}\ncompany: {name: B}\n",
            "book.yaml:2: column 1: key `company` stands twice; first on line 1. Keep one of them.",
            id="F49 duplicate key, last one would win",
        ),
        pytest.param(
            "products: &all []\nplans: *all\n",
            "book.yaml:2: column 8: the alias *all. Write the value out: a price must be readable in place.",
            id="F49 alias, a bomb when nested",
        ),
        pytest.param(
            "products: &all []\n",
            "book.yaml:1: column 11: the anchor &all. Remove it: a price must be readable in place.",
            id="F49 anchor",
        ),
        pytest.param(
            "products: !!python/tuple []\n",
            "book.yaml:1: column 11: the tag tag:yaml.org,2002:python/tuple. Remove it: types come from the schema.",
            id="K22 tag, could run code elsewhere",
        ),
        pytest.param(
            "company:\n\tname: A\n",
            'book.yaml:2: column 1: a tab. Indent with spaces; inside a text write "\\t" in quotes.',
            id="F49 tab",
        ),
        pytest.param(
            "company: [1,\n",
            "book.yaml:2: column 1: while parsing a flow node expected the node content, but found '<stream end>'. "
            "Correct the YAML there.",
            id="F03 cut off",
        ),
        pytest.param(
            "company: {}\n---\ncompany: {}\n",
            "book.yaml:2: column 1: a second document. One per file.",
            id="two documents, the second would be lost",
        ),
        pytest.param(
            "company: " + "[" * 40 + "]" * 40 + "\n",
            "book.yaml:1: column 41: more than 32 levels. Flatten it.",
            id="depth",
        ),
        pytest.param(
            "a: \x01\n",
            "book.yaml:1: character '\\x01' is not allowed (special characters are not allowed). Remove it.",
            id="F19 control character",
        ),
    ],
)
def test_yaml_that_says_two_things_is_refused_at_its_line_and_column(text, shown):
    assert shown in problems(text)


def test_a_product_of_norway_stays_norway():
    # YAML 1.1 reads NO as false.
    book = "company: {name: A, reporting_currency: USD, legal_entities: [{id: no, name: N, country: NO, currency: NOK, invoice_prefix: NO}]}\n"
    assert problems(book) == []


@pytest.mark.parametrize(
    ("text", "line", "rule"),
    [
        pytest.param('{"a": NaN}', 1, "json_syntax", id="NaN"),
        pytest.param('{"a": 1,}', 1, "json_syntax", id="trailing comma"),
        pytest.param('{"a": "1",\n "a": "2"}', 2, "duplicate_key", id="duplicate key"),
        pytest.param('{"a": 01}', 1, "json_syntax", id="leading zero"),
        pytest.param('{"a": "1"}\n{"b": "2"}', 2, "json_syntax", id="two values"),
        pytest.param("{'a': 1}", 1, "json_syntax", id="single quotes"),
        pytest.param('{"a": "\x01"}', 1, "json_syntax", id="raw control character"),
        pytest.param('{"a": "x', 1, "json_syntax", id="cut off in a text"),
        pytest.param('{"a": ', 1, "json_syntax", id="cut off"),
        pytest.param("[" * 40, 1, "too_deep", id="depth"),
        pytest.param('{"\\ud800": 1}', 1, "bad_character", id="lone surrogate"),
    ],
)
def test_json_is_strict(text, line, rule):
    assert (line, rule) in rules(text, path="book.json")


def test_a_json_number_where_a_decimal_is_meant_is_refused_with_the_quoted_form():
    text = (
        '{"company": {"name": "A", "reporting_currency": "USD"},\n'
        ' "taxes": [{"id": "vat", "country": "DE", "rate": 1.9e-1, "effective_from": "2021-01-01"}]}'
    )
    assert problems(text, path="b.json") == ['b.json:2: taxes.vat.rate: 1.9e-1 is not in quotes. Write "0.19".']


def test_a_broken_line_of_ndjson_hides_no_other_line():
    text = '{"company": {"name": "A", "reporting_currency": "USD"}}\n{]\n{"products": [{"id": "x", "nme": "y"}]}\n'
    assert rules(text, path="b.ndjson") == [(2, "json_syntax"), (3, "missing"), (3, "unknown_key")]


def test_an_unknown_ending_is_not_guessed():
    assert rules("a: 1", path="book.toml") == [(None, "unknown_format")]


def test_a_document_beyond_the_cap_is_not_even_parsed(monkeypatch):
    monkeypatch.setattr("orchestration.book.documents.MAX_CHARACTERS", 10)
    assert rules("company: {name: A}") == [(None, "too_large")]


def test_a_byte_order_mark_is_no_content():
    assert read_text("a.yaml", "\ufeffa: 1\n").roots == read_text("a.json", '\ufeff{"a": "1"}').roots == [{"a": "1"}]


TOKENS = [match.span() for match in re.finditer(r"[^\s,{}\[\]:]+", DESIGN_EXAMPLE)]
ODDITIES = [
    "null",
    "[]",
    "{}",
    "{a: b}",
    '"1"',
    "1",
    "-1",
    "true",
    "2026-01-01",
    "|",
    "? x",
    "- ",
    "&a",
    "*a",
    "\\",
    "\u2028",
]


@settings(max_examples=150, deadline=None)
@given(place=st.sampled_from(TOKENS), oddity=st.sampled_from(ODDITIES))
def test_whatever_stands_in_the_place_of_a_value_is_taken_or_told_with_its_line(place, oddity):
    found = accepted(DESIGN_EXAMPLE[: place[0]] + oddity + DESIGN_EXAMPLE[place[1] :]).problems
    assert all(problem.rule and problem.message and problem.line for problem in found if problem.rule != "missing")
