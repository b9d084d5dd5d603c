"""The reference's further models against figures: semantics §8, the field's own examples, worked arithmetic."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.reference import (
    Cell,
    Contract,
    Dynamic,
    Flat,
    Graduated,
    Matrix,
    Meter,
    Package,
    PerUnit,
    Plan,
    PlanEntry,
    Price,
    Tier,
    Version,
    Volume,
    cumulative_amount,
    expected,
)
from tests.oracle.small_worlds import GOLDEN_TIERS, price, rows, use, world

D = Decimal
REGIONS = {"meters": (Meter("tokens", dimensions=("model", "region")),)}


# --- package ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("package", "x", "amount"),
    [
        pytest.param(("100", "5", "100"), "0", "0", id="nothing used"),
        pytest.param(("100", "5", "100"), "100", "0", id="the free units to the last"),
        pytest.param(("100", "5", "100"), "100.01", "5", id="a fraction opens a package"),
        pytest.param(("100", "5", "100"), "200", "5", id="a package used up"),
        pytest.param(("100", "5", "100"), "201", "10", id="the next one opened"),
        pytest.param(("10", "100", "10"), "121", "1200", id="111 paid units, twelve packages"),
        pytest.param(("10", "100", "5"), "3", "0", id="fewer than the free units"),
        pytest.param(("10", "15", "0"), "9", "15", id="the last one not full"),
        pytest.param(("10", "15", "0"), "11", "30", id="two"),
        pytest.param(("1000000", "1.25", "0"), "1500000", "2.5", id="millions"),
        pytest.param(("100", "1", "0", "down"), "250", "2", id="rounded down"),
        pytest.param(("100", "1", "0", "down"), "99.999999999999", "0", id="rounded down below the first"),
    ],
)
def test_packages(package, x, amount):
    size, price_of_one, free, *rounding = package
    assert cumulative_amount(Package(D(size), D(price_of_one), D(free), *rounding), Fraction(x)) == Fraction(amount)


def test_a_package_is_charged_on_the_day_that_opens_it():
    days = [use("2026-08-03T10:00Z", "60"), use("2026-08-04T10:00Z", "60"), use("2026-08-05T10:00Z", "60")]
    result = expected(world([price(Package(D(100), D(5)))], days))
    # 60, 120, 180 units: 1, 2, 2 packages
    assert rows(result, "quantity_before", "amount_exact") == [(0, 5), (60, 5), (120, 0)]


def test_packages_begin_anew_with_a_version():
    terms = {"USD": Package(D(10), D(1))}
    versions = (Version(date(2026, 1, 1), terms), Version(datetime(2026, 8, 10, 12, tzinfo=UTC), terms))
    days = [use("2026-08-10T11:00Z", "4"), use("2026-08-10T13:00Z", "4")]
    assert rows(expected(world([Price("p", "tokens", "package", versions)], days)), "amount") == [
        (D("1.00"),),
        (D("1.00"),),
    ]


# --- free units -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "amounts"),
    [
        pytest.param(PerUnit(D(2)), [0, 10], id="per unit: 60 of 100, then 45 with 5 above"),
        pytest.param(Graduated((Tier(D(3), D(2), D(7)), Tier(None, D(1)))), [7, 8], id="tiers begin after them"),
        pytest.param(Volume((Tier(D(3), D(2)), Tier(None, D(1)))), [0, 5], id="and are chosen after them"),
        pytest.param(Package(D(4), D(3), D(1)), [0, 3], id="before a package's own"),
    ],
)
def test_free_units_come_off_the_counter_first(terms, amounts):
    days = [use("2026-08-03T10:00Z", "60"), use("2026-08-04T10:00Z", "45")]
    result = expected(world([price(terms, version={"free_units": D(100)})], days))
    # x = 60, 105: after the free units 0, 5. Graduated: 7, then 3·2 + 7 + 2·1 = 15. Package: ceil((5 - 1) / 4) = 1.
    assert rows(result, "quantity_before", "quantity", "amount_exact") == [(0, 60, amounts[0]), (60, 45, amounts[1])]


def test_free_units_are_not_prorated_and_begin_anew_with_version_group_and_month():
    terms = {"USD": PerUnit(D(1))}
    versions = tuple(Version(start, terms, free_units=D(10)) for start in (date(2026, 1, 1), date(2026, 8, 20)))
    days = [
        use("2026-08-16T10:00Z", "12", dimensions={"region": "eu"}),
        use("2026-08-16T11:00Z", "11", dimensions={"region": "us"}),
        use("2026-08-21T10:00Z", "13", dimensions={"region": "eu"}),
        use("2026-09-01T10:00Z", "14", dimensions={"region": "eu"}),
    ]
    late = {"contracts": (Contract("c1", "acme", "pro", date(2026, 8, 16)),), "as_of": date(2026, 9, 1)}
    result = expected(
        world([Price("p", "tokens", "per_unit", versions, group_by=("region",))], days, **REGIONS, **late)
    )
    assert rows(result, "service_date", "dimensions", "amount_exact") == [
        (date(2026, 8, 16), '{"region":"eu"}', 2),
        (date(2026, 8, 16), '{"region":"us"}', 1),
        (date(2026, 8, 21), '{"region":"eu"}', 3),
        (date(2026, 9, 1), '{"region":"eu"}', 4),
    ]


# --- flat -------------------------------------------------------------------------------------------------------------


def test_a_flat_price_without_a_meter_is_due_once_per_month_on_its_first_active_day():
    rent = price(Flat(D("9.99")), name="rent", meter=None)
    signed = (Contract("c1", "acme", "pro", date(2026, 8, 17), date(2026, 10, 1)),)
    result = expected(world([rent], [], contracts=signed, as_of=date(2026, 10, 5)))
    assert rows(result, "service_date", "quantity", "amount") == [
        (date(2026, 8, 17), 0, D("9.99")),
        (date(2026, 9, 1), 0, D("9.99")),
    ]


@pytest.mark.parametrize(
    ("days", "lines"),
    [
        pytest.param([], [(1, 8)], id="nothing used: the first active day"),
        pytest.param([12], [(12, 8)], id="used once: there"),
        pytest.param([12, 14], [(12, 8), (14, 0)], id="used twice: once"),
        pytest.param([12, 22], [(12, 8), (22, 0)], id="used before and after a change of price: once, by the first"),
    ],
)
def test_a_flat_price_of_a_meter_is_due_once_per_period(days, lines):
    versions = (Version(date(2026, 1, 1), {"USD": Flat(D(8))}), Version(date(2026, 8, 20), {"USD": Flat(D(9))}))
    used = [use(f"2026-08-{day}T10:00Z", "5") for day in days]
    result = expected(world([Price("p", "tokens", "flat", versions)], used))
    assert rows(result, "service_date", "amount_exact") == [(date(2026, 8, day), amount) for day, amount in lines]


def test_the_default_plans_flat_price_of_time_is_not_due_where_a_contract_covers():
    rent = price(Flat(D(10)), name="rent", meter=None)
    signed = (Contract("c1", "acme", "none", date(2026, 8, 1), date(2026, 9, 5)),)
    plans = (Plan("pro", (PlanEntry("rent"),)), Plan("none", ()))
    result = expected(world([rent], [], plans=plans, contracts=signed, default_plan="pro", as_of=date(2026, 10, 1)))
    assert rows(result, "contract_id", "service_date") == [
        ("default:acme", date(2026, 9, 5)),
        ("default:acme", date(2026, 10, 1)),
    ]


# --- matrix -----------------------------------------------------------------------------------------------------------

CLOUDS = (Cell({"cloud": "gcp"}, D("0.10")), Cell({"cloud": "aws"}, D("0.08")))
ON_CLOUDS = {"meters": (Meter("tokens", dimensions=("cloud",)),)}


def on(cloud, quantity, hour=10):
    return use(f"2026-08-03T{hour:02}:00Z", quantity, dimensions={"cloud": cloud} if cloud else {})


def test_a_matrix_takes_the_cell_that_matches_else_the_default():
    events = [on("aws", "100"), on("gcp", "200", 11), on("azure", "10", 12), on(None, "20", 13)]
    result = expected(world([price(Matrix(CLOUDS, PerUnit(D("0.12"))))], events, **ON_CLOUDS))
    # 100 · 0.08 + 200 · 0.10 + 30 · 0.12
    assert rows(result, "quantity", "amount") == [(330, D("31.60"))]


def test_without_a_default_what_no_cell_matches_is_suspense_never_zero():
    events = [on("aws", "100"), on("azure", "10", 12), on(None, "20", 13)]
    result = expected(world([price(Matrix(CLOUDS))], events, **ON_CLOUDS))
    assert rows(result, "quantity", "amount") == [(100, D("8.00"))]
    assert list(result.outcomes.values()).count("suspense:no_cell") == 2


def test_a_cell_matches_all_of_its_dimensions():
    cells = (Cell({"model": "a", "region": "eu"}, D(2)), Cell({"model": "a", "region": "us"}, D(3), D(10)))
    events = [
        use("2026-08-03T10:00Z", "1", dimensions={"model": "a", "region": "eu"}),
        use("2026-08-03T11:00Z", "5", dimensions={"model": "a", "region": "us"}),
        use("2026-08-03T12:00Z", "7", dimensions={"model": "b", "region": "us"}, id="other"),
    ]
    result = expected(world([price(Matrix(cells))], events, **REGIONS))
    assert rows(result, "amount_exact") == [(Fraction("3.5"),)]
    assert result.outcomes["", "other", "revenue"] == "suspense:no_cell"


def test_cells_share_the_rounding_of_their_price():
    cells = (Cell({"cloud": "aws"}, D("0.004")), Cell({"cloud": "gcp"}, D("0.004")))
    events = [on("aws", "1"), on("gcp", "1", 11)]
    # 0.004 + 0.004 is 0.008: 0.01, where two cells by themselves would be 0.00
    assert rows(expected(world([price(Matrix(cells))], events, **ON_CLOUDS)), "amount") == [(D("0.01"),)]


# --- dynamic ----------------------------------------------------------------------------------------------------------


def test_dynamic_sums_what_the_events_bring():
    events = [
        use("2026-08-03T10:00Z", "3", amount=D("0.005"), currency="USD"),
        use("2026-08-03T11:00Z", "4", amount=D("1.2"), currency="USD"),
        use("2026-08-04T11:00Z", "5", amount=D("0.005"), currency="USD"),
    ]
    result = expected(world([price(Dynamic())], events))
    # 1.205 -> 1.21; 1.21 -> 1.21
    assert rows(result, "quantity", "amount_exact", "amount") == [
        (7, Fraction("1.205"), D("1.21")),
        (5, Fraction("0.005"), D("0.00")),
    ]


def test_dynamic_waits_for_an_amount_in_its_currency():
    events = [
        use("2026-08-03T10:00Z", id="none"),
        use("2026-08-03T10:00Z", id="other", amount=D(1), currency="EUR"),
    ]
    result = expected(world([price(Dynamic())], events))
    assert [result.outcomes["", name, "revenue"] for name in ("none", "other")] == [
        "suspense:no_amount",
        "suspense:other_currency",
    ]
    assert rows(result, "quantity", "amount") == [(0, D(0))]


# --- group_by ---------------------------------------------------------------------------------------------------------


def in_region(day, quantity, region):
    return use(f"2026-08-{day:02}T10:00Z", quantity, id=f"{day}-{region}", dimensions={"region": region})


def test_each_group_has_its_own_counter_flat_and_rounding():
    tiers = Graduated((Tier(D(10), D("0.0125"), D(5)), Tier(None, D(0))))
    used = [in_region(3, "10", "eu"), in_region(4, "10", "us"), in_region(5, "1", "eu")]
    result = expected(world([price(tiers, group_by=("region",))], used, **REGIONS))
    # 10 · 0.0125 + 5 = 5.125 -> 5.13 in each; the 11th unit of eu is free
    assert rows(result, "service_date", "dimensions", "quantity_before", "amount_exact_before", "amount") == [
        (date(2026, 8, 3), '{"region":"eu"}', 0, 0, D("5.13")),
        (date(2026, 8, 4), '{"region":"us"}', 0, 0, D("5.13")),
        (date(2026, 8, 5), '{"region":"eu"}', 10, Fraction("5.125"), D("0.00")),
    ]


def test_without_usage_in_any_group_one_flat_is_due():
    tiers = Graduated((Tier(None, D(1), D(5)),))
    result = expected(world([price(tiers, group_by=("region",))], [], **REGIONS))
    assert rows(result, "service_date", "amount") == [(date(2026, 8, 1), D("5.00"))]
    result = expected(world([price(tiers, group_by=("region",))], [in_region(9, "0", "eu")], **REGIONS))
    assert rows(result, "service_date", "dimensions", "amount") == [
        (date(2026, 8, 9), '{"region":"eu"}', D("5.00")),
    ]


@settings(max_examples=50, deadline=None)
@given(
    quantities=st.lists(st.decimals(0, 3000, places=3), max_size=8),
    terms=st.sampled_from([Graduated(GOLDEN_TIERS), Volume(GOLDEN_TIERS), Package(D(100), D("0.005"), D(10))]),
)
def test_grouping_by_what_is_always_the_same_changes_no_amount(quantities, terms):
    used = [in_region(day, str(quantity), "eu") for day, quantity in enumerate(quantities, 1)]
    apart, together = (
        expected(world([price(terms, group_by=groups)], used, **REGIONS)) for groups in (("region",), ())
    )
    names = ("service_date", "quantity", "quantity_before", "amount_exact", "amount_exact_before", "amount")
    assert rows(apart, *names) == rows(together, *names)


# --- signed usage -----------------------------------------------------------------------------------------------------

SIGNED = {"meters": (Meter("tokens", negative=True),)}


def test_signed_events_are_summed_and_lines_may_be_negative():
    days = [use("2026-08-03T10:00Z", "-3"), use("2026-08-04T10:00Z", "1"), use("2026-08-05T10:00Z", "-0.5")]
    result = expected(world([price(PerUnit(D("0.01")))], days, **SIGNED))
    # -0.03, -0.02, -0.025 -> -0.03 (half away from zero)
    assert rows(result, "quantity_before", "quantity", "amount") == [
        (0, -3, D("-0.03")),
        (-3, 1, D("0.01")),
        (-2, Fraction("-0.5"), D("-0.01")),
    ]


@pytest.mark.parametrize(
    ("quantities", "outcome"),
    [
        pytest.param(["5", "-6"], "suspense:net_below_zero", id="below zero: all of it waits"),
        pytest.param(["5", "-5"], "priced", id="exactly zero: the first tier's flat"),
        pytest.param(["-5", "6"], "priced", id="below zero for a day only"),
    ],
)
def test_tiers_need_a_net_of_zero_or_more_in_the_period(quantities, outcome):
    days = [use(f"2026-08-0{day}T10:00Z", quantity, id=str(day)) for day, quantity in enumerate(quantities, 3)]
    for terms in (Graduated(GOLDEN_TIERS), Volume(GOLDEN_TIERS), Package(D(1), D(1))):
        result = expected(world([price(terms)], days, **SIGNED))
        net = sum(map(D, quantities))
        if outcome == "priced":
            assert sum(line.amount_exact for line in result.lines) == cumulative_amount(terms, Fraction(net))
            continue
        assert set(result.outcomes.values()) == {outcome}
        # nothing is rated: the price stands there as one without usage
        assert rows(result, "service_date", "quantity") == [(date(2026, 8, 1), 0)]


def test_a_group_below_zero_does_not_hold_the_others():
    used = [in_region(3, "-1", "eu"), in_region(3, "2", "us")]
    signed = {"meters": (Meter("tokens", dimensions=("region",), negative=True),)}
    result = expected(world([price(Package(D(1), D(1)), group_by=("region",))], used, **signed))
    assert rows(result, "dimensions", "amount") == [('{"region":"us"}', D("2.00"))]
    assert result.outcomes["", "3-eu", "revenue"] == "suspense:net_below_zero"


# --- minimum and maximum ----------------------------------------------------------------------------------------------


def bounded(terms, **amounts):
    return price(terms, version={name: {"USD": D(amount)} for name, amount in amounts.items()})


SEPTEMBER = {"as_of": date(2026, 9, 1)}


def in_august(result, *names):
    return [row[1:] for row in rows(result, "billing_period_start", *names) if row[0] == date(2026, 8, 1)]


def test_a_maximum_takes_off_what_lies_above_at_every_day_end():
    days = [use("2026-08-03T10:00Z", "7"), use("2026-08-04T10:00Z", "5"), use("2026-08-05T10:00Z", "1")]
    result = expected(world([bounded(PerUnit(D(10)), maximum="100")], days))
    assert rows(result, "charge_kind", "service_date", "amount") == [
        ("usage", date(2026, 8, 3), D("70.00")),
        ("usage", date(2026, 8, 4), D("50.00")),
        ("usage", date(2026, 8, 5), D("10.00")),
        ("maximum", date(2026, 8, 4), D("-20.00")),
        ("maximum", date(2026, 8, 5), D("-10.00")),
    ]


def test_a_maximum_gives_back_what_repricing_lowers():
    tiers = Volume((Tier(D(15), D(10)), Tier(None, D(5))))
    days = [use("2026-08-03T10:00Z", "15"), use("2026-08-04T10:00Z", "1")]
    result = expected(world([bounded(tiers, maximum="100")], days))
    # 150 is capped at 100; 16 · 5 = 80 lies below: 100, then -20
    assert rows(result, "charge_kind", "service_date", "amount") == [
        ("usage", date(2026, 8, 3), D("150.00")),
        ("usage", date(2026, 8, 4), D("-70.00")),
        ("maximum", date(2026, 8, 3), D("-50.00")),
        ("maximum", date(2026, 8, 4), D("50.00")),
    ]


def test_a_maximum_of_graduated_tiers_hit_within_a_tier():
    tiers = Graduated((Tier(D(5), D(0), D(100)), Tier(D(10), D(0), D(50)), Tier(D(15), D(5)), Tier(None, D(1))))
    days = [use("2026-08-03T10:00Z", "12"), use("2026-08-04T10:00Z", "10")]
    result = expected(world([bounded(tiers, maximum="170")], days))
    # 160, then 15 + 7 more, of which 12 lie above
    assert rows(result, "charge_kind", "amount") == [
        ("usage", D("160.00")),
        ("usage", D("22.00")),
        ("maximum", D("-12.00")),
    ]


def test_a_minimum_is_trued_up_on_the_last_day_once_the_period_is_over():
    tiers = Graduated((Tier(D(5), D(0), D(100)), Tier(None, D(1))))
    priced = [bounded(tiers, minimum="1000")]
    used = [use("2026-08-03T10:00Z", "2")]
    assert rows(expected(world(priced, used, as_of=date(2026, 8, 30))), "charge_kind") == [("usage",)]
    assert in_august(expected(world(priced, used, **SEPTEMBER)), "charge_kind", "service_date", "amount") == [
        ("usage", date(2026, 8, 3), D("100.00")),
        ("minimum_true_up", date(2026, 8, 31), D("900.00")),
    ]


def test_a_minimum_counts_the_days_covered():
    # 25 of 28 days: 100 · 25 / 28 - 70 = 19.2857...
    result = expected(
        world(
            [bounded(PerUnit(D(1)), minimum="100")],
            [use("2027-02-10T10:00Z", "70")],
            contracts=(Contract("c1", "acme", "pro", date(2027, 2, 4)),),
            as_of=date(2027, 3, 1),
        )
    )
    (line,) = (line for line in result.lines if line.charge_kind == "minimum_true_up")
    assert (line.amount_exact, line.amount) == (Fraction(2500, 28) - 70, D("19.29"))
    assert line.service_date == date(2027, 2, 28)


def test_a_minimum_met_adds_nothing_and_one_of_no_usage_is_owed_whole():
    met = expected(world([bounded(PerUnit(D(1)), minimum="70")], [use("2026-08-10T10:00Z", "70")], **SEPTEMBER))
    assert in_august(met, "charge_kind") == [("usage",)]
    unused = expected(world([bounded(PerUnit(D(1)), minimum="100")], [], **SEPTEMBER))
    assert in_august(unused, "charge_kind", "amount") == [("usage", D("0.00")), ("minimum_true_up", D("100.00"))]


def test_bounds_are_of_the_period_over_all_groups_from_the_version_in_force_at_its_end():
    def version(start, most, least):
        amounts = {"maximum": {"USD": D(most)}, "minimum": {"USD": D(least)}}
        return Version(start, {"USD": PerUnit(D(1))}, **amounts)

    versions = (version(date(2026, 1, 1), "5", "1"), version(date(2026, 8, 20), "30", "25"))
    grouped = Price("p", "tokens", "per_unit", versions, group_by=("region",))
    used = [in_region(3, "20", "eu"), in_region(21, "2", "us")]
    result = expected(world([grouped], used, **REGIONS, **SEPTEMBER))
    assert in_august(result, "charge_kind", "price_version_id", "amount")[2:] == [
        ("minimum_true_up", "p@2026-08-20", D("3.00")),
    ]
    used = [in_region(3, "20", "eu"), in_region(21, "12", "us")]
    result = expected(world([grouped], used, **REGIONS, **SEPTEMBER))
    assert in_august(result, "charge_kind", "service_date", "amount")[2:] == [
        ("maximum", date(2026, 8, 21), D("-2.00")),
    ]


def test_minimum_and_maximum_of_cents_leave_a_total_of_cents():
    days = [use("2026-08-03T10:00Z", "3.335"), use("2026-08-04T10:00Z", "3.33")]
    low = expected(world([bounded(PerUnit(D(1)), minimum="10")], days, **SEPTEMBER))
    high = expected(world([bounded(PerUnit(D(1)), maximum="5")], days, **SEPTEMBER))
    # 3.335 -> 3.34 and 6.665 -> 6.67: 3.33 is missing to 10, where 3.335 by itself would make it 10.01
    assert [amount for (amount,) in in_august(low, "amount")] == [D("3.34"), D("3.33"), D("3.33")]
    assert [amount for (amount,) in in_august(high, "amount")] == [D("3.34"), D("3.33"), D("-1.67")]
