"""Killed anywhere and run again: the same hashes, no manual step, no stale lock; two nights at once wait (I28, F61, F65).

Here a night is killed at a dozen places. The long run kills whole nights at random moments, or lets them meet a fault at
a random durable call, and goes on where it stopped:

    RATEBOOK_KILLS=300 RATEBOOK_KILLS_FILE=kills.jsonl pytest tests/faults -k long -s
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration import doctor, intake, publish
from orchestration.lock import run_lock
from orchestration.storage import sha256_of
from tests.orchestration import tiny

ROOT = Path(__file__).parents[2]
# Read on import: the fixture that gives each test its own state hides every setting.
KILLS = int(os.environ.get("RATEBOOK_KILLS", "0"))
KILLS_FILE = Path(os.environ.get("RATEBOOK_KILLS_FILE", "kills.jsonl")).absolute()
TONIGHT = tiny.LAST + timedelta(days=1)
EVENTS = (
    "e11,ant,tokens,2026-09-05T01:00:00Z,25,,",
    "e12,cat,payments,2026-09-04T22:30:00Z,,50,EUR",
    "e4,ant,tokens,2026-09-02T12:00:00Z,50,,",
)


def start(*arguments):
    # A session of its own: the kill reaches whatever the night has started, too.
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.dying", *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def ended(process):
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


@pytest.fixture(scope="module")
def before_tonight(night_home, tmp_path_factory):
    """A home that is served from last night, with tonight's delivery landed."""
    settings = tiny.copied(night_home, tmp_path_factory.mktemp("before"))
    tiny.put(settings.home, f"usage_events/{TONIGHT}/usage.csv", "\n".join((tiny.HEADER, *EVENTS)) + "\n")
    return settings


@pytest.fixture(scope="module")
def two_at_once(before_tonight, tmp_path_factory):
    """Tonight, started twice at once and never killed: the home, and what each process said."""
    settings = tiny.copied(before_tonight, tmp_path_factory.mktemp("never") / "killed")
    both = [start("night", settings.home, TONIGHT) for _ in range(2)]
    return settings, [ended(process) for process in both]


def serves(settings, *numbers):
    """Look as a reader does: one run, whole, and what the locked-down door says of it."""
    served = publish.published_run(settings)
    assert served.number in numbers
    manifest = served.manifest()
    assert all(sha256_of(served.path / name) == file["sha256"] for name, file in manifest["files"].items())
    with duckdb.connect(served.database.resolve(), read_only=True) as connection:
        assert connection.execute("select run_number from meta.run").fetchall() == [(served.number,)]
        assert connection.execute("select count(*) from marts.fct_invoice").fetchone() == (3,)
    return served.number


def left_behind(settings):
    hidden = (".tmp-", ".candidate-", ".removing-", ".spill", ".latest")
    return [path.name for path in settings.home.rglob("*") if path.name.startswith(hidden) or path.suffix == ".wal"]


# --- two at once -------------------------------------------------------------------------------------------------------


def test_of_two_nights_at_once_the_second_waits_and_both_publish_the_same(two_at_once):
    settings, ends = two_at_once
    assert [code for code, _ in ends] == [0, 0], ends
    assert sum("waiting for the run of pid" in said for _, said in ends) == 1
    assert sorted(json.loads(said.splitlines()[-1])["number"] for _, said in ends) == [2, 3]
    assert tiny.published(settings, 2) == tiny.published(settings, 3)
    assert tiny.served(settings) == f"3-{TONIGHT}"
    assert [(line["number"], line["status"]) for line in tiny.log_lines(settings)] == [
        (1, "published"),
        (2, "published"),
        (3, "published"),
    ]
    assert left_behind(settings) == []


# --- killed ------------------------------------------------------------------------------------------------------------


