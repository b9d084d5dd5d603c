"""Nearly every change of the modules of money is noticed by a test, and who is not noticed has a reason."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.__main__ import LEAST_KILLED, OUTCOMES, SURVIVORS, TESTS, jobs_of, justified, rows_of

COVERED = [
    "tests/transforms/charge_models",
    "tests/transforms/test_exchange.py",
    "tests/transforms/test_money.py",
    "tests/transforms/test_allocation.py",
    "tests/transforms/test_periods_of_rows.py",
    "tests/transforms/test_periods.py",
    "tests/transforms/test_as_of.py",
]


@pytest.fixture(scope="module")
def outcomes() -> list[dict[str, str]]:
    return rows_of(OUTCOMES)


def test_nearly_all_mutants_that_compute_something_else_are_killed(outcomes):
    """Those of `survivors.csv` compute the same; they are few, or the reasons would hide the score."""
    assert {row["module"] for row in outcomes} == {module for module in TESTS if jobs_of(module)}
    killed = sum(row["outcome"] == "killed" for row in outcomes)
    assert killed >= LEAST_KILLED * (len(outcomes) - len(justified()))
    assert len(justified()) <= 0.1 * len(outcomes)


def test_a_mutant_that_lives_has_a_reason_and_only_such_have_one(outcomes):
    alive = {(row["module"], row["line"], row["change"]) for row in outcomes if row["outcome"] != "killed"}
    assert alive == set(justified())
    assert all(justified().values())


def test_a_mutant_that_may_live_is_one_of_the_present_source():
    mutants = {job.key for module in {row["module"] for row in rows_of(SURVIVORS)} for job in jobs_of(module)}
    assert sorted(set(justified()) - mutants) == []


def test_a_few_mutants_drawn_at_random_are_killed(root: Path):
    command = [sys.executable, "-m", "tests.mutation", "--sample", "6", "--seed", "1"]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert ended.stdout == "6 of 6 killed\n", ended.stderr
    assert ended.returncode == 0


def test_every_branch_of_the_modules_of_money_is_taken(root: Path, tmp_path: Path):
    """The command of the README of this folder, without what Hypothesis draws."""
    pytest.importorskip("coverage", reason="coverage is not installed: it comes with the extra [test]")
    data = f"--data-file={tmp_path / 'coverage'}"
    drawn = "not million and not i6_ and not i22_ and not i23_ and not every_day and not of_decimal"
    tests = ["-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-k", drawn, *COVERED]
    ran = subprocess.run(
        [sys.executable, "-m", "coverage", "run", data, *tests], cwd=root, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout
    report = [sys.executable, "-m", "coverage", "report", data, "--skip-covered"]
    told = subprocess.run(report, cwd=root, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout
