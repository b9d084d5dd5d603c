"""Decisions of people: landed by commands in one write, taken once, kept for ever, never by one person alone."""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pytest

from data_contracts import Actions, LandedFiles, RejectedRows
from orchestration.actions import append_action
from orchestration.check import check_landing
from orchestration.errors import UsageError
from orchestration.settings import Settings
from tests.orchestration.intake.landing_zone import Landing, event, rules

WHO = {"reason": "agreed with the customer", "requested_by": "ada", "approved_by": "grace"}
RECORD = {"action_id": "1", "action": "release", "target": "parked:ant", **WHO, "requested_at": "2026-08-02T08:00:00Z"}


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    """A home whose first delivery, of 1 August, is taken."""
    zone = Landing(Settings(home=tmp_path))
    zone.usage(event())
    zone.take(1)
    return zone


def land(landing: Landing, *records: dict, day: int = 2, name: str = "a.ndjson") -> None:
    landing.put(f"actions/2026-08-{day:02d}/{name}", "".join(f"{json.dumps(record)}\n" for record in records))


def test_a_decision_counts_from_the_first_delivery_that_no_snapshot_had_taken(landing: Landing) -> None:
    landing.take(2)
    decided = append_action(landing.settings, "close", "2026-07", **WHO)
    landing.take(4)
    (row,) = landing.table(Actions).to_dicts()
    file = f"actions/2026-08-03/{decided.action_id}.ndjson"
    assert (row["delivery_date"], row["source_file"]) == (date(2026, 8, 3), file)
    assert (row["action"], row["target"]) == ("close", "2026-07")
    assert {name: row[name] for name in WHO} == WHO
    assert f"{row['requested_at'].isoformat()}Z" == decided.requested_at


def test_decisions_have_an_id_and_a_file_each_and_leave_nothing_half_written(landing: Landing) -> None:
    decided = [append_action(landing.settings, "release", f"parked:{payer}", **WHO) for payer in "abc"]
    assert len({each.action_id for each in decided}) == 3
    files = [path.name for path in landing.settings.landing.rglob("*") if path.parent.parent.name == "actions"]
    assert sorted(files) == sorted(f"{each.action_id}.ndjson" for each in decided)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"approved_by": "Ada"}, "another person"),
        ({"reason": ""}, "--reason"),
        ({"reason": " because"}, "--reason"),
        ({"approved_by": "grace\u202e"}, "--approved-by"),
        ({"requested_by": "a\nb"}, "--by"),
    ],
)
def test_a_decision_that_intake_would_reject_is_refused_at_once(landing: Landing, changed: dict, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        append_action(landing.settings, "release", "parked:ant", **{**WHO, **changed})
    assert not (landing.settings.landing / "actions").exists()


def test_before_the_first_night_there_is_nothing_to_decide_about(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no night has run yet"):
        append_action(Settings(home=tmp_path), "close", "2026-07", **WHO)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"approved_by": "ADA"}, "approved_by_the_same_person"),
        ({"approved_by": ""}, "required_value_missing"),
        ({"reason": ""}, "required_value_missing"),
        ({"requested_by": "a\u200bda"}, "hidden_character"),
        ({"action": "forget"}, "action_unknown"),
        ({"requested_at": "2026-08-02 08:00"}, "requested_at_not_rfc_3339"),
        ({"requested_at": ""}, "required_value_missing"),
    ],
)
def test_a_decision_that_breaks_a_rule_is_rejected_by_name_and_told_by_check(
    landing: Landing, changed: dict, rule: str
) -> None:
    land(landing, RECORD, {**RECORD, "action_id": "2", **changed})
    assert rules(check_landing(landing.settings)) == [rule]
    landing.take(2)
    assert landing.table(Actions)["action_id"].to_list() == ["1"]
    assert landing.table(RejectedRows).select("dataset", "rule", "source_line").rows() == [("actions", rule, 2)]


def test_a_known_decision_is_a_duplicate_and_another_content_under_its_id_is_rejected(landing: Landing) -> None:
    land(landing, RECORD, RECORD)
    land(landing, RECORD, {**RECORD, "target": "parked:bee"}, {**RECORD, "action_id": "2"}, day=3)
    landing.take(3)
    assert landing.table(Actions).select("delivery_date", "action_id", "target").rows() == [
        (date(2026, 8, 2), "1", "parked:ant"),
        (date(2026, 8, 3), "2", "parked:ant"),
    ]
    counted = landing.table(LandedFiles).filter(dataset="actions").sort("delivery_date")
    names = ["landed_rows", "accepted_rows", "duplicate_rows", "rejected_rows"]
    # Of the second delivery neither content of the first id is taken: which of them was meant is not known.
    assert counted.select(names).rows() == [(2, 1, 1, 0), (3, 1, 0, 2)]


def test_what_a_command_lands_is_what_intake_takes(landing: Landing) -> None:
    decided = append_action(landing.settings, "restate", "2026-07", **WHO)
    assert check_landing(landing.settings) == []
    landing.take(2)
    (row,) = landing.table(Actions).to_dicts()
    assert {name: row[name] for name in asdict(decided) if name != "requested_at"} == {
        name: value for name, value in asdict(decided).items() if name != "requested_at"
    }
