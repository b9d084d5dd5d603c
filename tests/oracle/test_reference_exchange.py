"""The reference on exchange: semantics, "Exchange"."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from tests.oracle.reference import (
    Account,
    Contract,
    Exchange,
    Graduated,
    Meter,
    Percentage,
    PerUnit,
    Rate,
    Tier,
    expected,
)
from tests.oracle.small_worlds import price, rows, use, world

D = Decimal
RATES = (
    Rate(date(2026, 7, 31), "EUR", "USD", D("1.25")),
    Rate(date(2026, 8, 3), "EUR", "USD", D("1.6")),
    Rate(date(2026, 7, 31), "EUR", "JPY", D(160)),
    Rate(date(2026, 8, 4), "EUR", "JPY", D(200)),
)
CONVERTED = {"rates": RATES, "max_age_days": 5}
DAY = ("2026-08-02T10:00Z", "2026-08-03T10:00Z", "2026-08-04T10:00Z")


def asked(currency, target, day, **changes):
    found = Exchange(world([], [], **CONVERTED | changes)).convert(currency, target, date(2026, 8, day))
    return found and (found.ratio, found.rate_date)


@pytest.mark.parametrize(
    ("currency", "target", "day", "found"),
    [
        pytest.param("EUR", "EUR", 1, (1, None), id="the same currency needs no rate"),
        pytest.param("EUR", "USD", 2, (Fraction("1.25"), date(2026, 7, 31)), id="the last one before"),
        pytest.param("EUR", "USD", 3, (Fraction("1.6"), date(2026, 8, 3)), id="the day's own"),
        pytest.param("EUR", "USD", 8, (Fraction("1.6"), date(2026, 8, 3)), id="five days old"),
        pytest.param("EUR", "USD", 9, None, id="six days old"),
        pytest.param("USD", "EUR", 2, (Fraction("0.8"), date(2026, 7, 31)), id="the other way: a division"),
        pytest.param("USD", "JPY", 2, (128, date(2026, 7, 31)), id="crossed through the base: 160 / 1.25"),
        pytest.param("JPY", "USD", 2, (Fraction("0.0078125"), date(2026, 7, 31)), id="crossed back"),
        pytest.param("EUR", "GBP", 2, None, id="a currency that the table does not have"),
    ],
)
def test_the_last_known_rate_of_the_table_crossed_through_its_base(currency, target, day, found):
    assert asked(currency, target, day) == found


def test_a_later_delivery_of_a_key_wins_once_it_is_there():
    wrong = Rate(date(2026, 8, 3), "EUR", "USD", D(2), date(2026, 8, 20))
    for as_of, ratio in ((date(2026, 8, 19), "1.6"), (date(2026, 8, 20), "2")):
        found = asked("EUR", "USD", 3, rates=(wrong, *RATES), as_of=as_of)
        assert found == (Fraction(ratio), date(2026, 8, 3))


def in_euros(terms, days=DAY, *, convert=True, **changes):
    used = [use(day, "10") for day in days]
    sold = price(terms, currency="EUR", convert=convert)
    return expected(world([sold], used, **{"as_of": date(2026, 8, 5), **CONVERTED} | changes))


def test_a_price_in_another_currency_is_converted_by_the_rate_of_each_day():
    result = in_euros(PerUnit(D("0.125")))
    # 1.25 euros a day: at 1.25, then at 1.6 twice; the running totals 1.5625, 3.5625, 5.5625 are rounded in dollars
    assert rows(result, "currency", "amount_exact", "amount") == [
        ("USD", Fraction("1.5625"), D("1.56")),
        ("USD", 2, D("2.00")),
        ("USD", 2, D("2.00")),
    ]


def test_tiers_are_of_the_prices_currency_and_the_flat_is_converted_on_its_day():
    tiers = Graduated((Tier(D(15), D(1), D(3)), Tier(None, D("0.5"))))
    # 13 euros at 1.25; 5 + 2.5 at 1.6
    assert rows(in_euros(tiers, DAY[:2]), "amount_exact") == [(Fraction("16.25"),), (12,)]
    unused = in_euros(tiers, (), contracts=(Contract("c1", "acme", "pro", date(2026, 8, 3)),))
    assert rows(unused, "service_date", "amount") == [(date(2026, 8, 3), D("4.80"))]


def test_a_fee_is_converted_and_then_rounded():
    payments = {"meters": (Meter("tokens", value="amount"),)}
    used = [use(DAY[0], id=str(number), amount=D(1), currency="EUR") for number in range(2)]
    result = expected(
        world([price(Percentage(D("0.004")), currency="EUR", convert=True)], used, **CONVERTED, **payments)
    )
    # 0.004 euros are 0.005 dollars: 0.01 for each
    assert rows(result, "amount_exact", "amount") == [(Fraction("0.01"), D("0.02"))]


def test_usage_without_a_rate_waits_and_so_does_the_zero_usage_row():
    result = in_euros(PerUnit(D(1)), ("2026-08-09T10:00Z", "2026-08-10T10:00Z"), as_of=date(2026, 8, 12))
    assert set(result.outcomes.values()) == {"suspense:no_rate"}
    assert rows(result, "service_date", "quantity") == [(date(2026, 8, 1), 0)]
    nothing = in_euros(PerUnit(D(1)), (), rates=())
    assert nothing.lines == ()


def test_without_a_rule_there_is_no_exchange():
    result = in_euros(PerUnit(D(1)), convert=False)
    assert set(result.outcomes.values()) == {"suspense:no_price_in_currency"}
    assert result.lines == ()


def test_a_cost_keeps_its_own_currency():
    cost = price(PerUnit(D(1)), currency="EUR", kind="cost")
    result = expected(world([cost], [use(DAY[0])], **CONVERTED))
    assert rows(result, "currency", "amount") == [("EUR", D("1.00"))]


def test_yen_have_no_cents():
    accounts = {"accounts": (Account("acme", "JPY"),)}
    assert rows(in_euros(PerUnit(D("0.00034")), DAY[:1], **accounts), "amount_exact", "amount") == [
        (Fraction("0.544"), D(1))
    ]


def test_the_reporting_amount_is_the_rounded_amount_at_the_posting_dates_rate():
    result = in_euros(PerUnit(D("0.125")), reporting_currency="JPY")
    # 1.56 · 160 / 1.25, 2.00 · 160 / 1.6, 2.00 · 200 / 1.6
    assert [(twin.amount, twin.rate_date) for twin in result.reporting] == [
        (D(200), date(2026, 7, 31)),
        (D(200), date(2026, 7, 31)),
        (D(250), date(2026, 8, 3)),
    ]
