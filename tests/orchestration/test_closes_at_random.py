"""Months of late usage, reversals, corrected prices and contracts, closed one after the other in an order that is drawn.

After each step what is sealed is what it was, and what is posted in all is what a home gives that never closed anything.
`RATEBOOK_OPERATIONS` asks for all draws.
"""

import os
import random
from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest

from data_contracts import LineItems, PostedLineItems, SealedLineItems
from orchestration import seals
from tests.orchestration import tiny
from tests.orchestration.closing import HEADER, book, company, known, sealed

# Read on import: the fixture that gives each test its own state hides every setting.
IS_LONG = "RATEBOOK_OPERATIONS" in os.environ
DRAWN = [(1, "graduated"), (2, "volume")]
TERMS = 'tiers: [{up_to: "40", unit_amount: "0.31"}, {up_to: null, unit_amount: "0.07"}]'
CONTRACT = """\
contract_id: mid
account_id: ant
plan: payg
starts_on: 2026-10-15
billing: {interval: month, anchor: 15}
"""
FIRST, LAST = date(2026, 9, 1), date(2026, 12, 20)
CORRECTING = f"{HEADER},reverses_event_id,amends_event_id"


def superseded(number):
    return "".join(
        f"""      - supersedes: 2026-01-01
        reason: correction {each}
        approved_by: maria
        tiers: [{{up_to: "40", unit_amount: "0.{40 + each}"}}, {{up_to: null, unit_amount: "0.09"}}]
"""
        for each in range(1, number + 1)
    )


class Company:
    """A home that closes its months, and the log of what landed in it."""

    def __init__(self, home, model, draw):
        """Land the book."""
        self.draw, self.model, self.corrections, self.events = draw, model, 0, 0
        self.settings = company(home, FIRST.isoformat(), book(model, TERMS))
        self.landed, self.open_events = [], []

    def land(self, name, text):
        self.landed.append((name, text))
        tiny.put(self.settings.home, name, text)

    def deliver(self, day):
        """Land a day: usage of some day up to it, now and then a reversal, an amendment, a correction of the price."""
        rows = []
        for _ in range(self.draw.randint(1, 3)):
            self.events += 1
            used_on = FIRST + timedelta(days=self.draw.randint(0, (day - FIRST).days))
            rows.append(f"e{self.events},ant,calls,{used_on}T12:00:00Z,{self.draw.randint(1, 30)},,")
            self.open_events.append((f"e{self.events}", used_on))
        if self.open_events and self.draw.random() < 0.4:
            taken, used_on = self.open_events.pop(self.draw.randrange(len(self.open_events)))
            self.events += 1
            reverses = self.draw.random() < 0.5
            correction = f"{taken}," if reverses else f",{taken}"
            quantity = "" if reverses else self.draw.randint(1, 30)
            rows.append(f"e{self.events},ant,calls,{used_on}T12:00:00Z,{quantity},{correction}")
        self.land(f"usage_events/{day}/usage.csv", "\n".join((CORRECTING, *rows)) + "\n")
        if self.draw.random() < 0.25:
            self.corrections += 1
            self.land(f"price_book/{day}/book.yaml", book(self.model, TERMS, more=superseded(self.corrections)))
        if day > date(2026, 10, 10) and not any("contracts" in name for name, _ in self.landed):
            self.land(f"contracts/{day}/mid.yaml", CONTRACT)


def in_all(build, table):
    lines = build.frame(table).select(pl.col("quantity").sum(), pl.col("amount").sum()).collect()
    return lines.row(0)


@pytest.mark.parametrize(("seed", "model"), DRAWN if IS_LONG else DRAWN[-1:])
def test_closes_lose_nothing_and_change_nothing(tmp_path, seed, model):
    """I10, I11."""
    draw = random.Random(seed)
    ours = Company(tmp_path / "closing", model, draw)
    day, kept = FIRST + timedelta(days=draw.randint(5, 20)), {}
    while day < LAST:
        ours.deliver(day)
        build = known(ours.settings, day.isoformat())
        closed = build.frame(SealedLineItems).collect()
        assert {key: rows for key, rows in by_month(closed).items() if key in kept} == kept
        kept = by_month(closed)
        # Nothing is held and no code changes: what is posted is what is desired.
        assert in_all(build, PostedLineItems) == in_all(build, LineItems)
        last_month = day.replace(day=1) - timedelta(days=1)
        is_open = not any(seal.month >= last_month.replace(day=1) for seal in seals.chain(ours.settings))
        if last_month >= FIRST and is_open and draw.random() < 0.9:
            sealed(ours.settings, day.isoformat(), f"{last_month:%Y-%m}")
        day += timedelta(days=draw.randint(9, 19))
    assert len(seals.chain(ours.settings)) >= 2
    assert list(seals.verify(ours.settings)) == []
    clean = company(tmp_path / "clean", FIRST.isoformat(), book(model, TERMS))
    for name, text in ours.landed:
        tiny.put(clean.home, name, text)
    assert in_all(known(ours.settings, LAST.isoformat()), PostedLineItems) == in_all(
        known(clean, LAST.isoformat()), LineItems
    )
    assert in_all(known(clean, LAST.isoformat()), LineItems)[1] != Decimal(0)


def by_month(lines):
    months = lines.with_columns(pl.col("posting_date").dt.strftime("%Y-%m").alias("month")).partition_by(
        "month", as_dict=True
    )
    return {month: rows.sort("line_item_id").rows() for month, rows in months.items()}
