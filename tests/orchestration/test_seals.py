"""The chain of seals: whatever is changed in it, or missing from it, is found."""

import json
import re
import shutil
from datetime import date, datetime

import polars as pl
import pytest

from orchestration import chain, close, seals
from orchestration.errors import RatebookError, UsageError
from tests.orchestration import tiny
from tests.orchestration.closing import DECISION, book, company, sealed, use


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """Two months of one entity, closed one after the other."""
    settings = company(tmp_path_factory.mktemp("chain"), "2026-10-01", book("per_unit", 'unit_amount: "0.10"'))
    use(settings, "2026-10-05", "a,ant,calls,2026-10-05T12:00:00Z,90", "b,ant,calls,2026-10-04T12:00:00Z,10")
    sealed(settings, "2026-11-02", "2026-10")
    sealed(settings, "2026-12-02", "2026-11")
    return settings


@pytest.fixture
def own(closed, tmp_path):
    return tiny.copied(closed, tmp_path / "home")


def test_a_chain_that_nobody_touched_is_whole(closed):
    assert list(seals.verify(closed)) == []
    first, second = seals.chain(closed)
    assert second.manifest["previous"] == first.sha256
    assert first.manifest["previous"] is None


def test_a_seal_is_seen_by_later_dates_only_and_tells_its_month(closed):
    def months(day):
        return [
            (seal.legal_entity_id, f"{seal.month:%Y-%m}") for seal in seals.in_force(closed, date.fromisoformat(day))
        ]

    assert months("2026-11-02") == []
    assert months("2026-11-03") == [("tiny", "2026-10")]
    assert months("2026-12-02") == [("tiny", "2026-10")]
    assert months("2026-12-03") == [("tiny", "2026-10"), ("tiny", "2026-11")]


def spoil_byte(folder):
    path = folder / "00001" / "sealed_line_items.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def spoil_order(folder):
    path = folder / "00001" / "sealed_line_items.parquet"
    pl.read_parquet(path).reverse().write_parquet(path)


def spoil_row(folder):
    path = folder / "00001" / "sealed_line_items.parquet"
    pl.read_parquet(path).head(1).write_parquet(path)


def spoil_both_file_and_manifest(folder):
    spoil_row(folder)
    manifest = folder / "00001" / seals.MANIFEST
    content = json.loads(manifest.read_text())
    content["files"]["sealed_line_items.parquet"]["sha256"] = seals.sha256_of(
        folder / "00001" / "sealed_line_items.parquet"
    )
    manifest.write_text(json.dumps(content))


def spoil_reason(folder):
    manifest = folder / "00002" / seals.MANIFEST
    manifest.write_text(manifest.read_text().replace('"grace"', '"heidi"'))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(spoil_byte, "sealed_line_items.parquet has other bytes", id="one bit"),
        pytest.param(spoil_order, "sealed_line_items.parquet has other bytes", id="another order"),
        pytest.param(spoil_row, "sealed_line_items.parquet has other bytes", id="a row is gone"),
        pytest.param(spoil_both_file_and_manifest, "seal 2 .* follows", id="a row, and its manifest made to fit"),
        pytest.param(spoil_reason, "seal 2 is not the one that HEAD.json names", id="the approver of the last seal"),
        pytest.param(lambda folder: shutil.rmtree(folder / "00001"), "seal 1 is missing", id="the first seal"),
        pytest.param(lambda folder: shutil.rmtree(folder / "00002"), "seal 2 is not the one", id="the last seal"),
        pytest.param(
            lambda folder: (folder / "00001" / "sealed_inputs.parquet").unlink(),
            "inputs.parquet is missing",
            id="a file",
        ),
        pytest.param(lambda folder: (folder / "00001" / "x").touch(), "x is no file of it", id="a file too many"),
        pytest.param(lambda folder: (folder / "HEAD.json").unlink(), "HEAD.json is missing", id="the note of the end"),
    ],
)
def test_what_was_changed_is_found_and_nothing_is_closed_on_top_of_it(own, spoil, said):
    """I32, F113."""
    spoil(own.seals)
    found = list(seals.verify(own))
    assert found
    assert any(re.search(said, each) for each in found), found
    with pytest.raises(RatebookError, match="broken"):
        close._require_whole_chain(own)


def test_an_older_backup_is_found_by_what_a_publish_has_seen(own):
    """F88."""
    seen = chain.head(seals.chain(own))
    shutil.rmtree(own.seals / "00002")
    with pytest.raises(RatebookError, match="older backup"):
        seals.require_head(own, seen)
    seals.require_head(own, chain.head(seals.chain(own)))


def test_a_close_that_was_killed_before_it_noted_its_head_is_no_fault(own):
    first = seals.chain(own)[0]
    seals.note_head(own, first)
    assert list(seals.verify(own)) == []


@pytest.mark.parametrize(
    ("by", "approved_by", "reason", "said"),
    [
        ("ada", "Ada", "done", "another person"),
        ("ada", "grace", " ", "--reason"),
        ("", "grace", "done", "--by"),
    ],
)
def test_a_decision_has_a_reason_and_two_people(by, approved_by, reason, said):
    """I33, F112."""
    with pytest.raises(UsageError, match=said):
        close.Decision(reason, by, approved_by, datetime(2026, 11, 5))


def test_the_seal_names_who_why_and_when(closed):
    said = seals.chain(closed)[0].manifest
    assert (said["reason"], said["requested_by"], said["approved_by"]) == (
        DECISION.reason,
        DECISION.requested_by,
        DECISION.approved_by,
    )
    assert said["at"] == "2026-11-05T09:00:00"
