"""A build is made once of what it is a function of, is completed when it was cut short, and is never half believed."""

import functools
import hashlib
import os
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from data_contracts import Accounts, LineItems, Rates, UsageDays, UsageEvents, UsageStates
from data_contracts.validation import ContractError
from orchestration import build as builds
from orchestration import intake, night
from orchestration.build import code_hash, open_build
from tests.orchestration import tiny
from transforms.line_items import line_items
from transforms.usage_days import usage_days

ROOT = Path(__file__).parents[2]


def in_place_of(builder, body):
    """Return a builder that declares what the given one does, and does something else."""
    return functools.wraps(builder)(body)


def landed(home, **changed):
    settings = tiny.land(home, **changed)
    intake.snapshot_through(settings, tiny.LAST)
    return settings


def test_the_fingerprint_is_that_of_the_deliveries_not_of_the_place_or_the_time(tables_home, tmp_path):
    time.sleep(0.01)
    elsewhere = open_build(landed(tmp_path / "else where"), tiny.LAST)
    assert elsewhere.fingerprint == open_build(tables_home, tiny.LAST).fingerprint
    assert elsewhere.lake_hash == open_build(tables_home, tiny.LAST).lake_hash


def test_the_fingerprint_changes_with_one_digit_of_one_delivery(tables_home, tmp_path):
    last = (*tiny.USAGE[tiny.LAST][:-1], "e9,ant,payments,2026-09-04T12:00:00Z,,21,USD")
    changed = open_build(landed(tmp_path, rows=tiny.USAGE | {tiny.LAST: last}), tiny.LAST)
    assert changed.fingerprint != open_build(tables_home, tiny.LAST).fingerprint
    day_before = tiny.LAST - timedelta(days=1)
    assert open_build(changed.settings, day_before).fingerprint == open_build(tables_home, day_before).fingerprint


def test_an_empty_delivery_more_is_another_night(tables_home, tmp_path):
    settings = tiny.copied(tables_home, tmp_path)
    tomorrow = tiny.LAST + timedelta(days=1)
    intake.snapshot_through(settings, tomorrow)
    assert open_build(settings, tomorrow).lake_hash != open_build(settings, tiny.LAST).lake_hash
    assert open_build(settings, tiny.LAST).fingerprint == open_build(tables_home, tiny.LAST).fingerprint


def test_the_fingerprint_changes_with_the_code_that_rates(tables_home, monkeypatch):
    before = open_build(tables_home, tiny.LAST).fingerprint
    monkeypatch.setattr(builds, "code_hash", lambda: "other")
    assert open_build(tables_home, tiny.LAST).fingerprint != before


def test_the_code_is_hashed_by_content(monkeypatch, tmp_path):
    # In a copy: the engine's own folders are not for tests to write into.
    for folder in builds.RULES:
        (tmp_path / folder).mkdir(parents=True)
    rule = tmp_path / "transforms" / "rule.py"
    rule.write_text("rate = 1\n")
    monkeypatch.setattr(builds, "ROOT", tmp_path)
    before = code_hash.__wrapped__()
    os.utime(rule, (0, 0))
    (tmp_path / "transforms" / "notes.txt").write_text("no code")
    assert code_hash.__wrapped__() == before
    rule.write_text("rate = 2\n")
    changed = code_hash.__wrapped__()
    assert changed != before
    rule.rename(rule.with_name("other.py"))
    assert code_hash.__wrapped__() not in (before, changed)


def test_every_folder_whose_code_rates_is_in_the_fingerprint():
    folders = [builds.ROOT / folder for folder in builds.RULES]
    assert all(list(folder.rglob("*.py")) for folder in folders)
    for builder in night.NIGHTLY:
        file = Path(sys.modules[builder.__module__].__file__)
        assert any(file.is_relative_to(folder) for folder in folders), f"{file} rates and is in no fingerprint"


def test_an_unmade_table_is_refused_not_taken_for_empty(tmp_path):
    build = open_build(landed(tmp_path), tiny.LAST)
    assert not build.has(LineItems)
    assert build.has(UsageEvents)
    for ask in (build.frame, build.files):
        with pytest.raises(LookupError, match="line_items is not made yet"):
            ask(LineItems)
    with pytest.raises(LookupError, match="is not made yet"):
        build.make(line_items)
    assert not build.has(LineItems), "a builder that found no input leaves no table"


def test_a_table_that_is_there_is_not_made_again(tables_home, tmp_path):
    build = open_build(tiny.copied(tables_home, tmp_path), tiny.LAST)
    before = tiny.tree(build.path)
    made = []
    rows = build.make(in_place_of(line_items, lambda **_: made.append("again")))
    assert rows == build.frame(LineItems).collect().height
    assert made == []
    assert tiny.tree(build.path) == before


