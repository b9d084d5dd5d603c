"""The folder in which Dagster keeps its runs: `<RATEBOOK_HOME>/dagster`, with a configuration of ours on first use.

`DAGSTER_HOME="$(python -m orchestration.dagster_home)" dagster-webserver -w workspace.yaml`
"""

import sys
from pathlib import Path

from orchestration.settings import Settings
from orchestration.storage import replace_file

TEMPLATE = Path(__file__).with_name("dagster.yaml")


def dagster_home(settings: Settings) -> Path:
    """Return the folder, absolute as Dagster wants it; a `dagster.yaml` that is there is left alone."""
    home = settings.home.absolute() / "dagster"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    configuration = home / TEMPLATE.name
    if not configuration.exists():
        replace_file(configuration, TEMPLATE.read_bytes())
    return home


def prepare(settings: Settings) -> Path:
    """Return the folder with its databases made: webserver and daemon, started at once, would both try to make them."""
    from dagster import DagsterInstance  # noqa: PLC0415 - takes seconds to import, the folder alone does not need it

    home = dagster_home(settings)
    with DagsterInstance.from_config(str(home)) as instance:
        _ = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    return home


if __name__ == "__main__":
    sys.stdout.write(f"{prepare(Settings())}\n")
