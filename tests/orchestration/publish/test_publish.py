import json
import os
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from orchestration import publish
from orchestration.errors import RatebookError, UsageError
from orchestration.storage import sha256_of
from tests.orchestration.publish import tiny


def publish_tiny(home: Path, number: int = 1, as_of: date = tiny.D, **changes):
    settings = tiny.settings_at(home, **changes)
    warehouse = tiny.build(home / "build" / str(number) / "warehouse.duckdb", number, as_of=as_of)
    run = tiny.night(number, as_of)
    hashes = publish.hash_tables(warehouse, tiny.MARTS)
    return publish.switch(settings, publish.write_candidate(settings, run, warehouse, hashes, tiny.MARTS), run)


def test_a_publish_is_a_folder_of_tables_with_comments_and_a_manifest_that_names_every_file(tmp_path):
    run = publish_tiny(tmp_path)
    manifest = run.manifest()
    assert {path.stat().st_mode & 0o777 for path in run.path.rglob("*") if path.is_file()} == {0o440}
    files = {path.relative_to(run.path).as_posix() for path in run.path.rglob("*") if path.is_file()}
    assert files == {*manifest["files"], "manifest.json"}
    assert all(sha256_of(run.path / name) == found["sha256"] for name, found in manifest["files"].items())
    assert manifest["number"] == 1
    assert manifest["as_of"] == "2026-08-03"
    assert manifest["tables"]["marts.fct_line"]["rows"] == 10
    assert manifest["tables"]["meta.run"]["canonical_hash"] is None
    assert not list(run.path.rglob("*.wal"))
    with duckdb.connect(run.database, read_only=True) as connection:
        assert connection.execute("select count(*) from duckdb_views() where not internal").fetchone() == (0,)
        commented = connection.execute(
            "select count(*) filter (comment is null), count(*) from duckdb_columns() where not internal"
        ).fetchone()
        assert commented[0] == 0 < commented[1]
        assert connection.execute("select comment from duckdb_tables() where table_name = 'fct_line'").fetchone() == (
            "A line. Grain: one row per line.",
        )
        assert connection.execute("select account_id from marts.dim_account").fetchall() == [("a",), ("b",)]
        tables = connection.execute("from meta.tables").fetchall()
    assert [(f"{schema}.{table}", rows, digest) for schema, table, rows, digest in tables] == [
        (name, found["rows"], found["canonical_hash"]) for name, found in manifest["tables"].items()
    ]


def test_parquet_copies_keep_every_type_of_the_contract(tmp_path):
    run = publish_tiny(tmp_path)
    for mart in tiny.MARTS:
        file = run.path / "parquet" / publish.place_of(mart)[0] / f"{mart.table_name}.parquet"
        assert pl.read_parquet_schema(file) == mart.schema()


def test_latest_is_a_relative_link_so_that_the_home_can_be_moved(tmp_path):
    run = publish_tiny(tmp_path / "here")
    assert os.readlink(run.path.parent / "latest") == "1-2026-08-03"
    (tmp_path / "here").rename(tmp_path / "there")
    assert publish.published_run(tiny.settings_at(tmp_path / "there")).number == 1


def test_an_older_delivery_date_never_moves_latest_and_an_equal_one_does(tmp_path):
    settings = tiny.settings_at(tmp_path)
    publish_tiny(tmp_path, 1)
    publish_tiny(tmp_path, 2, date(2026, 8, 2))
    assert publish.published_run(settings).number == 1
    assert [run.number for run in publish.published_runs(settings)] == [1, 2]
    publish_tiny(tmp_path, 3)
    assert publish.published_run(settings).number == 3


def test_the_last_runs_are_kept_and_the_served_one_always(tmp_path):
    settings = tiny.settings_at(tmp_path, keep_published=2)
    publish_tiny(tmp_path, 1, keep_published=2)
    for number in (2, 3, 4):
        publish_tiny(tmp_path, number, date(2026, 8, 2), keep_published=2)
    assert [run.number for run in publish.published_runs(settings)] == [1, 3, 4]
    assert publish.published_run(settings).number == 1
    publish_tiny(tmp_path, 5, keep_published=2)
    assert [run.number for run in publish.published_runs(settings)] == [4, 5]


