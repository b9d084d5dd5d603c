"""The README does what it says: every command block is run, every answer is compared.

The first two blocks set up a bare clone; `.ci/run` runs them as they stand. Here the first one is run with the
environment that is there, the second one is the run that this test is part of.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import blocks

ROOT = Path(__file__).parents[2]
DEMO = "python3 -m orchestration demo"
TEST = "python3 -m orchestration test"


def commands() -> list[str]:
    return [text.strip() for kind, text in blocks(ROOT / "README.md") if kind == "sh"]


def test_the_first_two_blocks_are_one_line_each():
    assert commands()[:2] == [DEMO, TEST]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what git tracks, with the environment of this run in place of its own."""
    copy = tmp_path_factory.mktemp("readme") / "ratebook"
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    (copy / ".venv").symlink_to(sys.prefix)
    return copy


def test_every_block_runs_and_every_answer_is_true(checkout):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RATEBOOK_")}
    environment["PYTHONPATH"] = str(checkout)
    exported = ""
    shown = ""
    for kind, text in blocks(ROOT / "README.md"):
        if kind == "answer":
            assert [line.rstrip() for line in shown.splitlines()] == [line.rstrip() for line in text.splitlines()]
            continue
        command = text.strip()
        if command == TEST:
            continue
        if command == DEMO:
            command = f"'{sys.executable}' -m orchestration.cli demo"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", exported + command],
            cwd=checkout,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        exported += "".join(line + "\n" for line in command.splitlines() if line.startswith("export "))
        shown = done.stdout
