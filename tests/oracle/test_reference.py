"""The reference against figures that people wrote down: semantics §8, and worked examples with their arithmetic."""

import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import reference as ref
from tests.oracle.reference import (
    Account,
    Contract,
    Exclusion,
    Graduated,
    Meter,
    Override,
    Percentage,
    PerUnit,
    Plan,
    PlanEntry,
    Price,
    Tier,
    Version,
    Volume,
    cumulative_amount,
    day_start,
    expected,
    local_day,
    percentage_fee,
    round_to_minor,
)
from tests.oracle.small_worlds import GOLDEN_TIERS, price, rows, use, world

D = Decimal
TINY = Fraction(1, 10**12)


# --- semantics §8 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "amount"),
    [
        pytest.param("0", "5", id="nothing used still owes tier one's flat"),
        pytest.param("0.5", "5.005", id="a fraction of a unit"),
        pytest.param("1000", "15", id="the bound belongs to the tier it closes"),
        pytest.param("1000.5", "18.004", id="just above pays only the fraction"),
        pytest.param("1001", "18.008", id="one unit above"),
        pytest.param("5000", "50", id="the second bound"),
        pytest.param("20000", "125", id="the open tier"),
    ],
)
def test_graduated_golden_figures(x, amount):
    assert cumulative_amount(Graduated(GOLDEN_TIERS), Fraction(x)) == Fraction(amount)


@pytest.mark.parametrize(
    ("x", "amount"),
    [
        pytest.param("0", "5", id="nothing used is in tier one: its flat"),
        pytest.param("1000", "15", id="the bound belongs to the tier it closes"),
        pytest.param("1001", "11.008", id="one unit more makes all cheaper"),
        pytest.param("5000", "43", id="the second bound"),
        pytest.param("5001", "25.005", id="the open tier"),
    ],
)
def test_volume_golden_figures(x, amount):
    assert cumulative_amount(Volume(GOLDEN_TIERS), Fraction(x)) == Fraction(amount)


def test_both_sides_of_a_decimal_bound():
    tiers = (Tier(D("10.5"), D(2), D(1)), Tier(None, D(1), D(7)))
    graduated, volume = Graduated(tiers), Volume(tiers)
    bound = Fraction("10.5")
    assert cumulative_amount(graduated, bound) == 22  # 10.5 · 2 + 1
    assert cumulative_amount(graduated, bound - TINY) == 22 - 2 * TINY
    assert cumulative_amount(graduated, bound + TINY) == 29 + TINY  # + the second flat 7 and the dust at 1
    assert cumulative_amount(volume, bound) == 22
    assert cumulative_amount(volume, bound + TINY) == Fraction("17.5") + TINY  # 10.5 · 1 + 7


@pytest.mark.parametrize(
    ("free_rule", "last_fee"),
    [
        pytest.param("first_exhausted", "0.70", id="three events are over: 50 · 1.2 % + 0.10"),
        pytest.param("both_exhausted", "0", id="400 of 500 used: the fourth is free by amount"),
    ],
)
def test_percentage_golden_allowances(free_rule, last_fee):
    terms = Percentage(D("0.012"), D("0.10"), free_events=3, free_amount=D(500), free_rule=free_rule)
    assert fees(terms, ["200", "100", "100", "50"]) == [0, 0, 0, Fraction(last_fee)]


def test_percentage_golden_interchange():
    # 0.45 % + 0.20 on 60.00 is 0.27 + 0.20
    assert fees(Percentage(D("0.0045"), D("0.20")), ["60.00"]) == [Fraction("0.47")]


# --- percentage -------------------------------------------------------------------------------------------------------


def fees(terms, values):
    """Fees of one counter's events in order."""
    amounts, seen = [], Fraction(0)
    for count, value in enumerate(map(Fraction, values)):
        amounts.append(percentage_fee(terms, value, count, seen))
        seen += value
    return amounts


