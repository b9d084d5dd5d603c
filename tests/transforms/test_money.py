"""Rules of `money`: products correct to 24 places, rounding once to the minor unit, compared with `decimal`."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts.vocabulary import AMOUNT, EXACT, PROVIDER_COST, QUANTITY
from transforms import money

MODES = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "down": ROUND_DOWN, "up": ROUND_UP}
MINOR_UNITS = {"JPY": 0, "none": 1, "USD": 2, "KWD": 3, "CLF": 4}
WIDE = Context(prec=80)
DUST = "0.000000000000000000000001"


def rounded(amounts: list[str], minor_units: int | None, mode: str) -> list[Decimal | None]:
    frame = pl.DataFrame({"amount": pl.Series([Decimal(each) for each in amounts], dtype=EXACT)})
    digits = pl.lit(minor_units, dtype=pl.Int64)
    return frame.select(money.round_to_minor(pl.col("amount"), digits, pl.lit(mode)))["amount"].to_list()


def product(quantity: Decimal, unit_amount: Decimal) -> Decimal:
    frame = pl.DataFrame({"q": pl.Series([quantity], dtype=QUANTITY), "u": pl.Series([unit_amount], dtype=EXACT)})
    return frame.select(money.multiply(pl.col("q"), pl.col("u"))).item()


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        #                    2.665   2.675   2.664…9   2.660…1   2.66    0
        pytest.param(
            "half_up", ["2.67", "2.68", "2.66", "2.66", "2.66", "0"], id="half_up takes a half away from zero"
        ),
        pytest.param(
            "half_even", ["2.66", "2.68", "2.66", "2.66", "2.66", "0"], id="half_even takes it to the even digit"
        ),
        pytest.param("down", ["2.66", "2.67", "2.66", "2.66", "2.66", "0"], id="down cuts"),
        pytest.param("up", ["2.67", "2.68", "2.67", "2.67", "2.66", "0"], id="up takes any dust away from zero"),
    ],
)
@pytest.mark.parametrize("sign", ["", "-"], ids=["positive", "negative, its mirror image"])
def test_each_mode_rounds_a_half_its_way_on_both_sides_of_zero(mode, expected, sign):
    just_below, just_above = "2.664999999999999999999999", "2.660000000000000000000001"
    amounts = [sign + each for each in ("2.665", "2.675", just_below, just_above, "2.66", "0")]
    assert rounded(amounts, 2, mode) == [Decimal(sign + each) for each in expected]


@pytest.mark.parametrize(
    ("currency", "half", "below"),
    [
        pytest.param("JPY", ("0.5", "1"), ("0.499999999999999999999999", "0"), id="a yen has no parts"),
        pytest.param("USD", ("0.005", "0.01"), ("0.004999999999999999999999", "0"), id="a dollar has 100"),
        pytest.param("KWD", ("0.0005", "0.001"), ("0.000499999999999999999999", "0"), id="a dinar has 1,000"),
        pytest.param(
            "CLF", ("0.00005", "0.0001"), ("0.000049999999999999999999", "0"), id="a unidad de fomento 10,000"
        ),
    ],
)
def test_a_currency_is_rounded_to_its_own_minor_unit(currency, half, below):
    found = rounded([half[0], below[0]], MINOR_UNITS[currency], "half_up")
    assert found == [Decimal(half[1]), Decimal(below[1])]


@pytest.mark.parametrize(
    ("minor_units", "mode"),
    [
        pytest.param(5, "half_up", id="no currency has five decimals"),
        pytest.param(None, "half_up", id="a currency that ISO 4217 does not know"),
        pytest.param(2, "nearest", id="a mode that does not exist"),
    ],
)
def test_what_cannot_be_rounded_is_null_which_the_contract_stops(minor_units, mode):
    assert rounded(["1.005"], minor_units, mode) == [None]


def test_the_rounded_amount_has_the_type_of_a_booked_amount():
    frame = pl.DataFrame({"amount": pl.Series([Decimal(1)], dtype=EXACT)})
    assert frame.select(money.round_to_minor(pl.col("amount"), pl.lit(2), pl.lit("up"))).schema["amount"] == AMOUNT


AMOUNTS = st.decimals("-9999999999999", "9999999999999", places=24)
# Halves are where the modes differ, and a random decimal never is one.
HALVES = st.integers(-(10**9), 10**9).map(lambda whole: Decimal(whole).scaleb(-5))
NEAR_HALVES = st.tuples(HALVES, st.sampled_from([Decimal(DUST), -Decimal(DUST)])).map(lambda pair: WIDE.add(*pair))


@settings(max_examples=60, deadline=None)
@given(st.lists(AMOUNTS | HALVES | NEAR_HALVES, min_size=1, max_size=30), st.sampled_from(sorted(MODES)))
def test_rounding_is_that_of_decimal(amounts, mode):
    for minor_units in MINOR_UNITS.values():
        unit = Decimal(1).scaleb(-minor_units)
        expected = [amount.quantize(unit, rounding=MODES[mode], context=WIDE) for amount in amounts]
        assert rounded([str(amount) for amount in amounts], minor_units, mode) == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**26 - 1), st.integers(0, 10**24 - 1))
def test_a_product_is_the_exact_one_rounded_half_even_at_the_24th_place(steps, price_steps):
    quantity, unit_amount = Decimal(f"{steps}E-12"), Decimal(f"{price_steps}E-24")
    exact = Fraction(steps * price_steps, 10**36)
    expected = round(exact * 10**24)  # of a Fraction: exact, half to even
    assert int(product(quantity, unit_amount).scaleb(24, context=WIDE)) == expected


@pytest.mark.parametrize(
    ("quantity", "unit_amount", "expected"),
    [
        pytest.param("0.000000000001", "0.00015", "0.00000000000000015", id="dust is kept: 1e-12 at 1.5e-4"),
        pytest.param("0.000000000001", "0.000000000001", DUST, id="the smallest product, 1e-24"),
        pytest.param("0.5", DUST, "0", id="half of the 24th place goes to the even digit, 0"),
        pytest.param("1.5", DUST, "0.000000000000000000000002", id="and 1.5 of it to 2"),
        pytest.param("-3", "0.10", "-0.3", id="a negative quantity is a negative amount"),
        pytest.param("100000000000000000000", "0.000000000001", "100000000", id="10^20 units do not overflow"),
        pytest.param("33.333333333333", "3", "99.999999999999", id="nothing is rounded on the way"),
    ],
)
def test_a_product_is_correct_to_24_places(quantity, unit_amount, expected):
    assert product(Decimal(quantity), Decimal(unit_amount)) == Decimal(expected)


def test_a_product_that_no_amount_can_hold_stops_the_night():
    """10^13 at 100 would be 10^15, and an exact amount has 14 digits before the point: never wrapped, never null."""
    with pytest.raises(pl.exceptions.ComputeError, match="overflow"):
        product(Decimal(10**13), Decimal(100))


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        pytest.param("0.0000000000005", "0.000000000001", id="half of the twelfth place is one of it"),
        pytest.param("-0.0000000000005", "-0.000000000001", id="away from zero on both sides"),
        pytest.param("0.000000000000499999999999", "0", id="less than half is none"),
        pytest.param("0.0000000000025", "0.000000000003", id="a half does not go to the even digit"),
    ],
)
def test_a_provider_cost_is_rounded_once_to_twelve_places(cost, expected):
    found = pl.select(money.to_provider_scale(pl.lit(Decimal(cost)).cast(EXACT)).alias("cost"))
    assert found.schema["cost"] == PROVIDER_COST
    assert found.item() == Decimal(expected)


def test_a_share_of_time_is_one_division():
    """16 of 31 days of 100: 1,600 / 31 = 51.612903225806451612903226 at 24 places."""
    found = pl.select(money.prorated(pl.lit(Decimal(100)).cast(EXACT), pl.lit(16), pl.lit(31))).item()
    assert found == Decimal("51.612903225806451612903226")
