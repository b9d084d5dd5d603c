"""The long run: `python -m tests.oracle --worlds N --resume FILE` compares crowds with the oracle, and can be stopped.

Each world is a company of a number, with hundreds of accounts priced in one build, on one of the two engines of Polars
in turn. A line of FILE is what became of one of them: a run that is started again with the same file goes on after the
last one. A world that differs, or that the engine fails on, is a line too, and the exit code is 1.
"""

import argparse
import json
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from tests.oracle.crowd import crowd
from tests.oracle.engine import ENGINES, as_the_night_begins, company, differences
from tests.oracle.reference import World, expected

SHOWN = 5  # differences of a world that its line of the file keeps


def account_months(world: World) -> int:
    """How many accounts the world has, times the months from its first to D."""
    first, last = world.billing_starts_on, world.as_of
    return len(world.accounts) * ((last.year - first.year) * 12 + last.month - first.month + 1)


def compared(number: int, copies: int) -> dict[str, object]:
    """What became of one world."""
    begun = time.monotonic()
    world = as_the_night_begins(crowd(company(number), copies, number))
    wanted = expected(world)
    rated = time.monotonic()
    try:
        found = differences(world, ENGINES[number % 2], wanted)
    except Exception:  # noqa: BLE001 - a failure of the engine is a result of the run
        found = [traceback.format_exc(limit=-3)]
    return {
        "world": number,
        "copies": copies,
        "engine": ENGINES[number % 2],
        "accounts": len(world.accounts),
        "account_months": account_months(world),
        "events": len(world.events),
        "lines": len(wanted.lines),
        "differences": len(found),
        "shown": found[:SHOWN],
        "seconds_oracle": round(rated - begun, 1),
        "seconds_engine": round(time.monotonic() - rated, 1),
    }


def known(results: Path) -> Iterator[dict[str, object]]:
    """The lines of a file so far; the last one may be half written."""
    if results.exists():
        for line in results.read_text("utf-8").splitlines():
            if line.endswith("}"):
                yield json.loads(line)


def summary(rows: list[dict[str, object]]) -> str:
    months, lines, events = (sum(row[name] for row in rows) for name in ("account_months", "lines", "events"))
    wrong = [row["world"] for row in rows if row["differences"]]
    said = f"{wrong}" if wrong else "none"
    return (
        f"{len(rows)} worlds, {months:,} account-months, {events:,} events, {lines:,} lines; worlds that differ: {said}"
    )


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    """Compare worlds 0 to N - 1 but those of the file."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--worlds", type=int, required=True, help="how many, with those that the file already has")
    parser.add_argument("--resume", type=Path, required=True, metavar="FILE", help="where results are kept")
    parser.add_argument("--copies", type=int, default=60, help="copies of each account of a company (60)")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many")
    given = parser.parse_args(arguments)
    given.resume.parent.mkdir(parents=True, exist_ok=True)
    rows = list(known(given.resume))
    done = {row["world"] for row in rows}
    ends = time.monotonic() + given.minutes * 60
    for number in range(given.worlds):
        if number in done or time.monotonic() > ends:
            continue
        rows.append(compared(number, given.copies))
        with given.resume.open("a", encoding="utf-8") as results:
            results.write(json.dumps(rows[-1], default=str) + "\n")
        say(f"{number}: {rows[-1]['differences']} differences; {summary(rows)}")
    say(summary(rows))
    return 1 if any(row["differences"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
