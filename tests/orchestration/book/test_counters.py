"""What a book says about counters and rate curves: what is compiled, and what contradicts itself."""

from datetime import date

import pytest

from orchestration.book import accept_delivery, compile_tables
from tests.orchestration.book.samples import DAY, HEAD, accepted, problems

PRICE = """prices:
  - id: p
    product: api
    meter: tokens
    model: volume
    currency: USD
    {more}
    versions:
      - {{effective_from: 2026-01-01, {first}tiers: [{{up_to: null, unit_amount: "1"}}]}}
      - {{effective_from: 2026-03-01, {second}tiers: [{{up_to: null, unit_amount: "2"}}]}}
      - {{effective_from: 2026-05-01, {third}tiers: [{{up_to: null, unit_amount: "3"}}]}}
plans: [{{id: payg, prices: [p]}}]
"""
CONTINUE = "on_price_change: continue, "


def book(first="", second="", third="", more="additive: false"):
    return HEAD + PRICE.format(first=first, second=second, third=third, more=more)


def heads(state):
    versions = compile_tables(state, billing_starts_on=DAY)["price_versions"]
    return {row["price_version_id"]: row["counter_version_id"] for row in versions.to_dicts()}


@pytest.mark.parametrize(
    ("third", "expected"),
    [
        pytest.param(
            CONTINUE, {"p@2026-03-01": "p@2026-01-01", "p@2026-05-01": "p@2026-01-01"}, id="one after the other"
        ),
        pytest.param("", {"p@2026-03-01": "p@2026-01-01", "p@2026-05-01": None}, id="until one begins anew"),
    ],
)
def test_a_version_that_continues_has_the_counter_that_the_first_began(third, expected):
    assert heads(accepted(book(second=CONTINUE, third=third)).state) == {"p@2026-01-01": None, **expected}


def test_the_first_version_has_nothing_to_continue():
    assert heads(accepted(book(first=CONTINUE)).state)["p@2026-01-01"] is None


def test_a_correction_decides_for_itself_whether_it_continues():
    corrected = book(second=CONTINUE).replace(
        "plans:",
        '      - {supersedes: 2026-03-01, reason: r, approved_by: b, tiers: [{up_to: null, unit_amount: "4"}]}\nplans:',
    )
    found = heads(accepted(corrected).state)
    assert found["p@2026-03-01"] == "p@2026-01-01"
    assert found["p@2026-03-01#1"] is None


OVERRIDE = """contract_id: c1
account_id: acme
plan: payg
starts_on: 2026-04-01
overrides:
  - price: p
    versions:
      - {on_price_change: continue, tiers: [{up_to: null, unit_amount: "7"}]}
      - {effective_from: 2026-06-01, on_price_change: continue, tiers: [{up_to: null, unit_amount: "8"}]}
"""


def test_an_override_continues_the_plans_version_that_it_takes_over_from():
    state = accepted(book()).state
    found = heads(accept_delivery(state, DAY, {}, {"c.yaml": OVERRIDE}).state)
    assert found["c1/p@2026-04-01"] == "p@2026-03-01"
    assert found["c1/p@2026-06-01"] == "p@2026-03-01"


def test_an_override_of_another_model_cannot_continue():
    other = OVERRIDE.replace("  - price: p\n", "  - price: p\n    model: graduated\n")
    (found,) = accept_delivery(accepted(book()).state, DAY, {}, {"c.yaml": other}).problems
    assert "cannot continue the counter of p, which is volume" in str(found)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        pytest.param({"second": CONTINUE + "tier_period: year, "}, "which has another tier_period or pool", id="span"),
        pytest.param({"second": CONTINUE + "pool: payer, "}, "which has another tier_period or pool", id="owner"),
        pytest.param({"more": "group_by_shared_tiers: true"}, "group_by_shared_tiers without group_by", id="no groups"),
        pytest.param(
            {"first": 'pool: payer, minimum: "5", '}, "minimum and maximum of a price with pool: payer", id="bound"
        ),
    ],
)
def test_what_contradicts_itself_is_refused(more, message):
    found = [str(problem) for problem in accepted(book(**more)).problems]
    assert any(message in problem for problem in found), found


