"""Whatever lands, every record is in exactly one bucket, with its quantity: generated files with known faults."""

import random
import tempfile
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_contracts import LandedFiles, RejectedRows, RepeatedEvents, UsageEvents
from orchestration.settings import Settings
from tests.orchestration.intake.landing_zone import Landing, event

# (what is wrong, the row, whether its quantity can still be read)
FAULTS = {
    "required_value_missing": lambda q: (event("", quantity=q), True),
    "occurred_at_not_rfc_3339": lambda q: (event("x", quantity=q, occurred_at="yesterday"), True),
    "quantity_negative": lambda q: (event("x", quantity=f"-{q}9"), True),
    "quantity_not_a_plain_decimal": lambda q: (event("x", quantity=f"{q}e3"), False),
    "ragged_record": lambda q: (f"x,{q}", False),
    "quote_inside_field": lambda q: (f'x"y"z,acme,tokens,2026-08-01T10:00:00Z,{q}', False),
}
quantities = st.decimals(min_value=0, max_value=10**17, places=6).map(lambda number: f"{number:f}")


@dataclass(frozen=True)
class Planned:
    """A row to land and what has to become of it."""

    text: str
    fault: str | None
    quantity: Decimal


@st.composite
def planned_rows(draw: st.DrawFn) -> list[Planned]:
    rows = []
    for key, quantity in draw(st.lists(st.tuples(st.integers(0, 6), quantities), max_size=12)):
        rows.append(Planned(event(f"e{key}", quantity=quantity), None, Decimal(quantity)))
    for fault, quantity in draw(st.lists(st.tuples(st.sampled_from(sorted(FAULTS)), quantities), max_size=6)):
        text, is_readable = FAULTS[fault](quantity)
        found = Decimal(f"-{quantity}9") if fault == "quantity_negative" else Decimal(quantity)
        rows.append(Planned(text, fault, found if is_readable else Decimal(0)))
    repeated = draw(st.lists(st.sampled_from(rows), max_size=4)) if rows else []
    return draw(st.permutations([*rows, *repeated]))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(planned_rows(), min_size=1, max_size=3), st.integers(1, 3))
def test_i1_landed_is_accepted_and_duplicate_and_conflict_and_rejected(files: list[list[Planned]], days: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        landing = Landing(Settings(home=Path(home)))
        planned = {}
        for number, rows in enumerate(files):
            if rows:
                day = number % days + 1
                # Blank lines of a number of its own keep a file from being the same bytes as another.
                landing.usage(*(row.text for row in rows), *([""] * number), day=day, name=f"f{number}.csv")
                planned[f"usage_events/2026-08-{day:02d}/f{number}.csv"] = rows
        if not planned:
            return
        landing.put("price_book/2026-08-01/book.yaml", "tokens:\n")
        landing.take(3)
        usage_files = (pl.col("dataset") == "usage_events") & (pl.col("status") == "loaded")
        for row in landing.table(LandedFiles).filter(usage_files).to_dicts():
            rows = planned[row["source_file"]]
            assert row["landed_rows"] == len(rows)
            assert row["landed_quantity"] == sum((r.quantity for r in rows), Decimal(0))
            assert row["rejected_rows"] == sum(r.fault is not None for r in rows)
            assert row["rejected_quantity"] == sum((r.quantity for r in rows if r.fault), Decimal(0))
            rejected = landing.table(RejectedRows).filter(pl.col("source_file") == row["source_file"])
            assert Counter(rejected["rule"].to_list()) == Counter(r.fault for r in rows if r.fault)
        places = [
            landing.table(table).select("source_file", "source_line")
            for table in (UsageEvents, RepeatedEvents, RejectedRows)
        ]
        assert not pl.concat(places).is_duplicated().any()
        assert not landing.table(UsageEvents).select("source", "event_id").is_duplicated().any()


def test_decisions_do_not_depend_on_the_order_of_rows(landing: Landing) -> None:
    rows = [event(f"e{number % 40}", quantity=str(number % 3)) for number in range(200)]
    outcomes = []
    for seed in range(3):
        shuffled = list(rows)
        random.Random(seed).shuffle(shuffled)
        one = Landing(landing.settings.model_copy(update={"home": landing.settings.home / str(seed)}))
        one.usage(*shuffled)
        one.take()
        outcomes.append(one.table(RepeatedEvents).select("outcome", "event_id", "quantity").sort(pl.all()))
    assert outcomes[0].equals(outcomes[1])
    assert outcomes[0].equals(outcomes[2])
