"""A night in a process of its own that dies where it is told to: `python -m tests.faults.dying <what> <home> ...`.

`night HOME DAY [POINT [HOW]]`     one night; before the POINT-th call that makes something durable it meets a fault.
                                   What it prints last is the number of such calls that it made.
`tables HOME DAY SHARE HOW ...`    all that comes before dbt, with a fault before every SHARE-th of these calls, each
                                   time in a copy, and run again; prints for each what the second run made.

HOW is `kill` (by default), `exception`, `full` (no space left) or `io` (input/output error).
"""

import errno
import hashlib
import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from orchestration import night
from orchestration.lock import run_lock
from orchestration.settings import Settings
from tests.orchestration import tiny

# What makes a name or a content durable. The n-th call is reached exactly when everything before it has happened.
DURABLE = ("fsync", "rename", "replace", "symlink", "unlink")
KILLED = 9


def _kill() -> None:
    os._exit(KILLED)


def _fail() -> None:
    raise RuntimeError("planted")


def _refuse(number: int) -> Callable[[], None]:
    def refuse() -> None:
        raise OSError(number, os.strerror(number), "planted")

    return refuse


FAULTS: dict[str, Callable[[], None]] = {
    "kill": _kill,
    "exception": _fail,
    "full": _refuse(errno.ENOSPC),
    "io": _refuse(errno.EIO),
}


def say(text: str) -> None:
    """Say a line at once: whoever waits for it kills this process next."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def counted(point: int = 0, how: str = "kill") -> Callable[[], int]:
    """Count the durable calls of this process from now on; before the `point`-th it meets a fault, once."""
    made = [0]

    def wrapped(call: Callable[..., Any]) -> Callable[..., Any]:
        def inner(*arguments: Any, **keywords: Any) -> Any:
            made[0] += 1
            if made[0] == point:
                FAULTS[how]()
            return call(*arguments, **keywords)

        return inner

    for name in DURABLE:
        setattr(os, name, wrapped(getattr(os, name)))
    return lambda: made[0]


def whole_night(home: Path, as_of: date, point: str = "0", how: str = "kill") -> None:
    calls = counted(int(point), how)
    record = night.run(Settings(home=home), as_of, progress=say)
    say(json.dumps({"calls": calls(), "number": record.number}))


def tables_killed(home: Path, as_of: date, share: str, *hows: str) -> None:
    """Meet a fault and run again in forks: the imports are paid once, and no fork inherits a thread that computes."""
    never_killed = json.loads(_in_a_fork(lambda: _tables(_copy(home), as_of))[1])
    points = range(1, never_killed["calls"] + 1, int(share))
    say(json.dumps(never_killed))
    for place, point in enumerate(points):
        # The faults take turns over the places; asked for every call, each place meets each of them.
        for how in hows if share == "1" else [hows[place % len(hows)]]:
            copy = _copy(home)
            code, said = _in_a_fork(lambda copy=copy, point=point, how=how: _tables(copy, as_of, point, how))
            if code != (KILLED if how == "kill" else 1):
                raise AssertionError(f"{how} at point {point}: ended with {code}\n{said}")
            code, said = _in_a_fork(lambda copy=copy: _tables(copy, as_of))
            if code != 0:
                raise AssertionError(f"{how} at point {point}: the next run failed\n{said}")
            say(json.dumps(json.loads(said) | {"point": point, "how": how}))


def _copy(home: Path) -> Path:
    copy = home.with_name(home.name + "-killed")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(home, copy, symlinks=True)
    return copy


def _tables(home: Path, as_of: date, point: int = 0, how: str = "kill") -> None:
    settings = Settings(home=home)
    calls = counted(point, how)
    with run_lock(settings, timeout_seconds=5):
        build = tiny.tables_only(settings, as_of)
    manifests = [(settings.snapshot(day) / "manifest.json").read_bytes() for day in build.deliveries]
    made = {
        "calls": calls(),
        "build": build.path.name,
        "tables": tiny.build_hashes(build),
        "snapshots": [hashlib.sha256(manifest).hexdigest() for manifest in manifests],
        "leftovers": sorted(path.name for path in home.rglob(".tmp-*")),
        "served": tiny.served(settings),
    }
    say(json.dumps(made))


def _in_a_fork(work: Callable[[], None]) -> tuple[int, str]:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(write, 1)
        code = 1
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - a fork must never return into its parent's code
            traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
        os._exit(code)
    os.close(write)
    with os.fdopen(read) as said:
        text = said.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text


if __name__ == "__main__":
    what, where, day, *more = sys.argv[1:]
    {"night": whole_night, "tables": tables_killed}[what](Path(where), date.fromisoformat(day), *more)