def test_a_flat_price_has_no_pool():
    flat = (
        "prices: [{id: p, product: api, model: flat, currency: USD, "
        'versions: [{effective_from: 2026-01-01, pool: payer, flat_amount: "1"}]}]\nplans: [{id: payg, prices: [p]}]\n'
    )
    (found,) = accepted(HEAD + flat).problems
    assert found.message == "pool is not a term of model flat: it counts nothing."


def test_a_known_version_keeps_what_it_says_about_counters():
    known = accepted(book()).state
    (found,) = accepted(book(second="tier_period: year, "), day=date(2026, 8, 20), known=known).problems
    assert found.rule == "version_changed"
    assert "tiers per year" in found.message


CURVE = """prices:
  - id: p
    product: api
    meter: tokens
    model: per_unit
    currency: USD
    versions:
      - effective_from: 2026-01-01
        unit_amount: "0.20"
        intervals: {}
plans: [{{id: payg, prices: [p]}}]
"""


def test_groups_of_a_rate_curve_have_no_tiers_to_share():
    curve = CURVE.format('[{starts_at: 08:00, ends_at: 20:00, unit_amount: "3"}]')
    more = "    meter: tokens\n    group_by: [region]\n    group_by_shared_tiers: true\n"
    (found,) = problems(HEAD + curve.replace("    meter: tokens\n", more))
    assert "prices.p.versions.0.intervals: the hours of a rate curve have prices and no tiers to share" in found


def test_intervals_are_laid_over_the_price_of_the_rest_of_the_week():
    intervals = (
        '[{days: [mon], starts_at: 08:00, ends_at: 20:00, unit_amount: "3", per: "10"}, '
        '{days: [mon, sun], starts_at: 20:00, ends_at: 24:00, unit_amount: "0.1"}]'
    )
    curves = compile_tables(accepted(HEAD + CURVE.format(intervals)).state, billing_starts_on=DAY)["rate_curves"]
    names = ("weekday", "starts_at_minute", "unit_amount")
    found = [
        tuple(format(row[name].normalize(), "f") if name == "unit_amount" else row[name] for name in names)
        for row in curves.to_dicts()
    ]
    assert [row for row in found if row[0] in (1, 2, 7)] == [
        (1, 0, "0.2"),
        (1, 480, "0.3"),
        (1, 1200, "0.1"),
        (2, 0, "0.2"),
        (7, 0, "0.2"),
        (7, 1200, "0.1"),
    ]


@pytest.mark.parametrize(
    ("intervals", "message"),
    [
        pytest.param("[]", "there is no interval.", id="none"),
        pytest.param(
            '[{starts_at: 20:00, ends_at: 06:00, unit_amount: "1"}]', "ends at 06:00 and starts at 20:00", id="midnight"
        ),
        pytest.param(
            '[{starts_at: 08:00, ends_at: 12:00, unit_amount: "1"}, {days: [fri], starts_at: 11:59, ends_at: 13:00, unit_amount: "2"}]',
            "11:59 to 13:00 overlaps intervals.0",
            id="overlap",
        ),
    ],
)
def test_intervals_that_cannot_be_are_refused(intervals, message):
    found = [str(problem) for problem in accepted(HEAD + CURVE.format(intervals)).problems]
    assert any(message in problem for problem in found), found


def test_intervals_may_touch_and_days_differ():
    intervals = (
        '[{starts_at: 08:00, ends_at: 12:00, unit_amount: "1"}, {starts_at: 12:00, ends_at: 13:00, unit_amount: "2"}, '
        '{days: [fri], starts_at: 13:00, ends_at: 14:00, unit_amount: "3"}, '
        '{days: [mon], starts_at: 13:00, ends_at: 15:00, unit_amount: "4"}]'
    )
    assert accepted(HEAD + CURVE.format(intervals)).problems == []


def test_a_curve_over_a_meter_that_does_not_add_up_is_refused_by_name():
    levels = HEAD.replace("aggregation: sum", "aggregation: max", 1) + CURVE.format(
        '[{starts_at: 08:00, ends_at: 12:00, unit_amount: "1"}]'
    )
    found = [problem.rule for problem in accepted(levels).problems]
    assert "cannot_be_rated_yet" in found