def test_the_event_in_which_the_amount_runs_out_pays_on_its_rest_and_the_whole_fixed_fee():
    terms = Percentage(D("0.02"), D("0.30"), free_amount=D(100))
    # 80 free; of the next 50, 20 are free and 30 pay: 30 · 2 % + 0.30; then 10 · 2 % + 0.30
    assert fees(terms, ["80", "50", "10"]) == [0, Fraction("0.90"), Fraction("0.50")]


def test_an_amount_used_up_exactly_leaves_its_event_free_and_the_next_one_paying():
    terms = Percentage(D("0.02"), D("0.30"), free_amount=D(100))
    assert fees(terms, ["60", "40", "0", "1"]) == [0, 0, Fraction("0.30"), Fraction("0.32")]


def test_first_exhausted_ends_with_the_amount_though_events_are_left():
    terms = Percentage(D("0.01"), D("0.10"), free_events=5, free_amount=D(100))
    # 150: 50 pay 0.50 + 0.10; then everything pays
    assert fees(terms, ["150", "10"]) == [Fraction("0.60"), Fraction("0.20")]


def test_both_exhausted_keeps_large_events_free_while_events_are_left():
    terms = Percentage(D("0.01"), D("0.10"), free_events=2, free_amount=D(100), free_rule="both_exhausted")
    assert fees(terms, ["150", "10", "10"]) == [0, 0, Fraction("0.20")]
    # two events used 60 of 100: 40 more are free, the event that runs out pays on 20 and the fixed fee
    assert fees(terms, ["50", "10", "60", "10"]) == [0, 0, Fraction("0.30"), Fraction("0.20")]


def test_the_clamp_acts_on_paying_events_only():
    terms = Percentage(D("0.01"), D("0.10"), free_events=1, min=D("0.50"), max=D(2))
    # free: 0, not the minimum; 1 · 1 % + 0.10 = 0.11 -> 0.50; 100 · 1 % + 0.10 = 1.10; 1000 · 1 % + 0.10 -> 2
    assert fees(terms, ["1", "1", "100", "1000"]) == [0, Fraction("0.50"), Fraction("1.10"), 2]


# --- rounding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exact", "currency", "mode", "amount"),
    [
        pytest.param("0.005", "USD", "half_up", "0.01", id="half goes up"),
        pytest.param("-0.005", "USD", "half_up", "-0.01", id="half goes away from zero"),
        pytest.param("0.004999999999999999999999", "USD", "half_up", "0.00", id="just under half"),
        pytest.param("2.665", "USD", "half_up", "2.67", id="the figure that binary floats get wrong"),
        pytest.param("0.5", "JPY", "half_up", "1", id="yen have no minor unit"),
        pytest.param("0.0005", "KWD", "half_up", "0.001", id="dinars have three"),
        pytest.param("0.005", "USD", "half_even", "0.00", id="even below"),
        pytest.param("0.015", "USD", "half_even", "0.02", id="even above"),
        pytest.param("0.019", "USD", "down", "0.01", id="towards zero"),
        pytest.param("-0.011", "USD", "up", "-0.02", id="away from zero"),
    ],
)
def test_rounding_to_the_minor_unit(exact, currency, mode, amount):
    rounded = round_to_minor(Fraction(exact), currency, mode)
    assert (rounded, rounded.as_tuple().exponent) == (D(amount), D(amount).as_tuple().exponent)


# --- small worlds -----------------------------------------------------------------------------------------------------


def test_a_days_line_is_the_difference_of_the_cumulative_amounts():
    days = [use("2026-08-03T10:00Z", "900"), use("2026-08-04T10:00Z", "200"), use("2026-08-04T11:00Z", "100")]
    result = expected(world([price(Graduated(GOLDEN_TIERS))], days))
    assert rows(result, "service_date", "quantity_before", "quantity", "amount_exact", "amount") == [
        (date(2026, 8, 3), 0, 900, 14, D("14.00")),  # R(900) = 9 + 5; before it 0, not R(0) = 5
        (date(2026, 8, 4), 900, 300, Fraction("5.6"), D("5.60")),  # R(1200) = 10 + 5 + 200 · 0.008 + 3 = 19.60
    ]


