"""The two ways of an as-of join say the same."""

import random
from datetime import datetime, timedelta

import polars as pl

from transforms import periods
from transforms.codes import coded

START = datetime(2026, 9, 1)


def test_few_states_found_by_binary_search_are_those_of_an_as_of_join() -> None:
    draw = random.Random(7)
    states = pl.DataFrame(
        {
            "zone": [zone for zone in "abc" for _ in range(5)],
            "since": [START + timedelta(hours=10 * place) for _ in "abc" for place in range(5)],
            "state": range(15),
        }
    ).sample(fraction=1, shuffle=True, seed=1)
    rows = pl.LazyFrame(
        {
            "zone": [draw.choice(["a", "b", "c", "d", None]) for _ in range(2_000)],
            "at": [START + timedelta(hours=draw.randrange(-20, 90)) for _ in range(2_000)],  # on the hour: some at once
        }
    ).with_row_index("row")
    by = {"at": "at", "since": "since"}
    expected = periods.latest_at_or_before(rows, states.lazy(), by=["zone"], **by).sort("row").collect()
    for as_given in (lambda frame: frame, coded):
        found = periods.latest_of_few(as_given(rows), as_given(states.lazy()).collect(), by="zone", **by)
        assert (
            found.sort("row").select("row", "since", "state").collect().equals(expected.select("row", "since", "state"))
        )


def test_no_states_are_found_nowhere() -> None:
    rows = pl.LazyFrame({"zone": ["a"], "at": [START]})
    states = pl.DataFrame(
        {"zone": [], "since": [], "state": []}, {"zone": pl.String, "since": pl.Datetime("us"), "state": pl.Int64}
    )
    assert periods.latest_of_few(rows, states, at="at", since="since", by="zone").collect()["state"].to_list() == [None]
