"""The reference on reversals and amendments: semantics §1."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.reference import Graduated, Meter, Percentage, PerUnit, Tier, expected
from tests.oracle.small_worlds import GOLDEN_TIERS, price, rows, use, world

D = Decimal
DAY = ("2026-08-03T10:00Z", "2026-08-04T10:00Z", "2026-08-05T10:00Z")
EACH = price(PerUnit(D(1)))


def undo(event_id, **changes):
    """A reversal with a time and a quantity of its own, which say nothing."""
    return use("2026-08-25T10:00Z", "99", **{"id": f"undo {event_id}", "reverses": event_id} | changes)


def instead(event_id, instant, quantity, **changes):
    return use(instant, quantity, **{"id": f"instead of {event_id}", "amends": event_id} | changes)


@pytest.mark.parametrize("late", [date(2026, 8, 1), date(2026, 9, 10)])
def test_usage_and_its_reversal_are_nothing(late):
    lonely = use(DAY[0], "7", id="a")
    for terms in (Graduated(GOLDEN_TIERS), PerUnit(D(1)), Percentage(D("0.01"), D("0.30"))):
        with_it = expected(world([price(terms)], [lonely, undo("a", delivery_date=late)], as_of=late))
        assert with_it.lines == expected(world([price(terms)], [], as_of=late)).lines
        assert with_it.outcomes == {("", "a", "revenue"): "reversed", ("", "undo a", "revenue"): "reversed"}


def test_a_reversal_takes_time_and_cells_of_its_event():
    used = [use(DAY[0], "7", id="a"), use(DAY[1], "5", id="b")]
    result = expected(world([EACH], [*used, undo("a", dimensions={"model": "x"})]))
    assert rows(result, "service_date", "quantity", "amount_exact") == [(date(2026, 8, 4), 5, 5)]


def test_a_second_reversal_is_a_duplicate_and_an_early_one_waits():
    used = [use(DAY[0], "7", id="a"), use(DAY[1], "5", id="b", delivery_date=date(2026, 8, 8))]
    undone = [undo("a"), undo("a", id="again"), undo("b")]
    early = expected(world([EACH], [*used, *undone], as_of=date(2026, 8, 7)))
    assert early.outcomes["", "undo b", "revenue"] == "suspense:reverses_unknown"
    assert ("", "again", "revenue") not in early.outcomes
    later = expected(world([EACH], [*used, *undone], as_of=date(2026, 8, 8)))
    assert set(later.outcomes.values()) == {"reversed"}
    assert rows(later, "quantity") == [(0,)]


def test_a_reversal_finds_its_event_by_source():
    used = [use(DAY[0], "7", id="a"), use(DAY[0], "5", id="a", source="edge")]
    assert rows(expected(world([EACH], [*used, undo("a", source="edge")])), "quantity") == [(7,)]


def test_an_amendment_is_a_reversal_and_a_new_event():
    result = expected(world([EACH], [use(DAY[0], "7", id="a"), instead("a", DAY[1], "2.5")]))
    assert rows(result, "service_date", "quantity") == [(date(2026, 8, 4), Fraction("2.5"))]
    assert result.outcomes == {("", "a", "revenue"): "reversed", ("", "instead of a", "revenue"): "priced"}


def test_an_amendment_can_be_amended_and_reversed():
    chain = [use(DAY[0], "7", id="a"), instead("a", DAY[0], "6", id="b"), instead("b", DAY[0], "5", id="c")]
    assert rows(expected(world([EACH], chain)), "quantity") == [(5,)]
    assert rows(expected(world([EACH], [*chain, undo("c")])), "quantity") == [(0,)]


def test_who_amends_a_duplicate_waits_for_ever():
    used = [
        use(DAY[0], "7", id="a"),
        instead("b", DAY[0], "3", id="c"),
        undo("a"),
        instead("a", DAY[0], "5", id="b", delivery_date=date(2026, 8, 8)),  # comes second: it is a duplicate
    ]
    result = expected(world([EACH], used))
    assert rows(result, "quantity") == [(0,)]
    assert result.outcomes["", "c", "revenue"] == "suspense:reverses_unknown"


def test_an_early_amendment_waits_with_its_new_event():
    used = [use(DAY[0], "7", id="a", delivery_date=date(2026, 8, 8)), instead("a", DAY[1], "2")]
    early = expected(world([EACH], used, as_of=date(2026, 8, 7)))
    assert rows(early, "quantity") == [(0,)]
    assert early.outcomes == {("", "instead of a", "revenue"): "suspense:reverses_unknown"}
    assert rows(expected(world([EACH], used, as_of=date(2026, 8, 8))), "quantity") == [(2,)]


def test_a_reversal_of_an_amendment_that_waits_has_an_outcome():
    result = expected(world([EACH], [instead("a", DAY[1], "2"), undo("instead of a")]))
    assert result.outcomes == {
        ("", "instead of a", "revenue"): "suspense:reverses_unknown",
        ("", "undo instead of a", "revenue"): "reversed",
    }


def test_the_allowance_goes_to_the_next_event_in_order():
    terms = Percentage(D("0.10"), free_events=1)
    used = [use(day, "10", id=name) for name, day in zip("abc", DAY, strict=True)]
    # a was free; without it b is, and c pays as before
    result = expected(world([price(terms)], [*used, undo("a")]))
    assert rows(result, "service_date", "amount_exact") == [(date(2026, 8, 4), 0), (date(2026, 8, 5), 1)]


def test_the_first_flat_moves_to_the_first_usage_that_is_left():
    tiers = Graduated((Tier(None, D(1), D(5)),))
    used = [use(DAY[0], "7", id="a"), use(DAY[1], "5", id="b")]
    assert rows(expected(world([price(tiers)], [*used, undo("a")])), "service_date", "amount_exact") == [
        (date(2026, 8, 4), 10)
    ]


def test_a_count_counts_back():
    counted = {"meters": (Meter("tokens", aggregation="count"),)}
    used = [use(DAY[0], "7", id="a"), use(DAY[0], "5", id="b")]
    assert rows(expected(world([EACH], [*used, undo("a")], **counted)), "quantity") == [(1,)]


@settings(max_examples=50, deadline=None)
@given(
    quantities=st.lists(st.decimals(0, 3000, places=3), min_size=1, max_size=8),
    gone=st.sets(st.integers(0, 7)),
    terms=st.sampled_from([Graduated(GOLDEN_TIERS), Percentage(D("0.01"), D("0.10"), 2, D(100))]),
)
def test_what_is_reversed_might_as_well_not_have_been(quantities, gone, terms):
    used = [use(f"2026-08-{day:02}T10:00Z", str(quantity), id=str(day)) for day, quantity in enumerate(quantities, 1)]
    undone = [undo(event.id) for number, event in enumerate(used) if number in gone]
    left = [event for number, event in enumerate(used) if number not in gone]
    assert expected(world([price(terms)], [*used, *undone])).lines == expected(world([price(terms)], left)).lines
