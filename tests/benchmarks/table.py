"""The README's table of the benchmark, written from the results file and from nothing else."""

import re
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PROFILE = ROOT / "dbt_project" / "docs" / "performance.md"
RESULTS = Path(__file__).parent / "results.json"
BEGIN = "<!-- benchmark: written by `python -m tests.benchmarks`, do not edit -->"
END = "<!-- end of the benchmark -->"

Runs = list[dict[str, Any]]
# The book is compiled once per delivery of it, not per event.
BOOK = ("book",)
# What stands before usage is looked at: peers and loops are given these tables ready-made, too.
REFERENCE = (*BOOK, "accounts", "zone_days", "account_contracts", "exchange_rates", "rates")
# Reading the landed files, which parses, judges and types their records; what follows begins from typed records.
READING = (*REFERENCE, "reading")


def with_table(text: str, table: str) -> str:
    """Put the table between its marks."""
    marked = f"{BEGIN}\n{table}\n{END}"
    return re.sub(re.escape(BEGIN) + ".*?" + re.escape(END), lambda _: marked, text, flags=re.DOTALL)


def table_in(text: str) -> str:
    """Return the table that stands between the marks."""
    return text.split(BEGIN)[1].split(END, maxsplit=1)[0].strip("\n")


def seconds(runs: Runs, *, without: tuple[str, ...] = BOOK, only: tuple[str, ...] | None = None) -> float:
    """Return the median of the runs' wall seconds, of all steps but some, or of some only."""
    return median(
        sum(wall for name, (wall, _) in run["steps"].items() if name not in without and (only is None or name in only))
        for run in runs
    )


def render(results: dict[str, Any]) -> str:
    """Return the table: what is measured, against what, the bound, and the ratio at each size."""
    sizes = sorted(results["runs"], key=int)
    lines = [
        _row("measured", "against", "must", *[_size(size) for size in sizes]),
        "|---|---|---|" + "---|" * len(sizes),
    ]
    for measured, against, bound, ratio in COMPARISONS:
        cells = [_cell(ratio, results["runs"], size) for size in sizes]
        if any(cell != "" for cell in cells):
            lines.append(_row(measured, against, bound, *cells))
    about = f"Rounds: {_rounds(results['runs'])}, each run in its own process; "
    about += f"{results['machine']}; {results['versions']}; "
    return "\n".join([*lines, "", f"{about}commit {results['commit']}."])


def _rounds(runs: dict[str, dict[str, Runs]]) -> str:
    """How often each size was measured: the least of its variants."""
    counts = {size: min(map(len, of_size.values())) for size, of_size in runs.items()}
    usual = max(counts.values())
    others = [f"{count} at {_size(size)}" for size, count in sorted(counts.items(), key=lambda each: int(each[0]))]
    first = f"medians of {usual}" if usual > 1 else "1"
    return ", ".join([first, *(other for other in others if not other.startswith(f"{usual} at"))])


def render_profile(results: dict[str, Any]) -> str:
    """Return the table of steps: processor seconds of each, and its share of the whole, at each size."""
    parts = []
    for title, name in (("Metered usage, the whole month", "month"), ("Payments, from the snapshots on", "fees")):
        sizes = [size for size in sorted(results["runs"], key=int) if results["runs"][size].get(name)]
        if not sizes:
            continue
        steps = list(dict.fromkeys(step for size in sizes for step in results["runs"][size][name][0]["steps"]))
        used = {size: {step: _processor(results["runs"][size][name], step) for step in steps} for size in sizes}
        lines = [_row(title, *[_size(size) for size in sizes]), "|---|" + "---|" * len(sizes)]
        by_use = sorted(steps, key=lambda step, most=used[sizes[-1]]: -most[step])
        lines += [_row(f"`{step}`", *[_share(used[size], step) for size in sizes]) for step in by_use]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _processor(runs: Runs, step: str) -> float:
    return median(run["steps"].get(step, (0.0, 0.0))[1] for run in runs)