def test_volume_lines_may_be_negative():
    result = expected(
        world([price(Volume(GOLDEN_TIERS))], [use("2026-08-03T10:00Z", "1000"), use("2026-08-04T10:00Z", "1")])
    )
    # R(1000) = 15; R(1001) = 11.008
    assert rows(result, "amount_exact", "amount") == [(15, D("15.00")), (Fraction("-3.992"), D("-3.99"))]


def test_rounded_lines_are_differences_of_rounded_totals():
    days = [use(f"2026-08-0{day}T00:00Z") for day in (1, 2, 3)]
    result = expected(world([price(PerUnit(D("0.005")))], days))
    # totals 0.005, 0.010, 0.015 round to 0.01, 0.01, 0.02
    assert rows(result, "amount") == [(D("0.01"),), (D("0.00"),), (D("0.01"),)]


def test_a_new_version_restarts_the_counter_and_carries_the_rounding():
    tiers = (Tier(D(10), D("1.004"), D(5)), Tier(None, D("0.5"), D(0)))
    changing = Price(
        "tokens",
        "tokens",
        "graduated",
        (
            Version(date(2026, 1, 1), {"USD": Graduated(tiers)}),
            Version(datetime(2026, 8, 10, 12, tzinfo=UTC), {"USD": Graduated(tiers)}),
        ),
    )
    result = expected(
        world([changing], [use("2026-08-10T11:59:59.999999Z", "1"), use("2026-08-10T12:00Z", "1")]),
    )
    assert rows(result, "price_version_id", "quantity_before", "amount_exact", "amount_exact_before", "amount") == [
        ("tokens@2026-01-01", 0, Fraction("6.004"), 0, D("6.00")),  # 5 + 1.004
        # the counter is empty again and the flat due again; 12.008 rounds to 12.01, 6.00 was there
        ("tokens@2026-08-10T12:00:00Z", 0, Fraction("6.004"), Fraction("6.004"), D("6.01")),
    ]


def test_no_usage_owes_tier_ones_flat_once_per_billing_period_on_the_first_active_day():
    result = expected(
        world(
            [price(Graduated(GOLDEN_TIERS)), price(PerUnit(D(1)), name="plain"), price(Percentage(D(1)), name="pay")],
            [],
            billing_starts_on=date(2026, 7, 20),
            contracts=(Contract("c1", "acme", "pro", date(2026, 7, 25)),),
            as_of=date(2026, 9, 1),
        )
    )
    assert rows(result, "price_id", "service_date", "quantity", "amount") == [
        (name, day, 0, D(flat))
        for name, flat in (("pay", "0"), ("plain", "0"), ("tokens", "5"))
        for day in (date(2026, 7, 25), date(2026, 8, 1), date(2026, 9, 1))
    ]


def test_usage_later_in_the_period_takes_the_place_of_the_zero_usage_row():
    late = use("2026-08-20T00:00Z", "1", delivery_date=date(2026, 8, 21))
    result = expected(world([price(Graduated(GOLDEN_TIERS))], [late], as_of=date(2026, 8, 20)))
    assert rows(result, "service_date", "amount") == [(date(2026, 8, 1), D("5.00"))]  # not delivered yet
    result = expected(world([price(Graduated(GOLDEN_TIERS))], [late], as_of=date(2026, 8, 21)))
    assert rows(result, "service_date", "amount") == [(date(2026, 8, 20), D("5.01"))]


def test_a_zero_event_opens_the_counter():
    result = expected(
        world([price(Graduated(GOLDEN_TIERS))], [use("2026-08-05T00:00Z", "0"), use("2026-08-06T00:00Z", "1")])
    )
    assert rows(result, "service_date", "amount_exact") == [(date(2026, 8, 5), 5), (date(2026, 8, 6), Fraction("0.01"))]


