"""The reference's further terms against figures: rates of tiers, conversion, zero usage, rounding points, rate curves."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from tests.oracle.reference import (
    Account,
    Cell,
    Contract,
    Dynamic,
    Graduated,
    GraduatedPercentage,
    Hours,
    Matrix,
    Meter,
    Package,
    Percentage,
    PerUnit,
    Price,
    RateTier,
    Tier,
    UnitConversion,
    Version,
    Volume,
    allocate,
    cumulative_amount,
    expected,
    percentage_fee,
    round_to_minor,
)
from tests.oracle.small_worlds import GOLDEN_TIERS, price, rows, use, world

D = Decimal
OF_MONEY = {"meters": (Meter("tokens", value="amount"),)}
RATES = (RateTier(D(1000), D("0.02"), D(1)), RateTier(D(5000), D("0.015"), D(2)), RateTier(None, D("0.01")))


def paid(instant, amount, **changes):
    return use(instant, amount=D(amount), currency="USD", **changes)


# --- graduated percentage and volume of money ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        pytest.param("0", "1", id="nothing paid still owes tier one's flat"),
        pytest.param("1000", "21", id="the bound: 1000 · 2 % + 1"),
        pytest.param("1000.01", "23.00015", id="one cent above: 21 + 2 + 0.01 · 1.5 %"),
        pytest.param("6000", "93", id="the open tier: 21 + 4000 · 1.5 % + 2 + 1000 · 1 %"),
    ],
)
def test_graduated_percentage(value, amount):
    assert cumulative_amount(GraduatedPercentage(RATES), Fraction(value)) == Fraction(amount)


def test_graduated_percentage_runs_over_the_value_of_the_month():
    events = [paid("2026-08-03T10:00Z", "600"), paid("2026-08-04T10:00Z", "600")]
    result = expected(world([price(GraduatedPercentage(RATES))], events, **OF_MONEY))
    # 600 · 2 % + 1 = 13; 1000 · 2 % + 1 + 200 · 1.5 % + 2 = 26
    assert rows(result, "quantity", "amount") == [(600, D("13.00")), (600, D("13.00"))]


def test_a_rate_by_monthly_volume_is_the_volume_model_over_the_months_value():
    events = [paid("2026-08-03T10:00Z", "900"), paid("2026-08-04T10:00Z", "200"), paid("2026-09-01T10:00Z", "200")]
    result = expected(world([price(Volume(RATES))], events, as_of=date(2026, 9, 1), **OF_MONEY))
    # 900 · 2 % + 1 = 19; 1100 · 1.5 % + 2 = 18.50; a new month: 200 · 2 % + 1
    assert rows(result, "amount") == [(D("19.00"),), (D("-0.50"),), (D("5.00"),)]


@pytest.mark.parametrize(
    ("least", "most", "value", "fee"),
    [
        pytest.param("0.50", None, "10", "0.50", id="10 · 1.2 % + 0.10 = 0.22, at least 0.50"),
        pytest.param(None, "2", "1000", "2", id="12.10, at most 2"),
        pytest.param("0.50", "2", "50", "0.70", id="between them: 0.70"),
        pytest.param("0.70", "0.70", "50", "0.70", id="exactly on both"),
    ],
)
def test_a_fee_lies_between_its_minimum_and_maximum(least, most, value, fee):
    terms = Percentage(D("0.012"), D("0.10"), min=least and D(least), max=most and D(most))
    assert percentage_fee(terms, Fraction(value), 0, Fraction(0)) == Fraction(fee)


@pytest.mark.parametrize(
    ("rule", "total"),
    [pytest.param("first_exhausted", "0.70", id="first"), pytest.param("both_exhausted", "0.00", id="both")],
)
def test_the_allowance_of_three_events_or_500(rule, total):
    terms = Percentage(D("0.012"), D("0.10"), free_events=3, free_amount=D(500), free_rule=rule)
    values = ("200", "100", "100", "50")
    events = [paid(f"2026-08-03T1{hour}:00Z", value) for hour, value in enumerate(values)]
    assert rows(expected(world([price(terms)], events, **OF_MONEY)), "amount") == [(D(total),)]


def test_a_late_event_moves_the_allowance_of_all_that_came_after_it():
    terms = Percentage(D("0.01"), D("1"), free_events=1)
    on_time = [paid("2026-08-03T10:00Z", "100", delivery_date=date(2026, 8, 4))]
    late = paid("2026-08-02T10:00Z", "300", delivery_date=date(2026, 8, 9))
    assert rows(expected(world([price(terms)], on_time, **OF_MONEY)), "amount") == [(D("0.00"),)]
    # The late one was first and is free; the one of the 3rd pays 1 % of 100 and the fixed 1.
    assert rows(expected(world([price(terms)], [*on_time, late], **OF_MONEY)), "amount") == [(D("0.00"),), (D("2.00"),)]


# --- unit conversion --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conversion", "x", "amount"),
    [
        pytest.param(UnitConversion(divide=D(1000), round="up"), "1400", "2", id="1.4 thousand, two begun"),
        pytest.param(UnitConversion(divide=D(1000), round="up"), "2000", "2", id="two exactly"),
        pytest.param(UnitConversion(divide=D(1000), round="down"), "1999.999999999999", "1", id="one full"),
        pytest.param(UnitConversion(divide=D(1000), round="half_up"), "1500", "2", id="half goes up"),
        pytest.param(UnitConversion(divide=D(1000), round="half_up"), "1499.999999999999", "1", id="below a half"),
        pytest.param(UnitConversion(divide=D(1000)), "1400", "1.4", id="not rounded"),
        pytest.param(UnitConversion(multiply=D("0.001"), round="up"), "1400", "2", id="the same as a factor"),
        pytest.param(UnitConversion(divide=D(3), round="up"), "9", "3", id="a third that ends"),
    ],
)
def test_units_are_converted_before_everything_else(conversion, x, amount):
    of_thousands = price(PerUnit(D(1)), version={"unit_conversion": conversion})
    assert rows(expected(world([of_thousands], [use("2026-08-03T10:00Z", x)])), "quantity", "amount_exact") == [
        (Fraction(x), Fraction(amount))
    ]


def test_the_running_quantity_is_converted_and_each_version_converts_its_own():
    conversion = UnitConversion(divide=D(1000), round="up")
    events = [use("2026-08-03T10:00Z", "1400"), use("2026-08-20T10:00Z", "1300")]
    once = price(PerUnit(D(1)), version={"unit_conversion": conversion})
    assert rows(expected(world([once], events)), "amount_exact") == [(2,), (1,)]  # 2,700 are 3
    versions = tuple(
        Version(start, {"USD": PerUnit(D(1))}, unit_conversion=conversion)
        for start in (date(2026, 1, 1), date(2026, 8, 10))
    )
    assert rows(expected(world([Price("p", "tokens", "per_unit", versions)], events)), "amount_exact") == [(2,), (2,)]


def test_free_units_come_off_converted_units():
    terms = price(
        PerUnit(D(1)), version={"unit_conversion": UnitConversion(divide=D(1000), round="up"), "free_units": D(2)}
    )
    result = expected(world([terms], [use("2026-08-03T10:00Z", "2500"), use("2026-08-04T10:00Z", "1000")]))
    assert rows(result, "quantity", "amount_exact") == [(2500, 1), (1000, 1)]  # 3 - 2, 4 - 2


def test_what_is_rated_by_the_event_has_no_units_to_convert():
    terms = price(Percentage(D("0.01")), version={"unit_conversion": UnitConversion(divide=D(10))})
    with pytest.raises(TypeError, match="converted units of a Percentage"):
        expected(world([terms], [paid("2026-08-03T10:00Z", "1")], **OF_MONEY))


# --- zero usage -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("terms", [Graduated(GOLDEN_TIERS), Volume(GOLDEN_TIERS)], ids=["graduated", "volume"])
@pytest.mark.parametrize(("flat_on_zero", "amount"), [("charge", "5.00"), ("none", "0.00")])
@pytest.mark.parametrize("quantity", [None, "0"], ids=["no event", "an event of nothing"])
def test_whether_tier_ones_flat_is_due_without_usage(terms, flat_on_zero, amount, quantity):
    events = [] if quantity is None else [use("2026-08-03T10:00Z", quantity)]
    result = expected(world([price(terms, version={"flat_on_zero": flat_on_zero})], events))
    assert rows(result, "amount") == [(D(amount),)]


def test_the_flat_follows_the_first_unit_that_is_not_free():
    terms = price(Graduated(GOLDEN_TIERS), version={"flat_on_zero": "none", "free_units": D(10)})
    result = expected(world([terms], [use("2026-08-03T10:00Z", "10"), use("2026-08-04T10:00Z", "1")]))
    assert rows(result, "amount_exact") == [(0,), (Fraction("5.01"),)]


# --- rounding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "lines"),
    [
        pytest.param("half_up", ["0.01", "0.00", "0.01"], id="0.005 0.010 0.015 -> 0.01 0.01 0.02"),
        pytest.param("half_even", ["0.00", "0.01", "0.01"], id="-> 0.00 0.01 0.02"),
        pytest.param("down", ["0.00", "0.01", "0.00"], id="-> 0.00 0.01 0.01"),
        pytest.param("up", ["0.01", "0.00", "0.01"], id="-> 0.01 0.01 0.02"),
    ],
)
def test_a_running_total_is_rounded_in_the_versions_mode(mode, lines):
    events = [use(f"2026-08-0{day}T10:00Z") for day in (3, 4, 5)]
    result = expected(world([price(PerUnit(D("0.005")), version={"rounding": mode})], events))
    assert rows(result, "amount") == [(D(line),) for line in lines]


@pytest.mark.parametrize(
    ("terms", "amount"),
    [
        pytest.param(PerUnit(D("0.005")), "0.02", id="twice 0.005, not 0.010"),
        pytest.param(Graduated((Tier(D(1), D("0.005")), Tier(None, D("0.004")))), "0.01", id="0.005, then 0.004"),
        pytest.param(Matrix((Cell({"model": "a"}, D("0.005")),)), "0.02", id="cells"),
        pytest.param(Package(D(2), D("0.005")), "0.01", id="one package by the first of them"),
    ],
)
def test_each_event_can_be_rounded_by_itself(terms, amount):
    events = [use(f"2026-08-03T1{hour}:00Z", dimensions={"model": "a"}) for hour in (0, 1)]
    meters = (Meter("tokens", dimensions=("model",)),)
    result = expected(world([price(terms, version={"round_at": "event"})], events, meters=meters))
    assert rows(result, "amount") == [(D(amount),)]


def test_the_amounts_of_events_can_be_rounded_by_themselves_or_together():
    events = [paid(f"2026-08-03T1{hour}:00Z", "0.005") for hour in (0, 1)]
    for round_at, amount in (("event", "0.02"), ("period", "0.01")):
        result = expected(world([price(Dynamic(), version={"round_at": round_at})], events))
        assert rows(result, "amount") == [(D(amount),)]


def test_minor_units_are_those_of_iso_4217():
    assert [round_to_minor(Fraction("1.23455"), code) for code in ("JPY", "USD", "KWD", "CLF")] == [
        D("1"),
        D("1.23"),
        D("1.235"),
        D("1.2346"),
    ]


# --- allocation -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        pytest.param("100.00", "111", ["33.34", "33.33", "33.33"], id="the spare cent goes to the first of equals"),
        pytest.param("-100.00", "111", ["-33.34", "-33.33", "-33.33"], id="symmetric in the sign"),
        pytest.param(
            "0.05", "127", ["0.01", "0.01", "0.03"], id="0.005 0.010 0.035: the largest remainder, tied: first"
        ),
        pytest.param("10.00", "05", ["0.00", "10.00"], id="nothing to who used nothing"),
    ],
)
def test_the_parts_of_a_total_sum_to_it(total, weights, parts):
    found = allocate(D(total), [Fraction(weight) for weight in weights], "USD")
    assert found == [D(part) for part in parts]
    assert sum(found) == D(total)


# --- rate curves ------------------------------------------------------------------------------------------------------

CURVE = PerUnit(
    D("0.30"),
    intervals=(
        Hours("00:00", "06:00", D("0.10")),
        Hours("18:00", "24:00", D("5"), per=D(10), days=("sat", "sun")),
    ),
)


@pytest.mark.parametrize(
    ("instant", "amount"),
    [
        pytest.param("2026-08-03T05:59:59.999999+02:00", "0.10", id="the last of the night"),
        pytest.param("2026-08-03T06:00+02:00", "0.30", id="the day begins"),
        pytest.param("2026-08-03T00:00+02:00", "0.10", id="midnight"),
        pytest.param("2026-08-08T18:00+02:00", "0.50", id="Saturday evening: 5 per 10"),
        pytest.param("2026-08-10T18:00+02:00", "0.30", id="Monday evening"),
        pytest.param("2026-08-09T23:59:59.999999+02:00", "0.50", id="Sunday's last instant"),
    ],
)
def test_the_local_clock_says_the_price_of_a_unit(instant, amount):
    accounts = (Account("acme", "USD", "Europe/Berlin"),)
    result = expected(world([price(CURVE)], [use(instant)], accounts=accounts))
    assert rows(result, "amount_exact") == [(Fraction(amount),)]


def test_a_night_of_summer_times_end_has_its_hour_twice():
    accounts = (Account("acme", "USD", "Europe/Berlin"),)
    signed = (Contract("c1", "acme", "pro", date(2026, 10, 1)),)
    twice = [use(f"2026-10-25T02:30+0{offset}:00") for offset in (2, 1)]
    result = expected(world([price(CURVE)], twice, accounts=accounts, contracts=signed, as_of=date(2026, 10, 25)))
    assert rows(result, "service_date", "quantity", "amount") == [(date(2026, 8, 25).replace(month=10), 2, D("0.20"))]


def test_all_hours_of_a_version_share_one_rounding():
    events = [use(datetime(2026, 8, 3, hour, tzinfo=UTC), "0.1") for hour in (5, 6)]
    # 0.01 + 0.03; 0.1 units each
    assert rows(expected(world([price(CURVE)], events)), "quantity", "amount_exact", "amount") == [
        (Fraction("0.2"), Fraction("0.04"), D("0.04"))
    ]
