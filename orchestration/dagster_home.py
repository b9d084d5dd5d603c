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


if __name__ == "__main__":
    sys.stdout.write(f"{dagster_home(Settings())}\n")
