"""What intake decides about reversals and amendments: in effect, waiting by name, or second; never silently nothing."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from data_contracts import LandedFiles, RepeatedEvents, Reversals, UsageEvents
from tests.orchestration.intake.landing_zone import HEADER, Landing, event

CORRECTING = f"{HEADER},amount,currency,source,reverses_event_id,amends_event_id"


def row(event_id: str, reverses: str = "", amends: str = "", source: str = "", money: str = ",", **given: str) -> str:
    """Return a row of a file that may correct; `money` is amount and currency."""
    given.setdefault("quantity", "" if reverses else "1")
    return f"{event(event_id, **given)},{money},{source},{reverses},{amends}"


def land(landing: Landing, *days: list[str]) -> None:
    for day, rows in enumerate(days, 1):
        if rows:
            landing.usage(*rows, day=day, header=CORRECTING)
    landing.take(len(days))


def decided(landing: Landing) -> list[tuple]:
    """Return (day of August, id, outcome or rule, the event taken back and its quantity, is in force)."""
    table = landing.table(Reversals).sort("delivery_date", "event_id")
    taken_back = pl.col("reversed_quantity").cast(pl.Int64)
    return table.select(
        pl.col("delivery_date").dt.day().cast(pl.Int64),
        "event_id",
        pl.coalesce("rule", "outcome"),
        taken_back,
        "is_in_force",
    ).rows()


def again(landing: Landing) -> list[tuple[str, str, str | None]]:
    table = landing.table(RepeatedEvents).sort("delivery_date", "source_line")
    return table.select("event_id", "outcome", "standing_file").rows()


@pytest.mark.parametrize("quantity", ["", "0", "7", "-7"], ids=lambda text: f"stating {text or 'nothing'}")
def test_a_reversal_takes_its_event_back_whole_with_all_that_it_was(landing: Landing, quantity: str) -> None:
    landing.put("price_book/2026-08-01/book.yaml", "tokens: model\n")
    header = f"{CORRECTING},model"
    landing.usage(f"{row('e1', quantity='7', money='2.50,EUR')},gpt-4", header=header)
    landing.usage(
        f"{row('r1', 'e1', quantity=quantity, occurred_at='2026-08-02T09:00:00Z')},other", day=2, header=header
    )
    landing.take(2)
    (found,) = landing.table(Reversals).to_dicts()
    assert (found["outcome"], found["correction"], found["is_in_force"]) == ("applied", "reversal", False)
    event_there = landing.table(UsageEvents).filter(pl.col("event_id") == "e1").to_dicts()[0]
    for name in ("account_id", "meter", "occurred_at", "quantity", "amount", "value_currency", "dimensions"):
        assert found[f"reversed_{name}"] == event_there[name]
    assert (found["reversed_delivery_date"], found["reversed_line"]) == (date(2026, 8, 1), 2)


def test_a_reversal_that_states_no_quantity_counts_none(landing: Landing) -> None:
    land(landing, [row("e1"), row("r1", "e1")])
    quantities = dict(landing.table(UsageEvents).select("event_id", "quantity").rows())
    assert quantities == {"e1": Decimal(1), "r1": Decimal(0)}
    (file,) = landing.table(LandedFiles).to_dicts()
    assert (file["landed_quantity"], file["accepted_quantity"], file["accepted_rows"]) == (1, 1, 2)


@pytest.mark.parametrize(
    "days",
    [
        pytest.param([["e1", "r1"]], id="below it in one file"),
        pytest.param([["r1", "e1"]], id="above it in one file"),
        pytest.param([["e1"], ["r1"]], id="a day later"),
        pytest.param([["e1"], [], [], ["r1"]], id="days later"),
    ],
)
def test_the_order_and_the_delivery_of_a_reversal_do_not_matter(landing: Landing, days: list[list[str]]) -> None:
    texts = {"e1": row("e1", quantity="7"), "r1": row("r1", "e1")}
    land(landing, *([texts[name] for name in names] for names in days))
    assert decided(landing) == [(len(days), "r1", "applied", 7, False)]


def test_an_early_reversal_waits_by_name_until_its_event_is_there(landing: Landing) -> None:
    land(landing, [row("r1", "e1")], [row("other")], [row("e1", quantity="7")], [row("e2")])
    assert decided(landing) == [(1, "r1", "reversed_event_unknown", None, False), (3, "r1", "applied", 7, False)]


def test_a_reversal_is_found_however_long_ago_its_event_was(landing: Landing) -> None:
    landing.settings = landing.settings.model_copy(update={"lookback_deliveries": 1})
    land(landing, [row("e1", quantity="7")], *([[]] * 18), [row("r1", "e1", occurred_at="2026-08-20T10:00:00Z")])
    assert decided(landing) == [(20, "r1", "applied", 7, False)]


@pytest.mark.parametrize("memory_mb", [1024, 1], ids=["one bucket", "many buckets"])
def test_a_reversal_finds_its_event_in_another_bucket(landing: Landing, memory_mb: int) -> None:
    landing.settings = landing.settings.model_copy(update={"memory_mb": memory_mb})
    events = [row(f"e{number:03}", account_id=f"a{number:03}", quantity=str(number)) for number in range(300)]
    undone = [row(f"r{number:03}", f"e{number:03}", account_id=f"a{number:03}") for number in range(300)]
    land(landing, events + undone)
    assert [found[3] for found in decided(landing)] == list(range(300))
    assert landing.table(UsageEvents).height == 600


def test_a_second_reversal_is_a_duplicate_of_the_first_by_file_and_line(landing: Landing) -> None:
    land(landing, [row("e1"), row("r2", "e1"), row("r1", "e1")], [row("r3", "e1")])
    assert [found[1] for found in decided(landing)] == ["r2"]
    first = "usage_events/2026-08-01/a.csv"
    assert again(landing) == [("r1", "duplicate", first), ("r3", "duplicate", first)]


def test_who_waits_first_is_first_when_the_event_comes(landing: Landing) -> None:
    land(landing, [row("r1", "e1")], [row("r2", "e1")], [row("e1")])
    assert [found[:3] for found in decided(landing)] == [
        (1, "r1", "reversed_event_unknown"),
        (3, "r1", "applied"),
    ]
    assert [found[:2] for found in again(landing)] == [("r2", "duplicate")]


def test_the_same_reversal_again_is_a_duplicate_by_its_own_id(landing: Landing) -> None:
    land(landing, [row("e1")], [row("r1", "e1")], [row("r1", "e1"), row("x")])
    assert [found[1:3] for found in decided(landing)] == [("r1", "applied")]
    assert [found[:2] for found in again(landing)] == [("r1", "duplicate")]


def test_what_an_event_corrects_is_content(landing: Landing) -> None:
    land(landing, [row("e1"), row("e2")], [row("x", amends="e1")], [row("x", amends="e2")])
    assert [found[:2] for found in again(landing)] == [("x", "conflict")]


def test_an_event_delivered_again_after_its_reversal_is_still_a_duplicate(landing: Landing) -> None:
    land(landing, [row("e1")], [row("r1", "e1")], [row("e1"), row("x")])
    assert [found[:2] for found in again(landing)] == [("e1", "duplicate")]


def test_a_reversal_finds_its_event_by_source(landing: Landing) -> None:
    land(
        landing,
        [row("e1", source="a", quantity="3"), row("e1", source="b", quantity="4")],
        [row("r", "e1", source="b")],
    )
    assert [found[1:4] for found in decided(landing)] == [("r", "applied", 4)]


@pytest.mark.parametrize(
    ("first", "reversal", "rule"),
    [
        pytest.param(["e1", {"account_id": "b"}], {}, "reversed_event_of_another_account", id="of another account"),
        pytest.param(["e1", {"meter": "b"}], {}, "reversed_event_of_another_meter", id="of another meter"),
        pytest.param(["e1", {"quantity": "9"}], {"quantity": "4"}, "reversed_event_differs", id="of a part"),
        pytest.param(
            ["e1", {"money": "9,EUR"}], {"money": "4,EUR"}, "reversed_event_differs", id="of a part of the value"
        ),
        pytest.param(
            ["e1", {"money": "9,EUR"}], {"money": "9,USD"}, "reversed_event_differs", id="in another currency"
        ),
    ],
)
def test_a_reversal_that_cannot_mean_its_event_waits_by_name(
    landing: Landing, first: list, reversal: dict[str, str], rule: str
) -> None:
    land(landing, [row(first[0], **first[1])], [row("r1", "e1", **reversal)], [row("r2", "e1", **first[1])])
    # It has taken nothing back, so another reversal of the event is the first one.
    assert [found[1:3] for found in decided(landing)] == [("r1", rule), ("r2", "applied")]


def test_an_amendment_does_not_move_usage_to_another_account(landing: Landing) -> None:
    land(landing, [row("e1")], [row("a1", amends="e1", account_id="b")], [row("a2", amends="e1", meter="b")])
    assert [found[1:3] for found in decided(landing)] == [
        ("a1", "reversed_event_of_another_account"),
        ("a2", "applied"),
    ]


def test_a_reversal_cannot_be_reversed_only_amended_usage_can(landing: Landing) -> None:
    land(landing, [row("e1")], [row("r1", "e1")], [row("r2", "r1")])
    assert [found[1:3] for found in decided(landing)] == [("r1", "applied"), ("r2", "reverses_a_reversal")]


def test_the_reversal_of_a_rejected_event_waits_for_a_good_one(landing: Landing) -> None:
    land(landing, [row("e1", quantity="x"), row("r1", "e1")], [row("e1", quantity="5")])
    assert [found[:4] for found in decided(landing)] == [
        (1, "r1", "reversed_event_unknown", None),
        (2, "r1", "applied", 5),
    ]


def test_an_amendment_takes_its_event_back_and_counts_itself(landing: Landing) -> None:
    land(landing, [row("e1", quantity="7")], [row("a1", amends="e1", quantity="5")])
    assert decided(landing) == [(2, "a1", "applied", 7, True)]


def test_an_early_amendment_waits_as_a_whole(landing: Landing) -> None:
    land(landing, [row("a1", amends="e1", quantity="5")], [row("e1", quantity="7")])
    assert decided(landing) == [(1, "a1", "reversed_event_unknown", None, False), (2, "a1", "applied", 7, True)]


def test_a_second_amendment_is_a_conflict_and_held(landing: Landing) -> None:
    land(landing, [row("e1")], [row("a1", amends="e1", quantity="5")], [row("a2", amends="e1", quantity="4")])
    assert [found[1] for found in decided(landing)] == ["a1"]
    assert again(landing) == [("a2", "conflict", "usage_events/2026-08-02/a.csv")]


def test_an_amendment_can_be_amended_and_reversed(landing: Landing) -> None:
    land(
        landing,
        [row("e1", quantity="7")],
        [row("a1", amends="e1", quantity="6")],
        [row("a2", amends="a1", quantity="5")],
        [row("r", "a2")],
    )
    assert [found[1:] for found in decided(landing)] == [
        ("a1", "applied", 7, True),
        ("a2", "applied", 6, True),
        ("r", "applied", 5, False),
    ]


@pytest.mark.parametrize(
    "days",
    [
        pytest.param([["e1", "a1", "a2"]], id="all at once"),
        pytest.param([["a2"], ["a1"], ["e1"]], id="the last first"),
        pytest.param([["a1"], ["e1", "a2"]], id="the middle first"),
        pytest.param([["a1"], ["a2"], ["e1"]], id="the event last"),
        pytest.param([["a1", "a2"], ["e1"]], id="the amendments first"),
        pytest.param([["a2"], ["e1"], ["a1"]], id="the middle last"),
        pytest.param([["e1"], ["a2"], ["a1"]], id="the middle last, the event first"),
    ],
)
def test_a_chain_of_amendments_leaves_the_last_in_whatever_order_it_comes(
    landing: Landing, days: list[list[str]]
) -> None:
    texts = {
        "e1": row("e1", quantity="7"),
        "a1": row("a1", amends="e1", quantity="6"),
        "a2": row("a2", amends="a1", quantity="5"),
    }
    land(landing, *([texts[name] for name in names] for names in days))
    found = landing.table(Reversals)
    counted = {"e1": 7} | {row_["event_id"]: int(row_["quantity"]) for row_ in found.to_dicts() if row_["is_in_force"]}
    gone = [row_ for row_ in found.to_dicts() if row_["reversed_delivery_date"] is not None]
    assert sum(counted.values()) - sum(int(row_["reversed_quantity"]) for row_ in gone) == 5
    assert len({row_["reversed_event_id"] for row_ in gone}) == len(gone)


def test_an_amendment_settles_a_conflict_in_which_nothing_stands(landing: Landing) -> None:
    land(landing, [row("e1", quantity="7"), row("e1", quantity="8")], [row("a1", amends="e1", quantity="8")])
    assert decided(landing) == [(2, "a1", "settled", None, True)]
    assert [found[:2] for found in again(landing)] == [("e1", "conflict"), ("e1", "conflict")]


def test_an_amendment_settles_a_conflict_with_an_event_that_stands(landing: Landing) -> None:
    land(landing, [row("e1", quantity="7")], [row("e1", quantity="8")], [row("a1", amends="e1", quantity="8")])
    assert decided(landing) == [(3, "a1", "applied", 7, True)]


def test_a_reversal_names_no_winner_of_a_conflict_and_waits(landing: Landing) -> None:
    land(landing, [row("e1", quantity="7"), row("e1", quantity="8")], [row("r1", "e1")])
    assert decided(landing) == [(2, "r1", "reversed_event_held", None, False)]


def test_a_waiting_reversal_learns_that_its_event_came_in_two_contents(landing: Landing) -> None:
    land(landing, [row("r1", "e1"), row("a2", amends="e2")], [row(e, quantity=q) for e in ("e1", "e2") for q in "78"])
    assert [found[:3] for found in decided(landing)][2:] == [(2, "a2", "settled"), (2, "r1", "reversed_event_held")]


@pytest.mark.parametrize("ending", ["ndjson", "parquet"])
def test_corrections_are_read_from_every_format(landing: Landing, ending: str, tmp_path: Path) -> None:
    given = [
        {"event_id": "e1", "quantity": "7"},
        {"event_id": "e2", "quantity": "4"},
        {"event_id": "r1", "reverses_event_id": "e1"},
        {"event_id": "a2", "amends_event_id": "e2", "quantity": "3"},
    ]
    common = {"account_id": "acme", "meter": "tokens", "occurred_at": "2026-08-01T10:00:00Z"}
    table = pl.DataFrame([common | each for each in given], infer_schema_length=None)
    path = tmp_path / f"a.{ending}"
    table.write_parquet(path) if ending == "parquet" else table.write_ndjson(path)
    landing.put(f"usage_events/2026-08-01/a.{ending}", path.read_bytes())
    landing.take()
    assert decided(landing) == [(1, "a2", "applied", 4, True), (1, "r1", "applied", 7, False)]
