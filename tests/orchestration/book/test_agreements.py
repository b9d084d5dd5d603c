"""Contracts: what they may say, their states through deliveries, their own prices."""

from datetime import date

import pytest

from orchestration.book import EMPTY, Document, accept_delivery, compile_tables, load_state
from tests.orchestration.book.samples import DAY, DESIGN_EXAMPLE, accepted

NEXT = date(2026, 8, 10)
BOOK = accepted(DESIGN_EXAMPLE, path="llm.yaml").state
PLAIN = "contract_id: c1\naccount_id: acme\nplan: payg\nstarts_on: 2026-09-01\n"
OVERRIDE = (
    PLAIN
    + 'overrides:\n  - price: gpt4_input\n    model: per_unit\n    versions:\n      - {unit_amount: "7", per: "1000000"}\n'
)


def delivered(*contents, known=BOOK, day=DAY):
    return accept_delivery(known, day, {}, {f"c{number}.yaml": content for number, content in enumerate(contents)})


def shown(*contents, **more):
    return [str(problem) for problem in delivered(*contents, **more).problems]


def rows(state, table, *names):
    return [
        tuple(row[name] for name in names) for row in compile_tables(state, billing_starts_on=DAY)[table].to_dicts()
    ]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        pytest.param("a.yaml", PLAIN, id="one mapping"),
        pytest.param(
            "a.yaml", "- {contract_id: c1, account_id: acme, plan: payg, starts_on: 2026-09-01}\n", id="a list"
        ),
        pytest.param(
            "a.yaml",
            "contracts: [{contract_id: c1, account_id: acme, plan: payg, starts_on: 2026-09-01}]\n",
            id="contracts",
        ),
        pytest.param(
            "a.ndjson",
            '{"contract_id": "c1", "account_id": "acme", "plan": "payg", "starts_on": "2026-09-01"}\n',
            id="a line",
        ),
        pytest.param(
            "a.json",
            '{"contracts": [{"contract_id": "c1", "account_id": "acme", "plan": "payg", "starts_on": "2026-09-01"}]}',
            id="json",
        ),
    ],
)
def test_a_document_holds_one_contract_or_several(path, content):
    found = accept_delivery(BOOK, DAY, {}, {path: content})
    assert found.problems == []
    assert rows(found.state, "contracts", "contract_id", "account_id", "valid_from", "ends_on") == [
        ("c1", "acme", date(2026, 9, 1), date(9999, 12, 31))
    ]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        pytest.param(
            'quantities: [{price: gpt4_input, quantity: "3"}]\n',
            "c0.yaml:5: contracts.c1.quantities: quantities",
            id="quantities",
        ),
        pytest.param(
            'discounts: [{id: d, percent: "0.1"}]\n', "c0.yaml:5: contracts.c1.discounts: discounts", id="discounts"
        ),
        pytest.param('minimum: {amount: "5"}\n', "c0.yaml:5: contracts.c1.minimum: minimum", id="minimum"),
        pytest.param(
            'commitment: {amount: "5", overage_factor: "1.5"}\n',
            "c0.yaml:5: contracts.c1.commitment: commitment",
            id="commitment",
        ),
        pytest.param(
            'credit_grants: [{id: g, amount: "5"}]\n',
            "c0.yaml:5: contracts.c1.credit_grants: credit_grants",
            id="credit grants",
        ),
        pytest.param("renews: c0\n", "c0.yaml:5: contracts.c1.renews: renews", id="renews"),
        pytest.param("amends: c0\n", "c0.yaml:5: contracts.c1.amends: amends", id="amends"),
        pytest.param("price_lock: true\n", "c0.yaml:5: contracts.c1.price_lock: price_lock", id="price lock"),
    ],
)
def test_what_cannot_be_rated_yet_is_refused_by_name(more, message):
    (found,) = shown(PLAIN + more)
    assert found.startswith(f"{message} cannot be rated yet.")


