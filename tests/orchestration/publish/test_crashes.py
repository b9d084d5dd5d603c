"""Killed anywhere, run again: readers see the old run or the new one, whole, and nobody has to clean up.

The long run publishes 500 times beside its readers: `RATEBOOK_PUBLISHES=500 pytest tests/orchestration/publish -k readers`.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
# Read on import: the fixture that gives each test its own state hides every setting.
PUBLISHES = int(os.environ.get("RATEBOOK_PUBLISHES", "20"))

# In a process of its own, which forks before DuckDB has any thread. The n-th child dies just before the n-th call that
# changes a name on the disk (just after it is just before the next); another one looks at what is left and publishes.
KILLS = """
import os, sys, traceback
from pathlib import Path
import duckdb
from orchestration import publish
from orchestration.lock import run_lock
from orchestration.storage import sha256_of
from tests.orchestration.publish import tiny

home = Path(sys.argv[1])
settings = tiny.settings_at(home, keep_published=1)
NAMES = ("rename", "replace", "symlink", "unlink", "mkdir", "rmdir")

def die_at(point):
    left = [point]
    def wrapped(call):
        def inner(*args, **kwargs):
            left[0] -= 1
            if left[0] == 0:
                os._exit(9)
            return call(*args, **kwargs)
        return inner
    for name in NAMES:
        setattr(os, name, wrapped(getattr(os, name)))

def publish_next():
    with run_lock(settings):
        publish.recover(settings)
        number = publish.next_number(settings)
        night = tiny.night(number)
        warehouse = tiny.build(home / "build" / "warehouse.duckdb", 7)
        hashes = publish.hash_tables(warehouse, tiny.MARTS)
        publish.switch(settings, publish.write_candidate(settings, night, warehouse, hashes, tiny.MARTS), night)

def publish_and_die(point):
    die_at(point)
    publish_next()

def look(before):
    served = publish.published_run(settings)
    assert served.number in (before, before + 1), (served.number, before)
    manifest = served.manifest()
    for name, file in manifest["files"].items():
        assert sha256_of(served.path / name) == file["sha256"], name
    with duckdb.connect(served.database, read_only=True) as connection:
        assert connection.execute("select sum(amount) from marts.fct_line").fetchone() == (70,)
    publish_next()
    after = publish.published_run(settings)
    assert after.number > served.number
    assert after.manifest()["tables"] == manifest["tables"]
    left = {path.name for path in settings.published.iterdir()}
    assert left == {"latest", after.path.name}, left
    print(after.number, flush=True)

def child(work):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(write, 1)
        code = 1
        try:
            work()
            sys.stdout.flush()
            code = 0
        except BaseException:
            traceback.print_exc()
        os._exit(code)
    os.close(write)
    said = os.fdopen(read).read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said

code, _ = child(publish_next)
assert code == 0
number, points = 1, 0
for point in range(1, 200):
    code, _ = child(lambda: publish_and_die(point))
    if code == 0:
        break
    assert code == 9, (point, code)
    points += 1
    code, said = child(lambda: look(number))
    assert code == 0, (point, said)
    number = int(said)
else:
    raise AssertionError("never got to the end")
print("points", points)
"""


def test_killed_at_every_change_of_the_disk_and_run_again_it_serves_whole_runs(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLS, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    points = int(done.stdout.split()[-1])
    assert points > 15


READER = """
import sys, time
from pathlib import Path
import duckdb
from orchestration import hashing, publish
from tests.orchestration.publish import tiny

KEYS = {publish.place_of(mart): mart.keys for mart in tiny.MARTS}

def as_announced(connection):
    # Rows and hash of every table as this reader sees them, beside what meta.tables says.
    said = connection.execute("from meta.tables where canonical_hash is not null").fetchall()
    found = [
        (schema, table, *hashing.canonical_hash(connection, schema, table, KEYS[schema, table]))
        for schema, table, _, _ in said
    ]
    return len(said) >= 4 and found == said

home, stop = Path(sys.argv[1]), Path(sys.argv[1]) / "stop"
question = "select run_number, (select sum(amount) from marts.fct_line), (select sum(amount) from reports.rpt_total) from meta.run"
latest = home / "published" / "latest" / "ratebook.duckdb"
kept = duckdb.connect(latest, read_only=True)
first = kept.execute(question).fetchone()
opened, seen = 0, 0
while not stop.exists():
    with duckdb.connect(latest, read_only=True) as connection:
        number, lines, total = connection.execute(question).fetchone()
        again = connection.execute(question).fetchone()
        assert as_announced(connection), ("not what meta.tables says", number)
    assert lines == total == 10 * number, ("mixed", number, lines, total)
    assert again == (number, lines, total), "changed under an open connection"
    assert number >= seen, ("backwards", number, seen)
    opened, seen = opened + 1, number
    if opened == 1:
        print("reading", flush=True)
    time.sleep(0.02)
assert kept.execute(question).fetchone() == first, "the connection that stayed open changed"
kept.execute(f"attach '{latest}' as fresh (read_only)")
assert kept.execute("select run_number from fresh.meta.run").fetchone()[0] >= seen
print(opened, seen)
"""


def test_readers_and_publishers_neither_wait_for_each_other_nor_see_two_runs_mixed(tmp_path):
    from tests.orchestration.publish.test_publish import publish_tiny

    publish_tiny(tmp_path, 1, keep_published=2)
    readers = [
        subprocess.Popen([sys.executable, "-c", READER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert all(reader.stdout.readline() == "reading\n" for reader in readers)
    for number in range(2, PUBLISHES + 2):
        publish_tiny(tmp_path, number, keep_published=2)
    (tmp_path / "stop").touch()
    for reader in readers:
        said, _ = reader.communicate(timeout=60)
        assert reader.returncode == 0
        opened, seen = (int(word) for word in said.split())
        assert opened >= 10
        assert seen > PUBLISHES // 2
