"""A version is never edited: what a later delivery may and may not say about a known one (faults F48, F50 to F52)."""

from datetime import date

import pytest

from orchestration.book import Document, compile_tables, load_state
from tests.orchestration.book.samples import DAY, accepted, one_price, problems, rules

NEXT, THIRD = date(2026, 8, 2), date(2026, 8, 3)
OLD = '{effective_from: 2026-01-01, unit_amount: "1"}'
FIX = '{supersedes: 2026-01-01, reason: typo, approved_by: ann, unit_amount: "2"}'
FIX_AGAIN = '{supersedes: 2026-01-01, reason: another typo, approved_by: bob, unit_amount: "3"}'
LATER = '{effective_from: 2026-09-01, unit_amount: "4"}'


def known(*versions, day=DAY):
    return accepted(one_price("per_unit", *versions), day=day).state


def versions_of(state):
    frame = compile_tables(state, billing_starts_on=DAY)["price_versions"]
    wanted = ("price_version_id", "recorded_on", "superseded_on", "superseded_by", "reason", "approved_by")
    return [tuple(row[name] for name in wanted) for row in frame.to_dicts()]


def test_f52_a_known_version_that_changed_is_refused_with_what_to_write():
    edited = one_price("per_unit", OLD.replace('"1"', '"1.5"'))
    assert problems(edited, known=known(OLD), day=NEXT) == [
        (
            "book.yaml:6: prices.p.versions.0: the version of 2026-01-01 is known since the delivery of 2026-08-01 "
            "(book.yaml:6) as USD: per_unit 1; now it says USD: per_unit 1.5. Put it back. To correct it, add beside it a "
            "version {supersedes: 2026-01-01, reason: ..., approved_by: ..., and the new terms}; for a new price from a "
            "later day, add a version with that effective_from."
        )
    ]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param('{effective_from: 2026-01-01, unit_amount: "1", rounding: down}', id="another rounding"),
        pytest.param('{effective_from: 2026-01-01, unit_amount: "1", per: "10000"}', id="F48 unit slip of 10,000"),
        pytest.param(
            '{effective_from: 2026-01-01, currencies: {USD: {unit_amount: "1"}, EUR: {unit_amount: "1"}}}',
            id="another currency added",
        ),
        pytest.param(LATER, id="gone"),
    ],
)
def test_f52_whatever_changes_an_amount_of_the_past_is_refused(other):
    refused = accepted(one_price("per_unit", other), known=known(OLD), day=NEXT)
    assert not refused.accepts_price_book
    assert refused.state == known(OLD)


@pytest.mark.parametrize(
    "same",
    [
        pytest.param('{effective_from: 2026-01-01, unit_amount: "1.000"}', id="another notation"),
        pytest.param('{effective_from: 2026-01-01, unit_amount: "1000", per: "1000"}', id="per a thousand"),
        pytest.param('{effective_from: 2026-01-01, unit_amount: "1", rounding: half_up}', id="a default written out"),
    ],
)
def test_the_same_terms_in_other_words_are_no_change(same):
    state = accepted(one_price("per_unit", same), known=known(OLD), day=NEXT).state
    assert versions_of(state) == [("p@2026-01-01", DAY, None, None, None, None)]


def test_f50_a_new_version_may_start_in_the_past_and_known_ones_stay():
    state = accepted(
        one_price("per_unit", OLD, '{effective_from: 2026-07-15, unit_amount: "9"}'), known=known(OLD), day=NEXT
    ).state
    assert versions_of(state) == [
        ("p@2026-01-01", DAY, None, None, None, None),
        ("p@2026-07-15", NEXT, None, None, None, None),
    ]


def test_a_correction_supersedes_and_both_stay():
    state = accepted(one_price("per_unit", OLD, FIX), known=known(OLD), day=NEXT).state
    assert versions_of(state) == [
        ("p@2026-01-01", DAY, NEXT, "p@2026-01-01#1", None, None),
        ("p@2026-01-01#1", NEXT, None, None, "typo", "ann"),
    ]


def test_a_superseded_version_may_leave_the_document():
    state = accepted(one_price("per_unit", FIX), known=known(OLD), day=NEXT).state
    again = accepted(one_price("per_unit", FIX, LATER), known=state, day=THIRD).state
    assert [row[0] for row in versions_of(again)] == ["p@2026-01-01", "p@2026-01-01#1", "p@2026-09-01"]


def test_a_second_correction_supersedes_the_first():
    state = accepted(one_price("per_unit", OLD, FIX), known=known(OLD), day=NEXT).state
    state = accepted(one_price("per_unit", OLD, FIX, FIX_AGAIN), known=state, day=THIRD).state
    assert versions_of(state) == [
        ("p@2026-01-01", DAY, NEXT, "p@2026-01-01#1", None, None),
        ("p@2026-01-01#1", NEXT, THIRD, "p@2026-01-01#2", "typo", "ann"),
        ("p@2026-01-01#2", THIRD, None, None, "another typo", "bob"),
    ]


