"""Files change whole and durable, or not at all."""

import os
import stat

import polars as pl
import pytest

from data_contracts import UsageStates, ZoneDays
from data_contracts.validation import ContractError
from orchestration import storage
from orchestration.errors import UsageError
from orchestration.storage import atomic_directory, replace_file, scan, write_parquet
from tests.tables import rows

CALLS = ("fsync", "rename", "replace")


@pytest.fixture
def calls(monkeypatch):
    """What the operating system is asked to do, in order: (call, name of the file)."""
    said = []

    def recorded(name):
        call = getattr(os, name)

        def inner(what, *more, **keywords):
            path = os.readlink(f"/proc/self/fd/{what}") if isinstance(what, int) else str(what)
            said.append((name, os.path.basename(path)))  # noqa: PTH119 - a handle of a folder has no Path
            return call(what, *more, **keywords)

        return inner

    for name in CALLS:
        monkeypatch.setattr(os, name, recorded(name))
    return said


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="names of open files are read off /proc")  # noqa: PTH112
def test_every_file_is_on_disk_before_the_folder_gets_its_name_and_the_name_after(tmp_path, calls):
    with atomic_directory(tmp_path / "whole") as folder:
        (folder / "below").mkdir()
        (folder / "below" / "b").write_text("b")
        (folder / "a").write_text("a")
        assert calls == []
    names = [name for _, name in calls]
    renamed = calls.index(("rename", ".tmp-whole"))
    assert {"a", "b", "below", ".tmp-whole"} == set(names[:renamed])
    assert names.index(".tmp-whole") > max(names.index("a"), names.index("below"))
    assert calls[renamed + 1 :] == [("fsync", tmp_path.name)]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="names of open files are read off /proc")  # noqa: PTH112
def test_a_small_file_is_replaced_by_one_that_is_on_disk(tmp_path, calls):
    replace_file(tmp_path / "small", b"new")
    assert calls == [("fsync", ".tmp-small"), ("replace", ".tmp-small"), ("fsync", tmp_path.name)]
    assert (tmp_path / "small").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_inside_leaves_the_target_untouched_and_nothing_else(tmp_path, error):
    def attempt():
        with atomic_directory(tmp_path / "whole") as folder:
            (folder / "half").write_text("half")
            raise error

    with pytest.raises(error):
        attempt()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_replaced_not_taken_over(tmp_path):
    left = tmp_path / ".tmp-whole"
    left.mkdir()
    (left / "stale").write_text("from a run that died")
    with atomic_directory(tmp_path / "whole") as folder:
        (folder / "fresh").write_text("fresh")
    assert [path.name for path in (tmp_path / "whole").iterdir()] == ["fresh"]
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_a_folder_that_is_there_is_never_overwritten(tmp_path):
    with atomic_directory(tmp_path / "whole") as folder:
        (folder / "first").write_text("first")

    def again():
        with atomic_directory(tmp_path / "whole") as folder:
            (folder / "second").write_text("second")

    with pytest.raises(OSError, match="whole"):
        again()
    assert [path.name for path in (tmp_path / "whole").iterdir()] == ["first"]


def test_what_is_not_finished_is_nobody_elses_to_read(tmp_path):
    with atomic_directory(tmp_path / "deep" / "whole") as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_disk_that_fails_to_flush_leaves_the_old_state_and_the_next_try_succeeds(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    def attempt():
        with atomic_directory(tmp_path / "whole") as folder:
            (folder / "a").write_text("a")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            attempt()
        assert not (tmp_path / "whole").exists()
    attempt()
    assert (tmp_path / "whole" / "a").read_text() == "a"


def test_rows_that_break_their_contract_are_not_written(tmp_path):
    good = rows(ZoneDays, "time_zone | local_date\nUTC | 2026-09-01").collect()
    with pytest.raises(ContractError, match="zone_days"):
        write_parquet(ZoneDays, pl.concat([good, good]), tmp_path / "twice.parquet")
    assert list(tmp_path.iterdir()) == []


def test_what_was_written_is_read_back_as_it_was(tmp_path):
    frame = rows(ZoneDays, "time_zone | local_date\nUTC | 2026-09-01\nUTC | 2026-09-02").collect()
    write_parquet(ZoneDays, frame, tmp_path / "part.parquet")
    assert scan(ZoneDays, [tmp_path / "part.parquet"]).collect().equals(frame)
    assert scan(ZoneDays, []).collect().equals(ZoneDays.empty())


def test_a_file_of_another_shape_is_refused_by_name(tmp_path):
    write_parquet(ZoneDays, ZoneDays.empty(), tmp_path / "days.parquet")
    with pytest.raises(UsageError, match=r"days\.parquet: its columns are not those of usage_states"):
        scan(UsageStates, [tmp_path / "days.parquet"])


@pytest.mark.parametrize("name", ["a [1-9] folder", "100 % ?", "it's * here"])
def test_a_path_is_a_name_and_no_pattern(tmp_path, name):
    part = tmp_path / name / "part.parquet"
    frame = rows(ZoneDays, "time_zone | local_date\nUTC | 2026-09-01").collect()
    write_parquet(ZoneDays, frame, part)
    assert scan(ZoneDays, [part]).collect().equals(frame)


def test_the_hash_is_that_of_the_bytes(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    assert storage.sha256_of(tmp_path / "file").startswith("ba7816bf")


def test_a_column_of_empty_texts_is_read_back_as_texts(tmp_path):
    states = rows(UsageStates, "account_id | stated_contract_id\nacme |\nblue | c-1").collect()
    write_parquet(UsageStates, states, tmp_path / "some.parquet")
    write_parquet(UsageStates, states.head(1), tmp_path / "none.parquet")
    read = scan(UsageStates, [tmp_path / "some.parquet", tmp_path / "none.parquet"]).collect()
    assert read["stated_contract_id"].to_list() == ["", "c-1", ""]
    assert read.schema == UsageStates.schema()
