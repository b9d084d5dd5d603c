"""One run at a time: an advisory lock that the operating system drops when its holder dies."""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from orchestration import home_format
from orchestration.errors import UsageError
from orchestration.settings import Settings

POLL_SECONDS = 0.2


@dataclass
class _Gate:
    """What this process knows of one lock file: its own threads queue here before they ask the system."""

    threads: threading.RLock = field(default_factory=threading.RLock)
    depth: int = 0
    handle: int = -1


# The key holds the process id: a forked child inherits this dictionary but must not believe it holds the lock.
_GATES: dict[tuple[int, Path], _Gate] = {}
_GATES_GUARD = threading.Lock()


@contextmanager
def run_lock(
    settings: Settings,
    *,
    timeout_seconds: float | None = None,
    progress: Callable[[str], None] | None = None,
    migrates: bool = False,
) -> Iterator[None]:
    """Hold the installation for one run; a second run waits its turn, and says for whom.

    Rule:    `flock` on `<home>/build/run.lock`. The lock belongs to the open file of a living process, so a killed run
             leaves nothing to clean. A thread that holds it may take it again (Dagster steps call functions that
             each take it); other threads and other processes wait.
    Refuses: waiting longer than `timeout_seconds` (None: for ever), with the holder named; a home of another format,
             but of an older one if it `migrates`.
    """
    if migrates:
        home_format.known(settings)
    else:
        home_format.require(settings)
    path = lock_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    gate = _gate(path)
    _wait(lambda: gate.threads.acquire(blocking=False), path, deadline, progress)
    try:
        if gate.depth == 0:
            gate.handle = _locked_file(path, deadline, progress)
            home_format.stamp(settings)
        gate.depth += 1
        try:
            yield
        finally:
            gate.depth -= 1
            if gate.depth == 0:
                os.close(gate.handle)
                gate.handle = -1
    finally:
        gate.threads.release()


def lock_path(settings: Settings) -> Path:
    """Return where the lock file of an installation lies."""
    return settings.build / "run.lock"


def _gate(path: Path) -> _Gate:
    with _GATES_GUARD:
        return _GATES.setdefault((os.getpid(), path.resolve()), _Gate())


def _locked_file(path: Path, deadline: float | None, progress: Callable[[str], None] | None) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait(lambda: _try_lock(handle), path, deadline, progress)
        # Only for the sentence that waiting runs show; the lock itself never depends on this text.
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"pid {os.getpid()} since {since}\n".encode(), 0)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _try_lock(handle: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _wait(
    attempt: Callable[[], bool],
    path: Path,
    deadline: float | None,
    progress: Callable[[str], None] | None,
) -> None:
    is_told = False
    while not attempt():
        holder = _holder(path)
        if deadline is not None and time.monotonic() >= deadline:
            raise UsageError(f"{path}: the run of {holder} is still on. Nothing was started; try again when it ended.")
        if not is_told and progress is not None:
            progress(f"waiting for the run of {holder}")
            is_told = True
        time.sleep(POLL_SECONDS)


def _holder(path: Path) -> str:
    with suppress(FileNotFoundError):
        return path.read_text().strip() or "another process"
    return "another process"
