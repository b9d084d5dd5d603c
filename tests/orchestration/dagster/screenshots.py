"""Pictures of the Dagster UI, headless: `python -m tests.orchestration.dagster.screenshots FOLDER` makes them all.

A night of the tiny company with one planted difference: the lineage, the page of a table, the checks of the publish.
"""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import duckdb

from orchestration import publish
from orchestration.dagster_home import dagster_home
from orchestration.definitions import night_definitions
from orchestration.settings import Settings
from tests.browser import OPTIONS, chromium
from tests.orchestration.dagster.tiny_company import FIRST, LAST, write_landing
from tests.orchestration.dagster.webserver import running

PAGES = {
    "lineage": "/asset-groups",
    "asset": "/assets/fct_line_item?view=overview&partition=2026-09-03",
    "asset-checks": "/assets/fct_line_item?view=checks",
    "asset-events": "/assets/line_items?view=partitions&partition=2026-09-03",
    "failed-check": "/assets/published?view=checks&checkDetail=revenue_lines_on_invoice_lines",
    "published": "/assets/published?view=overview",
    "job": "/locations/ratebook/jobs/nightly",
}
PLANTED = "update marts.fct_invoice_line set amount = amount + 1 where currency = 'USD'"


def held_night(settings: Settings) -> None:
    """Run a night that a gate holds, recorded where the webserver finds it."""
    write_landing(settings.home)
    job = night_definitions(settings).resolve_job_def("nightly")
    write = publish.write_candidate

    def write_and_spoil(*arguments):
        candidate = write(*arguments)
        with duckdb.connect(candidate / publish.DATABASE) as connection:
            connection.execute(PLANTED)
        return candidate

    publish.write_candidate = write_and_spoil
    try:
        with dg.DagsterInstance.from_config(str(dagster_home(settings))) as instance:
            job.execute_in_process(partition_key=LAST, instance=instance, raise_on_error=False)
    finally:
        publish.write_candidate = write


def pictures(settings: Settings, folder: Path, pages: Mapping[str, str] = PAGES, height: int = 1100) -> list[Path]:
    """Take a picture of each page and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with running(settings, first_delivery=FIRST, with_daemon=False) as server:
        for name, page in pages.items():
            file = folder / f"{name}.png"
            with tempfile.TemporaryDirectory() as profile:
                subprocess.run(
                    [
                        *(chromium(), *OPTIONS, "--hide-scrollbars"),
                        *(f"--user-data-dir={profile}", f"--window-size=1720,{height}", "--virtual-time-budget=30000"),
                        *(f"--screenshot={file}", f"{server.url}{page}"),
                    ],
                    check=True,
                    capture_output=True,
                    timeout=180,
                )
            taken.append(file)
    return taken


if __name__ == "__main__":
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        state = Settings(home=Path(scratch) / "state")
        held_night(state)
        for picture in pictures(state, target):
            sys.stdout.write(f"{picture}\n")
