"""The night, end to end, on a world that can be added up by hand."""

import json
import os
import random
import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from data_contracts import LandedFiles, UsageEvents
from data_contracts.marts import MARTS, FctLineItem, MetaTables
from data_contracts.render import model_name
from orchestration import cli, gates, intake, night, publish, records
from orchestration.build import open_build
from orchestration.errors import Held, RefusedInput, UsageError
from tests.browser import ABSENT, chromium, content_of
from tests.orchestration import tiny
from tests.orchestration.observe.receivers import webhook

ROOT = Path(__file__).parents[2]


def ask(settings, question, number=None):
    run = publish.published_run(settings, number)
    with duckdb.connect(run.database.resolve(), read_only=True) as connection:
        return connection.execute(question).fetchall()


# --- one night ---------------------------------------------------------------------------------------------------------


def test_every_landed_row_is_in_exactly_one_bucket(night_home):
    ((landed, *buckets),) = ask(
        night_home,
        "select sum(landed_rows), sum(accepted_rows), sum(duplicate_rows), sum(conflict_rows), sum(rejected_rows) "
        "from audit.aud_input_file where dataset = 'usage_events'",
    )
    assert landed == sum(map(len, tiny.USAGE.values()))
    assert buckets == list(tiny.BUCKETS.values())


def test_every_account_is_billed_what_the_book_says(night_home):
    found = ask(night_home, "select payer_id, currency, total_amount::varchar from marts.fct_invoice")
    assert {(account, currency): amount for account, currency, amount in found} == tiny.INVOICES
    assert ask(night_home, "select sum(amount)::varchar from marts.fct_line_item where kind = 'cost'") == [(tiny.COST,)]


def test_what_cannot_be_priced_is_shown_by_name(night_home):
    found = ask(night_home, "select distinct account_id, kind, rule from audit.aud_suspense order by kind")
    assert found == [("nobody", "cost", "unknown_account"), ("nobody", "revenue", "unknown_account")]


def test_a_late_event_is_billed_on_the_day_of_its_service(night_home):
    days = ask(
        night_home,
        "select service_date from marts.fct_line_item where account_id = 'cat' and price_id = 'tokens' order by 1",
    )
    assert days == [(date(2026, 9, 1),)]


def test_a_day_is_the_accounts_own(night_home):
    days = ask(
        night_home, "select service_date from marts.fct_line_item where account_id = 'bee' and price_id = 'tokens'"
    )
    assert days == [(date(2026, 9, 2),)]


def test_the_publish_is_the_one_that_the_log_and_the_manifest_speak_of(night_home):
    (line,) = tiny.log_lines(night_home)
    assert (line["number"], line["as_of"], line["status"], line["message"]) == (1, "2026-09-04", "published", None)
    assert line["is_latest"] is True
    assert line["gates_passed"] > len(gates.CHECKS)
    assert line["rows"]["snapshots"] == len(tiny.DAYS)
    assert tiny.served(night_home) == "1-2026-09-04"
    manifest = publish.published_run(night_home).manifest()
    assert manifest["build"] == open_build(night_home, tiny.LAST).path.name
    assert ask(night_home, "select run_number, as_of_date, delivery_count from meta.run") == [(1, tiny.LAST, 4)]
    assert len(manifest["tables"]) == len(MARTS)


