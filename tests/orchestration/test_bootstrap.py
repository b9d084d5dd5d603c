"""The set-up: what it does once, what it does not do twice, and the one line it says when it cannot."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration import bootstrap
from orchestration.__main__ import refusal

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "a checkout"
    root.mkdir()
    (root / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    (root / "constraints.txt").write_text("polars==2.1.0\n", encoding="utf-8")
    return root


@pytest.fixture
def installs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Let environments be real and empty, and write down each install instead of doing it."""
    done: list[list[str]] = []

    def make(place: Path) -> None:
        venv.EnvBuilder(clear=True, symlinks=True, with_pip=False).create(place)

    monkeypatch.setattr(bootstrap, "make_environment", make)
    monkeypatch.setattr(bootstrap, "install", lambda _python, _root, extras: done.append(list(extras)))
    return done


def test_a_second_call_installs_nothing(checkout: Path, installs: list[list[str]]):
    first = bootstrap.prepare(checkout, frozenset())
    assert bootstrap.prepare(checkout, frozenset()) == first == checkout / ".venv" / "bin" / "python"
    assert installs == [[]]


def test_the_tests_add_their_extra_and_the_demo_keeps_it(checkout: Path, installs: list[list[str]]):
    bootstrap.prepare(checkout, frozenset())
    bootstrap.prepare(checkout, frozenset({"test"}))
    bootstrap.prepare(checkout, frozenset())
    assert installs == [[], ["test"]]


def change_a_pin(root: Path) -> None:
    (root / "constraints.txt").write_text("polars==2.1.1\n", encoding="utf-8")


def lose_the_interpreter(root: Path) -> None:
    (root / ".venv" / "bin" / "python").unlink()


def tear_the_stamp(root: Path) -> None:
    (root / ".venv" / "ratebook.json").write_text('{"root": ', encoding="utf-8")


def test_the_tests_use_all_cores_unless_told_otherwise():
    assert bootstrap.spread(["-q", "tests/oracle"]) == ["-n", "auto", "-q", "tests/oracle"]
    assert bootstrap.spread(["-n", "0"]) == ["-n", "0"]
    assert bootstrap.spread(["--pdb"]) == ["--pdb"]


@pytest.mark.parametrize("change", [change_a_pin, lose_the_interpreter, tear_the_stamp])
def test_whatever_makes_the_environment_doubtful_makes_it_install_again(
    checkout: Path, installs: list[list[str]], change: Callable[[Path], None]
):
    bootstrap.prepare(checkout, frozenset())
    change(checkout)
    assert bootstrap.prepare(checkout, frozenset()).exists()
    assert len(installs) == 2


def test_a_checkout_that_was_moved_gets_a_new_environment(checkout: Path, installs: list[list[str]]):
    bootstrap.prepare(checkout, frozenset({"test"}))
    moved = checkout.rename(checkout.with_name("elsewhere"))
    bootstrap.prepare(moved, frozenset())
    assert installs == [["test"], []], "scripts in .venv/bin hold the old path"
    assert json.loads((moved / ".venv" / "ratebook.json").read_text(encoding="utf-8"))["root"] == str(moved)


def test_an_install_that_failed_is_tried_again(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, installs: list[list[str]]
):
    def fails(*_: object) -> None:
        raise bootstrap.SetupFailed("no registry")

    with monkeypatch.context() as broken:
        broken.setattr(bootstrap, "install", fails)
        with pytest.raises(bootstrap.SetupFailed):
            bootstrap.prepare(checkout, frozenset())
    bootstrap.prepare(checkout, frozenset())
    assert installs == [[]]


def test_without_pip_ensurepip_and_uv_one_line_says_what_to_install(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(bootstrap, "ROOT", checkout)
    assert bootstrap.run(["demo"]) == 2
    said = capfd.readouterr().err.splitlines()
    assert said[-1] == bootstrap.NO_INSTALLER


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        pytest.param({"uv", "pip inside", "pip outside"}, "uv pip install --python", id="uv before everything"),
        pytest.param({"pip inside", "pip outside"}, "/.venv/bin/python -m pip install", id="then the pip inside"),
        pytest.param({"pip outside"}, "-m pip --python", id="then the pip of a Debian without python3-venv"),
    ],
)
def test_whoever_can_install_is_asked_in_this_order(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, there: set[str], chosen: str
):
    python = checkout / ".venv" / "bin" / "python"
    if "pip inside" in there:
        (checkout / ".venv" / "lib" / "python3.11" / "site-packages" / "pip").mkdir(parents=True)
    monkeypatch.setattr(shutil, "which", lambda name: name if name in there else None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if f"{name} outside" in there else None)
    _, command = bootstrap.installer(python)
    assert chosen in " ".join(command)


def test_the_command_runs_as_in_an_activated_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("PIP_TARGET", "elsewhere")
    given = bootstrap.environment(Path("/x/.venv/bin/python"))
    assert given["PATH"] == os.pathsep.join(["/x/.venv/bin", "/usr/bin"])
    assert given["VIRTUAL_ENV"] == "/x/.venv"
    assert "PIP_TARGET" not in given


@pytest.mark.parametrize(
    ("version", "platform", "said"),
    [
        pytest.param((3, 10, 13), "linux", "this is 3.10", id="too old"),
        pytest.param((3, 14, 0), "darwin", "this is 3.14", id="too new"),
        pytest.param((3, 12, 1), "win32", "Linux and macOS only", id="Windows"),
        pytest.param((3, 12, 1), "freebsd14", "Linux and macOS only", id="another system"),
    ],
)
def test_other_machines_get_one_clear_line(version: tuple[int, int, int], platform: str, said: str):
    line = refusal(version, platform)
    assert line is not None
    assert said in line
    assert "\n" not in line


def test_before_the_set_up_nothing_but_the_standard_library_is_imported():
    script = "import sys, orchestration.bootstrap; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    isolated = subprocess.run(
        [sys.executable, "-S", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(isolated.stdout.replace("'", '"'))) - {"__main__", "__mp_main__", "orchestration"}
    assert {name for name in loaded if name not in sys.stdlib_module_names and not name.startswith("_")} == set()
