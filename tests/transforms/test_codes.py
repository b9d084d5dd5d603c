"""Rules of `codes`: names become numbers and texts again, and rows stand in the order of the texts."""

import random
from datetime import date, datetime, timedelta

import polars as pl
import pytest

from transforms.codes import coded, in_order, spelled

KEYS = ["account", "day", "at", "nth"]


def frame(rows: int, accounts: int) -> pl.DataFrame:
    draw = random.Random(rows)
    return pl.DataFrame(
        {
            # `b/` stands behind `b-1/` and a capital before all: what sorts is the text, not the order of arrival.
            "account": [
                f"{draw.choice('abA')}{draw.choice(('', '-', '/'))}{draw.randrange(accounts)}" for _ in range(rows)
            ],
            "day": [date(2026, 9, 1) + timedelta(days=draw.randrange(30)) for _ in range(rows)],
            "at": [datetime(2026, 9, 1) + timedelta(microseconds=draw.randrange(1 << 50)) for _ in range(rows)],
            "nth": [draw.randrange(-5, 5) for _ in range(rows)],
        }
    )


def test_the_same_text_has_the_same_code_in_two_frames_and_is_the_same_text_again() -> None:
    first, second = (pl.LazyFrame({"name": names}) for names in (["b", None, "a"], ["a", "c", "b"]))
    joined = coded(first).join(coded(second), on="name", how="inner")
    assert spelled(joined).collect().to_series().sort().to_list() == ["a", "b"]
    assert spelled(coded(first)).collect().equals(first.collect())


def test_only_the_named_columns_are_coded() -> None:
    events = pl.LazyFrame({"account_id": ["a"], "event_id": ["e-1"], "nth": [1]})
    found = coded(events, "account_id", "contract_id").collect_schema()
    assert isinstance(found["account_id"], pl.Categorical)
    assert found["event_id"] == pl.String


@pytest.mark.parametrize("rows", [0, 1, 2, 5_000])
def test_rows_stand_in_the_order_of_their_texts_days_instants_and_numbers(rows: int) -> None:
    plain = frame(rows, accounts=300)
    found = spelled(in_order(coded(plain.lazy()).collect(), KEYS).lazy()).collect()
    assert found.equals(plain.sort(KEYS))


def test_an_order_of_more_values_than_one_number_holds_takes_several() -> None:
    plain = frame(5_000, accounts=5_000)
    keys = ["at", "account", *KEYS, "at", "account", "at"]  # 5,000 values eight times over are 98 bits
    found = spelled(in_order(coded(plain.lazy()).collect(), keys).lazy()).collect()
    assert found.equals(plain.sort("at", "account"))
