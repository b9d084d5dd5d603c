"""From a bare clone to a running command: makes `.venv` beside pyproject.toml once, then runs in it.

Belongs here: what has to work before anything is installed, with the standard library alone. Does not belong here:
commands (orchestration.cli). Every call compares a stamp in `.venv` with the two files that decide what is installed;
when it matches, the call costs one file read and replaces itself by the venv's Python.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

USAGE_ERROR = 2
ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("data_contracts", "transforms", "orchestration")
NO_INSTALLER = (
    "ratebook: this Python can make no environment: it has neither ensurepip nor pip. "
    "On Debian and Ubuntu: apt install python3-venv; elsewhere install pip or uv."
)


class SetupFailed(Exception):
    """The environment cannot be made; the message is the one line that a person gets to see."""


def run(arguments: Sequence[str]) -> int:
    """Set up what `arguments` need and replace this process by the command; return only when that cannot be."""
    if not (ROOT / "pyproject.toml").is_file():
        say("ratebook: this is an installed package, not a checkout: call `ratebook` instead")
        return USAGE_ERROR
    testing = list(arguments[:1]) == ["test"]
    try:
        python = prepare(ROOT, frozenset({"test"}) if testing else frozenset())
    except SetupFailed as problem:
        say(str(problem))
        return USAGE_ERROR
    except KeyboardInterrupt:
        say("ratebook: stopped; the same command goes on from here")
        return 130
    if testing:
        os.chdir(ROOT)
        return become(python, ["pytest", *spread(arguments[1:])])
    return become(python, ["orchestration.cli", *arguments])


def spread(options: Sequence[str]) -> list[str]:
    """Return pytest's options, over all cores unless they say how many: 4 minutes instead of 14 on two cores."""
    says_how_many = any(option.startswith(("-n", "--numprocesses", "--pdb")) for option in options)
    return [*options] if says_how_many else ["-n", "auto", *options]


def become(python: Path, module: Sequence[str]) -> NoReturn:
    """Replace this process by a module of the environment: signals and the exit code are the command's own."""
    os.execve(python, [str(python), "-m", *module], environment(python))


def prepare(root: Path, extras: frozenset[str]) -> Path:
    """Return the Python of `root`/.venv with everything installed; a second call finds the stamp and does nothing."""
    place = root / ".venv"
    python = place / "bin" / "python"
    if is_complete(place, root, extras):
        return python
    with one_at_a_time(root):
        if not is_complete(place, root, extras):
            set_up(place, root, extras)
    return python


def is_complete(place: Path, root: Path, extras: frozenset[str]) -> bool:
    """Tell whether the stamp says that what is wanted now was installed, here and with this interpreter."""
    stamp = read_stamp(place)
    return stamp == {**expected_stamp(place, root), "extras": stamp.get("extras")} and extras <= set(stamp["extras"])


def set_up(place: Path, root: Path, extras: frozenset[str]) -> None:
    """Make the environment, or bring it up to date, and leave the stamp as the last thing written."""
    began = time.monotonic()
    stamp = read_stamp(place)
    moved = bool(stamp) and any(stamp.get(name) != expected_stamp(place, root)[name] for name in ("root", "python"))
    if moved or not (place / "bin" / "python").exists():
        say(f"ratebook: making {place} with Python {'.'.join(map(str, sys.version_info[:3]))}")
        make_environment(place)
        stamp = {}
    wanted = sorted(extras | set(stamp.get("extras", ())))
    install(place / "bin" / "python", root, wanted)
    compile_own(place / "bin" / "python", root)
    temporary = place / ".tmp-ratebook.json"
    temporary.write_text(json.dumps({**expected_stamp(place, root), "extras": wanted}), encoding="utf-8")
    temporary.replace(place / "ratebook.json")
    say(f"ratebook: set up in {time.monotonic() - began:.0f} s; later calls install nothing")


