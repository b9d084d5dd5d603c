"""dbt's manifest for the asset graph: parsed once per state of the project, outside the source tree."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orchestration.dagster_home import dagster_home
from orchestration.errors import UsageError
from orchestration.settings import Settings
from orchestration.warehouse import DBT_PROJECT

SOURCES = ("*.sql", "*.yml", "*.yaml", "*.md", "*.csv")
PARSE_SECONDS = 300


def load_manifest(settings: Settings, project: Path = DBT_PROJECT) -> dict[str, Any]:
    """Return the manifest of the dbt project as it stands, parsing the project if that was not done yet.

    Rule: kept below DAGSTER_HOME under the hash of every file of the project, so it is never older than they are.
          Processes that load at once wait for each other; one parses.
    """
    folder = dagster_home(settings) / "dbt"
    folder.mkdir(exist_ok=True)
    with _one_at_a_time(folder / "lock"):
        target = folder / _project_hash(project)[:12]
        if not (target / "manifest.json").exists():
            for older in (path for path in folder.iterdir() if path.is_dir()):
                shutil.rmtree(older)
            _parse(project, target)
        manifest: dict[str, Any] = json.loads((target / "manifest.json").read_bytes())
    return manifest


def _project_hash(project: Path) -> str:
    digest = hashlib.sha256(f"dbt-core {version('dbt-core')}".encode())
    for path in sorted(path for pattern in SOURCES for path in project.rglob(pattern)):
        digest.update(f"{path.relative_to(project)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _parse(project: Path, target: Path) -> None:
    """Run `dbt parse` in a process of its own: in this one it would leave its logging and its adapters behind."""
    work = target.with_name(f".tmp-{target.name}")
    command = [
        *(sys.executable, "-c", "from dbt.cli.main import cli; cli()", "parse", "--quiet", "--no-partial-parse"),
        *("--project-dir", str(project), "--profiles-dir", str(project)),
        *("--target-path", str(work), "--log-path", str(work)),
        *("--no-version-check", "--no-send-anonymous-usage-stats"),
    ]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}  # noqa: TID251 - passed on, not read
    # Parsing opens no database; the name only tells dbt what the build file's catalog is called.
    environment = inherited | {"RATEBOOK_WAREHOUSE": "warehouse.duckdb", "DO_NOT_TRACK": "1"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PARSE_SECONDS, check=False, cwd=target.parent
    )
    if done.returncode != 0:
        shutil.rmtree(work, ignore_errors=True)
        raise UsageError(f"dbt cannot parse {project}:\n{done.stdout}{done.stderr}")
    work.rename(target)


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
