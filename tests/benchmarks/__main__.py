"""Runs the variants side by side and keeps every measurement: `python -m tests.benchmarks --help`."""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.benchmarks.landing import WORKLOADS, land
from tests.benchmarks.table import PROFILE, README, RESULTS, render, render_profile, with_table
from tests.benchmarks.variants import VARIANTS

ROOT = Path(__file__).parents[2]
LOOP_SIZE = 500_000  # the loops in Python are measured at this size only
LARGEST_NIGHT = 10_000_000  # beyond it a night on a loaded month would take longer to prepare than all the rest
LEFT_BEHIND = ("home-month", "home-night", "home-whole-fees", "duckdb", "statement.parquet", "copied.parquet")
Results = dict[str, Any]


def main() -> None:
    """Land, prepare, run what is not in the results file yet, round by round; then write the README's table."""
    arguments = _parser().parse_args()
    if arguments.render:
        _render(json.loads(RESULTS.read_text()))
        return
    results = _opened(arguments.results)
    for place, events in enumerate(arguments.events):
        rounds = arguments.rounds[min(place, len(arguments.rounds) - 1)]
        for workload in WORKLOADS:
            for round_number in range(rounds):
                for name in _variants(events, workload, arguments.only):
                    if arguments.prepare:
                        _prepared(arguments, name, events)
                    else:
                        _measure(results, arguments, name, events, round_number)
            if not (arguments.keep or arguments.prepare):
                shutil.rmtree(arguments.folder / f"{workload}-{events}", ignore_errors=True)
    if arguments.results == RESULTS and not arguments.prepare:
        _render(results)


def _render(results: Results) -> None:
    README.write_text(with_table(README.read_text(), render(results)))
    PROFILE.write_text(with_table(PROFILE.read_text(), render_profile(results)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Rates a month of a company with 100,000 accounts by Ratebook, DuckDB and a loop in Python, side by "
        "side: every variant in a process of its own, round by round, and writes results file and README table. What "
        "the results file holds already for this commit is not run again.",
    )
    sizes = [500_000, 1_000_000, 10_000_000, 50_000_000]
    parser.add_argument("--events", type=int, nargs="+", default=sizes, help="sizes to run")
    parser.add_argument(
        "--rounds", type=int, nargs="+", default=[3], help="runs of each variant, for each size; the median counts"
    )
    parser.add_argument("--folder", type=Path, default=Path("var/benchmarks"), help="landed data and homes; removed")
    parser.add_argument("--keep", action="store_true", help="keep landed data and homes")
    parser.add_argument("--results", type=Path, default=RESULTS, help="results file")
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS), help="variants to run (default all)")
    parser.add_argument(
        "--prepare",
        action="store_true",
        help="only land the data and make what the variants start from: nothing is timed",
    )
    parser.add_argument("--render", action="store_true", help="only write the README's table from the results")
    return parser


def _variants(events: int, workload: str, only: list[str] | None) -> list[str]:
    def is_wanted(name: str) -> bool:
        of_loops = name.endswith("_in_a_loop") or name == "whole_fees"
        largest = LOOP_SIZE if of_loops else LARGEST_NIGHT if name == "last_night" else events
        return VARIANTS[name][0] == workload and events <= largest and (only is None or name in only)

    return [name for name in VARIANTS if is_wanted(name)]


def _opened(path: Path) -> Results:
    """Return the results of this commit so far, or begin new ones."""
    about = {"commit": _commit(), "machine": _machine(), "versions": _versions()}
    known = json.loads(path.read_text()) if path.exists() else {}
    if known.get("commit") == about["commit"]:
        return {**known, **about}
    return {**about, "runs": {}}


def _measure(results: Results, arguments: argparse.Namespace, name: str, events: int, round_number: int) -> None:
    runs = results["runs"].setdefault(str(events), {}).setdefault(name, [])
    if len(runs) > round_number:
        return
    folder = _prepared(arguments, name, events)
    run = json.loads(_process(name, folder, "run"))
    for left in LEFT_BEHIND:
        path = folder / left
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    runs.append(run)
    seconds = sum(wall for wall, _ in run["steps"].values())
    _say(f"{events:,} events, round {round_number + 1}: {name} {seconds:.2f} s, {run['peak_mb']:,} MB")
    staging = arguments.results.with_suffix(".tmp")
    staging.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    staging.replace(arguments.results)


def _prepared(arguments: argparse.Namespace, name: str, events: int) -> Path:
    """Land the workload of a variant and make what it starts from, unless it is there; return its folder."""
    workload = VARIANTS[name][0]
    folder = arguments.folder.absolute() / f"{workload}-{events}"
    land(folder / "landing", workload, events, say=_say)
    _process(name, folder, "prepare")
    return folder


def _process(name: str, folder: Path, what: str) -> str:
    command = [sys.executable, "-m", "tests.benchmarks.variants", name, str(folder), what]
    settings = {key: value for key, value in os.environ.items() if not key.startswith("RATEBOOK_")}
    done = subprocess.run(command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def _commit() -> str:
    """Return the short hash of the commit, with `-dirty` where anything but what this benchmark writes has changed."""
    written = [f":!{path.relative_to(ROOT)}" for path in (RESULTS, README, PROFILE)]
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--", ".", *written], cwd=ROOT, capture_output=True, text=True, check=True
    )
    described = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return described.stdout.strip() + ("-dirty" if changed.stdout else "")


def _machine() -> str:
    model = (
        next(
            (
                line.split(":")[1].strip()
                for line in Path("/proc/cpuinfo").read_text().splitlines()
                if "model name" in line
            ),
            platform.processor(),
        )
        if Path("/proc/cpuinfo").exists()
        else platform.processor()
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {model}, {memory:.0f} GB, {platform.system()}"


def _versions() -> str:
    packages = ", ".join(f"{name} {version(name.lower())}" for name in ("Polars", "DuckDB"))
    return f"Python {platform.python_version()}, {packages}"


def _say(message: str) -> None:
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
