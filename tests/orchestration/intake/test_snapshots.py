"""Snapshots: whole, immutable, ascending, and the same whoever takes them when."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from data_contracts import LandedFiles, RejectedRows, Table, UsageEvents
from orchestration import intake
from orchestration.errors import UsageError
from orchestration.intake import snapshots
from orchestration.storage import sha256_of
from tests.orchestration.intake.landing_zone import Landing, event


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_date_from_the_first_delivery_on_gets_a_snapshot(landing: Landing) -> None:
    landing.usage(event("e1", occurred_at="2026-08-02T00:00:00Z"), day=2)
    assert landing.take(4) == [date(2026, 8, 2), date(2026, 8, 3), date(2026, 8, 4)]
    assert intake.snapshot_dates(landing.settings, date(2026, 8, 3)) == [date(2026, 8, 2), date(2026, 8, 3)]


def test_an_absent_date_is_an_empty_snapshot_with_every_table(landing: Landing) -> None:
    landing.usage(event("e1"))
    landing.take(2)
    for table in snapshots.TABLES:
        path = landing.settings.snapshot(date(2026, 8, 2)) / f"{table.table_name}.parquet"
        assert pl.read_parquet(path).equals(table.empty())
    assert intake.read_manifest(landing.settings, date(2026, 8, 2))["files"] == []


def test_a_second_run_does_nothing(landing: Landing) -> None:
    landing.usage(event("e1"))
    landing.take(3)
    before = bytes_of(landing.settings.delivered)
    assert landing.take(3) == []
    assert landing.take(1) == []
    assert bytes_of(landing.settings.delivered) == before


def test_nothing_landed_at_all_is_said_clearly(landing: Landing) -> None:
    with pytest.raises(UsageError, match="Nothing has landed on or before 2026-08-01"):
        landing.take(1)


def test_a_first_delivery_behind_the_date_is_named(landing: Landing) -> None:
    landing.usage(event("e1"), day=9)
    with pytest.raises(UsageError, match="the first delivery is 2026-08-09"):
        landing.take(1)


def test_days_one_by_one_give_the_same_bytes_as_a_range(landing: Landing) -> None:
    def deliver(to: Landing) -> None:
        for day in (1, 2, 4):
            to.usage(event(f"e{day}"), event("e1"), event(""), day=day)

    other = Landing(landing.settings.model_copy(update={"home": landing.settings.home / "other"}))
    deliver(landing)
    deliver(other)
    for day in range(1, 6):
        landing.take(day)
    other.take(5)
    assert bytes_of(landing.settings.delivered) == bytes_of(other.settings.delivered)


def test_a_file_that_comes_under_a_date_already_taken_belongs_to_tonight(landing: Landing) -> None:
    landing.usage(event("e1"))
    landing.usage(event("e2"), day=2)
    landing.take(2)
    before = bytes_of(landing.settings.delivered)
    landing.usage(event("late"), day=1, name="late.csv")
    landing.take(3)
    late = landing.table(UsageEvents).filter(pl.col("event_id") == "late").to_dicts()[0]
    assert (late["delivery_date"], late["source_file"]) == (date(2026, 8, 3), "usage_events/2026-08-01/late.csv")
    assert before.items() <= bytes_of(landing.settings.delivered).items()


def test_an_older_date_that_lands_before_the_first_snapshot_belongs_to_tonight_too(landing: Landing) -> None:
    landing.usage(event("e1", occurred_at="2026-08-05T00:00:00Z"), day=5)
    landing.take(5)
    landing.usage(event("older"), day=1)
    assert landing.take(6) == [date(2026, 8, 6)]
    assert landing.table(UsageEvents)["delivery_date"].to_list() == [date(2026, 8, 5), date(2026, 8, 6)]


def test_the_manifest_names_tables_files_days_and_the_snapshot_before(landing: Landing) -> None:
    landing.usage(event("e1", occurred_at="2026-07-31T23:00:00Z"), event("e2"))
    landing.take(2)
    first = intake.read_manifest(landing.settings, date(2026, 8, 1))
    second = intake.read_manifest(landing.settings, date(2026, 8, 2))
    path = landing.settings.snapshot(date(2026, 8, 1)) / "usage_events.parquet"
    assert first["tables"]["usage_events"] == {"rows": 2, "sha256": sha256_of(path), "bytes": path.stat().st_size}
    assert first["files"] == ["usage_events/2026-08-01/a.csv"]
    assert first["usage_dates"] == ["2026-07-31", "2026-08-01"]
    assert first["previous"] is None
    assert second["previous"] == sha256_of(landing.settings.snapshot(date(2026, 8, 1)) / "manifest.json")


def test_f61_a_run_that_died_is_continued_and_its_leftovers_go(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (1, 2, 3):
        landing.usage(event(f"e{day}"), day=day)
    write = snapshots.write_table
    written = 0

    def dying_write(table: type[Table], frame: pl.DataFrame, folder: Path) -> None:
        nonlocal written
        written += 1
        if written == 9:
            raise KeyboardInterrupt
        write(table, frame, folder)

    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "write_table", dying_write)
        with pytest.raises(KeyboardInterrupt):
            landing.take(3)
    taken = intake.snapshot_dates(landing.settings, date(2026, 8, 31))
    assert taken == [date(2026, 8, 1)]
    (landing.settings.delivered / ".tmp-2026-08-02").mkdir()
    (landing.settings.delivered / ".tmp-2026-08-02" / "usage_events.parquet").write_bytes(b"half")
    assert landing.take(3) == [date(2026, 8, 2), date(2026, 8, 3)]
    assert not list(landing.settings.delivered.glob(".tmp-*"))
    assert landing.table(UsageEvents).height == 3


def test_f102_only_regular_files_in_dated_folders_are_taken(landing: Landing, tmp_path: Path) -> None:
    landing.usage(event("good"))
    outside = tmp_path / "outside.csv"
    outside.write_text("event_id,account_id,meter,occurred_at\nevil,a,m,2026-08-01T10:00:00Z\n")
    usage = landing.settings.landing / "usage_events"
    (usage / "2026-08-01" / "link.csv").symlink_to(outside)
    (usage / "2026-08-02").symlink_to(tmp_path)
    for name in ("2026-8-1", "..2026-08-01", "20260801", "latest"):
        (usage / name).mkdir()
        (usage / name / "a.csv").write_text(outside.read_text())
    landing.take(2)
    assert landing.table(UsageEvents)["event_id"].to_list() == ["good"]
    said = "\n".join(landing.said)
    for name in ("2026-08-01/link.csv", "2026-08-02", "2026-8-1", "20260801", "latest"):
        assert f"usage_events/{name}: This is not looked at." in said


@pytest.mark.parametrize("name", ["a.csv.part", ".a.csv", "_SUCCESS"])
def test_f05_a_file_that_is_not_meant_for_us_yet_is_left_alone(landing: Landing, name: str) -> None:
    landing.usage(event("good"))
    landing.usage(event("bad"), name=name)
    landing.take()
    assert landing.table(LandedFiles)["source_file"].to_list() == ["usage_events/2026-08-01/a.csv"]


def test_f05_a_file_that_is_still_written_is_left_for_the_next_run(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.usage(event("e1"))
    growing = landing.usage(event("e2"), name="growing.csv")
    hash_of = snapshots.sha256_if_still

    def hash_while_writing(file: snapshots.LandedFile) -> str | None:
        if file.path == growing:
            growing.write_text(growing.read_text() + event("e3") + "\n")
        return hash_of(file)

    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "sha256_if_still", hash_while_writing)
        landing.take(1)
    assert landing.table(UsageEvents)["event_id"].to_list() == ["e1"]
    landing.take(2)
    assert landing.table(UsageEvents)["event_id"].sort().to_list() == ["e1", "e2", "e3"]


def test_files_in_folders_below_the_date_are_taken_too(landing: Landing) -> None:
    landing.usage(event("e1"), name="eu/part-1.csv")
    landing.take()
    assert landing.table(UsageEvents)["source_file"].to_list() == ["usage_events/2026-08-01/eu/part-1.csv"]


def test_the_order_of_files_and_rows_changes_nothing(landing: Landing) -> None:
    rows = [event(f"e{number}", quantity=str(number)) for number in range(20)]
    landing.usage(*rows)
    landing.take()
    other = Landing(landing.settings.model_copy(update={"home": landing.settings.home / "other"}))
    other.usage(*reversed(rows[10:]), name="z.csv")
    other.usage(*reversed(rows[:10]), name="b.csv")
    other.take()
    content = pl.exclude("source_file", "source_line")
    one, another = (each.table(UsageEvents).sort("event_id").select(content) for each in (landing, other))
    assert one.equals(another)


def test_a_lost_memory_of_hashes_costs_time_only(landing: Landing) -> None:
    landing.usage(event("e1"))
    landing.take(1)
    memory = landing.settings.delivered.parent / snapshots.HASHES
    assert json.loads(memory.read_bytes())
    memory.write_bytes(b"{")
    landing.take(2)
    assert landing.table(LandedFiles).height == 1
    assert landing.table(RejectedRows).is_empty()