def test_each_publish_explains_itself_without_a_server_or_a_network(night_home):
    docs = publish.published_run(night_home).path / "docs"
    written = {page.name for page in (ROOT / "dbt_project" / "docs").glob("*.md")}
    assert {page.name for page in docs.iterdir()} == {"index.html", "README.md", *written}
    page = (docs / "index.html").read_text()
    for mart in MARTS:
        assert mart is MetaTables or f'"model.ratebook.{model_name(mart)}"' in page
    assert "Local day of the account on which it was used." in page
    fetched = re.findall(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["']?(?:https?:)?//[^"'> ]+""", page)
    assert fetched == []
    assert '"send_anonymous_usage_stats": false' in page
    assert str(ROOT) not in page


@pytest.mark.skipif(chromium() is None, reason=ABSENT)
def test_the_documentation_of_a_publish_opens_in_a_browser_as_a_file(night_home, tmp_path):
    page = (publish.published_run(night_home).path / "docs" / "index.html").resolve().as_uri()
    shown = content_of(f"{page}#!/model/model.ratebook.fct_line_item", tmp_path)
    assert "Money with its reason" in shown
    assert [name for name in FctLineItem.columns if name not in shown] == []


def test_the_night_leaves_nothing_half_made(night_home):
    left = [path for path in night_home.home.rglob("*") if path.name.startswith((".tmp-", ".candidate-", ".spill"))]
    assert left == []
    assert not list(night_home.home.rglob("*.wal"))


def test_the_night_writes_into_its_home_only(night_home):
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--ignored", "dbt_project"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "target" not in changed.stdout
    assert "logs" not in changed.stdout
    assert "dbt_packages" not in changed.stdout


# --- the same question, the same answer --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stepwise(tmp_path_factory):
    """A home that ran the second day, and then the last one."""
    settings = tiny.land(tmp_path_factory.mktemp("stepwise"))
    night.run(settings, tiny.DAYS[1])
    night.run(settings, tiny.LAST)
    return settings


def test_day_by_day_gives_what_a_range_gives(night_home, stepwise):
    assert tiny.published(stepwise, 2) == tiny.published(night_home, 1)
    assert tiny.served(stepwise) == "2-2026-09-04"


def test_each_snapshot_is_the_same_whoever_took_it_when(night_home, stepwise):
    for day in tiny.DAYS:
        assert intake.read_manifest(stepwise, day) == intake.read_manifest(night_home, day)


def test_a_run_knows_what_each_table_of_the_run_before_has_cost(stepwise):
    rows = ask(stepwise, "select run_number, status, table_count, row_count > 0, byte_count > 0, elapsed_ms > 0, "
                         "peak_memory_bytes > 0 from audit.aud_run")  # fmt: skip
    assert rows == [(1, "published", len(tiny.OF_A_NIGHT) + len(MARTS), True, True, True, True)]
    known = ask(stepwise, "select table_name, row_count from audit.aud_run_table where run_number = 1")
    manifest = publish.published_run(stepwise, 1).manifest()["tables"]
    assert {name: count for name, count in known if "." in name} == {
        name: table["rows"] for name, table in manifest.items()
    }
    assert {name for name, _ in known if "." not in name} == {table.table_name for table in tiny.OF_A_NIGHT}
    assert ask(stepwise, "select elapsed_ms = step_elapsed_ms from audit.aud_run_table where step = 'line_items'") == [
        (True,)
    ]


def test_an_older_day_gives_what_it_gave_then_and_never_moves_what_is_served(night_home, stepwise, tmp_path):
    settings = tiny.copied(night_home, tmp_path)
    lake = tiny.tree(settings.delivered)
    record = night.run(settings, tiny.DAYS[1])
    assert (record.number, record.is_latest) == (2, False)
    assert tiny.served(settings) == "1-2026-09-04"
    assert tiny.published(settings, 2) == tiny.published(stepwise, 1)
    assert tiny.published(settings, 2) != tiny.published(settings, 1)
    assert tiny.tree(settings.delivered) == lake


def test_days_may_be_asked_for_in_any_order(tables_home, tmp_path):
    straight = {
        day: tiny.build_hashes(tiny.tables_only(tiny.copied(tables_home, tmp_path / "a"), day)) for day in tiny.DAYS
    }
    jumping = tiny.land(tmp_path / "b")
    for day in (tiny.DAYS[2], tiny.DAYS[0], tiny.DAYS[3], tiny.DAYS[1]):
        assert tiny.build_hashes(tiny.tables_only(jumping, day)) == straight[day], day
    assert len({hashes["line_items"] for hashes in straight.values()}) == len(tiny.DAYS)


def test_what_comes_under_a_date_already_taken_belongs_to_tonight(tables_home, tmp_path):
    settings = tiny.copied(tables_home, tmp_path)
    before = tiny.build_hashes(open_build(settings, tiny.LAST))
    event = "e10,ant,tokens,2026-09-02T13:00:00Z,7,,"
    tiny.put(settings.home, f"usage_events/{tiny.DAYS[1]}/forgotten.csv", f"{tiny.HEADER}\n{event}\n")
    tonight = tiny.LAST + timedelta(days=1)
    build = tiny.tables_only(settings, tonight)
    landed = build.delivered(LandedFiles).filter(pl.col("source_file").str.ends_with("forgotten.csv")).collect()
    assert landed["delivery_date"].to_list() == [tonight]
    events = build.delivered(UsageEvents).filter(pl.col("event_id") == "e10").collect()
    assert events["delivery_date"].to_list() == [tonight]
    assert tiny.build_hashes(tiny.tables_only(settings, tiny.LAST)) == before
    assert tiny.build_hashes(build)["line_items"] != before["line_items"]


def test_the_order_of_rows_and_the_cut_into_files_change_no_amount(tables_home, tmp_path):
    # A rated event names its place in the files; all else is sums.
    expected = tiny.build_hashes(open_build(tables_home, tiny.LAST)) | {"rated_events": None}
    for seed in range(3):
        chance = random.Random(seed)
        home = tmp_path / str(seed)
        shuffled = {day: tuple(chance.sample(lines, len(lines))) for day, lines in tiny.USAGE.items()}
        settings = tiny.land(home, rows={day: lines[:2] for day, lines in shuffled.items()})
        for day, lines in shuffled.items():
            if lines[2:]:
                tiny.put(home, f"usage_events/{day}/{chance.random()}.csv", "\n".join((tiny.HEADER, *lines[2:])) + "\n")
        assert tiny.build_hashes(tiny.tables_only(settings)) | {"rated_events": None} == expected


ELSEWHERE = """
import json, sys
from datetime import datetime
from pathlib import Path
from orchestration import build, night, records
from orchestration.settings import Settings
from tests.orchestration import tiny

least = next(each.ge for each in Settings.model_fields["memory_mb"].metadata if hasattr(each, "ge"))
build.BYTES_PER_EVENT = least * 2**20 * 5 // 8  # five buckets for eight events
records._now = lambda: datetime(1999, 12, 31, 23, 59, 59)
settings = tiny.land(Path(sys.argv[1])).model_copy(update={"memory_mb": least})
record = night.run(settings, tiny.LAST)
opened = build.open_build(settings, tiny.LAST)
print(json.dumps([opened.bucket_count, tiny.published(settings), tiny.build_hashes(opened)]))
"""


def test_machine_clock_zone_locale_threads_and_memory_change_no_row(night_home, tmp_path):
    """I8: the whole night again in a place that differs in all of them at once."""
    elsewhere = {
        "POLARS_MAX_THREADS": "1",
        "TZ": "Asia/Tokyo",
        "LC_ALL": "C",
        "PYTHONHASHSEED": "7",
        "HOME": str(tmp_path),
        "DBT_TARGET": "nowhere",
        "RATEBOOK_HOME": str(tmp_path / "not here"),
    }
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(tmp_path / "a home [1]")],
        cwd=ROOT, env={**os.environ, **elsewhere}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    buckets, published, built = json.loads(done.stdout.splitlines()[-1])
    assert buckets > 3
    assert built == tiny.build_hashes(open_build(night_home, tiny.LAST))
    assert published == tiny.published(night_home)


# --- nights that do not end well ---------------------------------------------------------------------------------------


@pytest.fixture
def spoiled(night_home, tmp_path, monkeypatch):
    """Go on from the tiny night with marts as dbt made them then, and a difference planted in them."""
    settings = tiny.copied(night_home, tmp_path / "spoiled")

    def plant(*statements):
        def make_marts(build, record, progress):
            with duckdb.connect(build.warehouse) as connection:
                connection.execute("update meta.run set run_number = ?", [record.number])
                for statement in statements:
                    connection.execute(statement)

        monkeypatch.setattr(night, "make_marts", make_marts)
        return settings

    return plant


def test_a_failed_gate_holds_the_publish_and_says_by_how_much_and_where_to_look(
    spoiled, night_home, capsys, monkeypatch
):
    settings = spoiled(
        "update marts.fct_invoice_line set amount = amount + 0.01 where account_id = 'ant' and price_id = 'tokens'"
    )
    with webhook() as receiver:
        monkeypatch.setenv("RATEBOOK_WEBHOOK_URL", receiver.url)
        with pytest.raises(SystemExit) as ended:
            cli.main(["run", "--home", str(settings.home), "--date", "2026-09-04"])
    said = capsys.readouterr().err
    assert ended.value.code == 1
    ((_, _, told),) = receiver.got
    assert (told["run"], told["status"]) == (2, "held")
    assert told["text"].partition("\n")[2] == said[said.index("Held ") :].removeprefix("Held ").strip()
    by_name = {gate["gate"]: gate for gate in told["gates"]}
    assert "-0.01" in by_name["revenue_lines_on_invoice_lines"]["difference"]
    assert tiny.served(settings) == "1-2026-09-04"
    assert [path.name for path in publish_folders(settings)] == ["1-2026-09-04"]
    assert "revenue_lines_on_invoice_lines [tiny USD 2026-09-01]: " in said
    assert "difference -0.01" in said
    assert "Traceback" not in said
    held = settings.published / ".held-2-2026-09-04" / "ratebook.duckdb"
    assert f"'{held}'" in said
    drills = [line.strip() for line in said.splitlines() if line.strip().lower().startswith(("select", "from"))]
    assert drills
    with duckdb.connect(held, read_only=True) as connection:
        shown = [connection.execute(drill).fetchall() for drill in drills]
        told_drill = by_name["revenue_lines_on_invoice_lines"]["drill_sql"]
        assert connection.execute(told_drill).fetchall(), "so does the SQL of the message"
    assert all(shown), "the SQL that is named shows the rows"
    assert tiny.published(settings) == tiny.published(night_home)
    spoiled("update marts.fct_invoice_line set amount = amount - 0.01 where account_id = 'ant' and price_id = 'tokens'")
    night.run(settings, tiny.LAST)
    assert tiny.served(settings) == "3-2026-09-04"
    log = [(line["number"], line["status"]) for line in tiny.log_lines(settings)]
    assert log == [(1, "published"), (2, "held"), (3, "published")]


def publish_folders(settings):
    return [
        path for path in settings.published.iterdir() if path.is_dir() and not path.name.startswith((".", "latest"))
    ]


def test_every_planted_difference_is_found_in_one_night(spoiled):
    settings = spoiled(
        "delete from marts.fct_line_item where account_id = 'bee'",
        "delete from audit.aud_rejected_row",
        "delete from audit.aud_usage_outcome where outcome = 'suspense'",
        "insert into marts.fct_invoice select * from marts.fct_invoice limit 1",
    )
    results = []
    record = records.begin(settings, tiny.LAST)
    build = open_build(settings, tiny.LAST)
    night.make_marts(build, record, str)
    with pytest.raises(Held):
        night.publish_marts(build, record, str, results.extend)
    failed = {result.name for result in results if not result.passed}
    assert failed >= {
        "revenue_lines_on_invoice_lines",
        "revenue_lines_in_revenue_daily",
        "rejected_rows_kept",
        "accepted_events_decided",
        "contracts",
        "reconciliation_as_stored",
    }
    assert "hashes_as_built" not in failed
    assert tiny.served(settings) == "1-2026-09-04"


def test_nights_that_fail_are_logged_and_the_next_good_one_has_a_number_of_its_own(spoiled, night_home, monkeypatch):
    settings = spoiled()
    forgotten = settings.build / "2026-09-01-0123456789ab"
    forgotten.mkdir()
    for error in (RefusedInput("no book"), OSError("disk"), KeyboardInterrupt()):
        with monkeypatch.context() as patched:
            patched.setattr(night, "publish_marts", lambda *_, error=error: (_ for _ in ()).throw(error))
            with pytest.raises(type(error)):
                night.run(settings, tiny.LAST)
    log = settings.log / records.RUN_LOG
    log.write_text(log.read_text() + '{"number": 7, "as_of": "2026-')  # killed while it wrote
    record = night.run(settings, tiny.LAST)
    assert (record.number, record.is_latest) == (8, True)
    assert tiny.published(settings, 8) == tiny.published(night_home), "the same night again is the same publish"
    assert records.run_log(settings)["status"].to_list() == ["published", "failed", "failed", "failed", "published"]
    assert json.loads(log.read_text().splitlines()[-1])["number"] == 8
    kept = {path.name for path in settings.build.iterdir()}
    assert kept == {open_build(settings, tiny.LAST).path.name, "run.lock"}, "builds of published runs stay, others go"


def test_a_night_before_anything_has_landed_says_so_and_leaves_nothing_taken(tmp_path):
    settings = tiny.land(tmp_path)
    with pytest.raises(UsageError, match="the first delivery is 2026-09-01"):
        night.run(settings, date(2026, 8, 31))
    assert intake.snapshot_dates(settings, tiny.LAST) == []


def test_a_refused_book_leaves_the_one_before_and_the_night_goes_on(tables_home, tmp_path):
    settings = tiny.copied(tables_home, tmp_path)
    tomorrow = tiny.LAST + timedelta(days=1)
    before = tiny.build_hashes(open_build(settings, tiny.LAST))
    tiny.put(settings.home, f"price_book/{tomorrow}/book.yaml", tiny.BOOK.replace('"0.03"', '"0.04"'))
    build = tiny.tables_only(settings, tomorrow)
    landed = build.delivered(LandedFiles).filter(pl.col("delivery_date") == tomorrow).collect()
    assert landed["status"].to_list() == ["refused"]
    assert tiny.build_hashes(build)["price_tiers"] == before["price_tiers"]
    assert tiny.build_hashes(build)["line_items"] == before["line_items"]


def test_a_book_of_which_nothing_stands_is_refused_with_the_place_of_its_fault(tmp_path, capsys):
    settings = tiny.land(tmp_path)
    tiny.put(settings.home, f"price_book/{tiny.DAYS[0]}/book.yaml", tiny.BOOK.replace("graduated", "gradated"))
    for _ in range(2):  # also when it was read in a night before
        with pytest.raises(SystemExit) as ended:
            cli.main(["run", "--home", str(settings.home), "--date", "2026-09-04"])
        said = capsys.readouterr().err
        assert ended.value.code == 3
        assert re.search(r"price_book/2026-09-01/book\.yaml(:|: line )15\b", said)
        assert "gradated" in said
