"""Nights that issue: by rule and by command, each document once, in order, for ever; and what comes later is a new one."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration import issued, night, publish
from orchestration.build import open_build
from orchestration.cli import main
from orchestration.errors import RatebookError
from orchestration.settings import Settings
from tests.orchestration.test_night import ask
from tests.orchestration.tiny import BOOK, DAYS, HEADER, land, put, tables_only

RULE = BOOK.replace("  default_plan: payg\n", "  default_plan: payg\n  issue: {starts_on: 2026-10-01, grace_days: 1}\n")
LATE = "e20,ant,tokens,2026-09-05T12:00:00Z,100,,"  # another 100 * 0.01 of September


def nights(home: Path, *days: date, book: str = RULE) -> Settings:
    """Land the tiny company with a rule of issue, and run nights of these days."""
    settings = land(home)
    put(home, f"price_book/{DAYS[0]}/book.yaml", book)
    for day in days:
        night.run(settings, day)
    return settings


def log(settings: Settings) -> list[tuple]:
    found = issued.documents(settings)
    return found.select("document_number", "document_id", "document_date", "amount").rows()


@pytest.fixture(scope="module")
def through_november(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One run of a range up to 2 November: September and October are due on the way."""
    home = tmp_path_factory.mktemp("issue")
    settings = land(home)
    put(home, f"price_book/{DAYS[0]}/book.yaml", RULE)
    put(home, "usage_events/2026-10-20/late.csv", f"{HEADER}\n{LATE}\n")
    night.run(settings, date(2026, 11, 2))
    return settings


def test_a_range_issues_on_each_day_of_issue_what_its_own_night_would_have(through_november: Settings) -> None:
    told = [(number, document_id, day, f"{amount:.2f}") for number, document_id, day, amount in log(through_november)]
    assert told == [
        ("T-2026-000001", "tiny:ant:USD:2026-09-01", date(2026, 10, 2), "4.18"),
        # Nothing was used in October: the invoice of it says only what September has become.
        ("T-2026-000002", "tiny:ant:USD:2026-10-01", date(2026, 11, 2), "1.00"),
    ]


def test_who_has_no_rate_is_parked_while_the_others_are_billed(through_november: Settings) -> None:
    assert ask(
        through_november,
        "select payer_id, billing_period_start, status, parked_rule, invoice_number, total_amount::varchar"
        " from marts.fct_invoice where total_amount <> 0 order by all",
    ) == [
        ("ant", date(2026, 9, 1), "issued", None, "T-2026-000001", "4.1800"),
        ("ant", date(2026, 10, 1), "issued", None, "T-2026-000002", "1.0000"),
        ("bee", date(2026, 9, 1), "parked", "no_reporting_rate", None, "242.0000"),
        ("cat", date(2026, 9, 1), "parked", "no_reporting_rate", None, "2.9500"),
    ]
    assert ask(through_november, "select count(*) from audit.aud_reconciliation where not is_passed") == [(0,)]


def test_a_run_again_publishes_the_same_and_issues_nothing(through_november: Settings, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "again")
    shutil.copytree(through_november.home, settings.home, symlinks=True)
    first = publish.published_run(settings)
    assert first is not None
    record = night.run(settings, date(2026, 11, 2))
    second = publish.published_run(settings)
    assert second is not None
    assert second.number > first.number
    assert record.rows["issued"] == 0
    assert log(settings) == log(through_november)
    hashes = [run.manifest()["tables"] for run in (first, second)]
    assert {name: found["canonical_hash"] for name, found in hashes[0].items()} == {
        name: found["canonical_hash"] for name, found in hashes[1].items()
    }


