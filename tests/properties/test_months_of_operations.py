"""Months of operations in any order: what is closed stays, every difference has a cause, nights can be repeated.

A company lives through deliveries, resends, late usage, conflicts, reversals, amendments, changed prices and accounts,
nights, re-runs of earlier days, crashes, moves to another disk, closes and reopenings, as Hypothesis draws them. After each
night the invariants hold (I1, I10, I11, I28, I32); at the end a clean home that was handed the same deliveries and never
closed anything comes to the same amounts. Long: `RATEBOOK_OPERATIONS=200 pytest tests/properties -k operations`.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from data_contracts import Adjustments, LandedFiles, LineItems, PostedLineItems
from data_contracts.vocabulary import Kind
from orchestration import close, seals
from orchestration.build import Build
from tests.orchestration import tiny
from tests.orchestration.closing import DECISION, company, facts

# Read on import: the fixture that gives each test its own state hides every setting.
EXAMPLES = int(os.environ.get("RATEBOOK_OPERATIONS", "1"))
STEPS = 12
FIRST = date(2026, 10, 1)
LAST = date(2027, 3, 31)
ACCOUNTS = ("ant", "bee")
HEADER = "event_id,account_id,meter,occurred_at,quantity,amount,currency,reverses_event_id,amends_event_id"
# A counter, bounds of a period, an allowance that depends on the order, and a level that restarts each period.
METERS = ("calls", "tokens", "payments", "seats")
BOOK = """\
company:
  name: Tiny
  time_zone: UTC
  reporting_currency: USD
  default_plan: payg
  legal_entities: [{{id: tiny, name: Tiny Inc., country: US, currency: USD, invoice_prefix: T}}]
products: [{{id: api, name: API}}]
meters:
  - {{id: calls, unit: call, aggregation: sum}}
  - {{id: tokens, unit: token, aggregation: sum}}
  - {{id: payments, unit: currency, aggregation: sum, value: amount}}
  - {{id: seats, unit: seat, aggregation: max}}
prices:
  - id: calls
    product: api
    meter: calls
    model: volume
    currency: USD
    versions:
      - effective_from: 2026-01-01
        tiers: [{{up_to: "1000", unit_amount: "0.10"}}, {{up_to: null, unit_amount: "0.08"}}]
{calls}
  - id: tokens
    product: api
    meter: tokens
    model: graduated
    currency: USD
    versions:
      - effective_from: 2026-01-01
        maximum: "40"
        tiers: [{{up_to: "100", unit_amount: "0.333", flat_amount: "1"}}, {{up_to: null, unit_amount: "0.05"}}]
{tokens}
  - id: payments
    product: api
    meter: payments
    model: percentage
    currency: USD
    versions:
      - effective_from: 2026-01-01
        percentage: {{rate: "0.029", fixed: "0.30", free_events: "2", min: "0.45"}}
  - id: seats
    product: api
    meter: seats
    model: per_unit
    currency: USD
    versions: [{{effective_from: 2026-01-01, unit_amount: "3"}}]
