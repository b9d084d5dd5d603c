"""The reference's counters against figures: price changes, tier periods, billing periods, pools and shared tiers."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from tests.oracle.reference import (
    Account,
    Contract,
    Flat,
    Graduated,
    Meter,
    Package,
    Percentage,
    PerUnit,
    Price,
    Tier,
    Version,
    Volume,
    billing_period,
    expected,
    period_of,
)
from tests.oracle.small_worlds import price, rows, use, world

D = Decimal
CHANGE = date(2026, 8, 16)


def tiers(*rates, bound="1000", flats=("0", "0")):
    return (Tier(D(bound), D(rates[0]), D(flats[0])), Tier(None, D(rates[1]), D(flats[1])))


def changing(first, then, how, **more):
    """A price that changes in the middle of August."""
    versions = (
        Version(date(2026, 1, 1), {"USD": first}, **more),
        Version(CHANGE, {"USD": then}, on_price_change=how, **more),
    )
    return Price("p", "tokens", type(first).__name__.lower(), versions)


HALVES = [use("2026-08-03T10:00Z", "600"), use("2026-08-20T10:00Z", "600")]


# --- on_price_change --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "how", "amounts"),
    [
        # 600 · 0.008 + 600 · 0.009 = 10.20: of that 6.00 were there on the day of the first half
        pytest.param(Volume, "continue", ["6.00", "4.20"], id="volume goes on: 10.20"),
        pytest.param(Volume, "restart", ["6.00", "7.20"], id="volume begins anew: 600 · 0.010 + 600 · 0.012"),
        # R2(1200) - R2(600) = 400 · 0.012 + 200 · 0.009
        pytest.param(Graduated, "continue", ["6.00", "6.60"], id="graduated goes on"),
        pytest.param(Graduated, "restart", ["6.00", "7.20"], id="graduated begins anew"),
    ],
)
def test_a_price_changes_in_the_middle_of_the_month(model, how, amounts):
    sold = changing(model(tiers("0.010", "0.008")), model(tiers("0.012", "0.009")), how)
    assert rows(expected(world([sold], HALVES)), "amount") == [(D(amount),) for amount in amounts]


def test_a_counter_that_goes_on_keeps_its_quantity_and_flats():
    sold = changing(
        Graduated(tiers("1", "1", flats=("5", "7"))), Graduated(tiers("1", "1", flats=("50", "70"))), "continue"
    )
    result = expected(world([sold], HALVES))
    # 600 + 5; then 600 and the flat of the second tier, entered under the second version
    assert rows(result, "quantity_before", "amount") == [(0, D("605.00")), (600, D("670.00"))]


def test_volume_has_the_last_versions_flat_once():
    sold = changing(
        Volume(tiers("0.010", "0.008", flats=("1", "2"))), Volume(tiers("0.012", "0.009", flats=("3", "4"))), "continue"
    )
    # 6 + 1; in all 600 · 0.008 + 600 · 0.009 + 4 = 14.20
    assert rows(expected(world([sold], HALVES)), "amount") == [(D("7.00"),), (D("7.20"),)]


def test_a_version_that_nobody_used_before_the_change_leaves_nothing_to_go_on_from():
    sold = changing(
        Graduated(tiers("1", "1", flats=("5", "7"))), Graduated(tiers("2", "1", flats=("50", "0"))), "continue"
    )
    assert rows(expected(world([sold], HALVES[1:])), "quantity_before", "amount") == [(0, D("1250.00"))]


def test_packages_and_free_units_run_on():
    sold = changing(Package(D(1000), D(5)), Package(D(1000), D(7)), "continue")
    assert rows(expected(world([sold], HALVES)), "amount") == [(D("5.00"),), (D("7.00"),)]  # one, then the second
    sold = changing(PerUnit(D(1)), PerUnit(D(2)), "continue", free_units=D(1000))
    assert rows(expected(world([sold], HALVES)), "amount") == [(D("0.00"),), (D("400.00"),)]  # 200 are not free


def test_an_allowance_of_events_runs_on():
    def fees(how):
        sold = changing(Percentage(D("0.01"), D(1), free_events=1), Percentage(D("0.02"), D(1), free_events=1), how)
        paid = [use(f"2026-08-{day}T10:00Z", amount=D(100), currency="USD") for day in ("03", "20")]
        return rows(expected(world([sold], paid, meters=(Meter("tokens", value="amount"),))), "amount")

    assert fees("restart") == [(D("0.00"),), (D("0.00"),)]
    assert fees("continue") == [(D("0.00"),), (D("3.00"),)]


def test_a_third_version_may_begin_anew_after_one_that_went_on():
    terms = {"USD": Graduated(tiers("1", "0"))}
    versions = (
        Version(date(2026, 1, 1), terms),
        Version(date(2026, 8, 10), terms, on_price_change="continue"),
        Version(date(2026, 8, 20), terms),
        Version(date(2026, 8, 25), terms, on_price_change="continue"),
    )
    used = [use(f"2026-08-{day}T10:00Z", "600") for day in ("03", "12", "21", "26")]
    result = expected(world([Price("p", "tokens", "graduated", versions)], used))
    assert rows(result, "quantity_before", "amount") == [
        (0, D("600.00")),
        (600, D("400.00")),
        (0, D("600.00")),
        (600, D("400.00")),
    ]


# --- tier periods -----------------------------------------------------------------------------------------------------

SPRING = [use(f"2026-0{month}-10T10:00Z", "600") for month in (2, 3, 4)]


@pytest.mark.parametrize(
    ("tier_period", "amounts"),
    [
        # Tiers of 1000 at 1, above at 0.5; the first tier's flat is 10.
        pytest.param("billing", ["610", "610", "610"], id="every month anew"),
        pytest.param("month", ["610", "610", "610"], id="which is the calendar month"),
        pytest.param("quarter", ["610", "500", "610"], id="February and March are one quarter: 400 + 200 · 0.5"),
        pytest.param("year", ["610", "500", "300"], id="all of them one year"),
        pytest.param("term", ["610", "500", "300"], id="and one term"),
    ],
)
def test_tiers_count_over_their_period(tier_period, amounts):
    sold = price(Graduated(tiers("1", "0.5", flats=("10", "0"))), version={"tier_period": tier_period})
    signed = (Contract("c1", "acme", "pro", date(2026, 2, 1)),)
    known = {"contracts": signed, "billing_starts_on": date(2026, 2, 1), "as_of": date(2026, 4, 30)}
    result = expected(world([sold], SPRING, **known))
    assert rows(result, "amount") == [(D(amount).quantize(D("0.01")),) for amount in amounts]


def test_a_counter_of_a_year_is_rounded_month_by_month():
    sold = price(Graduated((Tier(D(1000), D("0.00501")), Tier(None, D(0)))), version={"tier_period": "year"})
    signed = (Contract("c1", "acme", "pro", date(2026, 2, 1)),)
    used = [use(f"2026-0{month}-10T10:00Z", "1") for month in (2, 3)]
    known = {"contracts": signed, "billing_starts_on": date(2026, 2, 1), "as_of": date(2026, 3, 31)}
    assert rows(expected(world([sold], used, **known)), "quantity_before", "amount_exact_before", "amount") == [
        (0, 0, D("0.01")),
        (1, 0, D("0.01")),
    ]


def test_a_month_without_usage_pays_the_flat_of_a_longer_tier_period_once():
    sold = price(Graduated(tiers("1", "0.5", flats=("10", "0"))), version={"tier_period": "year"})
    signed = (Contract("c1", "acme", "pro", date(2026, 2, 1)),)
    known = {"contracts": signed, "billing_starts_on": date(2026, 2, 1), "as_of": date(2026, 4, 30)}
    result = expected(world([sold], SPRING[1:2], **known))
    assert rows(result, "service_date", "amount") == [
        (date(2026, 2, 1), D("10.00")),
        (date(2026, 3, 10), D("600.00")),
        (date(2026, 4, 1), D("0.00")),
    ]


# --- billing periods --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "interval", "anchor", "start", "end"),
    [
        pytest.param("2026-02-28", "month", 31, "2026-02-28", "2026-03-31", id="clamps and remembers the 31st"),
        pytest.param("2026-02-27", "month", 31, "2026-01-31", "2026-02-28", id="the day before"),
        pytest.param("2026-04-30", "month", 31, "2026-04-30", "2026-05-31", id="30 April"),
        pytest.param("2028-02-29", "month", 30, "2028-02-29", "2028-03-30", id="a leap day"),
        pytest.param("2026-10-14", "month", 15, "2026-09-15", "2026-10-15", id="the 15th: the day before"),
        pytest.param("2026-10-15", "month", 15, "2026-10-15", "2026-11-15", id="the 15th"),
        pytest.param("2026-03-31", "month", 1, "2026-03-01", "2026-04-01", id="the calendar month"),
        pytest.param("2026-05-30", "quarter", 31, "2026-04-30", "2026-07-31", id="a quarter from January on"),
        pytest.param("2026-12-31", "year", 1, "2026-01-01", "2027-01-01", id="a year"),
        pytest.param("2026-11-25", "week", 1, "2026-11-23", "2026-11-30", id="a week from Monday"),
        pytest.param("2026-11-22", "week", 7, "2026-11-22", "2026-11-29", id="a week from Sunday"),
    ],
)
def test_a_day_lies_in_one_period(day, interval, anchor, start, end):
    found = period_of(date.fromisoformat(day), interval, anchor, date(2026, 1, 1))
    assert found == (date.fromisoformat(start), date.fromisoformat(end))


@pytest.mark.parametrize(
    ("starts_on", "interval", "anchor", "start"),
    [
        pytest.param("2026-02-10", "month", 15, "2026-01-15", id="signed before the anchor"),
        pytest.param("2026-02-20", "month", 15, "2026-02-15", id="signed after it"),
        pytest.param("2026-02-10", "quarter", 1, "2026-01-01", id="quarters of the calendar"),
        pytest.param("2026-02-10", "quarter", 31, "2026-01-31", id="quarters that start on 31 January"),
        pytest.param("2026-02-10", "quarter", date(2026, 2, 1), "2026-02-01", id="quarters that start in February"),
        pytest.param("2026-02-10", "quarter", date(2026, 8, 31), "2025-11-30", id="a day that other months lack"),
        pytest.param("2026-02-10", "year", date(2026, 2, 11), "2025-02-11", id="a year that starts tomorrow"),
        pytest.param("2026-11-25", "week", date(2026, 11, 22), "2026-11-22", id="weeks from a Sunday on"),
    ],
)
def test_the_period_of_a_contracts_first_day(starts_on, interval, anchor, start):
    contract = Contract("c1", "acme", "pro", date.fromisoformat(starts_on), interval=interval, anchor=anchor)
    assert billing_period(contract, contract.starts_on)[0] == date.fromisoformat(start)


def test_a_flat_price_is_due_once_in_every_quarter():
    signed = (Contract("c1", "acme", "pro", date(2026, 2, 10), interval="quarter", anchor=date(2026, 2, 10)),)
    rent = price(Flat(D(9)), name="rent", meter=None)
    known = {"contracts": signed, "billing_starts_on": date(2026, 2, 1), "as_of": date(2026, 9, 1)}
    assert rows(expected(world([rent], [], **known)), "service_date", "billing_period_start") == [
        (date(2026, month, 10), date(2026, month, 10)) for month in (2, 5, 8)
    ]


def test_the_tiers_of_15_october_to_14_november():
    """Volume to 1,000 at 0.10, above at 0.08: 900 in October, 200 in November; then 150 late units of 20 October."""
    signed = (Contract("c1", "acme", "pro", date(2026, 10, 15), anchor=15),)
    known = {"contracts": signed, "billing_starts_on": date(2026, 10, 1), "as_of": date(2026, 11, 14)}
    used = [use("2026-10-18T10:00Z", "900"), use("2026-11-03T10:00Z", "200")]
    sold = [price(Volume(tiers("0.10", "0.08")))]
    assert rows(expected(world(sold, used, **known)), "amount") == [(D("90.00"),), (D("-2.00"),)]
    late = use("2026-10-20T10:00Z", "150")
    # R(900) = 90; R(1050) - 90 = -6; R(1250) - R(1050) = 16; in all 100
    assert rows(expected(world(sold, [*used, late], **known)), "amount") == [
        (D("90.00"),),
        (D("-6.00"),),
        (D("16.00"),),
    ]


def test_a_minimum_is_of_the_whole_billing_period():
    signed = (Contract("c1", "acme", "pro", date(2026, 8, 20), anchor=15),)
    owed = price(PerUnit(D(1)), version={"minimum": {"USD": D(31)}})
    known = {"contracts": signed, "as_of": date(2026, 9, 15)}
    # 15 August to 14 September are 31 days, 26 of them from the 20th on
    result = expected(world([owed], [use("2026-09-01T10:00Z", "6")], **known))
    assert rows(result, "charge_kind", "service_date", "amount")[:2] == [
        ("usage", date(2026, 9, 1), D("6.00")),
        ("usage", date(2026, 9, 15), D("0.00")),
    ]
    assert rows(result, "charge_kind", "service_date", "amount")[2:] == [
        ("minimum_true_up", date(2026, 9, 14), D("20.00"))
    ]


# --- what is counted together -----------------------------------------------------------------------------------------


def test_the_accounts_of_a_payer_reach_a_tier_together():
    accounts = tuple(Account(name, "USD", payer="group") for name in ("a", "b"))
    signed = tuple(Contract(f"c-{account.id}", account.id, "pro", date(2026, 8, 1)) for account in accounts)
    sold = price(Graduated(tiers("0.10", "0.05", bound="100")), version={"pool": "payer"})
    used = [use("2026-08-03T10:00Z", "75", account="a"), use("2026-08-03T11:00Z", "25", account="b")]
    used += [use("2026-08-04T10:00Z", "30", account="b")]
    result = expected(world([sold], used, accounts=accounts, contracts=signed))
    # 100 · 0.10 = 10.00, three quarters of it to a; 30 · 0.05 above the bound
    assert rows(result, "contract_id", "quantity", "amount") == [
        ("c-a", 75, D("7.50")),
        ("c-b", 25, D("2.50")),
        ("c-b", 30, D("1.50")),
    ]


def test_what_is_shared_is_rounded_once_and_its_parts_sum_to_it():
    accounts = tuple(Account(name, "USD", payer="group") for name in ("a", "b", "c"))
    signed = tuple(Contract(f"c-{account.id}", account.id, "pro", date(2026, 8, 1)) for account in accounts)
    sold = price(PerUnit(D("0.335")), version={"pool": "payer"})
    used = [use("2026-08-03T10:00Z", account=account.id, id=account.id) for account in accounts]
    # 1.005 -> 1.01: the spare two cents to a and b
    assert rows(expected(world([sold], used, accounts=accounts, contracts=signed)), "amount_exact", "amount") == [
        (Fraction("0.335"), D("0.34")),
        (Fraction("0.335"), D("0.34")),
        (Fraction("0.335"), D("0.33")),
    ]


def test_groups_may_share_tiers_and_still_have_lines_of_their_own():
    meters = (Meter("tokens", dimensions=("region",)),)
    used = [
        use("2026-08-03T10:00Z", "75", id="eu", dimensions={"region": "eu"}),
        use("2026-08-03T10:00Z", "50", id="us", dimensions={"region": "us"}),
    ]
    sold = price(Graduated(tiers("0.10", "0.05", bound="100", flats=("1", "0"))), shared_tiers=("region",))
    # 125 units: 100 · 0.10 + 1 + 25 · 0.05 = 12.25, by 75 : 50
    assert rows(expected(world([sold], used, meters=meters)), "dimensions", "amount") == [
        ('{"region":"eu"}', D("7.35")),
        ('{"region":"us"}', D("4.90")),
    ]
