"""Every fault of the catalogue has a state that is true."""

import ast

from tests.faults.catalogue import PAGE, PARTS, ROOT, page


def test_the_page_is_that_of_the_catalogue_and_the_tests():
    assert PAGE.read_text("utf-8") == page(), "run `python -m tests.faults.catalogue`"


def test_all_faults_are_there_once_in_order():
    ids = [fault for faults in PARTS.values() for fault in faults]
    assert ids == [f"F{number:02}" for number in range(1, 117)]


def test_a_test_that_is_named_is_there():
    for faults in PARTS.values():
        for fault_id, fault in faults.items():
            for named in fault.tests:
                path, _, function = named.partition("::")
                tree = ast.parse((ROOT / "tests" / path).read_text("utf-8"))
                assert function in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}, (fault_id, named)


def test_no_fault_is_left_without_a_test_or_a_reason():
    assert "| open |" not in page()
