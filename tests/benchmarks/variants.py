"""Everything that is measured, by name; each is run in a process of its own and says what it found as JSON."""

import json
import shutil
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl

from data_contracts import AccountContracts, PriceTiers, PriceVersions, RatedEvents, Rates, UsageEvents
from orchestration.settings import Settings
from tests.benchmarks import loops, ours, statements, usage
from tests.benchmarks.measuring import Clock

Totals = dict[str, object]
DUCKDB_MEMORY = "6GB"


def usage_files(folder: Path) -> list[Path]:
    """Return the landed usage files of a workload."""
    return sorted((folder / "landing" / "usage_events").glob("*/*.parquet"))


def prepare(folder: Path) -> None:
    """Make what the variants start from, once: reference tables, the taken month, a loaded month but its last day."""
    landing = folder / "landing"
    if not (folder / "reference").is_dir():
        home = folder / "home-reference"
        ours.linked(landing, home / "landing", without=["usage_events"])
        clock = Clock()
        ours.take(home, clock)
        build = ours.make_tables(home, clock, ours.REFERENCE)
        staging = folder / ".reference"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        for table in (AccountContracts, Rates, PriceTiers, PriceVersions):
            build.frame(table).collect().write_parquet(staging / f"{table.table_name}.parquet")
        staging.rename(folder / "reference")
        shutil.rmtree(home)


def prepare_night(folder: Path) -> None:
    """Load the month but its last day, and make its tables."""
    if not (folder / "home-loaded").is_dir():
        staging = folder / ".home-loaded"
        ours.linked(folder / "landing", staging / "landing", without=[ours.LAST_DAY.isoformat()])
        clock, before = Clock(), ours.LAST_DAY - timedelta(days=1)
        ours.take(staging, clock, before)
        ours.make_tables(staging, clock, ["line_items"], before)
        staging.rename(folder / "home-loaded")


def prepare_taken(folder: Path) -> None:
    """Take the month, and make no table of it."""
    if not (folder / "home-taken").is_dir():
        staging = folder / ".home-taken"
        ours.linked(folder / "landing", staging / "landing")
        ours.take(staging, Clock())
        staging.rename(folder / "home-taken")


def prepare_fees(folder: Path) -> None:
    """Make the lines of the payments, unless an earlier run left them."""
    if not (folder / "home-fees" / "build").is_dir():
        fees(folder, Clock())


def month(folder: Path, clock: Clock) -> Totals:
    """Ratebook, metered: from the landed Parquet to the written lines."""
    home = ours.landed(folder, folder / "home-month")
    ours.take(home, clock)
    return ours.line_totals(ours.make_tables(home, clock, ["line_items"]))


def last_night(folder: Path, clock: Clock) -> Totals:
    """Ratebook, metered: the night of the last day on a loaded month."""
    home = folder / "home-night"
    ours.linked(folder / "home-loaded", home)
    last = Path("usage_events", ours.LAST_DAY.isoformat())
    ours.linked(folder / "landing" / last, home / "landing" / last)
    ours.take(home, clock)
    return ours.line_totals(ours.make_tables(home, clock, ["line_items"]))


def fees(folder: Path, clock: Clock) -> Totals:
    """Ratebook, payments: from the snapshots to one written line per transaction."""
    home = folder / "home-fees"
    ours.linked(folder / "home-taken", home)
    return ours.fee_totals(ours.make_tables(home, clock, ["rated_events"]))


def whole_fees(folder: Path, clock: Clock) -> Totals:
    """Ratebook, payments: from the landed Parquet to one written line per transaction."""
    home = ours.landed(folder, folder / "home-whole-fees")
    ours.take(home, clock)
    return ours.fee_totals(ours.make_tables(home, clock, ["rated_events"]))


def fees_copied(folder: Path, clock: Clock) -> Totals:
    """The plain copy of the lines that the payments became: scan and write, as they are stored, with the same codec."""
    (build,) = (folder / "home-fees" / "build").iterdir()
    files = sorted((build / RatedEvents.table_name).glob("*.parquet"))
    clock.time(
        "copy",
        lambda: pl.scan_parquet(files).sink_parquet(
            folder / "copied.parquet", compression="zstd", compression_level=1, statistics=True
        ),
    )
    return {"rows": pl.scan_parquet(folder / "copied.parquet").select(pl.len()).collect().item()}


