"""`python -m tests.mutation`: change the modules of money one place at a time, and see whether a test fails.

Every mutant is a process of its own, which imports the changed module in the place of the real one and runs the tests of
that module: no file is touched. Outcomes stand in `outcomes.csv`, so that a run that was stopped goes on where it was:
what was killed is run again only when its module has changed, what survived always. A survivor needs a reason in
`survivors.csv`.
"""

import argparse
import contextlib
import csv
import hashlib
import importlib.abc
import importlib.machinery
import json
import os
import random
import signal
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

import data_contracts  # noqa: F401 - with all that is imported once for all mutants; nothing of it is changed
from tests.mutation.mutants import mutants_of

ROOT = Path(__file__).parents[2]
OUTCOMES = Path(__file__).parent / "outcomes.csv"
SURVIVORS = Path(__file__).parent / "survivors.csv"
COLUMNS = ["module", "line", "change", "outcome", "module_digest"]
MODELS = "tests/transforms/charge_models"
TESTS = {
    "transforms/money.py": ["tests/transforms/test_money.py", "tests/transforms/test_exchange.py"],
    "transforms/allocation.py": ["tests/transforms/test_allocation.py"],
    "transforms/periods.py": [
        "tests/transforms/test_periods_of_rows.py",
        "tests/transforms/test_periods.py",
        "tests/transforms/test_as_of.py",
    ],
    "transforms/billing_periods.py": ["tests/transforms/test_periods_of_rows.py"],
    "transforms/charge_models/__init__.py": [MODELS],
    **{
        f"transforms/charge_models/{path.name.removeprefix('test_')}": [f"{MODELS}/{path.name}"]
        for path in sorted((ROOT / MODELS).glob("test_*.py"))
        if (ROOT / "transforms" / "charge_models" / path.name.removeprefix("test_")).is_file()
    },
}
SECONDS = 120  # a mutant that runs longer hangs, which a test run notices
LEAST_KILLED = 0.95
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Job:
    """A module with a source to be tested; `change` is empty for the source as it is."""

    module: str
    line: str
    change: str
    source: str

    @property
    def key(self) -> Key:
        return self.module, self.line, self.change


