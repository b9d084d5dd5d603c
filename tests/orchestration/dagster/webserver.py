"""A real dagster-webserver, with its daemon, on a free loopback port: started for a test and ended by process id."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.dagster_home import prepare
from orchestration.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = Path(sys.executable).parent
START_SECONDS = 180
# Dagster notes every day of a range for every asset, one durable write each: a busy disk takes its time.
RUN_SECONDS = 1200
REPOSITORY = {"repositoryLocationName": "ratebook", "repositoryName": "__repository__"}


class CannotStart(Exception):
    """The webserver does not answer here; the message holds what it said."""


@dataclass(frozen=True)
class Webserver:
    """A running webserver, asked through GraphQL."""

    url: str

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the data of one GraphQL call."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            content = json.load(answer)
        assert "errors" not in content, content["errors"]
        return content["data"]

    def wait_for(self, look: Callable[[], str], ends: set[str], seconds: float = RUN_SECONDS) -> str:
        """Look until the state is one of `ends`."""
        deadline = time.monotonic() + seconds
        while (state := look()) not in ends:
            assert time.monotonic() < deadline, f"still {state} after {seconds} s"
            time.sleep(1)
        return state


@contextmanager
def running(settings: Settings, *, first_delivery: str, with_daemon: bool = True) -> Iterator[Webserver]:
    """Run webserver and daemon over one installation."""
    home = prepare(settings)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "DAGSTER_HOME": str(home),
        "RATEBOOK_HOME": str(settings.home),
        "RATEBOOK_FIRST_DELIVERY": first_delivery,
        "PYTHONWARNINGS": "ignore",
    }
    workspace = ("-w", str(ROOT / "workspace.yaml"))
    commands = [[PROGRAMS / "dagster-webserver", "-h", "127.0.0.1", "-p", str(port), *workspace]]
    if with_daemon:
        commands.append([PROGRAMS / "dagster-daemon", "run", *workspace])
    log = home / "webserver.log"
    started = []
    try:
        with log.open("wb") as output:
            started.extend(
                subprocess.Popen(each, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True)
                for each in commands
            )
        server = Webserver(f"http://127.0.0.1:{port}")
        _wait_until_loaded(server, started[0], log)
        yield server
    finally:
        for process in started:
            _end(process)


def _wait_until_loaded(server: Webserver, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            found = server.ask(
                "{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename "
                "... on PythonError { message } } } } } }"
            )
            (entry,) = found["workspaceOrError"]["locationEntries"]
            loaded = entry["locationOrLoadError"]
            if loaded is not None:
                assert loaded["__typename"] == "RepositoryLocation", loaded["message"]
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.5)
    raise CannotStart(log.read_text(errors="replace")[-2000:])


def _end(process: subprocess.Popen) -> None:
    """End a process of ours with the code servers that it started: they share its process group, nobody else does."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
