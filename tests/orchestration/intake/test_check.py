"""`ratebook check` says at once, and without a trace, what the night would say."""

from datetime import date
from pathlib import Path

import pytest

from data_contracts import RejectedRows, RepeatedEvents
from orchestration.check import SHOWN_PER_RULE, check_landing
from orchestration.errors import UsageError
from tests.orchestration.intake.landing_zone import HEADER, Landing, event


def test_all_problems_of_all_files_are_named_with_place_rule_and_remedy(landing: Landing) -> None:
    landing.usage(event("e1"), event("e2", quantity="1e3"), event("e3", occurred_at="never"))
    landing.usage(event("e4"), name="b.csv", header=HEADER.replace("meter", "Meter"))
    landing.put("accounts/2026-08-01/a.csv", "account_id;name;currency\n")
    landing.put("price_book/2026-08-02/book.yaml", "broken\n")
    (landing.settings.landing / "invoices").mkdir()
    found = check_landing(landing.settings)
    assert [(finding.file, finding.line, finding.column, finding.rule) for finding in found] == [
        ("accounts/2026-08-01/a.csv", 1, None, "dialect"),
        ("invoices", None, None, "not_a_delivery"),
        ("price_book/2026-08-02/book.yaml", 1, None, "broken_document"),
        ("usage_events/2026-08-01/a.csv", 3, "quantity", "quantity_not_a_plain_decimal"),
        ("usage_events/2026-08-01/a.csv", 4, "occurred_at", "occurred_at_not_rfc_3339"),
        ("usage_events/2026-08-01/b.csv", 1, None, "columns"),
    ]
    assert all(finding.message and finding.remedy for finding in found)
    assert str(found[3]).startswith("usage_events/2026-08-01/a.csv:3: quantity: quantity_not_a_plain_decimal: ")


def test_nothing_is_written(landing: Landing) -> None:
    landing.usage(event("e1"), event("e2", quantity="x"))
    before = sorted(landing.settings.home.rglob("*"))
    assert check_landing(landing.settings)
    assert sorted(landing.settings.home.rglob("*")) == before


def test_clean_input_gives_nothing_to_say(landing: Landing) -> None:
    landing.usage(event("e1"), event("e1"))
    assert check_landing(landing.settings) == []


def test_what_was_taken_before_is_not_reported_again(landing: Landing) -> None:
    landing.usage(event("e1", quantity="x"))
    landing.take()
    assert check_landing(landing.settings) == []


def test_a_conflict_between_deliveries_to_come_is_named(landing: Landing) -> None:
    landing.usage(event("e1"))
    landing.take()
    landing.usage(event("e1", quantity="2"), event("e2"), day=2)
    landing.usage(event("e2", quantity="2"), day=4)
    found = check_landing(landing.settings)
    assert [(finding.file, finding.line, finding.rule) for finding in found] == [
        ("usage_events/2026-08-02/a.csv", 2, "conflict"),
        ("usage_events/2026-08-04/a.csv", 2, "conflict"),
    ]
    assert "usage_events/2026-08-02/a.csv line 3" in found[1].message


def test_a_thousand_times_the_same_problem_is_shown_fifty_times_and_counted(landing: Landing) -> None:
    landing.usage(*(event(f"e{number}", quantity="x") for number in range(1000)))
    found = check_landing(landing.settings)
    assert len(found) == SHOWN_PER_RULE + 1
    assert found[-1].message == "950 more records break the same rule."


def test_a_named_file_is_checked_wherever_it_lies(landing: Landing, tmp_path: Path) -> None:
    path = tmp_path / "usage_events" / "draft.csv"
    path.parent.mkdir()
    path.write_text(f"{HEADER}\n{event('e1', quantity='x')}\n")
    (finding,) = check_landing(landing.settings, [path])
    assert (finding.line, finding.rule) == (2, "quantity_not_a_plain_decimal")
    assert check_landing(landing.settings, [path.parent]) == [finding]


def test_a_named_file_has_to_be_there_and_below_a_dataset(landing: Landing, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not there"):
        check_landing(landing.settings, [tmp_path / "usage_events" / "absent.csv"])
    (tmp_path / "a.csv").write_text("x\n")
    with pytest.raises(UsageError, match="usage_events"):
        check_landing(landing.settings, [tmp_path / "a.csv"])


def test_check_says_what_the_night_then_does(landing: Landing) -> None:
    landing.usage(event("e1", quantity="x"), event("e2"))
    landing.usage(event("e2", quantity="9"), day=2)
    said = {(finding.file, finding.line, finding.rule) for finding in check_landing(landing.settings)}
    landing.take(2)
    done = {(*row, "conflict") for row in landing.table(RepeatedEvents).select("source_file", "source_line").rows()}
    done |= set(landing.table(RejectedRows).select("source_file", "source_line", "rule").rows())
    assert said == done
    assert date(2026, 8, 2) in landing.table(RepeatedEvents)["delivery_date"].to_list()