def test_the_zero_usage_row_bears_the_version_in_force_on_the_first_active_day():
    versions = (
        Version(date(2026, 8, 10), {"USD": Graduated(GOLDEN_TIERS)}),
        Version(date(2026, 8, 20), {"USD": Graduated((Tier(None, D(1), D(9)),))}),
    )
    result = expected(world([Price("tokens", "tokens", "graduated", versions)], [], as_of=date(2026, 9, 2)))
    assert rows(result, "service_date", "price_version_id", "amount") == [
        (date(2026, 8, 10), "tokens@2026-08-10", D("5.00")),  # in force from the 10th only
        (date(2026, 9, 1), "tokens@2026-08-20", D("9.00")),
    ]


def test_percentage_fees_are_rounded_one_by_one():
    events = [use("2026-08-03T10:00Z", "0.5"), use("2026-08-03T11:00Z", "0.5"), use("2026-08-03T12:00Z", "0.4")]
    result = expected(world([price(Percentage(D("0.01")))], events))
    # 0.005 + 0.005 + 0.004 = 0.014 exactly; rounded one by one 0.01 + 0.01 + 0.00
    assert rows(result, "quantity", "amount_exact", "amount") == [(Fraction("1.4"), Fraction("0.014"), D("0.02"))]


def test_allowances_follow_time_then_id_and_restart_with_month_and_version():
    terms = {"USD": Percentage(D("0.10"), free_events=1)}
    versions = (Version(date(2026, 1, 1), terms), Version(date(2026, 8, 20), terms))
    events = [
        use("2026-08-03T10:00Z", "10", id="b"),
        use("2026-08-03T10:00Z", "20", id="a"),  # same instant, smaller id: this one is free
        use("2026-08-20T00:00Z", "30"),  # first of the new version: free
        use("2026-08-21T00:00Z", "40"),
        use("2026-09-01T00:00Z", "50"),  # first of the month: free
    ]
    result = expected(
        world([Price("tokens", "tokens", "percentage", versions)], events, as_of=date(2026, 9, 1)),
    )
    assert rows(result, "service_date", "amount_exact") == [
        (date(2026, 8, 3), 1),
        (date(2026, 8, 20), 0),
        (date(2026, 8, 21), 4),
        (date(2026, 9, 1), 0),
    ]
    assert result.outcomes["", "a", "revenue"] == "zero_rated"
    assert result.outcomes["", "b", "revenue"] == "priced"


def test_an_override_takes_the_plans_place_and_the_list_amount_keeps_it():
    cheap = Override("tokens", (Version(date(2026, 8, 10), {"USD": PerUnit(D("0.5"))}),))
    result = expected(
        world(
            [price(PerUnit(D(2)))],
            [use("2026-08-09T23:00Z", "3"), use("2026-08-10T00:00Z", "3")],
            contracts=(Contract("c1", "acme", "pro", date(2026, 8, 1), overrides=(cheap,)),),
        )
    )
    assert rows(result, "price_version_id", "amount", "list_amount") == [
        ("tokens@2026-01-01", D("6.00"), D("6.00")),
        ("c1/tokens@2026-08-10", D("1.50"), D("6.00")),
    ]


def test_cost_is_rated_in_its_own_currency_beside_revenue():
    result = expected(
        world(
            [price(PerUnit(D(2))), price(PerUnit(D("0.7")), name="gpu", kind="cost", currency="JPY")],
            [use("2026-08-09T00:00Z", "3")],
        )
    )
    assert rows(result, "price_id", "kind", "currency", "amount") == [
        ("gpu", "cost", "JPY", D(2)),  # 2.1
        ("tokens", "revenue", "USD", D("6.00")),
    ]
    assert dict(result.outcomes) == {
        ("", "2026-08-09T00:00:00+00:00", "revenue"): "priced",
        ("", "2026-08-09T00:00:00+00:00", "cost"): "priced",
    }


# --- resolution -------------------------------------------------------------------------------------------------------

