"""What other systems state as results, landed as usage under a book and rated by one night."""

import ast
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conformance import adapter
from tests.conformance.adapter import stated
from tests.conformance.cases import Case, another_last_digit, read_cases
from tests.conformance.outcomes import (
    DIFFERENT,
    FUNCTION,
    LATER,
    NIGHT,
    NONE,
    REPRODUCED,
    agrees,
    agrees_in_all,
    lane_of,
    read_outcomes,
)
from tests.conformance.world import Found, rated

LEAST_NIGHT, MOST_NONE = 150, 60
ARITHMETIC = (ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)


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


def test_every_case_has_one_outcome(cases, outcomes):
    assert set(outcomes) == set(cases)
    assert {row["lane"] for row in outcomes.values()} <= {NIGHT, FUNCTION, LATER, NONE}
    for row in outcomes.values():
        assert row["state"] == REPRODUCED or row["reason"], row["case_id"]


def test_a_night_gives_what_the_source_states(cases, outcomes, found):
    different = {
        case_id: (stated(cases[case_id]), case)
        for case_id, case in found.items()
        if not agrees_in_all(cases[case_id], case)
    }
    assert set(different) == {
        row["case_id"] for row in outcomes.values() if row["lane"] == NIGHT and row["state"] == DIFFERENT
    }, different


def test_one_digit_of_what_is_stated_fails_every_reproduced_case(cases, outcomes, found):
    for case_id, case in found.items():
        if outcomes[case_id]["state"] != REPRODUCED:
            continue
        assert stated(cases[case_id]), case_id
        for place, figure in enumerate(stated(cases[case_id])):
            for position, value in enumerate(figure.values):
                spoiled = [*figure.values[:position], another_last_digit(value), *figure.values[position + 1 :]]
                assert not agrees(replace(figure, values=spoiled), place, case), (case_id, figure.name)


def test_every_case_is_in_the_lane_that_can_answer_it(cases, outcomes):
    assert {case_id: row["lane"] for case_id, row in outcomes.items()} == {
        case_id: lane_of(case) for case_id, case in cases.items()
    }
    count = Counter(row["lane"] for row in outcomes.values())
    assert count[NIGHT] >= LEAST_NIGHT
    assert count[NONE] <= MOST_NONE


def test_the_adapter_multiplies_and_divides_nothing():
    tree = ast.parse(Path(adapter.__file__).read_text("utf-8"))
    operators = [node.op for node in ast.walk(tree) if isinstance(node, ast.BinOp | ast.AugAssign)]
    assert [type(each).__name__ for each in operators if isinstance(each, ARITHMETIC)] == []