plans: [{{id: payg, prices: [calls, tokens, payments, seats]}}]
"""
VERSIONS = {
    "calls": 'tiers: [{{up_to: "1000", unit_amount: "{amount}"}}, {{up_to: null, unit_amount: "0.07"}}]',
    "tokens": 'tiers: [{{up_to: "50", unit_amount: "{amount}"}}, {{up_to: null, unit_amount: "0.04"}}]',
}
# Held adjustments are not posted, and a month of one dollar holds most of them.
UNBOUNDED = dict.fromkeys(("adjustment_month_bound", "adjustment_account_bound"), Decimal(10) ** 9)
QUANTITIES = st.sampled_from((1, 7, 60, 250, 900))
SUM_OF = ["account_id", "contract_id", "price_id", "currency", "billing_period_start"]
MEASURES = ["quantity", "amount_exact", "amount", "list_amount"]


@dataclass
class Event:
    """A row of usage as it was delivered first."""

    event_id: str
    account_id: str
    meter: str
    occurred_at: str
    quantity: int
    corrects: str = ","
    is_standing: bool = True

    def row(self, quantity: int | None = None) -> str:
        """Return the row as it lands."""
        used = self.quantity if quantity is None else quantity
        value = f",{used},USD" if self.meter == "payments" else f"{used},,"
        return f"{self.event_id},{self.account_id},{self.meter},{self.occurred_at},{value},{self.corrects}"


class Operations(RuleBasedStateMachine):
    """One company; the state of the machine is what it was handed, and what its closed months held."""

    def __init__(self) -> None:
        """Found the company on the first of October."""
        super().__init__()
        self.scratch = Path(tempfile.mkdtemp(prefix="operations-"))
        self.moves = 0
        self.versions: dict[str, list[str]] = {"calls": [], "tokens": []}
        self.events: list[Event] = []
        self.rows: list[str] = []
        self.pending: dict[str, str] = {}
        self.tonight = FIRST + timedelta(days=19)
        self.last: Build | None = None
        self.first_seen: dict[date, dict[str, str]] = {}
        self.closed: dict[date, pl.DataFrame] = {}
        self.ever_reopened = False

    @initialize(
        quantities=st.tuples(QUANTITIES, QUANTITIES, QUANTITIES, QUANTITIES),
        late=st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from(METERS), QUANTITIES),
    )
    def found(self, quantities: tuple[int, ...], late: tuple[str, str, int]) -> None:
        """Deliver book, accounts and usage of each meter, close October, and deliver more of it afterwards."""
        book, accounts = self.book(), self.accounts("Bee KK")
        self.settings = company(self.scratch / "home", FIRST.isoformat(), book, accounts, **UNBOUNDED)
        for meter, quantity in zip(METERS, quantities, strict=True):
            self.use(account="ant", meter=meter, days_ago=1, hour=3, quantity=quantity)
        self.end_of_month(late=[late])
        self.night(days=1)

    def book(self) -> str:
        """Return the book with every version that was ever added."""
        return BOOK.format(**{price: "\n".join(versions) for price, versions in self.versions.items()})

    def accounts(self, name: str) -> str:
        """Return the accounts; of the second one only the name ever changes."""
        return (
            "account_id,name,currency,country,time_zone,legal_entity_id,valid_from\n"
            "ant,Ant Ltd.,USD,US,America/New_York,tiny,2026-10-01\n"
            f"bee,{name},USD,JP,Asia/Tokyo,tiny,2026-10-01\n"
        )

    # --- what is delivered ---------------------------------------------------------------------------------------------

    @rule(
        account=st.sampled_from(ACCOUNTS),
        meter=st.sampled_from(METERS),
        days_ago=st.sampled_from((0, 0, 1, 3, 20, 33, 45)),
        hour=st.sampled_from((0, 3, 12, 23)),
        quantity=QUANTITIES,
    )
    def use(self, account: str, meter: str, days_ago: int, hour: int, quantity: int) -> None:
        """Usage of tonight, of yesterday, or late."""
        day = max(self.tonight - timedelta(days=days_ago), FIRST)
        at = f"{day.isoformat()}T{hour:02}:00:00Z"
        event = Event(f"e{len(self.events)}", account, meter, at, quantity)
        self.events.append(event)
        self.rows.append(event.row())

    @precondition(lambda self: self.events)
    @rule(
        place=st.integers(0, 10**6),
        how=st.sampled_from(("again", "other content", "reversed", "amended")),
        quantity=st.sampled_from((2, 40, 1200)),
    )
    def send_more_about_an_event(self, place: int, how: str, quantity: int) -> None:
        """The same again is a duplicate, other content is held; a reversal takes back, an amendment replaces."""
        event = self.events[place % len(self.events)]
        if how == "again":
            self.rows.append(event.row())
        elif how == "other content":
            self.rows.append(event.row(event.quantity + 1))
        elif event.is_standing:
            event.is_standing = False
            self.correct(event, quantity, is_amended=how == "amended")

    def correct(self, event: Event, quantity: int, *, is_amended: bool) -> None:
        """Take an event back, with or without another one in its place."""
        corrects = f",{event.event_id}" if is_amended else f"{event.event_id},"
        new = Event(f"e{len(self.events)}", event.account_id, event.meter, event.occurred_at, quantity, corrects)
        new.is_standing = is_amended
        self.events.append(new)
        self.rows.append(new.row())

    @rule(
        price=st.sampled_from(("calls", "tokens")),
        amount=st.sampled_from(("0.09", "0.5", "0.125")),
        back=st.sampled_from((-10, 0, 12, 40)),
        is_correction=st.booleans(),
    )
    def reprice(self, price: str, amount: str, back: int, is_correction: bool) -> None:
        """A new version from a day on, also from one long ago; or the first one is corrected."""
        terms = VERSIONS[price].format(amount=amount)
        day = max(self.tonight - timedelta(days=back), FIRST).isoformat()
        head = (
            "supersedes: 2026-01-01\n        reason: a slip\n        approved_by: Noor"
            if is_correction
            else f"effective_from: {day}"
        )
        if any(head.splitlines()[0] in version for version in self.versions[price]):
            return
        self.versions[price].append(f"      - {head}\n        {terms}")
        self.pending["price_book"] = self.book()

    @rule(name=st.sampled_from(("Bee KK", "Hive", "Bee & Sons")))
    def rename(self, name: str) -> None:
        """An account changes in something that no price depends on."""
        self.pending["accounts"] = self.accounts(name)

    # --- nights --------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.tonight <= LAST)
    @rule(days=st.sampled_from((1, 5, 16)), broken_at=st.sampled_from((None, None, 3, 17, 40)))
    def night(self, days: int, broken_at: int | None = None) -> None:
        """Everything that was delivered up to tonight is rated; a night that breaks is run again, as it is."""
        self.deliver()
        if broken_at is not None:
            with broken_disk(broken_at):
                self.rate(self.tonight)
        build = self.rate(self.tonight)
        assert build is not None
        self.last = build
        self.first_seen[self.tonight] = hashes(build)
        self.look(build)
        self.tonight += timedelta(days=days)

    def deliver(self) -> None:
        """Land what has gathered under tonight's date."""
        home, day = self.settings.home, self.tonight.isoformat()
        if self.rows:
            tiny.put(home, f"usage_events/{day}/usage.csv", "\n".join((HEADER, *self.rows)) + "\n")
        for dataset, text in self.pending.items():
            name = "book.yaml" if dataset == "price_book" else "accounts.csv"
            tiny.put(home, f"{dataset}/{day}/{name}", text)
        self.rows, self.pending = [], {}

    def rate(self, day: date) -> Build | None:
        """Make the tables as of a day; None where the disk broke."""
        try:
            return tiny.tables_only(self.settings, day)
        except BrokenDisk:
            return None

    @precondition(lambda self: self.first_seen)
    @rule(place=st.integers(0, 10**6))
    def rate_an_earlier_day_again(self, place: int) -> None:
        """A day gives what it gave, whatever was closed or delivered since."""
        day = sorted(self.first_seen)[place % len(self.first_seen)]
        build = tiny.tables_only(self.settings, day)
        shutil.rmtree(build.path)
        again = tiny.tables_only(self.settings, day)
        if not self.ever_reopened:
            assert hashes(again) == self.first_seen[day], day

    @rule()
    def move(self) -> None:
        """A backup of the home is restored elsewhere, and the company goes on there."""
        self.moves += 1
        self.settings = tiny.copied(self.settings, self.scratch / f"home-{self.moves}")
        if self.last is not None:
            self.last = self.rate(self.last.as_of)

    # --- closing -------------------------------------------------------------------------------------------------------

    def next_month(self) -> date:
        """The first month that is open."""
        return month_after(max(self.closed)) if self.closed else FIRST

    @precondition(lambda self: self.tonight <= LAST)
    @rule(late=st.lists(st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from(METERS), QUANTITIES), max_size=2))
    def end_of_month(self, late: list[tuple[str, str, int]]) -> None:
        """The night after the first open month has ended is run, the month closed as that has it; more comes late."""
        month = self.next_month()
        self.tonight = max(self.tonight, month_after(month) + timedelta(days=1))
        self.night(days=1)
        assert self.last is not None
        close.seal_month(self.settings, self.last, facts(seals.CLOSE, self.last, month), DECISION, {})
        self.closed[month] = posted_in(self.last, month)
        for account, meter, quantity in late:
            self.use(account=account, meter=meter, days_ago=20, hour=12, quantity=quantity)

    @precondition(lambda self: self.closed)
    @rule()
    def reopen(self) -> None:
        """The last closed month is opened again; what it held is no promise any more."""
        assert self.last is not None
        month = max(self.closed)
        close._append(self.settings, facts(seals.REOPEN, self.last, month), DECISION, {})
        del self.closed[month]
        self.ever_reopened = True

    # --- what holds ----------------------------------------------------------------------------------------------------

    def look(self, build: Build) -> None:
        """The invariants after a night."""
        event(f"a night with {len(self.closed)} closed months")
        if not build.frame(Adjustments).collect().is_empty():
            event("a night with adjustments")
        landed = build.delivered(LandedFiles).collect()
        taken = landed.filter(pl.col("status") != "refused")
        buckets = ("accepted_rows", "duplicate_rows", "conflict_rows", "rejected_rows")
        for row in taken.filter(pl.col("dataset") == "usage_events").iter_rows(named=True):
            assert row["landed_rows"] == sum(row[name] for name in buckets), row  # I1
        assert list(seals.broken(self.settings)) == []  # I32
        for month, held in self.closed.items():
            assert posted_in(build, month).equals(held), month  # I10
        assert differing(summed(build, PostedLineItems), summed(build, LineItems)) == []  # I11

    def teardown(self) -> None:
        """A clean home that was handed the same and closed nothing comes to the same amounts."""
        try:
            if self.last is not None:
                clean = self.settings.model_copy(update={"home": self.scratch / "clean"})
                shutil.copytree(self.settings.landing, clean.landing)
                desired = tiny.tables_only(clean, self.last.as_of)
                assert differing(summed(desired, LineItems), summed(self.last, PostedLineItems)) == []
        finally:
            shutil.rmtree(self.scratch)