OPEN = {"plans": (Plan("pro", (PlanEntry("tokens"),)), Plan("empty", ())), "default_plan": "pro"}


@pytest.mark.parametrize(
    ("contracts", "named", "outcome"),
    [
        pytest.param([("c1", "pro", 1, None)], None, "c1", id="the one that covers"),
        pytest.param([], None, "default:acme", id="none covers: default plan"),
        pytest.param([("c1", "empty", 1, None)], None, "default:acme", id="its plan has no price of the meter"),
        pytest.param([("c1", "pro", 1, 9)], None, "default:acme", id="the end is the first day out"),
        pytest.param([("c1", "pro", 1, 10)], None, "c1", id="the last day in"),
        pytest.param([("c1", "pro", 9, None)], None, "c1", id="the first day in"),
        pytest.param([("c1", "pro", 10, None)], None, "default:acme", id="not begun"),
        pytest.param([("c1", "pro", 1, None), ("c2", "pro", 5, None)], None, "suspense:two_contracts", id="two cover"),
        pytest.param([("c1", "pro", 1, None), ("c2", "empty", 5, None)], None, "c1", id="two, one sells the meter"),
        pytest.param([("c1", "pro", 1, None), ("c2", "pro", 5, None)], "c2", "c2", id="the event names one of two"),
        pytest.param([("c1", "pro", 1, 9)], "c1", "suspense:contract_does_not_cover", id="named but over"),
        pytest.param([("c1", "pro", 1, None)], "c9", "suspense:unknown_contract", id="named and unknown"),
        pytest.param([("x1", "pro", 1, None)], "x1", "suspense:unknown_contract", id="another account's"),
        pytest.param([("c1", "empty", 1, None)], "c1", "suspense:no_price", id="named, sells nothing of it"),
    ],
)
def test_an_event_finds_its_contract(contracts, named, outcome):
    signed = tuple(
        Contract(
            name, "other" if name.startswith("x") else "acme", plan, date(2026, 8, start), end and date(2026, 8, end)
        )
        for name, plan, start, end in contracts
    )
    event = use("2026-08-09T12:00Z", contract=named)
    result = expected(
        world(
            [price(PerUnit(D(1)))],
            [event],
            contracts=signed,
            accounts=(Account("acme", "USD"), Account("other", "USD")),
            **OPEN,
        )
    )
    with_usage = [line.contract_id for line in result.lines if line.quantity]
    assert (with_usage or [result.outcomes["", event.id, "revenue"]]) == [outcome]


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        pytest.param({"account": "nobody"}, "suspense:unknown_account", id="account"),
        pytest.param({"meter": "steps"}, "suspense:unknown_meter", id="meter"),
        pytest.param({"dimensions": {"model": "b"}}, "suspense:no_price", id="no cell, never zero"),
        pytest.param({"dimensions": {}}, "suspense:no_price", id="no dimension"),
        pytest.param({"dimensions": {"model": "a", "region": "eu"}}, "priced", id="exact on what `where` names"),
        pytest.param({"dimensions": {"model": "a"}, "quantity": D(0)}, "zero_rated", id="nothing used"),
    ],
)
def test_what_cannot_be_priced_waits_by_name(event, outcome):
    result = expected(
        world(
            [price(PerUnit(D(1)), conditions={"model": "a"})],
            [use("2026-08-09T12:00Z", id="e", **event)],
            meters=(Meter("tokens", dimensions=("model", "region")),),
        )
    )
    assert result.outcomes["", "e", "revenue"] == outcome


def test_a_price_without_the_contracts_currency_is_suspense():
    result = expected(world([price(PerUnit(D(1)), currency="EUR")], [use("2026-08-09T12:00Z", id="e")]))
    assert (result.outcomes["", "e", "revenue"], result.lines) == ("suspense:no_price_in_currency", ())