def test_the_run_number_comes_from_the_store_and_never_falls_back(tmp_path):
    settings = tiny.settings_at(tmp_path)
    assert publish.next_number(settings) == 1
    publish_tiny(tmp_path, 4)
    assert publish.next_number(settings) == 5
    settings.log.mkdir()
    lines = [json.dumps({"number": 7, "status": "held"}), json.dumps({"number": 6})]
    (settings.log / "runs.jsonl").write_text("\n".join(lines) + '\n{"number": 9')
    assert publish.next_number(settings) == 10


def test_a_run_that_is_not_kept_is_refused_with_the_kept_ones_named(tmp_path):
    settings = tiny.settings_at(tmp_path)
    assert publish.published_run(settings) is None
    publish_tiny(tmp_path, 1)
    assert publish.published_run(settings, 1).number == 1
    with pytest.raises(UsageError, match=r"run 9 .* kept runs: 1"):
        publish.published_run(settings, 9)


def test_a_link_to_nothing_is_reported_and_healed_by_the_next_publish(tmp_path):
    settings = tiny.settings_at(tmp_path)
    settings.published.mkdir()
    (settings.published / "latest").symlink_to("3-2026-08-01")
    with pytest.raises(RatebookError, match="points to 3-2026-08-01"):
        publish.published_run(settings)
    publish_tiny(tmp_path, 4)
    assert publish.published_run(settings).number == 4


def test_a_table_without_contract_and_a_contract_without_table_are_refused(tmp_path):
    settings = tiny.settings_at(tmp_path)
    warehouse = tiny.build(tmp_path / "warehouse.duckdb", plant="create table marts.extra as select 1 as i")
    with pytest.raises(RatebookError, match=r"marts\.extra: no contract"):
        publish.write_candidate(settings, tiny.night(), warehouse, {}, tiny.MARTS)
    warehouse = tiny.build(tmp_path / "warehouse.duckdb", plant_after="drop table reports.rpt_total")
    with pytest.raises(RatebookError, match=r"lacks reports\.rpt_total"):
        publish.write_candidate(settings, tiny.night(), warehouse, {}, tiny.MARTS)


def test_a_candidate_with_a_write_ahead_log_is_never_switched_to(tmp_path):
    settings = tiny.settings_at(tmp_path)
    warehouse = tiny.build(tmp_path / "warehouse.duckdb")
    hashes = publish.hash_tables(warehouse, tiny.MARTS)
    candidate = publish.write_candidate(settings, tiny.night(), warehouse, hashes, tiny.MARTS)
    (candidate / "ratebook.duckdb.wal").touch()
    with pytest.raises(RatebookError, match="write-ahead log"):
        publish.switch(settings, candidate, tiny.night())


def test_only_the_last_held_candidate_is_kept_and_its_number_is_never_used_again(tmp_path):
    settings = tiny.settings_at(tmp_path)
    for number in (1, 2):
        warehouse = tiny.build(tmp_path / "warehouse.duckdb", number)
        hashes = publish.hash_tables(warehouse, tiny.MARTS)
        run = tiny.night(number)
        publish.hold(settings, publish.write_candidate(settings, run, warehouse, hashes, tiny.MARTS), run)
    assert [path.name for path in settings.published.iterdir()] == [".held-2-2026-08-03"]
    assert publish.published_run(settings) is None
    assert publish.next_number(settings) == 3


def test_recover_removes_leftovers_and_nothing_else(tmp_path):
    settings = tiny.settings_at(tmp_path)
    publish_tiny(tmp_path, 1)
    (settings.published / ".candidate-2-2026-08-04" / "parquet").mkdir(parents=True)
    (settings.published / ".removing-0-2026-08-01").mkdir()
    (settings.published / ".held-1-2026-08-01").mkdir()
    (settings.published / ".latest").symlink_to("2-2026-08-04")
    assert publish.recover(settings) == [".candidate-2-2026-08-04", ".removing-0-2026-08-01", ".latest"]
    assert {path.name for path in settings.published.iterdir()} == {"1-2026-08-03", "latest", ".held-1-2026-08-01"}
    assert publish.recover(settings) == []


def test_paths_with_quotes_spaces_and_patterns_are_only_paths(tmp_path):
    home = tmp_path / 'o\'brien "x" [a-z]*; drop'
    assert publish_tiny(home).manifest()["tables"]["marts.fct_line"]["rows"] == 10