def test_a_changed_byte_a_missing_file_and_a_missing_entry_are_found(
    through_november: Settings, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path / "broken")
    shutil.copytree(through_november.issued, settings.issued)
    assert list(issued.broken(settings)) == []
    lines = settings.issued / "000001" / "issued_lines.parquet"
    content = bytearray(lines.read_bytes())
    content[len(content) // 2] ^= 1
    lines.write_bytes(content)
    assert list(issued.broken(settings)) == ["entry 1 of the issue log: issued_lines.parquet is not what was issued."]
    lines.unlink()
    assert list(issued.broken(settings)) == ["entry 1 of the issue log: issued_lines.parquet is not what was issued."]
    shutil.rmtree(settings.issued / "000001")
    assert list(issued.broken(settings)) == ["entry 1 of the issue log is missing."]


def lose_the_end(log: Path) -> None:
    shutil.rmtree(log / "000002")


def replace_the_end(log: Path) -> None:
    manifest = log / "000002" / issued.MANIFEST
    manifest.write_text(manifest.read_text().replace('"documents": 1', '"documents": 2'))


def lose_everything(log: Path) -> None:
    shutil.rmtree(log)


@pytest.mark.parametrize("spoil", [lose_the_end, replace_the_end, lose_everything])
def test_f88_a_lost_end_of_the_issue_log_is_what_a_publish_has_seen(
    through_november: Settings, tmp_path: Path, spoil: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """F88, F113: the entries left follow each other, so only the publish that saw the last one can miss it."""
    settings = Settings(home=tmp_path / "cut")
    shutil.copytree(through_november.home, settings.home, symlinks=True)
    command = ["verify", "--home", str(settings.home)]
    _run(command)
    assert "2 issues. The log is whole." in capsys.readouterr().out
    spoil(settings.issued)
    assert list(issued.broken(settings)) == []
    with pytest.raises(SystemExit) as ended:
        main([*command, "--json"])
    assert ended.value.code == 1
    (said,) = json.loads(capsys.readouterr().out)["broken"]
    assert "has seen the issue" in said
    before = (log(settings), sorted(settings.published.iterdir()))
    with pytest.raises(RatebookError, match="older backup"):
        night.run(settings, date(2026, 11, 3))
    assert (log(settings), sorted(settings.published.iterdir())) == before


@pytest.mark.parametrize("content", ["", "[]", '{"files": {}}', None])
def test_a_manifest_that_cannot_be_read_is_named_and_ends_the_walk(
    through_november: Settings, tmp_path: Path, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """F113."""
    settings = Settings(home=tmp_path / "cut")
    shutil.copytree(through_november.home, settings.home, symlinks=True)
    manifest = settings.issued / "000001" / issued.MANIFEST
    manifest.unlink()
    if content is not None:
        manifest.write_text(content)
    with pytest.raises(SystemExit) as ended:
        main(["verify", "--home", str(settings.home)])
    assert ended.value.code == 1
    assert "entry 1 of the issue log: " in capsys.readouterr().out


def test_nothing_is_issued_twice_even_when_it_is_asked_for(through_november: Settings, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "twice")
    shutil.copytree(through_november.home, settings.home, symlinks=True)
    build = open_build(settings, date(2026, 11, 2), issues_all=True)
    assert issued.rehearsed(build).is_empty()
    shutil.rmtree(settings.issued)
    stale = open_build(settings, date(2026, 11, 2), issues_all=True)
    assert issued.rehearsed(stale).height > 0
    shutil.copytree(through_november.issued, settings.issued)
    with pytest.raises(RatebookError, match="has grown"):
        issued.append(stale)
    assert log(settings) == log(through_november)


def test_without_a_rule_the_command_issues_what_is_due(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = land(tmp_path)
    tables_only(settings, date(2026, 10, 1))
    command = ["issue", "--home", str(tmp_path), "--json"]
    _run([*command, "--dry-run"])
    shown = json.loads(capsys.readouterr().out)
    assert [(each["document_number"], each["payer_id"], each["amount"]) for each in shown] == [
        ("T-2026-000001", "ant", "4.1800")
    ]
    assert not settings.issued.exists()
    _run(command)
    assert json.loads(capsys.readouterr().out) == shown
    _run(command)
    assert json.loads(capsys.readouterr().out) == []


def _run(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0


def test_what_is_parked_is_listed_and_released_by_name_with_two_people(
    through_november: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(home=tmp_path / "released")
    shutil.copytree(through_november.home, settings.home, symlinks=True)
    _run(["parked", "--home", str(settings.home), "--json"])
    shown = json.loads(capsys.readouterr().out)
    assert [(each["id"], each["rule"], each["age_days"], each["amount"], each["owner"]) for each in shown] == [
        ("parked/tiny:bee:JPY:2026-09-01", "no_reporting_rate", 31, "242.0000", "finance"),
        ("parked/tiny:cat:EUR:2026-09-01", "no_reporting_rate", 31, "2.9500", "finance"),
    ]
    _run(["held", "--home", str(settings.home), "--json"])
    assert json.loads(capsys.readouterr().out) == []
    who = ["--reason", "agreed", "--by", "ada", "--approved-by", "grace", "--home", str(settings.home)]
    # Without the rate there is nothing to book, whoever approves it.
    with pytest.raises(SystemExit) as without_rate:
        main(["release", shown[0]["id"], *who])
    assert without_rate.value.code == 2
    assert "waits for an exchange rate" in " ".join(capsys.readouterr().err.split())
    assert not (settings.landing / "actions").exists()
    published = publish.published_run(settings)
    assert published is not None
    published.database.chmod(0o640)
    with duckdb.connect(published.database) as connection:
        connection.execute("update marts.fct_invoice set parked_rule = 'negative_total' where payer_id = 'bee'")
    _run(["release", shown[0]["id"], *who, "--json"])
    assert json.loads(capsys.readouterr().out)["target"] == shown[0]["id"]
    with pytest.raises(SystemExit) as refused:
        main(["release", "parked/nothing", *who])
    assert refused.value.code == 2
    assert len(list(settings.landing.glob("actions/2026-11-03/*.ndjson"))) == 1