def bare_scan(folder: Path, clock: Clock) -> Totals:
    """DuckDB: scan and aggregation of the landed columns, nothing else."""
    rows = clock.time("statement", lambda: _execute(statements.BARE_SCAN, folder))
    return {"groups": rows[0][0], "events": str(rows[0][1])}


def month_in_sql(folder: Path, clock: Clock) -> Totals:
    """DuckDB: the month's rating in one statement."""
    return _statement(statements.RATED_MONTH, folder, clock)


def fees_in_sql(folder: Path, clock: Clock) -> Totals:
    """DuckDB: the fees of all payments in one statement, from the same snapshots."""
    return _statement(statements.FEES, folder, clock, _snapshots(folder))


def month_in_a_loop(folder: Path, clock: Clock) -> Totals:
    """Python: the month's rating event by event."""
    return clock.time("loop", lambda: dict(loops.rated_month(usage_files(folder), folder / "reference")))


def fees_in_a_loop(folder: Path, clock: Clock) -> Totals:
    """Python: the fees event by event."""
    return clock.time("loop", lambda: dict(loops.fees(usage_files(folder), folder / "reference")))


def _snapshots(folder: Path) -> str:
    return str(Settings(home=folder / "home-taken").delivered / "*" / f"{UsageEvents.table_name}.parquet")


def _statement(statement: str, folder: Path, clock: Clock, events: str | None = None) -> Totals:
    clock.time("statement", lambda: _execute(statement, folder, events))
    rows = _execute(statements.TOTALS, folder)
    return {currency: [count, *(f"{number.normalize():f}" for number in sums)] for currency, count, *sums in rows}


def _execute(statement: str, folder: Path, events: str | None = None) -> list[tuple]:
    end = (usage.FIRST_DAY.replace(day=28) + timedelta(days=4)).replace(day=1)
    with duckdb.connect() as connection:
        connection.execute(f"set memory_limit = '{DUCKDB_MEMORY}'; set timezone = 'UTC'")
        connection.execute(f"set temp_directory = '{folder / 'duckdb'}'; set preserve_insertion_order = false")
        connection.execute("set max_temp_directory_size = '12GB'")
        return connection.execute(
            statement.format(
                usage=events or folder / "landing" / "usage_events" / "*" / "*.parquet",
                reference=folder / "reference",
                output=folder / "statement.parquet",
                first_day=usage.FIRST_DAY,
                end_day=end,
            )
        ).fetchall()


# Name, workload, what it starts from, what is done.
VARIANTS: dict[str, tuple[str, tuple[Callable[[Path], None], ...], Callable[[Path, Clock], Totals]]] = {
    "month": ("metered", (prepare,), month),
    "bare_scan": ("metered", (), bare_scan),
    "month_in_sql": ("metered", (prepare,), month_in_sql),
    "last_night": ("metered", (prepare_night,), last_night),
    "month_in_a_loop": ("metered", (prepare,), month_in_a_loop),
    "fees": ("payments", (prepare_taken,), fees),
    "whole_fees": ("payments", (), whole_fees),
    "fees_copied": ("payments", (prepare_taken, prepare_fees), fees_copied),
    "fees_in_sql": ("payments", (prepare, prepare_taken), fees_in_sql),
    "fees_in_a_loop": ("payments", (prepare,), fees_in_a_loop),
}


def main() -> None:
    """Run one variant, or its preparation, in the folder of its workload: `<variant> <folder> run|prepare`."""
    name, folder, what = sys.argv[1:]
    _, preparations, work = VARIANTS[name]
    if what == "prepare":
        for prepare_ in preparations:
            prepare_(Path(folder))
        return
    clock = Clock()
    totals = work(Path(folder), clock)
    found = {"steps": clock.steps, "peaks_mb": clock.peaks, "peak_mb": max(clock.peaks.values()), "totals": totals}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