def test_a_build_cut_short_between_two_tables_is_completed(tables_home, tmp_path, monkeypatch):
    settings = landed(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(night, "NIGHTLY", night.NIGHTLY[:5])
        half = tiny.tables_only(settings)
    assert half.has(Rates)
    assert not half.has(LineItems)
    made = {path.name: path.stat().st_mtime_ns for path in half.path.iterdir()}
    whole = tiny.tables_only(settings)
    assert tiny.build_hashes(whole) == tiny.build_hashes(open_build(tables_home, tiny.LAST))
    assert {path.name: path.stat().st_mtime_ns for path in half.path.iterdir() if path.name in made} == made


HALF = """
import os, sys
from pathlib import Path
from orchestration import storage
from tests.orchestration import tiny

settings = tiny.land(Path(sys.argv[1])).model_copy(update={"memory_mb": 64})
write = storage.write_parquet

def write_half(table, frame, path):
    if table.table_name == "usage_days" and path.name == "bucket-001.parquet":
        path.write_bytes(b"PAR1 half a file")
        os._exit(9)
    write(table, frame, path)

from orchestration import build
build.write_parquet = write_half
build.BYTES_PER_EVENT = 32 * 2**20
tiny.tables_only(settings)
"""


def test_a_build_killed_in_the_middle_of_a_table_is_completed(tables_home, tmp_path, monkeypatch):
    killed = subprocess.run([sys.executable, "-c", HALF, str(tmp_path)], cwd=ROOT, check=False)
    assert killed.returncode == 9
    settings = tables_home.model_copy(update={"home": tmp_path, "memory_mb": 64})
    monkeypatch.setattr(builds, "BYTES_PER_EVENT", 32 * 2**20)
    build = open_build(settings, tiny.LAST)
    assert (build.path / ".tmp-usage_days" / "bucket-001.parquet").exists()
    assert build.has(UsageStates)
    assert not build.has(UsageDays)
    whole = tiny.tables_only(settings)
    assert whole.path == build.path
    assert tiny.build_hashes(whole) == tiny.build_hashes(open_build(tables_home, tiny.LAST))
    assert not list(whole.path.rglob(".tmp-*"))


def test_the_number_of_buckets_follows_from_the_memory_setting(tables_home, monkeypatch):

    def count(memory_mb):
        return open_build(tables_home.model_copy(update={"memory_mb": memory_mb}), tiny.LAST).bucket_count

    assert count(1024) == 1
    # Eight accepted events.
    monkeypatch.setattr(builds, "BYTES_PER_EVENT", 32 * 2**20)
    assert (count(64), count(128), count(255), count(256), count(257)) == (4, 2, 2, 1, 1)


@pytest.mark.parametrize("memory_mb", [64, 96])
def test_many_buckets_say_what_one_says(tables_home, tmp_path, monkeypatch, memory_mb):
    monkeypatch.setattr(builds, "BYTES_PER_EVENT", 40 * 2**20)
    settings = tiny.copied(tables_home, tmp_path).model_copy(update={"memory_mb": memory_mb})
    build = tiny.tables_only(settings)
    assert build.bucket_count > 3
    assert len(build.files(LineItems)) == build.bucket_count
    assert build.path != open_build(tables_home, tiny.LAST).path
    assert tiny.build_hashes(build) == tiny.build_hashes(open_build(tables_home, tiny.LAST))


def test_each_payer_stands_in_one_bucket(tables_home, tmp_path, monkeypatch):
    monkeypatch.setattr(builds, "BYTES_PER_EVENT", 40 * 2**20)
    build = tiny.tables_only(tiny.copied(tables_home, tmp_path).model_copy(update={"memory_mb": 64}))
    files = [pl.read_parquet(file)["payer_id"].unique().to_list() for file in build.files(LineItems)]
    payers = [payer for file in files for payer in file]
    assert sorted(payers) == ["ant", "bee", "cat"]

    def number(payer):
        return int.from_bytes(hashlib.sha256(payer.encode()).digest()[:2]) * build.bucket_count >> 16

    assert all(number(payer) == bucket for bucket, file in enumerate(files) for payer in file)


def test_a_key_that_stands_in_two_parts_is_refused_and_leaves_no_table(tables_home, tmp_path, monkeypatch):
    monkeypatch.setattr(builds, "BYTES_PER_EVENT", 40 * 2**20)
    build = open_build(tiny.copied(tables_home, tmp_path).model_copy(update={"memory_mb": 64}), tiny.LAST)
    build.make_book()
    for builder in night.NIGHTLY:
        if builder is not usage_days:
            build.make(builder)
            continue
        with monkeypatch.context() as patched:
            # Every bucket sees every account: each row is made once per bucket.
            patched.setattr(builds.Build, "_of_bucket", lambda self, table, _: self.frame(table))
            with pytest.raises(ContractError, match=r"usage_days: \d+ keys .* stand in two parts"):
                build.make(builder)
        assert not build.has(UsageDays)
        assert not list(build.path.glob(".tmp-*"))
        return


def test_rows_that_break_their_contract_leave_no_table(tables_home, tmp_path):
    build = open_build(tiny.copied(tables_home, tmp_path), tiny.LAST)
    folder = build.path / "line_items"
    folder.rename(tmp_path / "aside")
    with pytest.raises(ContractError, match="line_items"):
        build.make(in_place_of(line_items, lambda **inputs: pl.concat([line_items(**inputs)] * 2)))
    assert not folder.exists()
    assert not list(build.path.glob(".tmp-*"))


def test_a_night_of_one_day_knows_nothing_of_the_next(tables_home, tmp_path):
    build = tiny.tables_only(tiny.copied(tables_home, tmp_path), date(2026, 9, 1))
    assert build.deliveries == (date(2026, 9, 1),)
    assert build.frame(UsageStates).collect()["event_count"].sum() == len(tiny.USAGE[tiny.DAYS[0]])
    assert build.frame(Accounts).collect().height == 3