def test_the_value_of_a_transaction_must_be_in_the_prices_currency():
    payments = (Meter("tokens", value="amount"),)
    events = [
        use("2026-08-09T12:00Z", id="same", amount=D(100), currency="USD"),
        use("2026-08-09T12:00Z", id="other", amount=D(100), currency="EUR"),
        use("2026-08-09T12:00Z", id="none"),
    ]
    result = expected(world([price(Percentage(D("0.01")))], events, meters=payments))
    assert rows(result, "quantity", "amount") == [(100, D("1.00"))]
    assert [result.outcomes["", name, "revenue"] for name in ("same", "other", "none")] == [
        "priced",
        "suspense:other_currency",
        "suspense:no_amount",
    ]


def test_count_counts_events_not_quantities():
    result = expected(
        world(
            [price(PerUnit(D(2)))],
            [use("2026-08-09T12:00Z", "7"), use("2026-08-09T13:00Z", "0")],
            meters=(Meter("tokens", aggregation="count"),),
        )
    )
    assert rows(result, "quantity", "amount") == [(2, D("4.00"))]


def test_an_additive_price_adds_its_own_line():
    result = expected(
        world([price(PerUnit(D(1))), price(PerUnit(D(3)), name="extra", additive=True)], [use("2026-08-09T12:00Z")])
    )
    assert rows(result, "price_id", "amount") == [("extra", D("3.00")), ("tokens", D("1.00"))]


def test_excluded_usage_has_a_rule_and_no_line():
    rule = Exclusion("staff", meter="tokens", account="acme", effective_from=date(2026, 8, 9))
    events = [use("2026-08-08T23:59:59.999999Z", id="before"), use("2026-08-09T00:00Z", id="from")]
    result = expected(world([price(PerUnit(D(1)))], events, exclusions=(rule,)))
    assert [result.outcomes["", name, "revenue"] for name in ("before", "from")] == ["priced", "excluded:staff"]
    assert rows(result, "quantity") == [(1,)]


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        pytest.param("America/New_York", date(2026, 3, 8), 23, id="New York springs forward"),
        pytest.param("America/New_York", date(2026, 11, 1), 25, id="New York falls back"),
        pytest.param("Europe/Berlin", date(2026, 3, 29), 23, id="Berlin springs forward"),
        pytest.param("Europe/Berlin", date(2026, 10, 25), 25, id="Berlin falls back"),
        pytest.param("Africa/Cairo", date(2026, 4, 24), 23, id="Cairo skips midnight itself"),
        pytest.param("Africa/Cairo", date(2026, 10, 29), 25, id="Cairo has its last hour twice"),
        pytest.param("Asia/Kolkata", date(2026, 3, 29), 24, id="Kolkata never changes"),
    ],
)
def test_days_have_the_hours_of_their_zone(zone, day, hours):
    start, end = day_start(day, zone), day_start(day + timedelta(days=1), zone)
    assert end - start == timedelta(hours=hours)
    microsecond = timedelta(microseconds=1)
    assert [local_day(instant, zone) for instant in (start - microsecond, start, end - microsecond, end)] == [
        day - timedelta(days=1),
        day,
        day,
        day + timedelta(days=1),
    ]


def test_an_hour_on_a_25_hour_day_is_one_25th_of_it():
    hours = [use(datetime(2026, 11, 1, 4, tzinfo=UTC) + timedelta(hours=hour)) for hour in range(26)]
    result = expected(
        world(
            [price(PerUnit(D(1)))],
            hours,
            accounts=(Account("acme", "USD", "America/New_York"),),
            as_of=date(2026, 11, 3),
            billing_starts_on=date(2026, 11, 1),
        )
    )
    # 04:00 UTC is midnight in New York; the 26th hour begins the next day
    assert rows(result, "service_date", "quantity") == [(date(2026, 11, 1), 25), (date(2026, 11, 2), 1)]


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        pytest.param("Asia/Tokyo", "2026-08-31T15:00:00Z", id="Tokyo is ahead"),
        pytest.param("Asia/Kolkata", "2026-08-31T18:30:00Z", id="Kolkata by a half hour"),
        pytest.param("America/New_York", "2026-09-01T04:00:00Z", id="New York is behind"),
    ],
)
def test_the_month_turns_at_local_midnight(zone, midnight):
    turn = datetime.fromisoformat(midnight)
    result = expected(
        world(
            [price(Graduated(GOLDEN_TIERS))],
            [use(turn - timedelta(microseconds=1)), use(turn)],
            accounts=(Account("acme", "USD", zone),),
            as_of=date(2026, 9, 2),
        )
    )
    assert rows(result, "service_date", "billing_period_start", "quantity_before", "amount_exact") == [
        (date(2026, 8, 31), date(2026, 8, 1), 0, Fraction("5.01")),
        (date(2026, 9, 1), date(2026, 9, 1), 0, Fraction("5.01")),  # counter and flat begin anew
    ]


