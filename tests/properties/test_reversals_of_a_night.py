"""Usage and its reversals are no usage, an amendment is the event as it should have landed: whole nights, from files.

The plain night lands what shall count. The other one lands the same with mistakes that reversals and amendments put
right, in any order and delivery, some of them twice. Lines and fees must not differ in a digit.

`RATEBOOK_PROPERTY_COMPANIES` sets how many pairs of nights are drawn (2 by default).
"""

import os
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from data_contracts import LandedFiles, LineItems, RatedEvents, Reversals, UsageDays, UsageOutcomes
from orchestration import intake
from orchestration.build import Build, open_build
from orchestration.night import NIGHTLY
from orchestration.settings import Settings

PAIRS = int(os.environ.get("RATEBOOK_PROPERTY_COMPANIES", "2"))
FIRST, AS_OF = date(2026, 8, 1), date(2026, 9, 12)
DELIVERIES = (date(2026, 9, 2), date(2026, 9, 7), AS_OF)
BOOK = """\
company: {name: Acme, reporting_currency: USD, default_plan: payg}
products: [{id: api, name: API}]
meters:
  - {id: tokens, unit: token, aggregation: sum, dimensions: [model]}
  - {id: calls, unit: call, aggregation: count}
  - {id: payments, unit: currency, aggregation: sum, value: amount}
  - {id: credits, unit: token, aggregation: sum, negative: allow}
prices:
  - id: tokens
    product: api
    meter: tokens
    model: graduated
    where: {model: s}
    currency: USD
    versions:
      - effective_from: 2026-01-01
        tiers: [{up_to: "500", unit_amount: "0.0133", flat_amount: "5"}, {up_to: null, unit_amount: "0.0049"}]
      - effective_from: 2026-08-17T12:00:00Z
        tiers: [{up_to: null, unit_amount: "0.0077", flat_amount: "1"}]
  - {id: calls, product: api, meter: calls, model: per_unit, currency: USD, versions: [{effective_from: 2026-01-01, unit_amount: "0.333"}]}
  - id: fees
    product: api
    meter: payments
    model: percentage
    currency: USD
    versions: [{effective_from: 2026-01-01, percentage: {rate: "0.0149", fixed: "0.25", free_events: 2, free_amount: "300"}}]
  - {id: credits, product: api, meter: credits, model: per_unit, currency: USD, versions: [{effective_from: 2026-01-01, unit_amount: "0.01"}]}
plans: [{id: payg, prices: [tokens, calls, fees, credits]}]
"""
ACCOUNTS = """\
account_id,name,currency,time_zone,valid_from
a,Ant,USD,America/New_York,2026-01-01
b,Bee,USD,Asia/Tokyo,2026-01-01
"""
HEADER = "event_id,account_id,meter,occurred_at,quantity,amount,currency,model,reverses_event_id,amends_event_id"


@dataclass(frozen=True)
class Use:
    """A row of usage, or what takes one back."""

    event_id: str
    account: str
    meter: str
    at: datetime
    quantity: Decimal | None
    reverses: str = ""
    amends: str = ""

    def row(self) -> str:
        number = "" if self.quantity is None else f"{self.quantity:f}"
        money = f"{number},USD" if self.meter == "payments" and number else ","
        cells = (self.event_id, self.account, self.meter, f"{self.at.isoformat()}Z", number, money, "s")
        return ",".join((*cells, self.reverses, self.amends))


def used(chance: random.Random, prefix: str, number: int) -> Use:
    """Usage at an instant of its own: among equals the order of ids would decide who uses up an allowance."""
    meter = chance.choice(("tokens", "tokens", "calls", "payments", "credits"))
    least = -200 if meter == "credits" else 0
    at = datetime(2026, 8, 1, 6) + timedelta(minutes=chance.randrange(0, 31 * 24 * 60), seconds=number)
    quantity = Decimal(chance.randrange(least * 10, 4000)) / 10
    return Use(f"{prefix}{number:03}", chance.choice("ab"), meter, at.replace(microsecond=number), quantity)


def wrong(chance: random.Random, event: Use) -> Use:
    """The same event as it should not have landed: at another time, with another quantity."""
    at = event.at + timedelta(hours=chance.choice((-30, 1, 50)))
    return replace(event, event_id=f"w{event.event_id}", at=at, quantity=abs(event.quantity or Decimal(0)) + 7)


