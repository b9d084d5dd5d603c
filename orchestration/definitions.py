"""The night as Dagster sees it: one graph by delivery date from landing to publish, one job, one schedule.

The second door: the command line is the first, and both call `orchestration.night`. Every asset has the same daily
partition, the delivery date. A range is one run: deliveries day by day, tables as of the last day, one publish.
"""

from datetime import date

import dagster as dg

from orchestration import defs_marts, defs_publish, defs_tables
from orchestration.dagster_home import dagster_home
from orchestration.defs_manifest import load_manifest
from orchestration.defs_run import NIGHT_RUN, night_run
from orchestration.settings import Settings

# Where the calendar of an installation without any delivery begins.
NO_DELIVERY_YET = date(2026, 8, 1)


@dg.definitions
def defs() -> dg.Definitions:
    """Return what the webserver, the daemon and `dg` load."""
    return night_definitions(Settings())


def night_definitions(settings: Settings) -> dg.Definitions:
    """Return the graph, its job and its schedules over the state of one installation."""
    dagster_home(settings)
    first = settings.first_delivery or _first_landed(settings) or NO_DELIVERY_YET
    partitions = dg.DailyPartitionsDefinition(start_date=first.isoformat(), timezone="UTC")
    watch = defs_publish.latest_delivery_is_published(settings, partitions)
    assets: list[dg.AssetsDefinition | dg.AssetSpec] = [
        *defs_tables.all_tables(partitions),
        *defs_marts.run_tables(),
        defs_marts.dbt_models(load_manifest(settings), partitions),
        defs_publish.published(partitions),
    ]
    nightly = dg.define_asset_job(
        "nightly",
        selection=dg.AssetSelection.all().materializable() - dg.AssetSelection.checks(watch),
        description="Snapshot the deliveries, make the tables as of the day, let dbt make the marts, publish or hold.",
    )
    morning = dg.define_asset_job(
        "morning_watch",
        selection=dg.AssetSelection.checks(watch),
        description="Look whether the newest delivery date that is over is served.",
    )
    return dg.Definitions(
        assets=assets,
        asset_checks=[watch],
        jobs=[nightly, morning],
        schedules=[
            dg.build_schedule_from_partitioned_job(
                nightly,
                hour_of_day=2,
                description="Every night at 02:00 UTC, for the delivery date that has just ended.",
            ),
            dg.ScheduleDefinition(
                job=morning,
                cron_schedule="0 6 * * *",
                execution_timezone="UTC",
                description="Every morning at 06:00 UTC: a night that never started fails nowhere else.",
            ),
        ],
        resources={NIGHT_RUN: night_run(settings)},
        # One process: starting one per step takes longer than most steps, and the run's lock covers the whole run.
        executor=dg.in_process_executor,
    )


def _first_landed(settings: Settings) -> date | None:
    """Return the earliest date that has a folder in the landing zone or a snapshot in the lake."""
    folders = [*settings.landing.glob("*/????-??-??"), *settings.delivered.glob("????-??-??")]
    return min((date.fromisoformat(folder.name) for folder in folders), default=None)
