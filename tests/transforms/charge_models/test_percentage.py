"""Rules of the charge model percentage: the fee of one event, and what its allowance leaves to be charged."""

from decimal import Decimal
from itertools import accumulate

import pytest

from tests.transforms.charge_models.priced import priced
from transforms.charge_models.percentage import charged_value, is_free, percentage

TERMS = {"rate": "0.012", "fixed_amount": "0.10", "minimum_fee": None, "maximum_fee": None}


def fee(value, *, free=False, **terms):
    return priced(percentage, charged_value=value, is_free=free, **{**TERMS, **terms})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("50", "0.70", id="50 × 1.2 % + 0.10"),
        pytest.param("0", "0.10", id="an event of no value pays the fixed fee"),
        pytest.param("0.01", "0.10012", id="unrounded: 0.01 × 1.2 % + 0.10"),
    ],
)
def test_an_event_pays_a_share_of_its_value_and_a_fixed_fee(value, expected):
    assert fee(value) == Decimal(expected)


def test_the_interchange_plus_row_of_the_golden_figures():
    """0.45 % + 0.20 on 60.00: 0.27 + 0.20."""
    assert fee("60", rate="0.0045", fixed_amount="0.20") == Decimal("0.47")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("8.33", "0.20", id="0.19996 is below the minimum of 0.20"),
        pytest.param("8.333333333333", "0.20", id="a hair below: 0.199999999999996"),
        pytest.param("8.333333333334", "0.200000000000008", id="a hair above the minimum, it is the fee itself"),
        pytest.param("158.333333333333", "1.999999999999996", id="a hair below the maximum"),
        pytest.param("158.333333333334", "2", id="a hair above, it is the maximum of 2"),
        pytest.param("1000000", "2", id="far above the maximum"),
    ],
)
def test_a_fee_is_kept_within_its_bounds(value, expected):
    assert fee(value, minimum_fee="0.20", maximum_fee="2") == Decimal(expected)


def test_a_wholly_free_event_costs_nothing_not_even_the_minimum():
    assert fee("100", free=True, minimum_fee="0.20") == 0


def fees(values, *, free_events=None, free_amount=None, free_rule="first_exhausted", **terms):
    """The fees of the events of one period, in their order."""
    through = accumulate(map(Decimal, values))
    allowance = {"free_events": free_events, "free_amount": free_amount, "free_rule": free_rule}
    found = []
    for ordinal, (value, value_through) in enumerate(zip(values, through, strict=True), 1):
        position = {"ordinal": str(ordinal), "value_through": str(value_through), **allowance}
        charged = priced(charged_value, value=value, **position)
        found.append(fee(str(charged), free=priced(is_free, value=value, **position), **terms))
    return found


GOLDEN = ["200", "100", "100", "50"]


def test_the_free_phase_ends_when_the_first_allowance_is_used_up():
    """3 free events or 500 free: the three are gone at 400, so the fourth pays 50 × 1.2 % + 0.10 = 0.70."""
    assert fees(GOLDEN, free_events="3", free_amount="500") == [0, 0, 0, Decimal("0.70")]


def test_the_free_phase_goes_on_until_both_allowances_are_used_up():
    """The fourth brings the value to 450, within 500."""
    assert fees(GOLDEN, free_events="3", free_amount="500", free_rule="both_exhausted") == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("free_rule", "values", "expected"),
    [
        # 60 free within the three events: the second crosses it, pays 40 × 0.012 + 0.10, and the phase is over.
        pytest.param("first_exhausted", ["50", "50", "10", "10"], ["0", "0.58", "0.22", "0.22"], id="the value is gone first: it pays on its rest, the next on the whole"),
        pytest.param("first_exhausted", ["50", "10", "10", "10"], ["0", "0", "0.22", "0.22"], id="the value is gone exactly: the event that meets it is free"),
        pytest.param("first_exhausted", ["1", "1", "1", "100"], ["0", "0", "0", "1.30"], id="the events are gone first: no rest, 100 × 1.2 % + 0.10"),
        # Both: crossing the value within the three events is free, after them 80 are over the 60.
        pytest.param("both_exhausted", ["50", "50", "10", "10"], ["0", "0", "0", "0.22"], id="the value is gone, the events are not"),
        pytest.param("both_exhausted", ["10", "10", "10", "100"], ["0", "0", "0", "0.94"], id="the events are gone: the one that crosses the value pays (130 - 60) × 1.2 % + 0.10"),
        pytest.param("both_exhausted", ["10", "10", "10", "30", "5"], ["0", "0", "0", "0", "0.16"], id="the value is gone exactly with the fourth, the fifth pays 5 × 1.2 % + 0.10"),
    ],
)  # fmt: skip
def test_three_free_events_and_sixty_free_work_together_by_the_rule(free_rule, values, expected):
    found = fees(values, free_events="3", free_amount="60", free_rule=free_rule)
    assert found == [Decimal(each) for each in expected]


@pytest.mark.parametrize("free_rule", ["first_exhausted", "both_exhausted"])
def test_one_allowance_alone_decides_by_itself_whatever_the_rule(free_rule):
    """2 free events: the third pays 10 × 1.2 % + 0.10. 25 free: the third crosses, 5 × 1.2 % + 0.10."""
    assert fees(["10", "10", "10"], free_events="2", free_rule=free_rule) == [0, 0, Decimal("0.22")]
    assert fees(["10", "10", "10"], free_amount="25", free_rule=free_rule) == [0, 0, Decimal("0.16")]


def test_the_example_of_the_rest_that_is_charged():
    """500 free; 200, 100, 100, 150: the fourth goes from 400 to 550, so 50 × 1.2 % + 0.10 = 0.70."""
    assert fees(["200", "100", "100", "150"], free_amount="500") == [0, 0, 0, Decimal("0.70")]


@pytest.mark.parametrize("free_rule", ["first_exhausted", "both_exhausted"])
def test_a_free_amount_used_up_exactly_is_used_up_for_an_event_of_no_value(free_rule):
    """20 free: the event of 20 meets it and is free, as one of 0 before it; the next of 0 pays the fixed fee."""
    assert fees(["0", "20", "0"], free_amount="20", free_rule=free_rule) == [0, 0, Decimal("0.10")]


def test_a_free_event_is_free_although_the_free_amount_is_used_up_where_both_must_be():
    """3 events or 20 free: the third is within the events, the fourth within nothing."""
    found = fees(["20", "0", "0", "0"], free_events="3", free_amount="20", free_rule="both_exhausted")
    assert found == [0, 0, 0, Decimal("0.10")]


def test_a_rest_below_the_minimum_pays_the_minimum():
    """1 of 10 is over the 19 free: 0.112 would be less than 0.20."""
    assert fees(["10", "10"], free_amount="19", minimum_fee="0.20") == [0, Decimal("0.20")]


def test_without_an_allowance_the_first_event_pays():
    assert fees(["50"]) == [Decimal("0.70")]


def test_the_last_of_the_free_events_that_crosses_the_free_amount_pays_on_its_rest():
    """3 events or 60 free: the third goes from 50 to 90, so 30 × 1.2 % + 0.10 = 0.46; the events end after it."""
    assert fees(["25", "25", "40", "10"], free_events="3", free_amount="60") == [0, 0, Decimal("0.46"), Decimal("0.22")]
