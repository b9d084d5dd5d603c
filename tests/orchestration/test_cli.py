"""The first door: every command answers, says what is wrong in one line, and ends with the right code."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pytest
from pydantic import TypeAdapter

from orchestration import cli, night, records
from orchestration.errors import Held, UsageError
from tests.orchestration import tiny

ROOT = Path(__file__).parents[2]
COMMANDS = ("demo", "run", "check", "explain", "prices", "feeds", "sql", "doctor")


@pytest.fixture
def ratebook(capsys):
    """Run a command in this process: (exit code, what it printed, what it said beside)."""

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            cli.main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return ended.value.code or 0, printed.out, printed.err

    return call


def in_a_process(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *map(str, arguments)],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


# --- help --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(ratebook, command):
    code, said, _ = ratebook(command, "--help")
    assert code == 0
    assert f"ratebook {command}" in said or f" {command} " in said
    assert "--json" in said


def test_the_version_is_that_of_the_package(ratebook):
    (stated,) = re.findall(r'(?m)^version = "(.+)"$', (ROOT / "pyproject.toml").read_text())
    assert ratebook("--version") == (0, f"ratebook {stated}\n", "")


def test_help_names_every_command_and_the_exit_codes(ratebook):
    code, said, _ = ratebook("--help")
    assert code == 0
    assert all(command in said for command in COMMANDS)
    assert "1 a gate held the publish" in said


def test_help_waits_for_no_engine():
    heavy = ("polars", "duckdb", "dagster", "dbt", "pandera", "pydantic", "ruamel")
    probe = (
        "import sys\nfrom orchestration import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print(sorted(set({heavy!r}) & set(sys.modules)), file=sys.stderr)"
    )
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "[]"
    assert time.monotonic() - start < 10, "about half a second on a machine with nothing else to do"


# --- every command on a home where a night has run ---------------------------------------------------------------------

QUESTIONS = {
    "check": ("check",),
    "sql": ("sql", "select * from marts.fct_invoice"),
    "prices": ("prices",),
    "one price": ("prices", "tokens"),
    "explain": ("explain", "default:ant/tokens@2026-01-01/{}/usage/2026-09-02"),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_answers_in_text_and_in_json(ratebook, night_home, question):
    command, *rest = QUESTIONS[question]
    code, said, _ = ratebook(command, *rest, "--home", night_home.home)
    assert code == 0
    assert said.strip()
    code, said, _ = ratebook(command, *rest, "--home", night_home.home, "--json")
    assert code == 0
    answer = json.loads(said)
    assert floats_in(answer) == []
    assert answer or question == "check"


def floats_in(value):
    """No amount leaves as a binary fraction, which the reader of the JSON would round."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [found for each in value for found in floats_in(each)]
    return [value] if isinstance(value, float) else []


def test_the_price_list_says_what_a_unit_costs(ratebook, night_home):
    _, said, _ = ratebook("prices", "compute", "--home", night_home.home, "--json")
    (price,) = json.loads(said)
    assert (price["price_id"], price["price_version_id"], price["currency"]) == ("compute", "compute@2026-01-01", "USD")
    assert "0.002" in [str(value).rstrip("0") for value in price.values()]


def test_an_unknown_price_is_said_to_be_unknown(ratebook, night_home):
    code, _, said = ratebook("prices", "nothing", "--home", night_home.home)
    assert code == 2
    assert "No price nothing" in said


def test_the_schema_of_books_is_one_that_editors_take_and_the_tiny_book_fits(ratebook):
    code, said, _ = ratebook("prices", "--schema")
    assert code == 0
    schema = json.loads(said)
    assert schema["type"] == "object"
    assert {"company", "products", "meters", "prices", "plans"} <= set(schema["properties"])
    names = set(references(schema))
    assert names
    assert all(name.startswith("#/$defs/") for name in names)
    assert {name.removeprefix("#/$defs/") for name in names} <= set(schema["$defs"])
    types = {"object", "array", "string", "number", "integer", "boolean", "null"}
    assert {each["type"] for each in schemas(schema) if isinstance(each.get("type"), str)} <= types
    TypeAdapter(dict).validate_json(said)


