"""One run at a time: an advisory lock that the operating system drops when its holder dies, and a lease that beats.

On one machine the lock alone decides. The lease in the lock file says who holds it, and is for a shared drive, whose
locks may not reach the other machine: a holder on another boot counts as alive while its lease goes on beating.
"""

import fcntl
import json
import os
import platform
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from orchestration import home_format
from orchestration.errors import UsageError
from orchestration.settings import Settings

POLL_SECONDS = 0.2
BEAT_SECONDS = 20.0
# Five beats missed; with this the next run starts within two minutes, whatever has become of the machine.
SILENT_SECONDS = 100.0
LEASE_BYTES = 512  # always as long, so that one write replaces it
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Lease:
    """Who holds the lock. The times are for people; what others watch is whether `beats` goes up."""

    token: str
    pid: int
    host: str
    boot_id: str
    since: str
    beat_at: str
    beats: int = 0
    run_number: int | None = None

    def __str__(self) -> str:
        """Say it as waiting runs do."""
        run = "" if self.run_number is None else f"run {self.run_number}, "
        return f"pid {self.pid} since {self.since} ({run}on {self.host}, last heartbeat {self.beat_at})"


@dataclass
class _Gate:
    """What this process knows of one lock file: its own threads queue here before they ask the system."""

    threads: threading.RLock = field(default_factory=threading.RLock)
    depth: int = 0
    held: "_Held | None" = None


@dataclass
class _Held:
    """The lock in the hands of this process, with the thread that beats for it."""

    path: Path
    handle: int
    lease: Lease
    writing: threading.Lock = field(default_factory=threading.Lock)
    ended: threading.Event = field(default_factory=threading.Event)
    heart: threading.Thread | None = None


# The key holds the process id: a forked child inherits this dictionary but must not believe it holds the lock.
_GATES: dict[tuple[int, Path], _Gate] = {}
_GATES_GUARD = threading.Lock()


@contextmanager
def run_lock(
    settings: Settings,
    *,
    timeout_seconds: float | None = None,
    progress: Progress | None = None,
    migrates: bool = False,
) -> Iterator[None]:
    """Hold the installation for one run; a second run waits its turn, and says for whom.

    Rule:    `flock` on `<home>/build/run.lock`. The lock belongs to the open file of a living process, so a killed run
             leaves nothing to clean. A thread that holds it may take it again (Dagster steps call functions that
             each take it); other threads and other processes wait. A holder on another boot whose lock does not
             reach here is waited for until its lease has not beaten for `SILENT_SECONDS`; should it wake up later, the
             next time it takes the lock again, at the latest for the switch of what readers see, it is refused.
    Refuses: waiting longer than `timeout_seconds` (None: for ever), with the holder named; a home of another format,
             but of an older one if it `migrates`; a run whose lease another one has taken over.
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
        if gate.held is None:
            gate.held = _taken(path, deadline, progress)
        else:
            _require_own(gate.held)
        gate.depth += 1
        try:
            if gate.depth == 1:
                home_format.stamp(settings)
            yield
        finally:
            gate.depth -= 1
            if gate.depth == 0:
                _give_back(gate.held)
                gate.held = None
    finally:
        gate.threads.release()


def note_run(settings: Settings, number: int) -> None:
    """Write the number of the run into the lease that this process holds, if it holds one."""
    held = _gate(lock_path(settings)).held
    if held is not None:
        with held.writing:
            if _is_own(held):
                held.lease = replace(held.lease, run_number=number)
                _write(held)


def lock_path(settings: Settings) -> Path:
    """Return where the lock file of an installation lies."""
    return settings.build / "run.lock"


def _gate(path: Path) -> _Gate:
    with _GATES_GUARD:
        return _GATES.setdefault((os.getpid(), path.resolve()), _Gate())


def _taken(path: Path, deadline: float | None, progress: Progress | None) -> _Held:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait(lambda: _try_lock(handle), path, deadline, progress)
        _outlast(path, deadline, progress)
        now = _now()
        held = _Held(path, handle, Lease(secrets.token_hex(8), os.getpid(), platform.node(), _boot_id(), now, now))
        _write(held)
    except BaseException:
        os.close(handle)
        raise
    held.heart = threading.Thread(target=_beat, args=(held,), name="heartbeat of the run lock", daemon=True)
    held.heart.start()
    return held


def _give_back(held: _Held) -> None:
    held.ended.set()
    if held.heart is not None:
        held.heart.join()
    if _is_own(held):
        os.ftruncate(held.handle, 0)
    os.close(held.handle)


def _outlast(path: Path, deadline: float | None, progress: Progress | None) -> None:
    """Take over a lease that was not given back: at once on this boot, where its holder is dead, else watch it.

    The lock is ours already. On another boot the holder may be alive on a drive that does not share locks.
    """
    left = _lease(path)
    if left is None:
        return
    if left.boot_id != _boot_id():
        seen, since = path.read_bytes(), time.monotonic()

        def is_silent() -> bool:
            nonlocal seen, since
            now = path.read_bytes()
            if not now:  # given back; a lease that is just being written is a beat
                return True
            if now != seen:
                seen, since = now, time.monotonic()
            return time.monotonic() - since >= SILENT_SECONDS

        _wait(is_silent, path, deadline, progress)
    if progress is not None:
        progress(f"the run of {left} did not end well; its lock is taken over")


def _beat(held: _Held) -> None:
    while not held.ended.wait(BEAT_SECONDS):
        with held.writing:
            if not _is_own(held):
                return
            held.lease = replace(held.lease, beats=held.lease.beats + 1, beat_at=_now())
            _write(held)


def _require_own(held: _Held) -> None:
    with held.writing:
        if not _is_own(held):
            raise UsageError(
                f"{held.path}: the lease of this run was taken over by {_holder(held.path)}, because its heart stood "
                "still for too long. It stops here, and what it has not published is not published."
            )


def _is_own(held: _Held) -> bool:
    found = _lease(held.path)
    return found is not None and found.token == held.lease.token


def _write(held: _Held) -> None:
    os.pwrite(held.handle, json.dumps(asdict(held.lease)).encode().ljust(LEASE_BYTES - 1) + b"\n", 0)


def _lease(path: Path) -> Lease | None:
    # Given back, not there, or just being written by another machine: no lease that could be named.
    with suppress(FileNotFoundError, ValueError, TypeError):
        return Lease(**json.loads(path.read_bytes()))
    return None


def _boot_id() -> str:
    with suppress(FileNotFoundError):
        return BOOT_ID.read_text().strip()
    return platform.node()  # macOS has no such file: a boot is as good as its machine


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())


def _try_lock(handle: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _wait(attempt: Callable[[], bool], path: Path, deadline: float | None, progress: Progress | None) -> None:
    is_told = False
    while not attempt():
        holder = _holder(path)
        if deadline is not None and time.monotonic() >= deadline:
            raise UsageError(
                f"{path}: the run of {holder} is still on. Nothing was started; try again when it ended. If its "
                "heart stands still, end that process on its machine."
            )
        if not is_told and progress is not None:
            progress(f"waiting for the run of {holder}")
            is_told = True
        time.sleep(POLL_SECONDS)


def _holder(path: Path) -> str:
    return str(_lease(path) or "another process")