def _share(used: dict[str, float], step: str) -> str:
    return f"{used[step]:.1f} s, {used[step] / sum(used.values()):.0%}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _size(size: str) -> str:
    number = int(size)
    return f"{number // 1_000_000} M" if number % 1_000_000 == 0 else f"{number / 1_000_000:.1f} M"


def _cell(ratio: Any, runs: dict[str, dict[str, Runs]], size: str) -> str:
    try:
        return str(ratio(runs, size))
    except (KeyError, StopIteration):
        return ""  # not measured at this size


def _times(ours: str, theirs: str, *, without: tuple[str, ...] = BOOK, only: tuple[str, ...] | None = None) -> Any:
    def cell(runs: dict[str, dict[str, Runs]], size: str) -> str:
        mine, other = seconds(runs[size][ours], without=without, only=only), seconds(runs[size][theirs])
        return f"{mine / other:.2f} × ({mine:.1f} s : {other:.1f} s)"

    return cell


def _growth(runs: dict[str, dict[str, Runs]], size: str) -> str:
    smaller = next(other for other in sorted(runs, key=int, reverse=True) if int(other) * 5 == int(size))
    mine, other = seconds(runs[size]["month"]), seconds(runs[smaller]["month"])
    return f"{mine / other:.2f} × ({mine:.1f} s : {other:.1f} s)"


def _peak(name: str) -> Any:
    def cell(runs: dict[str, dict[str, Runs]], size: str) -> str:
        return f"{median(run['peak_mb'] for run in runs[size][name]):,.0f} MB"

    return cell


def _seconds(name: str, only: tuple[str, ...]) -> Any:
    def cell(runs: dict[str, dict[str, Runs]], size: str) -> str:
        return f"{seconds(runs[size][name], without=(), only=only):.1f} s"

    return cell


def _rate(runs: dict[str, dict[str, Runs]], size: str) -> str:
    return f"{int(size) / seconds(runs[size]['month']):,.0f}"


METERED = "metered usage, typed records → lines written"
LANDED = "the same, landed files → lines"
PAYMENTS = "payment fees, snapshots → a line per transaction written"
COMPARISONS: tuple[tuple[str, str, str, Any], ...] = (
    (METERED, "DuckDB: scan and aggregation only", "≤ 4 ×", _times("month", "bare_scan", without=READING)),
    (LANDED, "the same", "", _times("month", "bare_scan", without=REFERENCE)),
    (METERED, "DuckDB: one statement, exact decimals", "≤ 0.5 ×", _times("month", "month_in_sql", without=READING)),
    (LANDED, "the same", "", _times("month", "month_in_sql", without=REFERENCE)),
    (PAYMENTS, "plain copy of the same columns", "≤ 1.8 ×", _times("fees", "fees_copied", without=REFERENCE)),
    (PAYMENTS, "DuckDB: one statement, decimals", "≤ 0.8 ×", _times("fees", "fees_in_sql", without=REFERENCE)),
    (
        "metered usage, landed files → lines",
        "Python: a loop with `decimal`",
        "≤ 0.067 ×",
        _times("month", "month_in_a_loop", without=REFERENCE),
    ),
    (
        "payment fees, landed files → lines",
        "the same",
        "≤ 0.067 ×",
        _times("whole_fees", "fees_in_a_loop", without=REFERENCE),
    ),
    ("a night with 1/30 of the events", "the whole month at once", "≤ 0.3 ×", _times("last_night", "month")),
    ("five times the events", "10 M", "≤ 6 ×", _growth),
    ("peak memory, metered", "", "2 GB, 3 GB at 50 M", _peak("month")),
    ("peak memory, payments", "", "the same", _peak("fees")),
    ("book, accounts, contracts, rates: once a night", "", "", _seconds("month", REFERENCE)),
    ("metered events a second, landed files → lines", "", "", _rate),
)