def with_mistakes(chance: random.Random, events: Sequence[Use]) -> list[Use]:
    """What shall count, by way of mistakes: extra usage that is reversed, events that amend wrong ones."""
    landed = []
    for event in events:
        if chance.random() < 0.3:
            mistake = wrong(chance, event)
            landed += [mistake, replace(event, amends=mistake.event_id)]
            if chance.random() < 0.3:  # the amendment was wrong, too
                between = replace(wrong(chance, event), event_id=f"v{event.event_id}", amends=mistake.event_id)
                landed = [*landed[:-1], between, replace(event, amends=between.event_id)]
        else:
            landed.append(event)
    for number in range(25):
        extra = used(chance, "x", 500 + number)
        undo = replace(
            extra, event_id=f"r{number:03}", at=extra.at + timedelta(days=2), quantity=None, reverses=extra.event_id
        )
        landed += [extra, undo]
        if chance.random() < 0.4:  # said twice, under another id
            landed.append(replace(undo, event_id=f"s{number:03}"))
    chance.shuffle(landed)
    return landed


def night(home: Path, chance: random.Random, events: Sequence[Use]) -> Build:
    """Land the events over the deliveries, each in one of them and some again in another; make the tables as of D."""
    files = defaultdict(list)
    for event in events:
        day = chance.choice(DELIVERIES)
        files[day].append(event.row())
        if chance.random() < 0.2:
            files[chance.choice(DELIVERIES)].append(event.row())
    texts = {f"usage_events/{day}/usage.csv": "\n".join((HEADER, *rows)) + "\n" for day, rows in files.items()}
    texts |= {f"accounts/{FIRST}/accounts.csv": ACCOUNTS, f"price_book/{FIRST}/book.yaml": BOOK}
    for name, text in texts.items():
        path = home / "landing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    settings = Settings(home=home)
    intake.snapshot_through(settings, AS_OF)
    build = open_build(settings, AS_OF)
    build.make_book()
    for builder in NIGHTLY:
        build.make(builder)
    return build


@pytest.fixture(scope="module", params=range(PAIRS))
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Build, Build]:
    """The night of what shall count, and the night that came to it by mistakes."""
    chance = random.Random(request.param)
    events = [used(chance, "e", number) for number in range(60)]
    plain = night(tmp_path_factory.mktemp("plain"), chance, events)
    return plain, night(tmp_path_factory.mktemp("mistaken"), chance, with_mistakes(chance, events))


def test_the_lines_are_those_of_what_shall_count(pair: tuple[Build, Build]) -> None:
    plain, mistaken = (build.frame(LineItems).collect() for build in pair)
    assert_frame_equal(plain, mistaken, check_exact=True)
    assert plain.filter(pl.col("amount") != 0).height > 40, "nights without money would be alike, too"
    assert plain["amount"].min() < 0, "the meter that may be negative was"


def test_the_fees_are_those_of_what_shall_count(pair: tuple[Build, Build]) -> None:
    columns = ["event_id", "price_id", "service_date", "quantity", "amount_exact", "amount"]
    plain, mistaken = (build.frame(RatedEvents).select(columns).sort(columns).collect() for build in pair)
    assert_frame_equal(plain, mistaken, check_exact=True)


def test_what_stands_is_what_shall_count_and_every_accepted_row_is_decided(pair: tuple[Build, Build]) -> None:
    _, mistaken = pair
    standing = [build.frame(UsageDays).select(pl.col("event_count").sum()).collect().item() for build in pair]
    assert standing[0] == standing[1] == 60
    files = mistaken.delivered(LandedFiles).filter(dataset="usage_events").collect()
    decided = mistaken.frame(UsageOutcomes).collect()
    for kind in ("revenue", "cost"):
        of_kind = decided.filter(kind=kind)
        assert of_kind["event_count"].sum() == files["accepted_rows"].sum()
        assert of_kind["landed_quantity"].sum() == files["accepted_quantity"].sum()
    assert files["landed_rows"].sum() == sum(
        files[f"{name}_rows"].sum() for name in ("accepted", "duplicate", "conflict", "rejected")
    )
    undone = decided.filter(kind="revenue", rule="reversed")["event_count"].sum()
    assert undone == files["accepted_rows"].sum() - 60 > 50


def test_nothing_waits_once_everything_is_there(pair: tuple[Build, Build]) -> None:
    _, mistaken = pair
    decisions = mistaken.delivered(Reversals).collect().sort("delivery_date")
    waited = decisions.filter(outcome="waiting")
    assert waited.height > 5, "some came before their event"
    assert set(waited["rule"]) == {"reversed_event_unknown"}
    last = decisions.unique(["source", "event_id"], keep="last", maintain_order=True)
    assert set(last["outcome"]) == {"applied"}