def test_feeds_are_listed_and_one_that_cannot_be_used_is_refused_input(ratebook, tmp_path):
    folder = tmp_path / "feeds"
    folder.mkdir(parents=True)
    (folder / "ecb.yaml").write_text("dataset: fx_rates\n")
    code, said, _ = ratebook("feeds", "--home", str(tmp_path), "--json")
    assert (code, json.loads(said)) == (0, [{"feed": "ecb", "dataset": "fx_rates", "state": "ok"}])
    (folder / "bank.yaml").write_text("dataset: rates\n")
    code, said, _ = ratebook("feeds", "--home", str(tmp_path))
    assert code == 3
    assert "feeds/bank.yaml:1: dataset: unknown_dataset" in said


def test_no_feeds_are_said_with_the_place_where_they_go(ratebook, tmp_path):
    code, said, _ = ratebook("feeds", "--home", str(tmp_path))
    assert code == 0
    assert said.startswith(f"No feeds. Each is a file {tmp_path}/feeds/<name>.yaml")
    assert json.loads(ratebook("feeds", "--home", str(tmp_path), "--json")[1]) == []


def test_the_schema_of_feeds_is_one_that_editors_take(ratebook):
    code, said, _ = ratebook("feeds", "--schema")
    assert code == 0
    schema = json.loads(said)
    names = set(references(schema))
    assert {name.removeprefix("#/$defs/") for name in names} <= set(schema["$defs"])


def references(schema):
    return [each["$ref"] for each in schemas(schema) if "$ref" in each]


def schemas(value):
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from schemas(each)


def test_explain_leads_from_the_line_to_its_events(ratebook, night_home):
    line = "default:ant/tokens@2026-01-01/{}/usage/2026-09-02"
    code, said, _ = ratebook("explain", line, "--home", night_home.home)
    assert code == 0
    # 20 of the second day's 50 tokens are still in the first tier: 20 * 0.03 + 30 * 0.01
    assert "0.9" in said
    assert "e4" in said
    assert "usage_events/2026-09-02/usage.csv" in said


def test_rows_beyond_the_limit_are_announced_beside_the_answer(ratebook, night_home):
    question = "select * from range(5)"
    for way in ([], ["--csv"], ["--json"]):
        code, said, beside = ratebook("sql", question, "--max-rows", 2, *way, "--home", night_home.home)
        assert code == 0
        assert "first 2 rows" in beside
        assert "first 2 rows" not in said
        assert "4" not in said
        _, _, beside = ratebook("sql", question, "--max-rows", 5, *way, "--home", night_home.home)
        assert beside == ""


@pytest.mark.parametrize("number", [0, -1])
def test_no_rows_at_most_is_no_question(ratebook, night_home, number):
    code, _, said = ratebook("sql", "select 1", "--max-rows", number, "--home", night_home.home)
    assert code == 2
    assert "--max-rows" in said


def test_csv_disarms_what_a_spreadsheet_would_run(ratebook, night_home):
    code, said, _ = ratebook(
        "sql", "select account_name, -1::decimal(4, 2) as loss from marts.dim_account where account_id = 'ant'",
        "--csv", "--home", night_home.home,
    )  # fmt: skip
    assert code == 0
    assert said == "account_name,loss\n'=Ant Ltd.,-1.00\n"


def test_two_columns_of_one_name_are_not_made_one_in_silence(ratebook, night_home):
    code, said, _ = ratebook("sql", "select 1 as a, 2 as a", "--csv", "--home", night_home.home)
    assert (code, said) == (0, "a,a\n1,2\n")
    code, _, said = ratebook("sql", "select 1 as a, 2 as a", "--json", "--home", night_home.home)
    assert code == 2
    assert "Two columns of one name" in said


