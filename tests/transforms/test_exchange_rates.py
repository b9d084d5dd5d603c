"""Rules of `exchange_rates`: last known, young enough, crossed through one base of one date."""

import polars as pl
import pytest

from data_contracts import AccountContracts, Companies, FxRates, LegalEntities, ZoneDays
from tests.tables import rows, texts
from tests.transforms.chain import made

# Rates of the European Central Bank, as it published them (1 EUR = ...).
ECB = """
    rate_date  | quote_currency | rate
    2024-09-27 | USD            | 1.1158
    2024-09-27 | JPY            | 159.63
    2024-09-30 | USD            | 1.1196
    2024-09-30 | JPY            | 159.82
    2024-09-30 | GBP            | 0.83543
"""
DAYS = "local_date\n" + "\n".join(f"2024-{day}" for day in ("09-27", "09-28", "09-29", "09-30", "10-01", "10-05"))


def ratios(text: str = ECB, *, max_age: str = "5", days: str = DAYS, reporting: str = "USD", **of_rates: str):
    given = {"base_currency": "EUR", "delivery_date": "2024-10-01", "rate_type": "reference", **of_rates}
    columns = ["currency", "target_currency", "rate_date_for", "rate_date", "numerator", "denominator"]
    result = made(
        "exchange_rates",
        as_of="2024-10-05",
        zone_days=rows(ZoneDays, days, time_zone="UTC"),
        accounts=pl.LazyFrame(),
        account_contracts=rows(AccountContracts),
        companies=rows(Companies, reporting_currency=reporting, fx_max_age_days=max_age),
        legal_entities=rows(LegalEntities, currency=reporting),
        fx_rates=rows(FxRates, text, **{name: value for name, value in given.items() if text and name not in text}),
    )["exchange_rates"]
    return texts(result, columns)


def of(day: str, found: list[tuple]) -> dict[str, tuple]:
    return {currency: rest for currency, _, at, *rest in found if at == day}


def test_a_rate_is_crossed_through_the_base_of_its_table_on_one_date():
    on_monday = of("2024-09-30", ratios())
    assert on_monday == {
        "EUR": ["2024-09-30", "1.1196", "1"],
        "GBP": ["2024-09-30", "1.1196", "0.83543"],
        "JPY": ["2024-09-30", "1.1196", "159.82"],
    }


def test_a_weekend_takes_the_last_rate_known_before_it():
    assert of("2024-09-29", ratios()) == {
        "EUR": ["2024-09-27", "1.1158", "1"],
        "JPY": ["2024-09-27", "1.1158", "159.63"],
    }, "and the pound, which has no rate of that date, has none"


@pytest.mark.parametrize(
    ("max_age", "known"),
    [
        pytest.param("5", ["EUR", "GBP", "JPY"], id="five days old is young enough"),
        pytest.param("4", [], id="a day older than allowed is no rate"),
    ],
)
def test_a_rate_that_is_too_old_is_no_rate(max_age: str, known: list[str]):
    assert sorted(of("2024-10-05", ratios(max_age=max_age))) == known


def test_both_sides_of_a_cross_are_of_one_date():
    # The yen has no rate of the 30th, the dollar has: a cross of two dates was never the rate of any.
    suspended = ECB.replace("2024-09-30 | JPY            | 159.82\n", "")
    assert of("2024-09-30", ratios(suspended))["JPY"] == ["2024-09-27", "1.1158", "159.63"]


def test_a_later_delivery_of_a_rate_wins():
    corrected = """
        delivery_date | rate_date  | quote_currency | rate
        2024-10-02    | 2024-09-30 | USD            | 1.12
        2024-10-01    | 2024-09-30 | USD            | 1.1196
    """
    assert of("2024-09-30", ratios(corrected))["EUR"] == ["2024-09-30", "1.12", "1"]


def test_a_table_with_the_pair_itself_goes_before_a_cross():
    both = """
        base_currency | rate_date  | quote_currency | rate
        EUR           | 2024-09-30 | USD            | 1.1196
        EUR           | 2024-09-30 | GBP            | 0.83543
        GBP           | 2024-09-30 | USD            | 1.3401
        USD           | 2024-09-30 | CAD            | 1.3499
    """
    found = of("2024-09-30", ratios(both))
    assert found["GBP"] == ["2024-09-30", "1.3401", "1"]
    assert found["CAD"] == ["2024-09-30", "1", "1.3499"], "from the quote to the base the rate is the denominator"


def test_only_the_rate_type_of_the_company_is_used():
    assert ratios(rate_type="average") == []


def test_the_currencies_of_books_and_reports_are_targets():
    found = ratios(reporting="GBP")
    assert {target for _, target, *_ in found} == {"GBP"}
    assert of("2024-09-30", found)["USD"] == ["2024-09-30", "0.83543", "1.1196"]


def test_without_any_rate_there_is_none():
    assert ratios("") == []
