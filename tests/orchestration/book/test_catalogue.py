"""One book of many files: ids, intervals, references, prices that cannot both be meant."""

from datetime import date

import pytest

from orchestration.book import EMPTY, accept_delivery
from tests.orchestration.book.samples import DAY, HEAD, accepted, one_price, problems, rules

ONE, TWO = '{effective_from: 2026-01-01, unit_amount: "1"}', '{effective_from: 2026-02-01, unit_amount: "2"}'


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        pytest.param(
            ONE,
            '{effective_from: 2026-01-01, unit_amount: "2"}',
            "book.yaml:7: prices.p.versions.1: effective_from 2026-01-01 (book.yaml:7) overlaps effective_from "
            "2026-01-01 (book.yaml:6): both hold from 2026-01-01.",
            id="F43 the same start twice",
        ),
        pytest.param(
            '{effective_from: 2026-01-01T00:00:00+02:00, unit_amount: "1"}',
            '{effective_from: 2025-12-31T22:00:00Z, unit_amount: "2"}',
            "book.yaml:7: prices.p.versions.1: effective_from 2025-12-31T22:00:00Z (book.yaml:7) overlaps effective_from "
            "2025-12-31T22:00:00Z (book.yaml:6): both hold from 2025-12-31T22:00:00Z.",
            id="F43 the same instant in two zones",
        ),
        pytest.param(
            '{effective_from: 2026-01-01, effective_to: 2026-03-01, unit_amount: "1"}',
            TWO,
            "book.yaml:6: prices.p.versions.0: effective_from 2026-01-01 (book.yaml:6) overlaps effective_from "
            "2026-02-01 (book.yaml:7): from 2026-02-01 to 2026-03-01.",
            id="F43 an interval that reaches into the next",
        ),
        pytest.param(
            ONE,
            '{effective_from: 2026-01-01T12:00:00Z, unit_amount: "2"}',
            "book.yaml:6: prices.p.versions.0: effective_from 2026-01-01 (book.yaml:6) overlaps effective_from "
            "2026-01-01T12:00:00Z (book.yaml:7): which of them comes first depends on the account's zone.",
            id="F43 a day and an instant of it",
        ),
    ],
)
def test_overlapping_versions_are_refused_with_both_rows(first, second, shown):
    (found,) = problems(one_price("per_unit", first, second))
    assert found == f"{shown} Keep one; to correct a known version write supersedes, reason and approved_by."


@pytest.mark.parametrize(
    "second",
    [
        pytest.param('{effective_from: 2026-01-01T12:00:00.000001Z, unit_amount: "2"}', id="just after every midnight"),
        pytest.param('{effective_from: 2025-12-31T09:59:59Z, unit_amount: "2"}', id="just before every midnight"),
        pytest.param(TWO, id="another day"),
    ],
)
def test_versions_that_follow_each_other_in_every_zone_are_taken(second):
    assert problems(one_price("per_unit", ONE, second)) == []


def test_the_end_that_a_version_states_must_be_the_start_of_the_next():
    stated = ONE.replace("unit", "effective_to: 2026-02-01, unit")
    assert problems(one_price("per_unit", stated, TWO)) == []
    assert rules(one_price("per_unit", ONE.replace("unit", "effective_to: 2026-01-20, unit"), TWO)) == [
        (6, "cannot_be_rated_yet")
    ]
    assert rules(one_price("per_unit", ONE, TWO.replace("unit", "effective_to: 2026-03-01, unit"))) == [
        (7, "cannot_be_rated_yet")
    ]


@pytest.mark.parametrize(
    ("was", "written", "shown"),
    [
        pytest.param(
            "product: api",
            "product: apu",
            "book.yaml:5: prices.p.product: there is no product apu. Did you mean api?",
            id="product",
        ),
        pytest.param(
            "meter: tokens",
            "meter: words",
            "book.yaml:5: prices.p.meter: there is no meter words. Add the meter, or correct the name.",
            id="meter",
        ),
        pytest.param(
            "currency: USD,",
            "currency: USD, where: {modell: gpt-4},",
            "book.yaml:5: prices.p.where.modell: meter tokens declares no dimension modell. "
            "Declared at book.yaml:3: model, region.",
            id="dimension",
        ),
        pytest.param(
            "prices: [p]",
            "prices: [p, q]",
            "book.yaml:7: plans.payg.prices.1: there is no price q. Add the price, or correct the name.",
            id="price",
        ),
        pytest.param(
            "prices: [p]",
            "prices: [p, {price: p, effective_from: 2026-02-01}]",
            "book.yaml:7: plans.payg.prices.p: price p stands twice, also as number 1. Keep one of them.",
            id="price twice in a plan",
        ),
        pytest.param(
            "reporting_currency: USD",
            "reporting_currency: USD, default_plan: pay",
            "book.yaml:1: company.default_plan: there is no plan pay. Did you mean payg?",
            id="default plan",
        ),
    ],
)
def test_a_reference_to_nothing_is_refused_with_the_nearest_name(was, written, shown):
    book = one_price("per_unit", ONE)
    assert problems(book.replace(was, written)) == [shown]


def test_a_reference_to_something_broken_is_not_a_second_problem():
    book = one_price("per_unit", ONE).replace("unit: token,", "unit: token, colour: red,")
    assert rules(book) == [(3, "unknown_key")]