def make_environment(place: Path) -> None:
    """Make `.venv` anew, with pip inside only where it is both needed and to be had."""
    with_pip = shutil.which("uv") is None and importlib.util.find_spec("ensurepip") is not None
    if not with_pip and shutil.which("uv") is None and importlib.util.find_spec("pip") is None:
        raise SetupFailed(NO_INSTALLER)
    try:
        venv.EnvBuilder(clear=True, symlinks=True, with_pip=with_pip).create(place)
    except (OSError, subprocess.CalledProcessError) as problem:
        raise SetupFailed(f"ratebook: cannot make {place}: {problem}") from None


def install(python: Path, root: Path, extras: Sequence[str]) -> None:
    """Install the project editable, in exactly the versions of constraints.txt, compiled."""
    project = f".[{','.join(extras)}]" if extras else "."
    wanted = ["--constraint", "constraints.txt", "--editable", project]
    name, command = installer(python)
    say(f"ratebook: installing the versions of constraints.txt with {name}; once, up to a minute or two")
    # Compiled in every case: PYTHONDONTWRITEBYTECODE in the environment would otherwise cost each process seconds.
    compiled = "--compile-bytecode" if name == "uv" else "--compile"
    # Twice for pip: once still leaves its warnings about a machine's own package sources, one line a package.
    quiet = ["--quiet"] if name == "uv" else ["--quiet", "--quiet"]
    done = subprocess.run(
        [*command, compiled, *quiet, *wanted], check=False, cwd=root, env=environment(python), stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        raise SetupFailed(
            f"ratebook: {name} could not install (its message stands above). Needed once: a package registry, "
            f"about 700 MB at {python.parent.parent}. Run the same command again to go on."
        )


def installer(python: Path) -> tuple[str, list[str]]:
    """Choose who installs: uv where it is there, else the environment's pip, else the pip of this Python."""
    uv = shutil.which("uv")
    if uv is not None:
        return "uv", [uv, "pip", "install", "--python", str(python)]
    if any(python.parent.parent.glob("lib/python*/site-packages/pip")):
        return "pip", [str(python), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    if importlib.util.find_spec("pip") is not None:
        # A Debian with python3-pip and without python3-venv: its pip (22.3 or later) installs into another Python.
        outside = [sys.executable, "-m", "pip", "--python", str(python), "install"]
        return "pip", [*outside, "--no-input", "--disable-pip-version-check"]
    raise SetupFailed(NO_INSTALLER)


def compile_own(python: Path, root: Path) -> None:
    """Compile our own packages as well: installed editable, they are compiled by nobody else."""
    subprocess.run([str(python), "-m", "compileall", "-q", *PACKAGES], cwd=root, stdout=subprocess.DEVNULL, check=False)


def expected_stamp(place: Path, root: Path) -> dict[str, str]:
    """Describe the environment as it has to be: where it is, by which interpreter, with which versions."""
    decides = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        decides.update((root / name).read_bytes())
    # Scripts in .venv/bin hold the absolute path of the checkout: an environment that was moved is made anew.
    return {
        "root": str(root),
        "python": os.path.realpath(place / "bin" / "python"),
        "versions": decides.hexdigest(),
    }


def read_stamp(place: Path) -> dict[str, Any]:
    """Return what the last complete set-up left, or nothing."""
    try:
        return json.loads((place / "ratebook.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


@contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Let two first calls at once follow each other. The lock dies with its process."""
    handle = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("ratebook: another call is setting up; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def environment(python: Path) -> dict[str, str]:
    """Return the environment of the command: as if `.venv` were activated, and nothing that misleads pip."""
    misleading = ("PYTHONHOME", "__PYVENV_LAUNCHER__", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_NO_COMPILE")
    kept = {name: value for name, value in os.environ.items() if name not in misleading}
    # dbt and the Dagster tools are looked up on PATH.
    path = os.pathsep.join([str(python.parent), kept.get("PATH", os.defpath)])
    return {**kept, "PATH": path, "VIRTUAL_ENV": str(python.parent.parent)}


def say(line: str) -> None:
    """Progress goes to standard error: standard output belongs to the command, also with --json."""
    print(line, file=sys.stderr, flush=True)
