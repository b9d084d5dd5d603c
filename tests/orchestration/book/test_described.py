"""The terms of a version in a few words: every term that changes an amount is told, a default is not."""

import pytest

from orchestration.book.terms import described
from tests.orchestration.book.samples import accepted, one_price


def says(model: str, terms: str) -> str:
    state = accepted(one_price(model, f"{{effective_from: 2026-01-01, {terms}}}")).state
    (version,) = state.book.prices["p"].versions
    return described(version)


TIERS = 'tiers: [{up_to: "5", unit_amount: "2", flat_amount: "1"}, {up_to: null, unit_amount: "1"}]'
FEE = 'percentage: {rate: "0.0120", fixed: "0.10"'


@pytest.mark.parametrize(
    ("model", "terms", "words"),
    [
        pytest.param("per_unit", 'unit_amount: "0.10"', "per_unit 0.1", id="a plain price"),
        pytest.param(
            "per_unit", 'unit_amount: "0.10", rounding: down', "per_unit 0.1, rounded down", id="another rounding"
        ),
        pytest.param(
            "per_unit",
            'unit_amount: "0.10", round_at: event, free_units: "3"',
            "0.1 a unit, event by event, 3 free",
            id="rounded by event",
        ),
        pytest.param(
            "graduated",
            f"{TIERS}, flat_on_zero: none",
            "graduated 2 up to 5 (+1), then 1, no flat on zero",
            id="no flat on zero",
        ),
        pytest.param(
            "per_unit",
            'unit_amount: "0.10", unit_conversion: {divide: "1000", round: up}',
            "per_unit 0.1, quantity divided by 1000 and rounded up",
            id="converted to whole units",
        ),
        pytest.param(
            "per_unit",
            'unit_amount: "30", unit_conversion: {divide: "1000"}',
            "per_unit 0.03",
            id="a divisor without rounding is notation",
        ),
        pytest.param(
            "per_unit",
            'unit_amount: "10", unit_conversion: {multiply: "1.2"}',
            "per_unit 2, quantity times 6",
            id="multiplied: 1.2 is 6 / 5",
        ),
        pytest.param("percentage", f"{FEE}}}", "0.012 of the value + 0.10 per event", id="a fee"),
        pytest.param(
            "percentage",
            f'{FEE}, min: "0.2", max: "5", free_events: 3, free_amount: "500", free_rule: both_exhausted}}',
            "0.012 of the value + 0.10 per event, at least 0.2, at most 5, 3 events free, 500 free, "
            "until both are used up",
            id="a fee with bounds and allowances",
        ),
    ],
)
def test_a_version_says_what_it_charges(model, terms, words):
    assert says(model, terms) == f"USD: {words}"
