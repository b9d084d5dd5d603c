"""Duplicate or conflict: decided once, by what stands, and never by the order in which files are read."""

from datetime import date

import polars as pl
import pytest

from data_contracts import LandedFiles, RepeatedEvents, UsageEvents
from orchestration.intake import lake
from tests.orchestration.intake.landing_zone import HEADER, Landing, event


def standing(landing: Landing) -> list[tuple]:
    columns = ("outcome", "event_id", "quantity", "standing_delivery_date", "standing_file", "standing_line")
    table = landing.table(RepeatedEvents).sort("delivery_date", "source_file", "source_line")
    return table.select(pl.col(columns).exclude("quantity"), pl.col("quantity").cast(pl.Int64)).rows()


def repeated(landing: Landing) -> list[tuple[str, int]]:
    table = landing.table(RepeatedEvents).sort("delivery_date", "source_file", "source_line")
    return table.select("outcome", pl.col("quantity").cast(pl.Int64)).rows()


def test_f23_the_same_event_twice_in_a_delivery_counts_once(landing: Landing) -> None:
    landing.usage(event("e1"), event("e1"), name="b.csv")
    landing.usage(event("e1"), name="a.csv")
    landing.take()
    (row,) = landing.table(UsageEvents).to_dicts()
    assert row["source_file"] == "usage_events/2026-08-01/a.csv"  # the first by (file, line)
    first = (date(2026, 8, 1), "usage_events/2026-08-01/a.csv", 2)
    assert standing(landing) == [("duplicate", "e1", *first, 1), ("duplicate", "e1", *first, 1)]


def test_f23_the_same_event_again_in_a_later_delivery_is_a_duplicate(landing: Landing) -> None:
    landing.usage(event("e1", quantity="2.50"))
    landing.usage(event("e1", quantity="2.5"), event("e2"), day=2)
    landing.take(2)
    assert repeated(landing) == [("duplicate", 2)]
    assert landing.table(UsageEvents).height == 2


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"quantity": "2"}, id="F24 other quantity"),
        pytest.param({"account_id": "other"}, id="F24 other account"),
        pytest.param({"meter": "other"}, id="F24 other meter"),
        pytest.param({"occurred_at": "2026-08-01T10:00:01Z"}, id="F24 a second later"),
    ],
)
def test_the_accepted_event_stands_and_another_content_is_held(landing: Landing, given: dict[str, str]) -> None:
    landing.usage(event("e1"))
    landing.usage(event("e1", **given), day=2)
    landing.take(2)
    (row,) = standing(landing)
    assert row[0] == "conflict"
    assert row[2:5] == (date(2026, 8, 1), "usage_events/2026-08-01/a.csv", 2)
    assert landing.table(UsageEvents).height == 1


@pytest.mark.parametrize("column", ["amount,currency", "contract_id", "model"])
def test_every_billable_column_is_content(landing: Landing, column: str) -> None:
    for day, value in ((1, "5"), (2, "6")):
        values = f"{value},EUR" if "," in column else value
        landing.usage(f"{event('e1')},{values}", day=day, header=f"{HEADER},{column}")
    landing.take(2)
    assert repeated(landing) == [("conflict", 1)]


def test_an_instant_written_in_another_zone_is_the_same_content(landing: Landing) -> None:
    landing.usage(event("e1"), event("e1", occurred_at="2026-08-01T12:00:00.000+02:00"))
    landing.take()
    assert repeated(landing) == [("duplicate", 1)]


def test_f24_two_contents_in_one_delivery_are_both_held(landing: Landing) -> None:
    landing.usage(event("e1", quantity="1"), event("e1", quantity="1"), event("e2"))
    landing.usage(event("e1", quantity="2"), name="b.csv")
    landing.take()
    assert repeated(landing) == [("conflict", 1), ("conflict", 1), ("conflict", 2)]
    assert landing.table(RepeatedEvents)["standing_file"].null_count() == 3
    assert landing.table(UsageEvents)["event_id"].to_list() == ["e2"]


def test_a_key_that_is_held_stays_held_whatever_comes(landing: Landing) -> None:
    landing.usage(event("e1", quantity="1"), event("e1", quantity="2"))
    landing.usage(event("e1", quantity="1"), day=2)
    landing.usage(event("e1", quantity="3"), day=3)
    landing.take(3)
    assert repeated(landing) == [("conflict", 1), ("conflict", 2), ("conflict", 1), ("conflict", 3)]
    assert landing.table(UsageEvents).is_empty()


def test_the_same_id_of_another_source_is_another_event(landing: Landing) -> None:
    landing.usage(f"{event('e1')},a", f"{event('e1', quantity='2')},b", header=f"{HEADER},source")
    landing.take()
    assert landing.table(UsageEvents)["source"].sort().to_list() == ["a", "b"]


