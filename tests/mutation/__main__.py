"""`python -m tests.mutation [MODULE]`: change the modules of money one place at a time, and see whether a test fails.

Every mutant is a process of its own, which imports the changed module in the place of the real one and runs the tests of
that module: no file is touched. What no test notices is shown, and must stand in `survivors.csv` with a reason.
"""

import argparse
import contextlib
import csv
import importlib.abc
import importlib.machinery
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis  # noqa: F401 - imported once, for all mutants
import pandera.polars  # noqa: F401 - likewise
import polars  # noqa: ICN001, F401 - likewise
import pytest

from tests.mutation.mutants import Mutant, mutants_of

ROOT = Path(__file__).parents[2]
SURVIVORS = Path(__file__).parent / "survivors.csv"
MODELS = "tests/transforms/charge_models"
TESTS = {
    "transforms/money.py": ["tests/transforms/test_money.py", MODELS],
    "transforms/allocation.py": ["tests/transforms/test_allocation.py"],
    "transforms/periods.py": ["tests/transforms/test_periods.py", "tests/transforms/test_rates.py"],
    **{
        f"transforms/charge_models/{path.name}": [MODELS, "tests/transforms/test_event_prices.py"]
        for path in sorted((ROOT / "transforms" / "charge_models").glob("*.py"))
    },
}
SECONDS = 120  # a mutant that runs longer hangs, which a test run notices


class Replaced(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Gives one module another source."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self.name, self.path, self.source = name, path, source

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        is_package = self.path.name == "__init__.py"
        return importlib.machinery.ModuleSpec(name, self, origin=str(self.path), is_package=is_package)

    def get_filename(self, fullname: str) -> str:
        return str(self.path)

    def get_data(self, path: str) -> bytes:
        return self.source.encode()


def is_noticed(module: str, source: str) -> bool:
    """Whether a test fails when the module has this source."""
    child = os.fork()
    if child == 0:
        name = module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        finder = Replaced(name, ROOT / module, source)
        sys.meta_path.insert(0, finder)
        signal.alarm(SECONDS)
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        code = 1
        with contextlib.suppress(BaseException):
            code = pytest.main(
                [
                    "-x",
                    "-q",
                    "-n",
                    "0",
                    "-o",
                    "filterwarnings=",
                    "-p",
                    "no:cacheprovider",
                    "-k",
                    "not million",
                    *TESTS[module],
                ]
            )
        os._exit(int(code))
    _, status = os.waitpid(child, 0)
    return status != 0


def survivors(module: str) -> Iterator[Mutant]:
    """The mutants of a module that no test notices."""
    source = (ROOT / module).read_text("utf-8")
    if is_noticed(module, source):
        raise SystemExit(f"{module}: its tests fail as it is.")
    for mutant in mutants_of(source):
        if not is_noticed(module, mutant.source):
            yield mutant


def justified() -> dict[tuple[str, str], str]:
    """Why a mutant may live, by module and change."""
    with SURVIVORS.open(encoding="utf-8", newline="") as rows:
        return {(row["module"], row["change"]): row["reason"] for row in csv.DictReader(rows)}


def main(arguments: list[str] | None = None) -> int:
    """Report killed and living mutants; fail where one lives without a reason, or less than 95 % are killed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", default=list(TESTS), metavar="MODULE")
    given = parser.parse_args(arguments)
    known = justified()
    mutants, living, unexplained = 0, 0, 0
    for module in given.modules:
        total = len(list(mutants_of((ROOT / module).read_text("utf-8"))))
        alive = 0
        for mutant in survivors(module):
            alive += 1
            reason = known.get((module, mutant.shown))
            unexplained += reason is None
            sys.stdout.write(f"{module}:{mutant.line}: {mutant.shown}: {reason or 'NO REASON'}\n")
        sys.stdout.write(f"{module}: {total - alive} of {total} killed\n")
        sys.stdout.flush()
        mutants, living = mutants + total, living + alive
    share = 1 - living / mutants if mutants else 1
    sys.stdout.write(f"{mutants - living} of {mutants} killed: {share:.1%}; {unexplained} without a reason\n")
    return 1 if unexplained or share < 0.95 else 0


if __name__ == "__main__":
    sys.exit(main())
