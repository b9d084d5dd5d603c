import os

import pytest

from orchestration import doctor
from tests.orchestration.publish import tiny
from tests.orchestration.publish.test_publish import publish_tiny


def bad(settings) -> dict[str, str]:
    return {finding.name: finding.detail for finding in doctor.diagnose(settings) if not finding.ok}


@pytest.fixture
def settings(tmp_path):
    publish_tiny(tmp_path, 1)
    tmp_path.chmod(0o700)
    return tiny.settings_at(tmp_path)


def test_a_sound_installation_has_no_bad_finding_and_every_look_says_what_it_saw(settings):
    findings = doctor.diagnose(settings)
    assert [finding for finding in findings if not finding.ok] == []
    assert all(finding.detail for finding in findings)
    assert {finding.name for finding in findings} == set(doctor.LOOKS)


def test_a_home_that_is_not_there_is_named_and_not_made(tmp_path):
    settings = tiny.settings_at(tmp_path / "mistyped")
    assert bad(settings) == {"home": f"{settings.home} is not there"}
    assert not settings.home.exists()


def database(settings):
    return settings.published / "1-2026-08-03" / "ratebook.duckdb"


def flip_a_byte(settings):
    database(settings).chmod(0o600)
    with database(settings).open("r+b") as file:
        file.seek(20_000)
        byte = file.read(1)
        file.seek(20_000)
        file.write(bytes([byte[0] ^ 1]))


def point_to_nothing(settings):
    (settings.published / "latest").unlink()
    (settings.published / "latest").symlink_to("9-2026-09-09")


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        pytest.param(flip_a_byte, {"published files"}, id="a flipped bit"),
        pytest.param(lambda s: database(s).unlink(), {"published files", "published database"}, id="a deleted file"),
        pytest.param(
            lambda s: (database(s).parent / "ratebook.duckdb.wal").write_text("x"),
            {"published files", "published database"},
            id="a write-ahead log beside the file",
        ),
        pytest.param(point_to_nothing, {"free space", "published files", "published database"}, id="a link to nothing"),
        pytest.param(lambda s: s.home.chmod(0o755), {"home is private"}, id="a home that all can read"),
        pytest.param(
            lambda s: (s.published / ".candidate-2-2026-08-04").mkdir(), {"leftovers"}, id="what a killed run left"
        ),
        pytest.param(
            lambda s: (s.delivered / ".tmp-2026-08-04").mkdir(parents=True), {"leftovers"}, id="half a snapshot"
        ),
    ],
)
def test_each_harm_is_found_and_nothing_else(settings, harm, found):
    harm(settings)
    # Whether a flipped bit also keeps the file from opening depends on the block it is in.
    assert found <= set(bad(settings)) <= found | {"published database"}


def test_switched_off_contracts_are_found(settings, monkeypatch):
    monkeypatch.setitem(os.environ, "PANDERA_VALIDATION_ENABLED", "False")
    assert set(bad(settings)) == {"contracts can fail"}


def test_another_version_than_the_tried_one_is_found(settings, tmp_path, monkeypatch):
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("duckdb==0.0.1\nno-such-package==1\nsetuptools==1 ; python_version > '3'\n")
    monkeypatch.setattr(doctor, "CONSTRAINTS", constraints)
    assert "duckdb" in bad(settings)["packages"]
    assert "no-such-package" not in bad(settings)["packages"]


def test_too_little_space_and_a_wrong_python_are_found(settings, monkeypatch):
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", 2**60)
    monkeypatch.setattr(doctor, "PYTHONS", ((3, 90), (3, 91)))
    assert set(bad(settings)) == {"free space", "python"}


def test_a_home_whose_name_duckdb_misreads_is_found(tmp_path):
    settings = tiny.settings_at(tmp_path / "why?")
    settings.home.mkdir()
    assert "question mark" in bad(settings)["home"]
