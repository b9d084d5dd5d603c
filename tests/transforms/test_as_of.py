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


def test_each_of_many_keys_has_its_own_states() -> None:
    """Key n has state 2n from 1 September on and 2n + 1 from the 2nd; noon of the 1st is in 2n, noon of the 2nd in 2n + 1."""
    keys = [f"k{number:03}" for number in range(300)]
    since = [START, START + timedelta(days=1)]
    states = pl.DataFrame({"key": [key for key in keys for _ in since], "since": since * 300, "state": range(600)})
    rows = pl.LazyFrame(
        {"key": keys * 2, "at": [START + timedelta(hours=12)] * 300 + [START + timedelta(hours=36)] * 300}
    )
    found = periods.latest_of_few(rows, states, at="at", since="since", by="key").collect()
    assert found["state"].to_list() == [*range(0, 600, 2), *range(1, 600, 2)]