def test_killed_at_any_durable_call_before_the_marts_the_next_run_makes_the_same(before_tonight, tmp_path):
    """Killed, or told by the system or by the code that it cannot be done; F62, F64: also by a full or a broken disk."""
    settings = tiny.copied(before_tonight, tmp_path / "home")
    # A prime: the faults fall before files, folders and names in turn.
    code, said = ended(start("tables", settings.home, TONIGHT, 1 if KILLS else 11, "kill", "exception", "full", "io"))
    assert code == 0, said
    never_killed, *killed = [json.loads(line) for line in said.splitlines()]
    assert len(killed) >= 10
    assert {each["how"] for each in killed} == {"kill", "exception", "full", "io"}
    assert never_killed["served"] == "1-2026-09-04"
    for each in killed:
        differs = {name for name in never_killed if name != "calls" and each[name] != never_killed[name]}
        assert differs == set(), f"{each['how']} before call {each['point']}"
        assert each["leftovers"] == []


def test_killed_within_dbt_and_within_the_switch_the_next_run_publishes_the_same(before_tonight, two_at_once, tmp_path):
    never_killed, ends = two_at_once
    calls = min(json.loads(said.splitlines()[-1])["calls"] for _, said in ends)
    settings = tiny.copied(before_tonight, tmp_path / "home")
    process = start("night", settings.home, TONIGHT)
    for line in process.stdout:
        if line.startswith("dbt:"):
            break
    time.sleep(random.Random(7).uniform(0.5, 2))
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    assert serves(settings, 1) == 1

    # Before one of the last renames; which one is a matter of a few calls that dbt makes or not.
    code, said = ended(start("night", settings.home, TONIGHT, calls - 6))
    assert code == 9, said
    between = serves(settings, 1, 3)
    with run_lock(settings, timeout_seconds=1):
        pass

    code, said = ended(start("night", settings.home, TONIGHT))
    assert code == 0, said
    assert serves(settings, 4) > between
    # The killed ones have lines, too; one that was killed after its switch is published and has not ended.
    assert [(line["number"], line["status"]) for line in tiny.log_lines(settings)] == [
        (1, "published"),
        (2, "failed"),
        (3, "failed"),
        (4, "published"),
    ]
    assert tiny.published(settings) == tiny.published(never_killed)
    for day in intake.snapshot_dates(settings, TONIGHT):
        assert intake.read_manifest(settings, day) == intake.read_manifest(never_killed, day)
    assert left_behind(settings) == []
    bad = [finding.name for finding in doctor.diagnose(settings) if not finding.ok]
    assert set(bad) <= {"packages", "home is private"}


# --- the long run ------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not KILLS, reason="the long run is asked for by RATEBOOK_KILLS=300")
def test_long_killed_at_random_the_next_run_publishes_the_same(before_tonight, two_at_once, tmp_path):
    """One line per kill in RATEBOOK_KILLS_FILE; a seed that stands there is not tried again."""
    never_killed, ends = two_at_once
    calls = max(json.loads(said.splitlines()[-1])["calls"] for _, said in ends)
    done = {json.loads(line)["seed"] for line in KILLS_FILE.read_text().splitlines()} if KILLS_FILE.exists() else set()
    began = time.monotonic()
    code, said = ended(start("night", tiny.copied(before_tonight, tmp_path / "timed").home, TONIGHT))
    assert code == 0, said
    seconds = time.monotonic() - began
    for seed in sorted(set(range(KILLS)) - done):
        settings = tiny.copied(before_tonight, tmp_path / str(seed))
        line = {"seed": seed, **killed_by(seed, settings, calls, seconds)}
        code, said = ended(start("night", settings.home, TONIGHT))
        line["same"] = code == 0 and tiny.published(settings) == tiny.published(never_killed)
        line["left"] = left_behind(settings)
        with KILLS_FILE.open("a") as file:
            file.write(json.dumps(line) + "\n")
        assert line["same"], (line, said)
        assert line["left"] == [], line


def killed_by(seed, settings, calls, seconds):
    """Break one night: every second seed is killed at a moment, the others meet a fault before a durable call."""
    chance = random.Random(seed)
    if seed % 2:
        point, fault = chance.randint(1, calls), chance.choice(("kill", "exception", "full", "io"))
        code, _ = ended(start("night", settings.home, TONIGHT, point, fault))
        how = {"call": point, "fault": fault, "code": code}
    else:
        process = start("night", settings.home, TONIGHT)
        moment = round(chance.uniform(0, seconds), 3)
        time.sleep(moment)
        os.killpg(process.pid, signal.SIGKILL)
        code, _ = ended(process)
        how = {"second": moment, "code": code}
    return how | {"served": serves(settings, 1, 2)}
