import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

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
