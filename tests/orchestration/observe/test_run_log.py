"""The log of a run: one event is one line that says what it is about, and never a secret."""

import json
import logging
import os
import re
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from data_contracts.marts import MARTS
from orchestration import memory, publish, records, run_log
from orchestration.settings import Settings
from orchestration.sizes import Size
from tests.orchestration import tiny

ROOT = Path(__file__).parents[3]
DAY = date(2026, 9, 4)


def events(settings, run=1):
    return run_log.read_events(run_log.log_file(settings, run))


def logged(settings, *arguments, level="info", **facts):
    with run_log.run_log_file(settings, 7, DAY):
        getattr(run_log.log, level)(*arguments, extra=facts)
    return run_log.log_file(settings, 7)


def test_a_night_logs_each_step_with_time_and_memory_and_each_table_with_rows_and_bytes(night_home):
    logged_events = events(night_home)
    assert [logged_events[0]["event"], logged_events[-1]["event"]] == ["run started", "run ended"]
    assert logged_events[-1]["status"] == "published"
    (line,) = tiny.log_lines(night_home)
    ended = {event["step"]: event for event in logged_events if event["event"] == "step ended"}
    assert list(ended) == list(line["seconds"])
    assert all(event["peak_memory_bytes"] > 2**20 and event["seconds"] >= 0 for event in ended.values())
    made = {event["table"]: event for event in logged_events if event["event"] == "table made"}
    assert set(made) == {table.table_name for table in tiny.OF_A_NIGHT} | {
        ".".join(publish.place_of(mart)) for mart in MARTS
    }
    assert all(event["bytes"] > 0 and event["rows"] >= 0 for event in made.values())
    assert made["usage_events"]["rows"] == tiny.BUCKETS["accepted"]
    assert {event["run"] for event in logged_events} == {1}


def test_every_field_of_an_event_is_documented(night_home):
    documented = re.findall(r"^\| `(\w+)` \|", (ROOT / "dbt_project/docs/operations.md").read_text(), re.MULTILINE)
    always = ["at", "level", "run", "as_of", "event"]
    assert documented[: len(always) + len(run_log.FACTS)] == [*always, *run_log.FACTS]
    assert {field for event in events(night_home) for field in event} <= {*always, *run_log.FACTS}


def test_one_event_is_one_line_whatever_a_value_holds(tmp_path):
    settings = Settings(home=tmp_path)
    hostile = 'a"b\n{"event": "forged"}\r\x1b[2J\u2028\u2029\x85 end'
    path = logged(settings, "file %s", hostile, error=hostile)
    content = path.read_bytes()
    assert content.count(b"\n") == 1
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f-\xff]", content)
    (event,) = run_log.read_events(path)
    assert event["error"] == hostile
    assert event["event"] == f"file {hostile}"


def test_a_name_that_is_no_text_is_one_line_too(tmp_path):
    """By the formatter alone: pytest keeps what is logged, and no test runner passes on half a character."""
    name = os.fsdecode(b"caf\xff.csv")
    record = logging.LogRecord("ratebook", logging.INFO, "", 0, "file %s", (name,), None)
    line = run_log.OneLine(Settings(home=tmp_path), 7, DAY).format(record)
    assert line.isascii()
    assert json.loads(line)["event"] == f"file {name}"


def test_a_table_that_two_steps_make_sure_of_is_noted_once(tmp_path):
    record = records.Record(7, DAY, datetime(2026, 9, 4))
    record.seconds |= {"accounts": 1.5, "again": 0.1}
    for step in ("accounts", "again"):
        records.note_tables(record, step, [Size("accounts", 2, 5014)])
    assert [(table["step"], table["seconds"]) for table in record.tables] == [("accounts", 1.5)]


def test_events_below_the_level_are_left_out(tmp_path):
    for level, written in (("debug", 2), ("info", 1), ("warning", 0)):
        settings = Settings(home=tmp_path / level, log_level=level)
        for of in ("debug", "info"):
            path = logged(settings, "said", level=of)
        assert (len(run_log.read_events(path)) if path.exists() else 0) == written


def test_a_secret_is_struck_out_wherever_it_came_from(tmp_path):
    class WithSecret(Settings):
        uri: SecretStr

    settings = WithSecret(home=tmp_path, uri="postgresql://me:c%40nary-1@host/db")
    path = logged(settings, "no %s", "postgresql://me:c%40nary-1@host/db", error="password c@nary-1 or c%40nary-1")
    (event,) = run_log.read_events(path)
    assert event["event"] == "no ***"
    assert event["error"] == "password *** or ***"
    assert "nary-1" not in repr(settings) + settings.model_dump_json()


def test_the_log_is_shut_to_others_and_the_console_stays_silent(tmp_path, capfd):
    path = logged(Settings(home=tmp_path / "home"), "said", level="error")
    assert path.parent.stat().st_mode & 0o077 == 0
    assert capfd.readouterr() == ("", "")


# --- what a run cost ---------------------------------------------------------------------------------------------------

STEPS = """
import json, sys
from datetime import date, datetime
from orchestration import records
record = records.Record(1, date(2026, 9, 4), datetime(2026, 9, 4))
records.timed(record, "large", lambda: len(bytearray(300 << 20)))
records.timed(record, "small", lambda: None)
print(json.dumps([record.peak_memory_bytes, record.peak_memory_of]))
"""


def test_the_peak_of_a_step_is_its_own():
    done = subprocess.run([sys.executable, "-c", STEPS], cwd=ROOT, capture_output=True, text=True, check=True)
    peaks, of = json.loads(done.stdout)
    if of != memory.OF_STEP:
        pytest.skip("the system does not let a process set its high-water mark back")
    assert peaks["large"] - peaks["small"] > 250 << 20, "300 MB were held by the first step only"


def test_where_the_mark_cannot_be_set_back_the_record_says_process(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "CLEAR_REFS", tmp_path / "absent" / "clear_refs")
    monkeypatch.setattr(memory, "OWN_STATUS", tmp_path / "absent" / "status")
    record = records.Record(1, DAY, records._now())
    records.timed(record, "step", lambda: None)
    assert record.peak_memory_of == "process"
    assert record.peak_memory_bytes["step"] > 2**20


def test_a_step_that_fails_is_noted_too(tmp_path):
    record = records.Record(1, DAY, records._now())
    with pytest.raises(ZeroDivisionError):
        records.timed(record, "step", lambda: 1 / 0)
    assert set(record.seconds) == set(record.peak_memory_bytes) == {"step"}


def test_a_run_that_was_killed_gets_its_line_from_the_next_and_no_number_is_used_twice(tmp_path):
    settings = Settings(home=tmp_path)
    with run_log.run_log_file(settings, 3, DAY):
        run_log.log.info("run started")
        run_log.log.info("step started", extra={"step": "dbt"})
    with run_log.log_file(settings, 3).open("a") as file:
        file.write('{"at": "2026-09-0')
    record = records.begin(settings, DAY)
    assert record.number == 4
    (row,) = records.run_log(settings).to_dicts()
    assert (row["run_number"], row["status"], row["finished_at"], row["elapsed_ms"]) == (3, "failed", None, None)
    assert "killed" in row["message"]
    assert "step started dbt" in row["message"]
    records.begin(settings, DAY)
    assert records.run_log(settings).height == 1
