"""One night as Dagster runs it: lock, number and line of the run log are those of the command line."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import takewhile
from typing import Any, TypeVar

import dagster as dg
import duckdb

from data_contracts.vocabulary import Table
from orchestration import intake, night, publish, records
from orchestration.build import Build, open_build
from orchestration.errors import RatebookError, UsageError
from orchestration.lock import run_lock
from orchestration.run_log import run_log_file
from orchestration.settings import Settings
from orchestration.tables import Builder, made_by

NIGHT_RUN = "night_run"
PUBLISHED = dg.AssetKey("published")
# Tags under which Dagster keeps what a run is about: one day, or the last day of a range.
PARTITION_TAGS = ("dagster/partition", "dagster/asset_partition_range_end")

Result = TypeVar("Result")


@dataclass
class NightRun:
    """What the steps of one Dagster run share: the record of the run and the build as of its last day.

    Each step makes what it stands on unless it is there, so that one asset materialized by itself finds its inputs:
    tables are made once per fingerprint, marts once per run.
    """

    settings: Settings
    record: records.Record
    say: Callable[[str], None]
    error: BaseException | None = field(default=None)
    has_published: bool = field(default=False)

    @cached_property
    def build(self) -> Build:
        """Return the build as of the run's day, after every delivery up to it has its snapshot."""
        night.take_snapshots(self.settings, self.record, self.say)
        night.issue_on_the_way(self.settings, self.record, self.say)
        return open_build(self.settings, self.record.as_of)

    def do(self, work: Callable[[], Result]) -> Result:
        """Do the work of a step; remember what went wrong, for the line of the run log."""
        try:
            return work()
        except BaseException as error:
            self.error = self.error or error
            raise

    def make_book(self) -> None:
        """Compile price book and contracts."""
        records.timed(self.record, "price_book", self.build.make_book)

    def make_table(self, table: type[Table]) -> None:
        """Make one table as of the run's day, and what comes before it in the night unless it is there."""
        if table.table_name in self.record.seconds and self.build.has(table):
            return  # made by an earlier step of this run that stood on it; its time is noted there
        builder = next(each for each in night.NIGHTLY if each.__name__ == table.table_name)
        self.make_missing(takewhile(lambda each: each is not builder, night.NIGHTLY))
        night.make_table(self.build, builder, self.record, self.say)

    def make_missing(self, builders: Iterable[Builder]) -> None:
        """Make the tables that are not there yet; in a whole night nothing is missing."""
        self.build.make_book()
        for builder in builders:
            if not self.build.has(made_by(builder).table):
                night.make_table(self.build, builder, self.record, self.say)

    def make_marts(self) -> None:
        """Let dbt make and test all marts in the build's own file."""
        self.make_missing(night.NIGHTLY)
        night.make_marts(self.build, self.record, self.say)

    def publish(self, report: night.Report) -> None:
        """Publish, or hold, marts that carry this run's number; make them first if they are of another run."""
        if not self._has_own_marts():
            self.make_marts()
        night.publish_marts(self.build, self.record, self.say, report)
        self.has_published = True
        night.drop_old_builds(self.settings, self.build)

    def _has_own_marts(self) -> bool:
        if not self.build.warehouse.exists():
            return False
        with duckdb.connect(self.build.warehouse, read_only=True) as connection:
            found = connection.execute(
                "select count(*) from information_schema.tables where table_schema = 'meta' and table_name = 'run'"
            ).fetchall()
            numbers = connection.execute("select run_number from meta.run").fetchall() if found == [(1,)] else []
        return numbers == [(self.record.number,)]


def night_run(settings: Settings) -> dg.ResourceDefinition:
    """Return the resource that holds the run lock from the first step of a run to its last.

    Under the in-process executor that is the whole run, as on the command line. Under an executor with a process per
    step each step takes the lock by itself; tables are immutable and marts carry their run's number, so it holds too.
    """

    @dg.resource(description="The lock, the number and the run log line of one night.")
    def hold_run(context: dg.InitResourceContext) -> Iterator[NightRun]:
        run = context.run
        if run is None:
            raise UsageError("A night runs inside a Dagster run; materialize an asset or launch the job.")
        last = next((date.fromisoformat(run.tags[tag]) for tag in PARTITION_TAGS if tag in run.tags), None)
        if last is None:
            raise UsageError(
                "The run is about no delivery date: materialize for a date or a range of them; the checks of a table "
                "run with it."
            )
        log = context.log
        say: Callable[[str], None] = print if log is None else log.info
        with run_lock(settings, progress=say):
            publish.recover(settings)
            night.require_logs(settings)
            held = NightRun(settings, records.begin(settings, last), say)
            # A run that only looked at some tables publishes nothing and is no line of the log.
            is_night = not run.asset_selection or PUBLISHED in run.asset_selection
            with run_log_file(settings, held.record.number, last) if is_night else nullcontext():
                yield held
                if is_night and (held.error is not None or held.has_published):
                    records.end(settings, held.record, held.error)

    return hold_run


def refused(error: RatebookError, metadata: dict[str, dg.MetadataValue] | None = None) -> dg.Failure:
    """Return the failure of a step as a person reads it: the sentence of the command line, no traceback."""
    shown: dict[str, Any] = {"message": dg.MetadataValue.md(f"```\n{str(error)[:900]}\n```")}
    return dg.Failure(description=str(error), metadata=shown | (metadata or {}), allow_retries=False)


def materialized(
    context: dg.AssetExecutionContext, run: NightRun, key: dg.AssetKey, about: Mapping[str, Any]
) -> dg.MaterializeResult:
    """Return what was made as of the run's day.

    In a range Dagster marks every day of it; what is known of the table stands on the last one only. Repeated on each
    day of a month it would be thousands of events of some kilobytes.
    """
    context.add_asset_metadata({**about, **_cost(run.record, key)}, key, run.record.as_of.isoformat())
    return dg.MaterializeResult(asset_key=key, metadata={"as_of": run.record.as_of.isoformat()})


def _cost(record: records.Record, key: dg.AssetKey) -> dict[str, Any]:
    """What a table cost this run, as `audit.aud_run_table` will say; nothing of one that the run did not come by."""
    for table in record.tables:
        if table["table"] == key.to_user_string():
            peak = record.peak_memory_bytes[table["step"]]
            return {"seconds": table["seconds"], "bytes": table["bytes"], "step_peak_memory_bytes": peak}
    return {}


def deliveries_in(run: NightRun, first: date) -> list[date]:
    """Return the delivery dates with a snapshot from `first` to the run's day."""
    return [day for day in intake.snapshot_dates(run.settings, run.record.as_of) if day >= first]