# --- what cannot be done -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["run"], "Say which night", id="no night"),
        pytest.param(["run", "--date", "2026-13-01"], "2026-13-01: not a day", id="no day"),
        pytest.param(["run", "--date", "20260904"], "20260904: not a day", id="a day written otherwise"),
        pytest.param(["run", "--date", "../../etc"], "not a day", id="a path"),
        pytest.param(
            ["run", "--date", "2026-09-01", "--to", "2026-09-02"], "Say which night", id="a night and a range"
        ),
        pytest.param(["run", "--from", "2026-09-01"], "Say which night", id="half a range"),
        pytest.param(["run", "--from", "2026-09-02", "--to", "2026-09-01"], "is after", id="a range that ends first"),
        pytest.param(["explain", "nothing"], "nothing", id="no such line"),
        pytest.param(["explain", "nothing", "--run", "77"], "run 77 is not in", id="no such run"),
        pytest.param(["sql", "select 1; select 2"], "One question at a time", id="two questions"),
        pytest.param(["sql", "drop table marts.fct_invoice"], "Only questions are answered", id="no question"),
        pytest.param(["sql", "select * from nowhere"], "nowhere", id="no such table"),
        pytest.param(["sql", "select * from '/etc/passwd'"], "The question failed", id="a file"),
        pytest.param(["check", "nowhere.csv"], "nowhere.csv is not there", id="no such file"),
        pytest.param(["nothing"], "No such command", id="no such command"),
        pytest.param(["sql"], "Missing argument", id="no question at all"),
    ],
)
def test_a_wrong_use_ends_with_2_and_a_sentence(ratebook, night_home, monkeypatch, arguments, said):
    monkeypatch.setenv("RATEBOOK_HOME", str(night_home.home))
    before = tiny.log_lines(night_home)
    code, printed, beside = ratebook(*arguments)
    assert code == 2
    assert said in beside
    assert printed == ""
    assert tiny.log_lines(night_home) == before


@pytest.mark.parametrize("command", [["sql", "from meta.run"], ["explain", "x"], ["prices"]], ids=lambda c: c[0])
def test_before_the_first_night_the_way_to_it_is_named(ratebook, tmp_path, command):
    code, _, said = ratebook(*command, "--home", tmp_path / "new")
    assert code == 2
    assert "is published yet" in said or "run a night first" in said
    assert "  " not in said.strip(), "a sentence with a hole in it"
    assert not (tmp_path / "new").exists(), "who only asks writes nothing"


def test_a_night_without_landing_is_a_wrong_use(ratebook, tmp_path):
    code, _, said = ratebook("run", "--home", tmp_path, "--date", "2026-09-04")
    assert code == 2
    assert "nothing has landed" in said
    assert str(tmp_path / "landing") in said
    assert not list(tmp_path.iterdir())


def test_a_night_before_the_first_delivery_is_a_wrong_use(ratebook, night_home, tmp_path):
    home = tiny.copied(night_home, tmp_path).home
    code, _, said = ratebook("run", "--home", home, "--date", "2020-01-01")
    assert code == 2
    assert "Nothing was delivered on or before 2020-01-01" in said


def test_a_day_that_has_not_begun_is_refused_because_a_snapshot_stands_for_ever(ratebook, tmp_path):
    home = tiny.land(tmp_path / "home").home
    code, _, said = ratebook("run", "--home", home, "--date", "2999-01-01")
    assert code == 2
    assert "2999-01-01 has not begun anywhere" in said


def test_a_rehearsal_without_landing_is_a_wrong_use_and_writes_nothing(ratebook, tmp_path):
    code, _, said = ratebook("run", "--dry-run", "--home", tmp_path / "new", "--date", "2026-09-04")
    assert code == 2
    assert "nothing has landed" in said.lower()
    assert not (tmp_path / "new").exists()


def test_a_landing_zone_that_is_not_there_is_not_praised(ratebook, tmp_path):
    code, _, said = ratebook("check", "--home", tmp_path / "mistyped")
    assert code == 2
    assert "mistyped" in said


@pytest.mark.parametrize("command", [["run", "--date", "2026-09-04"], ["doctor"]], ids=lambda c: c[0])
def test_a_home_that_cannot_be_written_is_one_sentence(tmp_path, command):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    done = in_a_process(*command, "--home", blocked)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert str(blocked) in done.stdout + done.stderr