class Replaced(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Gives one module another source."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self.name, self.path, self.source = name, path, source

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        is_package = self.path.name == "__init__.py"
        spec = importlib.machinery.ModuleSpec(name, self, origin=str(self.path), is_package=is_package)
        if is_package:
            spec.submodule_search_locations = [str(self.path.parent)]
        return spec

    def get_filename(self, fullname: str) -> str:
        return str(self.path)

    def get_data(self, path: str) -> bytes:
        return self.source.encode()


def jobs_of(module: str) -> list[Job]:
    """Every mutant of a module; a change that the same line has twice is numbered."""
    jobs: dict[Key, Job] = {}
    for mutant in mutants_of((ROOT / module).read_text("utf-8")):
        change, number = mutant.change, 1
        while (module, mutant.line, change) in jobs:
            number += 1
            change = f"{mutant.change} ({number})"
        job = Job(module, mutant.line, change, mutant.source)
        jobs[job.key] = job
    return list(jobs.values())


def digest(module: str) -> str:
    """What a module's source is told by."""
    return hashlib.sha256((ROOT / module).read_bytes()).hexdigest()[:12]


def outcomes(jobs: Iterable[Job], workers: int) -> Iterator[tuple[Job, str]]:
    """Each job with `killed`, `survived` or `hung`, as they end."""
    waiting, running = list(reversed(list(jobs))), {}
    while waiting or running:
        while waiting and len(running) < workers:
            job = waiting.pop()
            running[started(job)] = job
        child, status = os.wait()
        if os.WIFSIGNALED(status):
            outcome = "hung" if os.WTERMSIG(status) == signal.SIGALRM else "killed"
        else:
            outcome = "killed" if status else "survived"
        yield running.pop(child), outcome


def started(job: Job) -> int:
    """Start the tests of a module that has the job's source; the process ends with 0 where they pass."""
    child = os.fork()
    if child:
        return child
    signal.alarm(SECONDS)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    name = job.module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    sys.meta_path.insert(0, Replaced(name, ROOT / job.module, job.source))
    # The same examples for every mutant, none remembered, and no time spent on a shorter one.
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile("mutation", database=None, derandomize=True, phases=phases)
    hypothesis.settings.load_profile("mutation")
    options = ["-x", "-q", "-n", "0", "-o", "filterwarnings=", "-p", "no:cacheprovider", "-k", "not million"]
    code = 1
    with contextlib.suppress(BaseException):
        code = pytest.main([*options, *TESTS[job.module]])
    os._exit(int(code))


def rows_of(path: Path) -> list[dict[str, str]]:
    """Read a table of this folder; none where it is absent."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))


def justified() -> dict[Key, str]:
    """Why a mutant may live."""
    return {(row["module"], row["line"], row["change"]): row["reason"] for row in rows_of(SURVIVORS)}


def run(modules: list[str], workers: int) -> None:
    """Run what has no outcome yet, and keep each outcome at once."""
    known = {(row["module"], row["line"], row["change"]): row for row in rows_of(OUTCOMES)}
    for module in modules:
        jobs, of_source = jobs_of(module), digest(module)
        known = {key: row for key, row in known.items() if key[0] != module or row["module_digest"] == of_source}
        left = [job for job in jobs if known.get(job.key, {}).get("outcome") != "killed"]
        if not left:
            continue
        prove([module], workers)
        for job, outcome in outcomes(left, workers):
            known[job.key] = dict(zip(COLUMNS, [*job.key, outcome, of_source], strict=True))
            write(known.values())


def prove(modules: list[str], workers: int) -> None:
    """Stop where the tests fail without any change: each mutant would look killed."""
    unchanged = [Job(module, "", "", (ROOT / module).read_text("utf-8")) for module in modules]
    for job, outcome in outcomes(unchanged, workers):
        if outcome != "survived":
            raise SystemExit(f"{job.module}: its tests fail as it is ({outcome}): run {' '.join(TESTS[job.module])}.")


def write(rows: Iterable[dict[str, str]]) -> None:
    """Replace the outcomes, sorted, in one step."""
    part = OUTCOMES.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: [row[name] for name in COLUMNS]))
    part.replace(OUTCOMES)


def sample(size: int, seed: int, workers: int) -> int:
    """Draw mutants that have no reason to live and show those that do; nothing is kept."""
    excused = justified()
    # The charge models: their tests take two seconds.
    every = [job for module in TESTS if TESTS[module][0].startswith(MODELS) for job in jobs_of(module)]
    drawn = random.Random(seed).sample([job for job in every if job.key not in excused], size)
    prove(["transforms/charge_models/package.py"], workers)
    alive = [job.key for job, outcome in outcomes(drawn, workers) if outcome != "killed"]
    sys.stdout.write(f"{size - len(alive)} of {size} killed\n" + "".join(f"{key}\n" for key in alive))
    return 1 if alive else 0


def report(modules: list[str], *, as_json: bool) -> int:
    """Show the score of each module and who lives; fail where one lives without a reason, or too many do."""
    excused, rows = justified(), [row for row in rows_of(OUTCOMES) if row["module"] in modules]
    alive = [row for row in rows if row["outcome"] != "killed"]
    found = [{**row, "reason": excused.get((row["module"], row["line"], row["change"]), "NO REASON")} for row in alive]
    scores = {}
    for module in modules:
        of_module = [row["outcome"] for row in rows if row["module"] == module]
        scores[module] = {"killed": of_module.count("killed"), "mutants": len(of_module)}
    if as_json:
        sys.stdout.write(json.dumps({"modules": scores, "survivors": found}, indent=1) + "\n")
    else:
        for row in found:
            sys.stdout.write(f"{row['module']}: {row['line']}\n    {row['change']}\n    {row['reason']}\n")
        for module, score in scores.items():
            sys.stdout.write(f"{module}: {score['killed']} of {score['mutants']} killed\n")
        share = 1 - len(alive) / max(len(rows), 1)
        sys.stdout.write(f"{len(rows) - len(alive)} of {len(rows)} killed: {share:.1%}\n")
    too_many = any(score["killed"] < LEAST_KILLED * score["mutants"] for score in scores.values())
    return 1 if too_many or any(row["reason"] == "NO REASON" for row in found) else 0


def main(arguments: list[str] | None = None) -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--module", action="append", choices=list(TESTS), help="only this one; may be repeated")
    parser.add_argument("--json", action="store_true", help="scores and survivors for a program")
    parser.add_argument("--workers", type=int, default=2, help="processes at the same time")
    parser.add_argument("--sample", type=int, metavar="N", help="N mutants drawn by --seed, nothing kept")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    if given.sample:
        return sample(given.sample, given.seed, given.workers)
    modules = given.module or list(TESTS)
    run(modules, given.workers)
    return report(modules, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
