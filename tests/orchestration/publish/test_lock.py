import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from orchestration import lock, publish, records
from orchestration.errors import UsageError
from orchestration.lock import lock_path, run_lock
from tests.orchestration.publish import tiny

HOLDER = """
import sys, time
from pathlib import Path
from orchestration.lock import run_lock
from orchestration.settings import Settings
with run_lock(Settings(home=Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def holder(home: Path, seconds: float) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home), str(seconds)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_second_run_waits_and_says_for_whom(tmp_path):
    said = []
    with holder(tmp_path, 0.8) as process, run_lock(tiny.settings_at(tmp_path), progress=said.append):
        assert process.wait(5) == 0
    assert len(said) == 1
    assert said[0].startswith(f"waiting for the run of pid {process.pid} since 2")


def test_waiting_has_an_end_that_names_the_holder(tmp_path):
    with holder(tmp_path, 30) as process:
        with (
            pytest.raises(UsageError, match=f"the run of pid {process.pid} since"),
            run_lock(tiny.settings_at(tmp_path), timeout_seconds=0.3),
        ):
            pass
        process.kill()


def test_a_killed_holder_leaves_no_lock(tmp_path):
    with holder(tmp_path, 30) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    started = time.monotonic()
    with run_lock(tiny.settings_at(tmp_path), timeout_seconds=5):
        assert time.monotonic() - started < 1
    assert lock_path(tiny.settings_at(tmp_path)).exists()


def test_the_holder_may_take_it_again_and_gives_it_back_at_the_last_end(tmp_path):
    settings = tiny.settings_at(tmp_path)
    with run_lock(settings), run_lock(settings):
        pass
    with run_lock(settings):
        with run_lock(settings):
            pass
        with pytest.raises(UsageError):
            in_another_thread(lambda: take(settings, 0.1))
    in_another_thread(lambda: take(settings, 0.1))


def test_threads_of_one_process_wait_for_each_other(tmp_path):
    settings, inside, together = tiny.settings_at(tmp_path), [], []

    def work():
        with run_lock(settings):
            inside.append(1)
            together.append(len(inside))
            time.sleep(0.05)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == [1, 1, 1, 1]


def test_an_error_inside_gives_the_lock_back(tmp_path):
    settings = tiny.settings_at(tmp_path)
    with pytest.raises(ZeroDivisionError), run_lock(settings):
        raise ZeroDivisionError
    in_another_thread(lambda: take(settings, 0.1))


def take(settings, timeout_seconds):
    with run_lock(settings, timeout_seconds=timeout_seconds):
        pass


def in_another_thread(work):
    raised = []

    def run():
        try:
            work()
        except UsageError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


# --- the lease ---------------------------------------------------------------------------------------------------------


def lease_of(settings):
    return json.loads(lock_path(settings).read_text())


def left_by(settings, **facts) -> dict:
    """Leave the lease of somebody who has not given it back."""
    lease = {
        "token": "theirs", "pid": os.getpid(), "host": "other-machine", "boot_id": "another boot", "beats": 7,
        "since": "2026-01-01 02:00:00 UTC", "beat_at": "2026-01-01 02:10:00 UTC", "run_number": 12, **facts,
    }  # fmt: skip
    lock_path(settings).parent.mkdir(parents=True, exist_ok=True)
    # Over what stands there, in one write, as a holder does.
    handle = os.open(lock_path(settings), os.O_RDWR | os.O_CREAT)
    os.pwrite(handle, json.dumps(lease).encode().ljust(lock.LEASE_BYTES), 0)
    os.close(handle)
    return lease


def test_f67_the_lock_says_who_holds_it_beats_and_is_empty_when_given_back(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.02)
    settings = tiny.settings_at(tmp_path)
    with run_lock(settings):
        record = records.begin(settings, tiny.night(1).as_of)
        first = lease_of(settings)
        assert first["pid"] == os.getpid()
        assert first["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        assert first["run_number"] == record.number
        wait_until(lambda: lease_of(settings)["beats"] > first["beats"] + 2)
        assert lease_of(settings)["run_number"] == record.number
    assert lock_path(settings).read_text() == ""
    assert not [thread for thread in threading.enumerate() if "heartbeat" in thread.name]


def wait_until(holds):
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_f67_the_next_run_starts_within_two_minutes_of_a_death():
    assert lock.SILENT_SECONDS >= 3 * lock.BEAT_SECONDS, "a busy machine may miss a beat"
    assert lock.SILENT_SECONDS + lock.BEAT_SECONDS + lock.POLL_SECONDS <= 121


def test_f67_a_killed_holder_is_named_and_taken_over_at_once(tmp_path):
    with holder(tmp_path, 30) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    said = []
    with run_lock(tiny.settings_at(tmp_path), timeout_seconds=5, progress=said.append):
        pass
    assert len(said) == 1
    assert said[0].startswith(f"the run of pid {process.pid} since ")
    assert said[0].endswith("did not end well; its lock is taken over")


def test_f68_a_process_id_in_use_again_does_not_keep_a_lease_of_this_boot(tmp_path):
    # The lease names a living process, this one; the lock is free, so its holder is dead all the same.
    settings = tiny.settings_at(tmp_path)
    left_by(settings, boot_id=Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    started = time.monotonic()
    with run_lock(settings, timeout_seconds=5):
        assert time.monotonic() - started < 1


def test_f68_a_lease_of_another_boot_is_taken_over_when_it_has_not_beaten_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "SILENT_SECONDS", 0.6)
    settings, said = tiny.settings_at(tmp_path), []
    left_by(settings)
    started = time.monotonic()
    with run_lock(settings, timeout_seconds=10, progress=said.append):
        assert 0.6 <= time.monotonic() - started < 5
        assert lease_of(settings)["pid"] == os.getpid()
        assert lease_of(settings)["token"] != "theirs"
    who = (
        f"the run of pid {os.getpid()} since 2026-01-01 02:00:00 UTC (run 12, on other-machine, last heartbeat 2026-01"
    )
    assert said[0].startswith(f"waiting for {who}")
    assert said[1].startswith(who)


def test_f68_a_lease_of_another_boot_that_beats_is_waited_for_and_named(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "SILENT_SECONDS", 0.6)
    settings, ended = tiny.settings_at(tmp_path), threading.Event()
    left_by(settings)

    def beat():
        beats = 7
        while not ended.wait(0.1):
            beats += 1
            left_by(settings, beats=beats)

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        with pytest.raises(UsageError, match="on other-machine"), run_lock(settings, timeout_seconds=1.5):
            pass
    finally:
        ended.set()
        thread.join()
    assert lease_of(settings)["token"] == "theirs"


def test_f67_a_holder_that_stands_still_but_lives_is_not_taken_over(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "SILENT_SECONDS", 0.2)
    with holder(tmp_path, 30) as process:
        os.kill(process.pid, signal.SIGSTOP)
        with (
            pytest.raises(UsageError, match=rf"pid {process.pid} since .* end that process on its machine"),
            run_lock(tiny.settings_at(tmp_path), timeout_seconds=1),
        ):
            pass
        process.kill()


def test_f68_a_run_whose_lease_was_taken_over_publishes_nothing_and_leaves_the_other_alone(tmp_path):
    settings = tiny.settings_at(tmp_path)
    with run_lock(settings):
        other = left_by(settings)
        with pytest.raises(UsageError, match=r"taken over by pid .* on other-machine"):
            publish.recover(settings)
    assert lease_of(settings) == other
