"""What other systems state about rounding and splitting, asked of the functions that round and split."""

from decimal import Decimal

import pytest

from tests.conformance.cases import another_last_digit, read_cases
from tests.conformance.functions import answered, is_for_a_function, stated
from tests.conformance.outcomes import FUNCTION, REPRODUCED, read_outcomes


@pytest.fixture(scope="module")
def asked(shared):
    outcomes = read_outcomes()
    return [case for case in read_cases(shared) if outcomes[case.id]["lane"] == FUNCTION]


@pytest.fixture(scope="module")
def found(asked) -> dict[str, list[Decimal]]:
    return answered(asked)


def test_a_function_gives_what_the_source_states(asked, found):
    outcomes = read_outcomes()
    same = {case.id for case in asked if found[case.id] == stated(case)}
    assert same == {case.id for case in asked if outcomes[case.id]["state"] == REPRODUCED}
    assert [case.id for case in asked if not is_for_a_function(case)] == []


def test_one_digit_of_what_is_stated_fails_every_reproduced_case(asked, found):
    for case in asked:
        for place, value in enumerate(stated(case)):
            spoiled = stated(case)
            spoiled[place] = another_last_digit(value)
            assert found[case.id] != spoiled, case.id