@pytest.mark.parametrize(
    ("was", "written", "message"),
    [
        pytest.param(
            "plan: payg",
            "plan: pago",
            "c0.yaml:3: contracts.c1.plan: there is no plan pago. Did you mean payg?",
            id="unknown plan",
        ),
        pytest.param(
            "starts_on: 2026-09-01",
            "starts_on: 2026-09-01\nends_on: 2026-09-01",
            "c0.yaml:5: contracts.c1.ends_on: ends_on 2026-09-01 is not after starts_on 2026-09-01. ends_on is the first day that is no longer covered.",
            id="F58 zero length",
        ),
        pytest.param(
            "contract_id: c1",
            "contract_id: default:acme",
            'c0.yaml:1: contracts.default:acme.contract_id: "default:acme" is the name of a default plan. Choose another id.',
            id="reserved id",
        ),
        pytest.param(
            "account_id: acme",
            "account: acme",
            "c0.yaml:2: contracts.c1.account: unknown key `account`. Did you mean `account_id`?",
            id="unknown key",
        ),
    ],
)
def test_a_contract_that_cannot_be_is_refused_at_its_line(was, written, message):
    assert message in shown(PLAIN.replace(was, written))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        pytest.param(
            '[{price: gpt5, versions: [{unit_amount: "1"}]}]',
            "c0.yaml:5: contracts.c1.overrides.gpt5.price: there is no price gpt5 in plan payg. Add the price, or correct the name.",
            id="not in the plan",
        ),
        pytest.param(
            '[{price: gpt4_input, versions: [{unit_amount: "1"}]}]',
            "c0.yaml:5: contracts.c1.overrides.gpt4_input.versions.0.unit_amount: unit_amount is not a term of model graduated. Model graduated takes tiers.",
            id="terms of another model",
        ),
        pytest.param(
            '[{price: gpt4_input, model: per_unit, versions: [{unit_amount: "1"}, {unit_amount: "2"}]}]',
            "c0.yaml:5: contracts.c1.overrides.gpt4_input.versions.1: effective_from 2026-09-01 (c0.yaml:5) overlaps effective_from 2026-09-01 (c0.yaml:5): both hold from 2026-09-01. Keep one; to correct a known version write supersedes, reason and approved_by.",
            id="F43 two from the start",
        ),
    ],
)
def test_an_override_that_cannot_be_is_refused(overrides, message):
    assert message in shown(f"{PLAIN}overrides: {overrides}\n")


def test_one_refused_file_does_not_take_the_others_with_it():
    found = delivered(PLAIN, PLAIN.replace("c1", "c2").replace("payg", "nope"))
    assert found.refused_contracts == {"c1.yaml"}
    assert rows(found.state, "contracts", "contract_id") == [("c1",)]


def test_a_contract_twice_in_one_delivery_refuses_both_files():
    found = delivered(PLAIN, PLAIN.replace("acme", "other"))
    assert found.refused_contracts == {"c0.yaml", "c1.yaml"}
    assert "c1 stands twice in one delivery, also at c1.yaml:1." in str(found.problems[0])


def test_a_contract_before_any_book_is_refused():
    assert [problem.rule for problem in delivered(PLAIN, known=EMPTY).problems] == ["unknown_reference"]


def test_a_changed_contract_holds_from_its_delivery_and_the_past_stays():
    running = PLAIN.replace("2026-09-01", "2026-07-01")
    state = delivered(running).state
    state = delivered(running, known=state, day=date(2026, 8, 5)).state
    state = delivered(running + "ends_on: 2026-08-01\n", known=state, day=NEXT).state
    assert rows(state, "contracts", "valid_from", "valid_to", "ends_on", "recorded_on") == [
        (date(2026, 7, 1), NEXT, date(9999, 12, 31), DAY),
        (NEXT, date(9999, 12, 31), date(2026, 8, 1), NEXT),
    ]


