"""Rules of the one conversion, compared with fractions."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import Companies, Currencies, ExchangeRates
from data_contracts.vocabulary import AMOUNT, EXACT, EXCHANGE_RATE
from tests.tables import rows, texts
from tests.transforms.chain import CURRENCIES
from transforms import exchange, money

amounts = st.decimals(min_value=-(10**13), max_value=10**13, places=4)
rates = st.decimals(min_value=Decimal("0.000001"), max_value=10**7, places=6)
minor_units = st.sampled_from([0, 2, 3, 4])


def converted(amount: str | Decimal, numerator: str | Decimal, denominator: str | Decimal, digits: int):
    columns = {"amount": (amount, AMOUNT), "n": (numerator, EXCHANGE_RATE), "d": (denominator, EXCHANGE_RATE)}
    frame = pl.DataFrame([pl.Series(name, [Decimal(value)], dtype) for name, (value, dtype) in columns.items()])
    return frame.select(money.convert(*[pl.col(name) for name in columns], pl.lit(digits))).item()


@pytest.mark.parametrize(
    ("amount", "numerator", "denominator", "digits", "expected"),
    [
        pytest.param("100", "1.1196", "1", 2, "111.96", id="euros in dollars"),
        pytest.param("83.54", "1", "0.83543", 2, "100.00", id="83.54 / 0.83543 = 99.9964 euros"),
        pytest.param("111.96", "159.82", "1.1196", 0, "15982", id="dollars in yen: no decimals"),
        pytest.param("0.01", "1", "2", 2, "0.01", id="half a cent is a cent"),
        pytest.param("-0.01", "1", "2", 2, "-0.01", id="away from zero"),
        pytest.param("0.01", "0.999999999999", "2", 2, "0.00", id="just below half a cent is none"),
        pytest.param("1", "1", "3", 3, "0.333", id="dinars: three decimals"),
        pytest.param("1", "2", "3", 4, "0.6667", id="unidades de fomento: four"),
        pytest.param("0", "1.1196", "159.82", 2, "0.00", id="nothing is nothing"),
    ],
)
def test_an_amount_is_multiplied_divided_and_rounded_once(amount, numerator, denominator, digits, expected):
    assert converted(amount, numerator, denominator, digits) == Decimal(expected)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [("9999999999999.99", "9999999999999.99"), ("10000000000000", None)],
    ids=["one cent below 10^13 is known", "10^13 could not be summed"],
)
def test_a_converted_amount_stays_below_the_bound(amount, expected):
    assert converted(amount, "1", "1", 2) == (None if expected is None else Decimal(expected))


def test_one_decimal_is_a_minor_unit_like_the_others():
    assert converted("1.25", "1", "1", 1) == Decimal("1.3")


@given(amounts, rates, rates, minor_units)
def test_a_conversion_is_the_true_quotient_half_away_from_zero(amount, numerator, denominator, digits):
    true = Fraction(amount) * Fraction(numerator) / Fraction(denominator)
    whole = int(abs(true) * 10**digits + Fraction(1, 2))  # int() cuts, so adding a half rounds half up
    found = converted(amount, numerator, denominator, digits)
    if abs(true) >= 10**13:
        assert found is None, "what could not be summed is unknown, and said so"
    else:
        assert Fraction(found) == Fraction(whole if true >= 0 else -whole, 10**digits)


@given(amounts, rates, rates, minor_units)
def test_i23_a_round_trip_comes_back_within_the_stated_bound(amount, numerator, denominator, digits):
    """Half a minor unit of the target, taken back, and half a minor unit of the source."""
    amount = amount.quantize(Decimal("0.01"))
    there = converted(amount, numerator, denominator, digits)
    back = None if there is None else converted(there, denominator, numerator, 2)
    if back is not None:
        lost = Fraction(1, 2 * 10**digits) * Fraction(denominator) / Fraction(numerator)
        assert abs(Fraction(back) - Fraction(amount)) <= lost + Fraction(1, 200)


@given(st.decimals(min_value=-(10**6), max_value=10**6, places=24), rates, rates)
def test_an_exact_amount_is_converted_to_the_last_place(amount, numerator, denominator):
    columns = {"a": (amount, EXACT), "n": (numerator, EXCHANGE_RATE), "d": (denominator, EXCHANGE_RATE)}
    true = Fraction(amount) * Fraction(numerator) / Fraction(denominator)
    if abs(true) >= 10**13:
        return
    frame = pl.DataFrame([pl.Series(name, [value], dtype) for name, (value, dtype) in columns.items()])
    found = frame.select(money.convert_exact(*[pl.col(name) for name in columns])).item()
    assert abs(Fraction(found) - true) <= Fraction(1, 10**24) / min(Fraction(1), Fraction(denominator))


def test_a_large_amount_passes_where_only_the_product_would_overflow():
    frame = pl.DataFrame([pl.Series("a", [Decimal(10**10)], EXACT), pl.Series("n", [Decimal(28000)], EXCHANGE_RATE)])
    found = frame.select(money.convert_exact(pl.col("a"), pl.col("n"), pl.lit(Decimal(18000)).cast(EXCHANGE_RATE)))
    assert abs(found.item() - Decimal(28) * 10**10 / 18) < Decimal("1e-14"), "10^10 * 28,000 does not fit"


def test_amounts_in_the_reporting_currency_are_added_to_each_row_with_the_date_of_the_rate():
    sold = pl.LazyFrame(
        {
            "amount": pl.Series(["100.00", "1000", "5.00", "7.00"]).cast(AMOUNT),
            "currency": ["EUR", "JPY", "USD", "KWD"],
            "posting_date": [date(2024, 9, 30)] * 4,
        }
    )
    ratios = rows(
        ExchangeRates,
        """
        currency | rate_date  | numerator | denominator
        EUR      | 2024-09-27 | 1.1196    | 1
        JPY      | 2024-09-27 | 1.1196    | 159.82
        """,
        target_currency="USD",
        rate_date_for="2024-09-30",
    )
    found = exchange.with_reporting(
        sold,
        ratios,
        rows(Companies, reporting_currency="USD"),
        rows(Currencies, CURRENCIES),
        day="posting_date",
        amount_reporting=exchange.converted("amount"),
    )
    assert texts(found, ["amount_reporting", "currency", "fx_rate_date"]) == [
        ("111.96", "EUR", "2024-09-27"),
        ("7.01", "JPY", "2024-09-27"),  # 1000 * 1.1196 / 159.82 = 7.0053…
        ("5", "USD", None),  # its own currency: no rate is used
        (None, "KWD", None),  # no rate is known: unknown, never zero
    ]