def test_a_home_without_permission_is_one_sentence(ratebook, tmp_path, monkeypatch):
    # Whoever runs as root is refused nothing: the refusal itself is played.
    settings = tiny.land(tmp_path)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", str(settings.build))

    monkeypatch.setattr(night, "run_lock", refuse)
    code, _, said = ratebook("run", "--home", tmp_path, "--date", "2026-09-04")
    assert code == 2
    assert "Permission denied" in said
    assert str(settings.build) in said


def test_a_setting_that_is_off_is_named(ratebook, tmp_path, monkeypatch):
    monkeypatch.setenv("RATEBOOK_MEMORY_MB", "plenty")
    code, _, said = ratebook("doctor", "--home", tmp_path)
    assert code == 2
    assert "RATEBOOK_MEMORY_MB" in said
    assert "integer" in said


# --- check -------------------------------------------------------------------------------------------------------------


def test_check_names_file_line_rule_and_remedy_and_ends_with_3(ratebook, tmp_path):
    settings = tiny.land(tmp_path)
    tiny.put(tmp_path, f"price_book/{tiny.DAYS[0]}/book.yaml", tiny.BOOK.replace("graduated", "gradated"))
    before = tiny.tree(settings.home)
    code, said, _ = ratebook("check", "--home", tmp_path)
    assert code == 3
    assert "price_book/2026-09-01/book.yaml:15: prices.tokens.model" in said
    assert "Did you mean graduated?" in said
    assert "usage_events/2026-09-02/usage.csv:5: quantity: quantity_not_a_plain_decimal" in said
    assert "Found: many" in said
    assert "Write digits with a point" in said
    assert "usage.csv:4: event_id: conflict" in said
    code, said, _ = ratebook("check", "--home", tmp_path, "--json")
    assert code == 3
    assert {"file", "line", "column", "rule", "message", "remedy"} == set(json.loads(said)[0])
    assert len(json.loads(said)) == 3
    assert tiny.tree(settings.home) == before


def test_check_of_what_is_fine_ends_with_0(ratebook, tmp_path):
    settings = tiny.land(tmp_path, rows={tiny.DAYS[0]: tiny.USAGE[tiny.DAYS[0]]})
    code, said, _ = ratebook("check", "--home", settings.home)
    assert (code, said.strip()) == (0, "Nothing is wrong with what has landed since the last snapshot.")


# --- doctor ------------------------------------------------------------------------------------------------------------


def test_the_doctor_finds_a_home_sound_where_a_night_has_run(ratebook, night_home, tmp_path):
    settings = tiny.copied(night_home, tmp_path / "home")
    settings.home.chmod(0o700)
    code, said, _ = ratebook("doctor", "--home", settings.home, "--json")
    looks = {finding["name"]: finding for finding in json.loads(said)}
    assert [name for name, finding in looks.items() if not finding["ok"] and name != "packages"] == []
    assert (code == 0) is all(finding["ok"] for finding in looks.values())
    _, said, _ = ratebook("doctor", "--home", settings.home)
    assert said.count("ok  ") >= len(looks) - 1


def test_the_doctor_names_what_is_bad_and_what_to_do(ratebook, night_home, tmp_path):
    settings = tiny.copied(night_home, tmp_path / "home")
    settings.home.chmod(0o755)
    code, said, _ = ratebook("doctor", "--home", settings.home)
    assert code == 2
    assert "BAD  home is private" in said
    assert f"chmod o-rwx {settings.home}" in said


# --- rehearsal ---------------------------------------------------------------------------------------------------------


BILLED = [{"month": "2026-08", "currency": "USD", "invoices": 2, "billed": "1234.50", "cost": "7.00"}]


@pytest.fixture
def no_marts(monkeypatch):
    """A night that ends with its tables: what is asked here is asked before dbt, or after it."""
    monkeypatch.setattr(night, "make_marts", lambda *_: None)
    monkeypatch.setattr(night, "publish_marts", lambda *_: None)
    monkeypatch.setattr(cli, "_billed", lambda *_: BILLED)