def two_prices(first, second, more=""):
    listed = "".join(
        f"  - {{id: {name}, product: api, meter: tokens, model: per_unit, currency: USD, {said}versions: [{ONE}]}}\n"
        for name, said in (("a", first), ("b", second))
    )
    return f"{HEAD}prices:\n{listed}plans: [{{id: payg, prices: [a, b]}}]\n{more}"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("", "", id="no condition at all"),
        pytest.param("", "where: {model: x}, ", id="one matches everything"),
        pytest.param("where: {model: x}, ", "where: {model: x}, ", id="the same condition"),
        pytest.param("where: {model: x}, ", "where: {region: eu}, ", id="model x in region eu matches both"),
        pytest.param("where: {model: x}, ", "where: {model: x, region: eu}, ", id="one is narrower"),
    ],
)
def test_two_revenue_prices_of_a_plan_that_match_the_same_usage_are_refused_with_both(first, second):
    (shown,) = problems(two_prices(first, second))
    assert shown.startswith("book.yaml:7: plans.payg.prices.1: b and a can both match usage of tokens: ")
    assert "(book.yaml:6) and" in shown
    assert "(book.yaml:5)." in shown


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("where: {model: x}, ", "where: {model: y}, ", id="different values of one dimension"),
        pytest.param("where: {model: x, region: eu}, ", "where: {model: y}, ", id="different in the shared one"),
        pytest.param("", "additive: true, ", id="one is additive"),
        pytest.param("", "kind: cost, ", id="one is a cost"),
    ],
)
def test_prices_that_never_meet_or_are_meant_to_are_taken(first, second):
    assert problems(two_prices(first, second)) == []


def test_files_of_one_delivery_are_one_book():
    files = {"a.yaml": HEAD, "b.yaml": one_price("per_unit", ONE).replace(HEAD, "")}
    accepted_book = accept_delivery(EMPTY, DAY, files, {})
    assert accepted_book.problems == []
    assert set(accepted_book.state.book.prices) == {"p"}


def test_an_id_in_two_files_is_refused_with_both_places():
    files = {"a.yaml": HEAD, "b.yaml": "\nproducts: [{id: api, name: Other}]\n"}
    assert problems(files) == ["b.yaml:2: products.api: api stands twice; first at a.yaml:2. Keep one of them."]


def test_a_second_company_is_refused():
    files = {"a.yaml": HEAD, "b.yaml": "company: {name: B, reporting_currency: USD}\n"}
    assert problems(files) == ["b.yaml:1: company: the company stands twice; first at a.yaml:1. Keep one of them."]


def test_a_book_without_a_company_is_refused():
    assert rules({"a.yaml": "products: []\n"}) == [(None, "missing")]


def test_a_percentage_of_counted_events_is_refused():
    version = '{effective_from: 2026-01-01, percentage: {rate: "0.01"}}'
    book = one_price("percentage", version).replace("aggregation: sum", "aggregation: count")
    assert rules(book) == [(5, "contradiction")]


def test_a_refused_book_leaves_the_book_of_the_day_before():
    known = accepted(one_price("per_unit", ONE)).state
    refused = accepted("nonsense: 1\n", known=known, day=date(2026, 8, 2))
    assert not refused.accepts_price_book
    assert refused.state == known
    assert refused.state.meters == {"tokens": ("model", "region"), "volume": ()}


FEE = '{effective_from: 2026-01-01, percentage: {rate: "0.002", fixed: "0.01"}}'
MARKUP = FEE.replace("0.002", "0.003")


def pass_through(cost: str = FEE, fee: str = FEE, more: str = "", kind: str = "cost") -> str:
    about = "product: api, meter: tokens, model: percentage, currency: USD"
    return f"""{HEAD}prices:
  - {{id: network, {about}, kind: {kind}, versions: [{cost}]}}
  - {{id: passed, {about}, passes_through: network, {more}versions: [{fee}]}}
  - {{id: own, {about}, versions: [{MARKUP}]}}
plans: [{{id: payg, prices: [network, passed, own]}}]
"""


def test_a_cost_is_passed_through_beside_a_price_of_our_own():
    assert problems(pass_through()) == []


@pytest.mark.parametrize(
    ("book", "message"),
    [
        pytest.param(
            pass_through(fee=MARKUP),
            "its versions differ from those of network, which it passes through.",
            id="other terms than the cost has",
        ),
        pytest.param(
            pass_through(more="where: {model: a}, "),
            "its where differ from those of network, which it passes through.",
            id="of a part of it",
        ),
        pytest.param(
            pass_through(kind="revenue").replace("prices: [network, passed, own]", "prices: [passed, own]"),
            "there is no cost price network.",
            id="of no cost",
        ),
        pytest.param(
            pass_through(more="kind: cost, "), "a cost passes nothing through.", id="a cost that passes through"
        ),
        pytest.param(
            *[pass_through(*[FEE.replace("percentage:", 'minimum: "5", percentage:')] * 2)],
            "what is passed through is what it cost, no less and no more.",
            id="a bound of it",
        ),
    ],
)
def test_what_is_passed_through_is_a_cost_as_it_is(book, message):
    assert message in [problem.message for problem in accepted(book).problems]