def test_a_standing_correction_that_vanished_is_refused():
    state = accepted(one_price("per_unit", OLD, FIX), known=known(OLD), day=NEXT).state
    assert rules(one_price("per_unit", OLD), known=state, day=THIRD) == [(6, "version_vanished")]


def test_version_and_correction_may_come_in_one_delivery():
    assert versions_of(known(OLD, FIX)) == [
        ("p@2026-01-01", DAY, DAY, "p@2026-01-01#1", None, None),
        ("p@2026-01-01#1", DAY, None, None, "typo", "ann"),
    ]


def test_a_correction_of_nothing_is_refused():
    assert problems(one_price("per_unit", LATER, FIX)) == [
        (
            "book.yaml:7: prices.p.versions.1: there is no version of 2026-01-01 to supersede. "
            "Write the effective_from of the version that it corrects."
        )
    ]


@pytest.mark.parametrize(
    ("was", "written", "line", "rule"),
    [
        pytest.param("unit: token", "unit: kilotoken", 3, "changed_in_place", id="F48 unit of a meter"),
        pytest.param(
            "aggregation: sum, dimensions", "aggregation: count, dimensions", 3, "changed_in_place", id="aggregation"
        ),
        pytest.param("[model, region]", "[model, region, zone]", 3, "changed_in_place", id="dimensions"),
        pytest.param(
            "{id: tokens, unit: token, aggregation: sum, dimensions: [model, region]}, ",
            "",
            5,
            "unknown_reference",
            id="meter in use gone",
        ),
        pytest.param(
            ", {id: volume, unit: USD, aggregation: sum, value: amount}", "", None, "vanished", id="meter gone"
        ),
        pytest.param(
            "model: per_unit", "model: per_unit, where: {model: x}", 5, "changed_in_place", id="condition of a price"
        ),
        pytest.param("prices: [p]", "prices: []", 7, "vanished", id="price gone from the plan"),
        pytest.param(
            "prices: [p]",
            "prices: [{price: p, effective_from: 2026-07-01}]",
            7,
            "changed_in_place",
            id="price later in the plan",
        ),
        pytest.param("id: payg", "id: payg2", None, "vanished", id="plan gone"),
    ],
)
def test_what_has_no_date_never_changes_in_place(was, written, line, rule):
    book = one_price("per_unit", OLD)
    assert book.count(was) == 1
    assert (line, rule) in rules(book.replace(was, written), known=known(OLD), day=NEXT)


def test_a_price_that_vanished_whole_is_refused():
    book = one_price("per_unit", OLD).split("prices:")[0]
    assert "prices.p: price p, known from book.yaml:5, is gone." in problems(book, known=known(OLD), day=NEXT)[0]


def test_what_is_gone_with_its_file_is_told_at_a_file_that_is_there():
    files = {
        "head.yaml": one_price("per_unit", OLD).split("prices:")[0],
        "prices.yaml": "prices:" + one_price("per_unit", OLD).split("prices:", 1)[1],
    }
    state = accepted(files).state
    del files["prices.yaml"]
    assert (
        problems(files, known=state, day=NEXT)[0]
        == "head.yaml: prices.p: price p, known from prices.yaml:2, is gone. Put it back: absence is never a change."
    )


def test_comments_names_and_additions_are_taken():
    book = one_price("per_unit", OLD).replace("name: API", "name: The API").replace("prices: [p]", "prices: [p, q]")
    more = "  - {id: q, product: api, meter: volume, model: per_unit, currency: USD, versions: [" + OLD + "]}\nplans:"
    book = "# reviewed\n" + book.replace("plans:", more)
    state = accepted(book, known=known(OLD), day=NEXT).state
    assert [row[:2] for row in versions_of(state)] == [("p@2026-01-01", DAY), ("q@2026-01-01", NEXT)]


def test_no_delivery_is_no_change():
    state = known(OLD)
    assert accepted("", known=state, day=NEXT).state == state


def test_replaying_the_accepted_documents_gives_the_same_state():
    days = [(DAY, (OLD,)), (NEXT, (OLD, FIX)), (THIRD, (FIX, FIX_AGAIN))]
    documents = [Document(day, "price_book", "book.yaml", one_price("per_unit", *versions)) for day, versions in days]
    state = known(OLD)
    for day, versions in days[1:]:
        state = accepted(one_price("per_unit", *versions), known=state, day=day).state
    assert versions_of(load_state(documents[::-1])) == versions_of(state)
    assert load_state(documents) == state
