"""A home has a format: old code leaves a newer one alone, newer code migrates an older one."""

import json

import pytest

from orchestration import cli, doctor, home_format, night
from orchestration.errors import UsageError
from orchestration.home_format import Migration
from orchestration.lock import run_lock
from orchestration.settings import Settings

COMMANDS = (
    ["run", "--date", "2026-09-04"],
    ["run", "--date", "2026-09-04", "--dry-run"],
    ["demo"],
    ["issue"],
    ["close", "2026-08", "--by", "a", "--approved-by", "b", "--reason", "c"],
    ["release", "parked/x", "--by", "a", "--approved-by", "b", "--reason", "c"],
    ["rebuild"],
    ["migrate"],
    ["sql", "select 1"],
)


@pytest.fixture
def settings(tmp_path) -> Settings:
    for folder in ("landing", "log"):
        (tmp_path / folder).mkdir()
    return Settings(home=tmp_path)


def number_of(settings):
    return json.loads((settings.home / "format.json").read_text())


def written_by(settings, content):
    (settings.home / "format.json").write_text(content)
    return {path.relative_to(settings.home): path.stat().st_mtime_ns for path in settings.home.rglob("*")}


def ended(command, settings, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([*command, "--home", str(settings.home)])
    printed = capsys.readouterr()
    return end.value.code or 0, printed.out, printed.err


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:1] + command[3:4]))
def test_a_newer_home_is_refused_by_name_before_anything_is_written(settings, capsys, command):
    before = written_by(settings, '{"format": 2}')
    code, _, said = ended(command, settings, capsys)
    assert code == 2
    assert f"{settings.home} is of format 2, written by a newer version of Ratebook" in said
    assert {path.relative_to(settings.home): path.stat().st_mtime_ns for path in settings.home.rglob("*")} == before


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "1"}', '{"format": 0}', '{"format": true}'])
def test_a_number_that_cannot_be_read_is_refused(settings, content):
    written_by(settings, content)
    with pytest.raises(UsageError, match=r"format\.json: it does not say a format"), run_lock(settings):
        pass


def test_a_home_without_a_number_is_of_the_first_format_and_the_first_that_holds_it_writes_it(settings):
    def look():
        return next(finding.detail for finding in doctor.diagnose(settings) if finding.name == "format")

    assert look() == "1; the next run writes it down"
    with run_lock(settings):
        assert number_of(settings) == {"format": 1}
    assert look() == "1"


def moved(settings):
    (settings.home / "old").rename(settings.home / "new")


@pytest.fixture
def two_steps(settings, monkeypatch):
    """A home of the first format, under code that knows the third."""
    (settings.home / "old").write_text("kept")
    stop = []

    def noted(migrated):
        if stop:
            raise OSError(28, "No space left on device", "new")
        (migrated.home / "noted").write_text("yes")

    steps = (Migration("old is called new", moved), Migration("a note", noted))
    monkeypatch.setattr(home_format, "MIGRATIONS", steps)
    return stop


def test_an_older_home_is_refused_by_every_run_with_what_to_do(settings, two_steps, capsys):
    code, _, said = ended(["run", "--date", "2026-09-04"], settings, capsys)
    assert code == 2
    assert (
        f"is of format 1, and this version of Ratebook works with 3. Run `ratebook migrate --home {settings.home}`"
        in said
    )
    assert sorted(path.name for path in settings.home.iterdir()) == ["landing", "log", "old"]
    (look,) = (finding for finding in doctor.diagnose(settings) if finding.name == "format")
    assert not look.ok
    assert "ratebook migrate" in look.detail


def test_a_rehearsed_migration_says_its_steps_and_changes_nothing(settings, two_steps, capsys):
    code, said, _ = ended(["migrate", "--dry-run"], settings, capsys)
    assert code == 0
    assert said.splitlines()[:2] == ["1 to 2: old is called new", "2 to 3: a note"]
    assert sorted(path.name for path in settings.home.iterdir()) == ["landing", "log", "old"]


def test_a_migration_that_fails_half_way_goes_on_where_it_stopped(settings, two_steps, capsys):
    two_steps.append("disk full")
    code, _, said = ended(["migrate"], settings, capsys)
    assert (code, number_of(settings)) == (2, {"format": 2})
    assert "No space left on device" in said
    two_steps.clear()
    code, said, _ = ended(["migrate"], settings, capsys)
    assert (code, number_of(settings)) == (0, {"format": 3})
    assert said.splitlines()[0] == "2 to 3: a note"
    assert (settings.home / "new").read_text() == "kept"
    assert ended(["migrate"], settings, capsys)[1] == f"{settings.home} is of format 3.\n"


def test_a_new_home_is_of_the_newest_format(tmp_path, two_steps):
    settings = Settings(home=tmp_path / "new")
    settings.landing.mkdir(parents=True)  # what has landed says nothing of a format
    with run_lock(settings):
        assert number_of(settings) == {"format": 3}


def test_f70_a_new_home_is_private(tmp_path):
    settings = Settings(home=tmp_path / "new")
    night.keep_private(settings)
    assert settings.home.stat().st_mode & 0o777 == 0o700