def test_a_date_version_begins_with_the_accounts_day_an_instant_everywhere_at_once():
    by_day = (Version(date(2026, 1, 1), {"USD": PerUnit(D(1))}), Version(date(2026, 8, 10), {"USD": PerUnit(D(2))}))
    instant = datetime(2026, 8, 9, 15, tzinfo=UTC)  # midnight of the 10th in Tokyo
    by_instant = (by_day[0], Version(instant, {"USD": PerUnit(D(2))}))
    for versions, zone, amounts in (
        (by_day, "Asia/Tokyo", ["1.00", "2.00"]),
        (by_day, "UTC", ["2.00"]),
        (by_instant, "Asia/Tokyo", ["1.00", "2.00"]),
        (by_instant, "UTC", ["1.00", "2.00"]),
    ):
        result = expected(
            world(
                [Price("tokens", "tokens", "per_unit", versions)],
                [use(instant - timedelta(microseconds=1)), use(instant)],
                accounts=(Account("acme", "USD", zone),),
            )
        )
        assert [str(line.amount) for line in result.lines] == amounts


# --- identities -------------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(
    quantities=st.lists(st.decimals(0, 3000, places=3), min_size=1, max_size=12),
    model=st.sampled_from([Graduated(GOLDEN_TIERS), Volume(GOLDEN_TIERS), PerUnit(D("0.0333"))]),
    currency=st.sampled_from(["JPY", "USD", "KWD"]),
    change=st.integers(2, 12),
)
def test_rounded_lines_sum_to_the_rounded_total_across_versions(quantities, model, currency, change):
    versions = (Version(date(2026, 1, 1), {currency: model}), Version(date(2026, 8, change), {currency: model}))
    events = [use(f"2026-08-{day:02}T08:00Z", str(quantity)) for day, quantity in enumerate(quantities, start=1)]
    result = expected(
        world([Price("tokens", "tokens", "any", versions)], events, accounts=(Account("acme", currency),))
    )
    exact = sum(line.amount_exact for line in result.lines)
    assert sum(line.amount for line in result.lines) == round_to_minor(exact, currency)
    # lines chain: each begins where the one before ended
    running = Fraction(0)
    for line in result.lines:
        assert line.amount_exact_before == running
        running += line.amount_exact
    # and the total is what each version's part costs by itself
    parts = [
        sum((Fraction(q) for day, q in enumerate(quantities, 1) if (day < change) is before), Fraction(0))
        for before in (True, False)
    ]
    has_part = [any((day < change) is before for day in range(1, len(quantities) + 1)) for before in (True, False)]
    assert running == sum(
        (cumulative_amount(model, part) for part, has in zip(parts, has_part, strict=True) if has), Fraction(0)
    )


def test_the_reference_reads_nothing_of_ours():
    files = sorted(Path(ref.__file__).parent.glob("*.py"))
    lines = [line for file in files for line in file.read_text("utf-8").splitlines()]
    modules = {line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert len(files) > 5
    assert modules - sys.stdlib_module_names == {"tests"}
    ours = {line.split()[1] for line in lines if line.startswith("from tests")}
    assert all(name.startswith("tests.oracle.reference.") for name in ours)
