"""The page about feeds does what it says: a real file from download to marts, every answer compared."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.pages import blocks

PAGE = Path(__file__).parents[2] / "dbt_project/docs/feeds.md"


def test_every_block_runs_and_every_answer_is_true(shared, tmp_path, monkeypatch):
    shutil.copyfile(shared / "data/usage/lcl_household_MAC003718.csv.gz", tmp_path / "household.csv.gz")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    exported = shown = ""
    for kind, text in blocks(PAGE):
        if kind == "answer":
            assert [line.rstrip() for line in shown.splitlines()] == text.splitlines()
            continue
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", exported + text],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        exported += "".join(f"{line}\n" for line in text.splitlines() if line.startswith("export "))
        shown = done.stdout