def test_no_source_is_the_empty_source(landing: Landing) -> None:
    landing.usage(event("e1"))
    landing.usage(f"{event('e1')},", day=2, header=f"{HEADER},source")
    landing.take(2)
    assert repeated(landing) == [("duplicate", 1)]


def test_a_retry_with_its_own_time_is_found_however_long_ago_it_was_accepted(landing: Landing) -> None:
    landing.settings = landing.settings.model_copy(update={"lookback_deliveries": 1})
    landing.usage(event("e1"))
    landing.usage(event("e1"), event("e2"), day=20)
    landing.take(20)
    assert repeated(landing) == [("duplicate", 1)]


@pytest.mark.parametrize(
    ("day", "outcome"),
    [
        pytest.param(4, [("conflict", 1)], id="within the look-back"),
        pytest.param(5, [], id="beyond the look-back: left to the audit over all history"),
    ],
)
def test_an_id_reused_on_another_day_is_found_within_the_look_back(
    landing: Landing, day: int, outcome: list[tuple[str, int]]
) -> None:
    landing.settings = landing.settings.model_copy(update={"lookback_deliveries": 3})
    landing.usage(event("e1"))
    landing.usage(event("e1", occurred_at=f"2026-08-{day:02d}T10:00:00Z"), day=day)
    landing.take(day)
    assert repeated(landing) == outcome


def test_a_duplicate_of_a_then_unknown_meter_is_one_after_the_meter_became_known(landing: Landing) -> None:
    header = f"{HEADER},model,note"
    landing.usage(f"{event('e1')},gpt-4,x", header=header)
    landing.put("price_book/2026-08-02/book.yaml", "tokens: model\n")
    landing.usage(f"{event('e1')},gpt-4,x", f"{event('e1')},gpt-5,x", day=2, header=header)
    landing.take(2)
    assert [outcome for outcome, _ in repeated(landing)] == ["duplicate", "conflict"]


@pytest.mark.parametrize("name", ["a.csv", "other.csv"])
def test_the_same_bytes_again_have_no_effect_and_the_first_file_is_named(landing: Landing, name: str) -> None:
    landing.usage(event("e1"))
    landing.usage(event("e1"), day=2, name=name)  # F06 the same name, F07 another name
    landing.take(2)
    last = landing.table(LandedFiles).filter(pl.col("delivery_date") == date(2026, 8, 2)).to_dicts()[0]
    assert (last["status"], last["landed_rows"]) == ("duplicate_file", 0)
    assert "usage_events/2026-08-01/a.csv on 2026-08-01" in last["message"]
    assert landing.table(RepeatedEvents).is_empty()


def test_bytes_that_were_refused_are_looked_at_again(landing: Landing) -> None:
    landing.put("usage_events/2026-08-01/a.csv", f"{HEADER}\n{event('e1')}")
    landing.put("usage_events/2026-08-02/a.csv", f"{HEADER}\n{event('e1')}")
    landing.put("usage_events/2026-08-02/_manifest.json", '{"files": [{"name": "a.csv", "rows": 1}]}')
    landing.take(2)
    assert landing.table(LandedFiles)["status"].to_list() == ["refused", "loaded"]


def test_f08_a_file_sent_again_with_other_content_is_compared_event_by_event(landing: Landing) -> None:
    landing.usage(event("e1"), event("e2"))
    landing.take(1)
    landing.usage(event("e1"), event("e2", quantity="9"), event("e3"))
    landing.take(2)
    assert repeated(landing) == [("duplicate", 1), ("conflict", 9)]
    assert landing.table(UsageEvents)["event_id"].sort().to_list() == ["e1", "e2", "e3"]


@pytest.mark.parametrize("memory_mb", [pytest.param(64, id="read from the files"), pytest.param(1024, id="remembered")])
def test_what_stands_is_found_the_same_whether_the_look_back_fits_in_memory_or_not(
    landing: Landing, memory_mb: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake, "MEGABYTE", 1 << 13)  # so that 64 of them hold not even one file, and 1024 all of these
    landing.settings = landing.settings.model_copy(update={"memory_mb": memory_mb})
    landing.usage(event("e1"), event("e2"), event("e3"), event("e3", quantity="9"))
    landing.usage(event("e4"), day=2)
    landing.usage(event("e1"), event("e2", quantity="2"), event("e3"), event("e4"), event("e5"), day=4)
    landing.take(4)
    later = landing.table(RepeatedEvents).filter(pl.col("delivery_date") == date(2026, 8, 4)).sort("event_id")
    assert later.select("event_id", "outcome", "standing_delivery_date").rows() == [
        ("e1", "duplicate", date(2026, 8, 1)),
        ("e2", "conflict", date(2026, 8, 1)),
        ("e3", "conflict", None),
        ("e4", "duplicate", date(2026, 8, 2)),
    ]
    assert landing.table(UsageEvents)["event_id"].sort().to_list() == ["e1", "e2", "e4", "e5"]
