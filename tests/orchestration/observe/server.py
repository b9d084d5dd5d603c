"""A PostgreSQL server of this machine, for the time of the tests: own data, own port, no root."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "c4n4ry-p=ss"


@dataclass(frozen=True)
class Server:
    """Where it listens, and a way to put something into it."""

    port: int

    def url(self, database: str = "postgres", password: str = PASSWORD) -> str:
        """Return the address with the password in it, escaped as an address needs it."""
        return f"postgresql://reader:{password.replace('=', '%3D')}@127.0.0.1:{self.port}/{database}"

    def do(self, *statements: str, database: str = "postgres") -> None:
        """Execute statements, each by itself."""
        from adbc_driver_postgresql import dbapi

        with closing(dbapi.connect(f"{self.url(database)}?client_encoding=UTF8", autocommit=True)) as connection:
            for statement in statements:
                with closing(connection.cursor()) as cursor:
                    cursor.execute(statement)


def programs() -> Path | None:
    """Return the folder of `initdb` and `postgres`: on the PATH, or where Debian puts the newest."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin"), *map(Path, os.environ.get("PATH", "").split(":"))]
    return next((folder for folder in sorted(found, reverse=True) if (folder / "postgres").is_file()), None)


@contextmanager
def running() -> Iterator[Server]:
    """Start a server, or skip where there is none, and stop it by the id of its process."""
    pytest.importorskip("adbc_driver_postgresql", reason="the extra [postgres] is not installed")
    folder = programs()
    if folder is None:
        pytest.skip("no PostgreSQL server: install Debian's package `postgresql`")
    home = Path(tempfile.mkdtemp(prefix="ratebook-postgres-"))
    password = home / "password"
    password.write_text(PASSWORD)
    own = _unprivileged()
    if own:  # initdb and postgres refuse to run as root
        for path in (home, password):
            os.chown(path, own["user"], own["group"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = home / "data"
    try:
        made = subprocess.run(
            [folder / "initdb", "-D", data, "-U", "reader", "-A", "scram-sha-256", "--pwfile", password,
             "-E", "UTF8", "--locale=C", "--no-sync"],
            capture_output=True, text=True, check=False, cwd=home, **own,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        with (home / "log").open("wb") as log:
            server = subprocess.Popen(
                [folder / "postgres", "-D", data, "-k", home, "-p", str(port), "-c", "listen_addresses=127.0.0.1",
                 "-c", "fsync=off"],
                stdout=log, stderr=log, cwd=home, **own,
            )  # fmt: skip
        try:
            _await(server, port, home / "log")
            yield Server(port)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=30)
    finally:
        shutil.rmtree(home)


def _unprivileged() -> dict:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _await(server: subprocess.Popen, port: int, log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0 and "ready to accept connections" in log.read_text():
                return
        time.sleep(0.05)
    raise AssertionError(log.read_text())
