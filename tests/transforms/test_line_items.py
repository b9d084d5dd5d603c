"""Rules of `line_items`: what a day of usage costs, and how it is rounded."""

import pytest

from tests.tables import texts
from tests.transforms.chain import made
from tests.transforms.worlds import account, events, meter, on_plan, tiers, versions

PER_UNIT = """
    price_version_id | price_id | model    | effective_from_date | unit_amount
    p@1              | p        | per_unit | 2026-01-01          | 0.0049
"""
ONE_TIER = """
    price_version_id | tier | lower_bound | up_to | offset | unit_amount | flat_amount | base_amount
    p@1              | 1    | -1          | null  | 0      | 0.0049      | 0           | 0
"""
# Semantics, golden figures: 1000 at 0.010 + 5, 5000 at 0.008 + 3, above at 0.005 + 0.
GRADUATED = """
    price_version_id | price_id | model     | effective_from_date
    g@1              | g        | graduated | 2026-01-01
"""
GRADUATED_TIERS = """
    price_version_id | tier | lower_bound | up_to | offset | unit_amount | flat_amount | base_amount
    g@1              | 1    | -1          | 1000  | 0      | 0.010       | 5           | 5
    g@1              | 2    | 1000        | 5000  | 1000   | 0.008       | 3           | 18
    g@1              | 3    | 5000        | null  | 5000   | 0.005       | 0           | 50
"""
VOLUME_TIERS = """
    price_version_id | tier | lower_bound | up_to | offset | unit_amount | flat_amount | base_amount
    g@1              | 1    | -1          | 1000  | 0      | 0.010       | 5           | 5
    g@1              | 2    | 1000        | 5000  | 0      | 0.008       | 3           | 3
    g@1              | 3    | 5000        | null  | 0      | 0.005       | 0           | 0
"""
COLUMNS = ["service_date", "quantity_before", "quantity", "amount_exact_before", "amount_exact", "amount"]


def lines(prices, price_tiers, used, **tables):
    chain = made(
        "line_items",
        as_of="2026-08-31",
        account_rows=account(),
        meters=meter(),
        plan_prices=on_plan("p", "g"),
        price_versions=versions(prices),
        price_tiers=tiers(price_tiers),
        usage_events=events(used),
        **tables,
    )
    return chain["line_items"]


def test_a_line_is_the_difference_of_rounded_running_totals():
    """10 and 20 units at 0.0049: 0.049 and 0.098; running 0.05 and 0.147 -> 0.15; lines 0.05 and 0.10."""
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-08-03T10:00 | 10
        b        | 2026-08-04T10:00 | 12
        c        | 2026-08-04T11:00 | 8
    """
    assert texts(lines(PER_UNIT, ONE_TIER, used), COLUMNS) == [
        ("2026-08-03", "0", "10", "0", "0.049", "0.05"),
        ("2026-08-04", "10", "20", "0.049", "0.098", "0.1"),
    ]


@pytest.mark.parametrize(
    ("quantity", "amount_exact"),
    [
        pytest.param("0", "5", id="tier one's flat is due at zero"),
        pytest.param("0.5", "5.005", id="a fraction pays its share"),
        pytest.param("1000", "15", id="the bound belongs to the tier below"),
        pytest.param("1000.5", "18.004", id="just above the bound enters the next tier"),
        pytest.param("1001", "18.008", id="one unit in tier two"),
        pytest.param("5000", "50", id="tier two is full"),
        pytest.param("20000", "125", id="the open tier"),
    ],
)
def test_graduated_charges_each_band_at_its_own_rate(quantity, amount_exact):
    used = f"event_id | occurred_at | quantity\n a | 2026-08-03T10:00 | {quantity}"
    assert texts(lines(GRADUATED, GRADUATED_TIERS, used), ["amount_exact"]) == [(amount_exact,)]


@pytest.mark.parametrize(
    ("quantity", "amount_exact"),
    [("1000", "15"), ("1001", "11.008"), ("5000", "43"), ("5001", "25.005")],
)
def test_volume_charges_all_units_at_the_rate_of_their_total(quantity, amount_exact):
    used = f"event_id | occurred_at | quantity\n a | 2026-08-03T10:00 | {quantity}"
    volume = GRADUATED.replace("graduated", "volume")
    assert texts(lines(volume, VOLUME_TIERS, used), ["amount_exact"]) == [(amount_exact,)]


def test_volume_lines_of_a_month_add_up_to_the_total_even_if_one_is_negative():
    """1,000 cost 15; one unit more costs 11.008 in all, so the second day takes 3.992 back."""
    used = """
        event_id | occurred_at      | quantity
        a        | 2026-08-03T10:00 | 1000
        b        | 2026-08-04T10:00 | 1
    """
    volume = GRADUATED.replace("graduated", "volume")
    assert texts(lines(volume, VOLUME_TIERS, used), ["amount_exact", "amount"]) == [("15", "15"), ("-3.992", "-3.99")]


def test_an_active_price_without_usage_has_one_line_on_its_first_active_day():
    used = "event_id | occurred_at | quantity\n a | 2026-07-31T10:00 | 1"
    found = lines(GRADUATED, GRADUATED_TIERS, used)
    assert texts(found, ["service_date", "quantity", "amount"]) == [
        ("2026-07-31", "1", "5.01"),
        ("2026-08-01", "0", "5"),
    ]


def test_counters_begin_anew_with_a_version_and_rounding_runs_on():
    """Until noon of the 3rd 0.0049, then 0.0051: 10 + 10 units are 0.049 + 0.051 = 0.10 exactly, not 0.05 + 0.05."""
    prices = (
        PER_UNIT.replace("effective_from_date", "effective_from_date | effective_from_at").replace(
            "2026-01-01          |", "2026-01-01 | null |"
        )
        + "    p@2 | p | per_unit | null | 2026-08-03T12:00 | 0.0051\n"
    )
    used = """
        event_id | occurred_at             | quantity
        a        | 2026-08-03T11:59:59.999999 | 10
        b        | 2026-08-03T12:00           | 10
    """
    both = ONE_TIER + "    p@2 | 1 | -1 | null | 0 | 0.0051 | 0 | 0\n"
    assert texts(lines(prices, both, used), ["price_version_id", *COLUMNS]) == [
        ("p@1", "2026-08-03", "0", "10", "0", "0.049", "0.05"),
        ("p@2", "2026-08-03", "0", "10", "0.049", "0.051", "0.05"),
    ]
