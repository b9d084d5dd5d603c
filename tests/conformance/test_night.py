"""What other systems state as results, landed as usage under a book and rated by one night."""

from decimal import Decimal

import pytest

from tests.conformance.adapter import is_for_a_night
from tests.conformance.cases import Case, another_last_digit, read_cases, stated
from tests.conformance.outcomes import DIFFERENT, FUNCTION, LATER, NIGHT, NONE, REPRODUCED, read_outcomes
from tests.conformance.world import Found, rated


@pytest.fixture(scope="module")
def cases(shared) -> dict[str, Case]:
    return {case.id: case for case in read_cases(shared)}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, str]]:
    return read_outcomes()


@pytest.fixture(scope="module")
def found(cases, outcomes, tmp_path_factory) -> dict[str, Found]:
    answered = [case for case in cases.values() if outcomes[case.id]["lane"] == NIGHT]
    return rated(answered, tmp_path_factory.mktemp("conformance"))


def agrees(expected: dict[str, list[Decimal]], case: Found) -> bool:
    """Whether every stated figure is the exact or the rounded one: sources state either, and say which by its digits."""
    return all(values in (case.exact[name], case.rounded[name]) for name, values in expected.items())


def test_every_case_has_one_outcome(cases, outcomes):
    assert set(outcomes) == set(cases)
    assert {row["lane"] for row in outcomes.values()} <= {NIGHT, FUNCTION, LATER, NONE}
    for row in outcomes.values():
        assert row["state"] == REPRODUCED or row["reason"], row["case_id"]


def test_a_night_gives_what_the_source_states(cases, outcomes, found):
    different = {
        case_id: (stated(cases[case_id]), case)
        for case_id, case in found.items()
        if not agrees(stated(cases[case_id]), case)
    }
    assert set(different) == {
        row["case_id"] for row in outcomes.values() if row["lane"] == NIGHT and row["state"] == DIFFERENT
    }, different


def test_one_digit_of_what_is_stated_fails_every_reproduced_case(cases, outcomes, found):
    for case_id, case in found.items():
        if outcomes[case_id]["state"] != REPRODUCED:
            continue
        for name, values in stated(cases[case_id]).items():
            for place, value in enumerate(values):
                spoiled = [*values[:place], another_last_digit(value), *values[place + 1 :]]
                assert not agrees({name: spoiled}, case), (case_id, name)


def test_the_adapter_knows_the_cases_of_the_night(cases, outcomes):
    assert [
        case_id for case_id, row in outcomes.items() if row["lane"] == NIGHT and not is_for_a_night(cases[case_id])
    ] == []