def test_a_changed_contract_may_say_since_when():
    running = PLAIN.replace("2026-09-01", "2026-07-01")
    state = delivered(running).state
    state = delivered(running + "ends_on: 2026-12-01\nvalid_from: 2026-08-03\n", known=state, day=NEXT).state
    assert rows(state, "contracts", "valid_from", "valid_to") == [
        (date(2026, 7, 1), date(2026, 8, 3)),
        (date(2026, 8, 3), date(9999, 12, 31)),
    ]


def test_a_state_from_before_the_known_ones_replaces_them():
    state = delivered(PLAIN).state
    state = delivered(PLAIN + "ends_on: 2027-09-01\n", known=state, day=NEXT).state
    assert rows(state, "contracts", "valid_from", "ends_on") == [(NEXT, date(2027, 9, 1))]


def test_the_currency_changes_at_a_billing_period_only():
    running = PLAIN.replace("2026-09-01", "2026-07-01")
    state = delivered(running).state
    changed = running + "billing: {currency: EUR}\n"
    assert [problem.rule for problem in delivered(changed, known=state, day=NEXT).problems] == ["contradiction"]
    assert delivered(changed + "valid_from: 2026-09-01\n", known=state, day=NEXT).problems == []


@pytest.mark.parametrize(
    ("billing", "expected"),
    [
        pytest.param("", ("month", 1, date(2000, 1, 1), None), id="the calendar month"),
        pytest.param("billing: {anchor: 31}\n", ("month", 31, date(2000, 1, 31), None), id="a day of the month"),
        pytest.param(
            "billing: {interval: year, anchor: 2026-09-15, grace_days: 3}\n",
            ("year", 15, date(2026, 9, 15), 3),
            id="years from a date",
        ),
        pytest.param("billing: {interval: week}\n", ("week", 1, date(2001, 1, 1), None), id="Mondays"),
        pytest.param("billing: {interval: week, anchor: 7}\n", ("week", 7, date(2006, 1, 1), None), id="Sundays"),
        pytest.param(
            "billing: {interval: week, anchor: 2026-09-02}\n",
            ("week", 3, date(2026, 9, 2), None),
            id="from a Wednesday",
        ),
    ],
)
def test_a_contract_says_how_long_its_billing_periods_are_and_where_they_start(billing, expected):
    names = ("billing_interval", "billing_anchor", "billing_anchor_date", "grace_days")
    assert rows(delivered(PLAIN + billing).state, "contracts", *names) == [expected]


@pytest.mark.parametrize(
    ("billing", "message"),
    [
        ("{anchor: 32}", "32 is not a day of the month. Write 1 to 31."),
        ("{anchor: 0}", "0 is not a day of the month. Write 1 to 31."),
        ("{interval: week, anchor: 8}", "8 is not a day of the week. Write 1 to 7."),
        ("{anchor: 2026-02-30}", "2026-02-30 is not on the calendar."),
        ("{interval: day}", "Possible: week, month, quarter, year."),
    ],
)
def test_an_anchor_is_a_day_of_the_month_or_the_week_or_a_date(billing, message):
    (found,) = shown(PLAIN + f"billing: {billing}\n")
    assert message in found


def test_a_contract_keeps_its_billing_periods():
    state = delivered(PLAIN + "billing: {anchor: 15}\n").state
    (found,) = shown(PLAIN + "billing: {anchor: 16}\n", known=state, day=NEXT)
    assert "c1 is billed by the month, anchored on 2000-01-15." in found
    assert "End it with ends_on" in found
    assert shown(PLAIN + "billing: {anchor: 15, grace_days: 5}\n", known=state, day=NEXT) == []


