"""Rules of `findings`: what is unknown in the amounts is named and counted, and so is what moved under them."""

from datetime import date

import pytest

from data_contracts import (
    AccountContracts,
    Companies,
    ExchangeRates,
    Findings,
    FxRates,
    LineItems,
    PlanPrices,
    PriceVersions,
    Rates,
    ZoneDays,
)
from data_contracts.validation import validate
from tests.tables import rows, texts
from transforms.findings import findings

LINES = """
    line_item_id | currency | posting_date | amount | amount_reporting | fx_rate_date
    a            | EUR      | 2026-08-03   | 100    | 112              | 2026-08-03
    b            | JPY      | 2026-08-04   | 1000   | 7.01             | 2026-08-03
    c            | JPY      | 2026-08-20   | 3000   | null             | null
    d            | JPY      | 2026-08-22   | 500    | null             | null
    e            | USD      | 2026-08-22   | 5      | 5                | null
"""
RATIOS = """
    currency | rate_date_for | rate_date  | numerator | denominator
    EUR      | 2026-08-03    | 2026-08-03 | 1.12      | 1
    JPY      | 2026-08-04    | 2026-08-03 | 1.12      | 159.82
    EUR      | 2026-08-05    | 2026-08-05 | 1.12      | 1
"""
RATES = """
    delivery_date | rate_date  | quote_currency | rate
    2026-08-04    | 2026-08-03 | USD            | 1.1196
    2026-08-09    | 2026-08-03 | USD            | 1.12
    2026-08-04    | 2026-08-03 | JPY            | 159.82
    2026-08-04    | 2026-08-05 | GBP            | 0.84
    2026-08-09    | 2026-08-05 | GBP            | 0.85
"""
COLUMNS = ["rule", "subject", "currency", "first_date", "last_date", "line_count", "amount"]


def found(lines: str = LINES, rates: str = RATES, columns: list[str] = COLUMNS) -> list[tuple[str | None, ...]]:
    result = findings(
        rows(LineItems, lines),
        rows(FxRates, rates, base_currency="EUR", rate_type="reference"),
        rows(ExchangeRates, RATIOS, target_currency="USD", base_currency="EUR"),
        rows(Companies, reporting_currency="USD", fx_max_age_days="5"),
        *(rows(table) for table in (Rates, AccountContracts, PlanPrices, PriceVersions, ZoneDays)),
        as_of=date(2026, 8, 31),
    ).collect()
    return texts(validate(Findings, result), columns)


def test_lines_without_a_rate_are_counted_by_currency():
    (missing,) = [row for row in found() if row[0] == "no_reporting_rate"]
    assert missing == ("no_reporting_rate", "JPY in USD", "JPY", "2026-08-20", "2026-08-22", "2", "3500")


@pytest.mark.parametrize(
    ("rates", "detail"),
    [
        pytest.param(RATES, "no rate at most 5 days old; the last rate date of JPY is 2026-08-03", id="stale"),
        pytest.param("", "no rate at most 5 days old; no rate of JPY was ever delivered", id="missing"),
    ],
)
def test_a_missing_rate_is_told_from_a_stale_one(rates: str, detail: str):
    assert [row for row in found(rates=rates, columns=["rule", "detail"]) if row[0] == "no_reporting_rate"] == [
        ("no_reporting_rate", detail)
    ]


def test_a_corrected_rate_is_named_with_what_it_was_where_lines_use_it():
    """The dollar of the 3rd was corrected and is a side of both lines; nothing uses the pound."""
    columns = ["subject", "currency", "first_date", "last_date", "line_count", "amount", "detail"]
    detail = "1.1196 delivered on 2026-08-04, then 1.12 delivered on 2026-08-09"
    assert [row[1:] for row in found(columns=["rule", *columns]) if row[0] == "rate_corrected"] == [
        ("EUR in USD", "EUR", "2026-08-03", "2026-08-03", "1", "100", detail),
        ("EUR in USD", "JPY", "2026-08-03", "2026-08-04", "1", "1000", detail),
    ]


def test_an_amount_too_large_to_report_is_named_as_such():
    line = """
        line_item_id | currency | posting_date | amount         | amount_reporting | fx_rate_date
        a            | EUR      | 2026-08-03   | 10000000000000 | null             | 2026-08-03
    """
    assert [row[:4] for row in found(line, rates="")] == [("reporting_amount_bound", "EUR in USD", "EUR", "2026-08-03")]


def test_nothing_to_say_is_no_row():
    assert found("line_item_id | currency | amount_reporting\na | USD | 1") == []