def test_a_rehearsal_counts_what_the_night_counts_and_leaves_no_trace(ratebook, no_marts, night_home, tmp_path):
    """I30: the tables are as of a delivery that has no snapshot yet, so that there is something to leave."""
    settings = tiny.land(tmp_path / "home")
    night.take_snapshots(settings, records.begin(settings, tiny.DAYS[1]), str)
    before = tiny.tree(settings.home)
    code, said, _ = ratebook("run", "--home", settings.home, "--date", tiny.LAST, "--dry-run", "--json")
    assert code == 0
    assert tiny.tree(settings.home) == before
    rehearsed = json.loads(said)
    (ran,) = tiny.log_lines(night_home)
    assert rehearsed["dry_run"] is True
    tables = set(ran["rows"]) - {"snapshots", "issued"}  # issuing belongs to the publish, which is left out here
    assert {name: rehearsed["rows"][name] for name in tables} == {name: ran["rows"][name] for name in tables}
    assert not Path(rehearsed["path"] or "/nowhere").exists()


def test_f62_a_disk_that_is_full_while_the_candidate_is_written_is_one_sentence(ratebook, tmp_path, monkeypatch):
    settings = tiny.land(tmp_path / "home")

    def full(*_):
        raise duckdb.IOException("IO Error: Could not write file: No space left on device")

    monkeypatch.setattr(night, "make_tables", full)
    code, _, said = ratebook("run", "--home", settings.home, "--date", tiny.LAST)
    assert code == UsageError.exit_code
    assert said.splitlines()[-1] == "The system says IO Error: Could not write file: No space left on device"
    assert tiny.log_lines(settings)[0]["status"] == "failed"


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no second file system here")
def test_a_rehearsal_needs_no_temporary_folder_on_the_same_disk(ratebook, no_marts, tmp_path, monkeypatch):
    settings = tiny.land(tmp_path / "home")
    monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")
    code, said, _ = ratebook("run", "--home", settings.home, "--date", tiny.LAST, "--dry-run")
    assert code == 0
    assert "would be published" in said
    # What the marts of the copy say is read before the copy is thrown away.
    assert re.search(r"2026-08 +USD +2 +1,234.50 +7.00", said)


def test_a_rehearsal_that_is_held_names_no_file_that_is_gone(ratebook, tmp_path, monkeypatch):
    settings = tiny.land(tmp_path / "home")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(night, "make_marts", lambda *_: None)

    def hold(build, *_):
        raise Held(f"1 gates held the publish.\nThe SQL runs on the held file: duckdb -readonly '{build.path}'")

    monkeypatch.setattr(night, "publish_marts", hold)
    code, _, said = ratebook("run", "--home", settings.home, "--date", tiny.LAST, "--dry-run")
    assert code == 1
    assert "1 gates held the publish" in said
    named = [word.strip("';,.") for word in said.split() if word.startswith(("'/", "/"))]
    assert named
    assert [path for path in named if not Path(path).exists()] == []


def test_a_range_ends_with_its_last_day(ratebook, no_marts, tmp_path, monkeypatch):
    settings = tiny.land(tmp_path)
    monkeypatch.setattr(cli, "_show_run", lambda *_, **__: None)
    code, _, _ = ratebook("run", "--home", tmp_path, "--from", tiny.DAYS[0], "--to", tiny.DAYS[1])
    assert code == 0
    assert sorted(path.name for path in settings.delivered.iterdir()) == ["2026-09-01", "2026-09-02"]
    assert [line["as_of"] for line in tiny.log_lines(settings)] == ["2026-09-02"]


def test_a_night_that_left_a_file_out_says_which_and_why(ratebook, no_marts, tmp_path):
    settings = tiny.land(tmp_path / "home")
    tiny.put(settings.home, f"usage_events/{tiny.DAYS[0]}/cut.csv", tiny.HEADER)
    code, _, said = ratebook("run", "--home", settings.home, "--date", tiny.LAST, "--dry-run")
    assert code == 0
    assert f"Refused usage_events/{tiny.DAYS[0]}/cut.csv: " in said
    assert "1 files were refused" in said