def test_the_currency_changes_where_a_period_of_the_contract_starts():
    running = PLAIN.replace("2026-09-01", "2026-07-01") + "billing: {{anchor: 15{}}}\n"
    state = delivered(running.format("")).state
    changed = running.format(", currency: EUR")
    (found,) = shown(changed + "valid_from: 2026-09-01\n", known=state, day=NEXT)
    assert "inside the billing period that starts on 2026-08-15" in found
    assert shown(changed + "valid_from: 2026-09-15\n", known=state, day=NEXT) == []


def test_an_override_is_a_version_of_its_own_from_the_start_of_the_contract():
    state = delivered(OVERRIDE).state
    names = (
        "price_version_id",
        "contract_id",
        "price_id",
        "model",
        "effective_from_date",
        "currency",
        "unit_amount",
        "document",
    )
    ((*first, unit_amount, document), (_, owner, *_)) = rows(state, "price_versions", *names)
    assert first == ["c1/gpt4_input@2026-09-01", "c1", "gpt4_input", "per_unit", date(2026, 9, 1), "USD"]
    assert f"{unit_amount:f}" == "0.000007000000000000000000"
    assert document == "c0.yaml:9"
    assert owner is None


def test_an_override_is_in_the_currency_of_its_contract():
    state = delivered(OVERRIDE + "billing: {currency: EUR}\n").state
    assert ("c1/gpt4_input@2026-09-01", "EUR") in rows(state, "price_versions", "price_version_id", "currency")


def test_a_new_override_of_a_running_contract_leaves_the_past_alone():
    running = PLAIN.replace("2026-09-01", "2026-07-01")
    state = delivered(running).state
    later = OVERRIDE.replace("2026-09-01", "2026-07-01")
    state = delivered(later, known=state, day=NEXT).state
    again = delivered(later + "name: Acme\n", known=state, day=date(2026, 8, 20)).state
    for found in (state, again):
        assert ("c1/gpt4_input@2026-08-10", NEXT) in rows(found, "price_versions", "price_version_id", "recorded_on")
    assert len(rows(again, "price_versions", "price_version_id")) == 2


def test_f52_an_override_is_never_edited_and_never_vanishes():
    state = delivered(OVERRIDE).state
    assert [problem.rule for problem in delivered(OVERRIDE.replace('"7"', '"6"'), known=state, day=NEXT).problems] == [
        "version_changed"
    ]
    assert [problem.rule for problem in delivered(PLAIN, known=state, day=NEXT).problems] == ["version_vanished"]
    corrected = (
        OVERRIDE
        + '      - {supersedes: 2026-09-01, reason: order form 7, approved_by: ann, unit_amount: "6", per: "1000000"}\n'
    )
    assert ("c1/gpt4_input@2026-09-01#1", None) in rows(
        delivered(corrected, known=state, day=NEXT).state, "price_versions", "price_version_id", "superseded_on"
    )


def test_a_cost_is_not_overridden():
    book = accepted(DESIGN_EXAMPLE.replace("kind: revenue ", "kind: cost "), path="llm.yaml").state
    assert [problem.rule for problem in delivered(OVERRIDE, known=book).problems] == ["contradiction"]


def test_replaying_book_and_contracts_gives_the_same_state():
    documents = [
        Document(DAY, "price_book", "llm.yaml", DESIGN_EXAMPLE),
        Document(DAY, "contracts", "c0.yaml", OVERRIDE),
        Document(NEXT, "contracts", "c0.yaml", OVERRIDE + "name: Acme\n"),
    ]
    state = accept_delivery(EMPTY, DAY, {"llm.yaml": DESIGN_EXAMPLE}, {"c0.yaml": OVERRIDE}).state
    assert load_state(documents) == delivered(OVERRIDE + "name: Acme\n", known=state, day=NEXT).state


def test_a_contract_stays_with_its_account():
    signed = delivered(PLAIN).state
    (problem,) = shown(PLAIN.replace("account_id: acme", "account_id: other"), known=signed, day=NEXT)
    assert problem.startswith("c0.yaml:2: contracts.c1.account_id: c1 belongs to account acme. End it with ends_on")