class BrokenDisk(OSError):
    """A planted fault."""


@contextmanager
def broken_disk(call: int) -> Iterator[None]:
    """Let the n-th fsync of the block fail, if it comes to that."""
    made = [0]
    fsync = os.fsync

    def failing(handle: int) -> None:
        made[0] += 1
        if made[0] == call:
            raise BrokenDisk("planted")
        fsync(handle)

    os.fsync = failing
    try:
        yield
    finally:
        os.fsync = fsync


def month_after(day: date) -> date:
    """The first day of the month after that of a day."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def hashes(build: Build) -> dict[str, str]:
    """The hash of every table that a night makes."""
    return {
        table.table_name: tiny.table_hash(build.frame(table).collect(), table)
        for table in tiny.MADE
        if table.table_kind is Kind.AS_OF
    }


def posted_in(build: Build, month: date) -> pl.DataFrame:
    """The lines that are posted in a month."""
    in_month = pl.col("posting_date").dt.truncate("1mo") == month
    return build.frame(PostedLineItems).filter(in_month).sort("line_item_id").collect()


def summed(build: Build, table: type[LineItems | PostedLineItems]) -> pl.DataFrame:
    """What each price comes to for each account and billing period, without what comes to nothing."""
    sums = build.frame(table).group_by(SUM_OF).agg(pl.col(name).sum() for name in MEASURES)
    return sums.filter(pl.any_horizontal(pl.col(name) != 0 for name in MEASURES)).sort(SUM_OF).collect()


def differing(left: pl.DataFrame, right: pl.DataFrame) -> list[tuple[Any, ...]]:
    """The rows that stand on one side only."""
    return sorted(set(left.rows()) ^ set(right.rows()))


Operations.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    derandomize=EXAMPLES == 1,
    suppress_health_check=list(HealthCheck),
)
TestOperations = Operations.TestCase
