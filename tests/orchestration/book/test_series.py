"""`versions_from`: a CSV of unit prices beside the document."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from orchestration.book import EMPTY, accept_delivery, compile_tables
from tests.orchestration.book.samples import DAY, HEAD

HALF_HOURS = 17_520


def book(named="tariff.csv", currency="currency: GBP, ", more=""):
    price = f"{{id: p, product: api, meter: tokens, model: per_unit, {currency}versions_from: {named}{more}}}"
    return f"{HEAD}prices: [{price}]\nplans: [{{id: payg, prices: [p]}}]\n"


def delivered(series, *, document="book.yaml", path="tariff.csv", **more):
    return accept_delivery(EMPTY, DAY, {document: book(**more), path: series}, {})


def shown(series, **more):
    return [str(problem) for problem in delivered(series, **more).problems]


def versions(found):
    return compile_tables(found.state, billing_starts_on=DAY)["price_versions"]


def test_a_year_of_half_hours_is_17520_versions_with_three_terms():
    start, prices = datetime(2013, 1, 1), ("0.6720", "0.1176", "0.0399")
    rows = [f"{(start + timedelta(minutes=30 * n)).isoformat()}Z,{prices[n % 3]}" for n in range(HALF_HOURS)]
    frame = versions(delivered("effective_from,unit_amount\n" + "\n".join(rows) + "\n"))
    assert frame.height == HALF_HOURS
    assert frame["terms_id"].n_unique() == 3
    assert frame.filter(frame["price_version_id"] == "p@2013-01-01T00:30:00Z")["document"].to_list() == ["tariff.csv:3"]


def test_per_and_currency_are_columns():
    series = "effective_from,per,currency,unit_amount\n2026-01-01,1000,USD,1\n2026-01-01,1000,EUR,0.9\n"
    frame = versions(delivered(series, currency=""))
    assert frame.select("price_version_id", "currency", "unit_amount").rows() == [
        ("p@2026-01-01", "EUR", Decimal("0.0009")),
        ("p@2026-01-01", "USD", Decimal("0.001")),
    ]


@pytest.mark.parametrize(
    ("series", "message"),
    [
        pytest.param(
            "effective_from,price\n",
            "tariff.csv:1: the header is effective_from,price. It needs effective_from, unit_amount and may have per, currency.",
            id="F14 header",
        ),
        pytest.param(
            "effective_from,unit_amount\n2026-01-01,1\n2026-01-02\n",
            "tariff.csv:3: 1 fields, the header has 2. Write one value per column.",
            id="F22 short row",
        ),
        pytest.param(
            "effective_from,unit_amount\n2026-01-01,1e-5\n",
            'tariff.csv:2: unit_amount: "1e-5" is not a plain decimal. Write digits and a point only, e.g. "0.000012": no exponent, no grouping, no leading zero.',
            id="F49 exponent",
        ),
        pytest.param(
            "effective_from,unit_amount\n2026-01-01,-1\n",
            'tariff.csv:2: unit_amount: "-1" is negative. Write an amount of 0 or more; a credit is a credit note.',
            id="F48 negative",
        ),
        pytest.param(
            "effective_from,unit_amount\n2026-01-01,1\n2026-01-01,2\n",
            "tariff.csv:3: effective_from: 2026-01-01 in GBP stands twice; first on line 2. Keep one of them.",
            id="F43 start twice",
        ),
        pytest.param(
            "effective_from,unit_amount,per\n2026-01-01,1,0\n",
            'tariff.csv:2: per: "0" is not possible here. Write a decimal above 0.',
            id="division by zero",
        ),
        pytest.param(
            'effective_from,unit_amount\n2026-01-01,"1\n',
            "tariff.csv:2: unexpected end of data. Correct the quoting there.",
            id="F21 open quote",
        ),
        pytest.param(
            "effective_from,unit_amount\n",
            "tariff.csv:1: the series has no rows. Write at least one price.",
            id="F02 header only",
        ),
    ],
)
def test_a_series_is_strict(series, message):
    assert shown(series) == [message]


def test_a_price_without_a_currency_needs_one_per_row():
    assert shown("effective_from,unit_amount\n2026-01-01,1\n", currency="") == [
        "tariff.csv:2: currency: no currency. Write it in the row or at the price."
    ]


@pytest.mark.parametrize(
    ("named", "rule"),
    [
        pytest.param("../tariff.csv", "bad_path", id="above the document"),
        pytest.param("/etc/passwd", "bad_path", id="absolute"),
        pytest.param("tarif.csv", "unknown_reference", id="a file that is not there"),
        pytest.param("book.yaml", "bad_path", id="not a series"),
    ],
)
def test_a_series_is_read_from_beside_the_document_only(named, rule):
    assert rule in [
        problem.rule for problem in delivered("effective_from,unit_amount\n2026-01-01,1\n", named=named).problems
    ]


def test_the_path_is_relative_to_the_document():
    found = delivered("effective_from,unit_amount\n2026-01-01,1\n", document="uk/book.yaml", path="uk/tariff.csv")
    assert found.problems == []


def test_a_series_that_nobody_names_is_refused():
    found = accept_delivery(EMPTY, DAY, {"book.yaml": HEAD, "tariff.csv": "effective_from,unit_amount\n"}, {})
    assert [problem.rule for problem in found.problems] == ["unused_file"]


def test_a_series_is_corrected_by_versions_in_the_document():
    series = "effective_from,unit_amount\n2026-01-01,1\n2026-02-01,2\n"
    fix = ', versions: [{supersedes: 2026-02-01, reason: typo, approved_by: ann, unit_amount: "3"}]'
    frame = versions(delivered(series, more=fix))
    assert frame.select("price_version_id", "superseded_by").rows() == [
        ("p@2026-01-01", None),
        ("p@2026-02-01", "p@2026-02-01#1"),
        ("p@2026-02-01#1", None),
    ]


def test_f52_a_known_row_of_a_series_is_never_edited():
    known = delivered("effective_from,unit_amount\n2026-01-01,1\n").state
    edited = accept_delivery(
        known, DAY, {"book.yaml": book(), "tariff.csv": "effective_from,unit_amount\n2026-01-01,2\n"}, {}
    )
    assert [(problem.path, problem.line, problem.rule) for problem in edited.problems] == [
        ("tariff.csv", 2, "version_changed")
    ]


def test_the_first_twenty_problems_are_shown_and_the_rest_counted():
    rows = "\n".join(f"2026-01-01,{number}x" for number in range(50))
    found = shown(f"effective_from,unit_amount\n{rows}\n")
    assert len(found) == 21
    assert "tariff.csv: 30 more rows have problems. Correct these first." in found
