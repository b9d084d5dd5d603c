"""Usage states kept from night to night: only what is new, or touched by a change, is added up again.

An entry holds the states of some deliveries, beside hashes of what they depend on. The deliveries and the code are its
name. An account whose rows, contracts or own prices have changed is touched, and its events are added up again; all are
where the rules changed: meters, priced dimensions, what plans sell, changes of prices or days within the usage.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from data_contracts import (
    AccountContracts,
    Accounts,
    Meters,
    PlanPrices,
    PriceConditions,
    PriceVersions,
    UsageSlots,
    UsageStates,
    ZoneDays,
)
from orchestration.storage import atomic_directory, scan, write_parquet

if TYPE_CHECKING:
    from orchestration.build import Build

FOLDER = "kept"  # below the home; may be removed at any time, and is made again
STATES, ACCOUNTS, RULES = "states.parquet", "accounts.arrow", "rules.json"
# Hashes of 64 bits: two of them agree by chance once in 10^38.
SEEDS = (1, 2)
ONE_DAY = timedelta(days=1)
OF_ACCOUNT = {
    Accounts: ["account_id", "time_zone", "valid_from"],
    AccountContracts: [
        *["account_id", "contract_id", "plan_id", "valid_from", "valid_to", "is_default", "rate_set_id", "time_zone"]
    ],
}
OF_EVERYBODY = (Meters, PriceConditions, PriceVersions, PlanPrices, UsageSlots, ZoneDays)
ADDS_UP = Callable[[Sequence[date], pl.Series | None], pl.DataFrame]


@dataclass(frozen=True)
class Entry:
    """The states of some deliveries in a row."""

    folder: Path
    days: tuple[date, ...]

    @property
    def name(self) -> str:
        """Return the name of the part that it is of the table."""
        return f"{self.days[0]}--{self.days[-1]}"


def bring_up_to_date(
    build: "Build",
    name_of: Callable[[Sequence[date]], str],
    batches: Callable[[Sequence[date]], Iterator[list[date]]],
    add_up: ADDS_UP,
    target: Path,
) -> int:
    """Link the states of all deliveries of a build into `target`; return how many cells were added up again.

    `name_of` names what some deliveries and the code are, `batches` groups new deliveries to what fits in memory, and
    `add_up` makes the states of some deliveries, of all accounts or those given.
    """
    store = build.settings.home / FOLDER
    of_accounts = _of_accounts(build)
    entries, cells = [], 0
    for entry in _entries(store, build.deliveries, name_of, batches):
        cells += _update(build, entry, of_accounts, add_up)
        os.link(entry.folder / STATES, target / f"{entry.name}.parquet")
        entries.append(entry)
    _drop_others(store, entries)
    return cells


def _entries(
    store: Path,
    deliveries: Sequence[date],
    name_of: Callable[[Sequence[date]], str],
    batches: Callable[[Sequence[date]], Iterator[list[date]]],
) -> Iterator[Entry]:
    """Yield what is kept already, the longest that fits first, and between that what has to be made."""
    new: list[date] = []

    def of_new() -> Iterator[Entry]:
        for batch in batches(new):
            yield Entry(store / name_of(batch), tuple(batch))
        new.clear()

    place = 0
    while place < len(deliveries):
        ends = range(len(deliveries), place, -1) if any(store.glob(f"{deliveries[place]}--*")) else ()
        known = next((end for end in ends if (store / name_of(deliveries[place:end])).is_dir()), None)
        if known is None:
            new.append(deliveries[place])
            place += 1
            continue
        yield from of_new()
        yield Entry(store / name_of(deliveries[place:known]), tuple(deliveries[place:known]))
        place = known
    yield from of_new()


def _update(build: "Build", entry: Entry, of_accounts: pl.DataFrame, add_up: ADDS_UP) -> int:
    """Make the states of an entry, or again what is touched of them; return how many cells that are."""
    if not entry.folder.is_dir():
        return _write(build, entry, add_up(entry.days, None), of_accounts)
    states = scan(UsageStates, [entry.folder / STATES])
    if not _are_same(json.loads((entry.folder / RULES).read_text()), _of_rules(build, states.collect())):
        shutil.rmtree(entry.folder)
        return _write(build, entry, add_up(entry.days, None), of_accounts)
    was = pl.read_ipc(entry.folder / ACCOUNTS)
    now = _of_these(was["account_id"], of_accounts)
    is_other = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_now")) for name in was.columns[1:])
    touched = was.join(now, on="account_id", how="left", suffix="_now").filter(is_other)["account_id"]
    if touched.is_empty():
        return 0
    untouched = states.filter(~pl.col("account_id").is_in(touched.implode())).collect()
    again = add_up(entry.days, touched).filter(pl.col("account_id").is_in(touched.implode()))
    shutil.rmtree(entry.folder)
    _write(build, entry, pl.concat([untouched, again]).sort(UsageStates.keys), of_accounts)
    return again.height


def _write(build: "Build", entry: Entry, states: pl.DataFrame, of_accounts: pl.DataFrame) -> int:
    with atomic_directory(entry.folder) as folder:
        write_parquet(UsageStates, states, folder / STATES)
        _of_these(states["account_id"].unique().sort(), of_accounts).write_ipc(folder / ACCOUNTS)
        (folder / RULES).write_text(json.dumps(_of_rules(build, states)))
    return states.height


def _of_these(accounts: pl.Series, of_accounts: pl.DataFrame) -> pl.DataFrame:
    """The hashes of some accounts, null for one that is not known (yet)."""
    return accounts.to_frame().join(of_accounts, on="account_id", how="left", maintain_order="left")


def _of_accounts(build: "Build") -> pl.DataFrame:
    """Hash what of each account decides its cells: its zones, its contracts, and the prices of its own."""
    contracts = build.frame(AccountContracts).select("account_id", "contract_id").unique()
    own = build.frame(PriceVersions).filter(pl.col("contract_id").is_not_null())
    rows = [build.frame(table).select(names) for table, names in OF_ACCOUNT.items()]
    rows.append(own.select("contract_id", "meter").join(contracts, on="contract_id", how="inner").unique())
    hashed = [
        each.select("account_id", *_hashes(pl.struct(pl.lit(place), *each.collect_schema())))
        for place, each in enumerate(rows)
    ]
    return pl.concat(hashed).group_by("account_id").agg(pl.all().sum()).collect()


def _of_rules(build: "Build", states: pl.DataFrame) -> dict[str, list[int]]:
    """Hash what decides the cells of everybody, as far as it is about the days of these states; zones one by one.

    A zone that nobody had until now, or nobody has any more, is no change but of the accounts that have moved.
    """
    versions = build.frame(PriceVersions)
    rules = {
        "meters": build.frame(Meters).select("meter", "aggregation", "value"),
        "dimensions": build.frame(PriceConditions).select("meter", "dimension").unique(),
        "prices": versions.filter(pl.col("contract_id").is_null()).select("price_id", "meter").unique(),
        "dynamic": versions.filter(pl.col("model") == "dynamic").select("meter").unique(),
        "plans": build.frame(PlanPrices).select("plan_id", "price_id").unique(),
    }
    zones = {}
    if not states.is_empty():
        first, last = states.select(first=pl.col("service_date").min(), last=pl.col("service_date").max()).row(0)
        # What lies behind the calendar of this night stands in that of the next: a local day ends within 12 hours of
        # the UTC day, and no slot after that is of it.
        until = datetime.combine(last, time.min) + timedelta(hours=36)
        rules["slots"] = build.frame(UsageSlots).filter(pl.col("slot_at").is_between(first - ONE_DAY, until))
        days = build.frame(ZoneDays).filter(pl.col("local_date").is_between(first - ONE_DAY, last + ONE_DAY))
        each_zone = days.select("time_zone", *_hashes(pl.struct(pl.all()))).group_by("time_zone").agg(pl.all().sum())
        zones = {zone: list(hashes) for zone, *hashes in each_zone.collect().iter_rows()}
    hashed = {name: each.select(_hashes(pl.struct(pl.all()))).sum().collect().row(0) for name, each in rules.items()}
    return {name: list(hashes) for name, hashes in hashed.items()} | zones


def _are_same(was: dict[str, list[int]], now: dict[str, list[int]]) -> bool:
    return all(was[name] == now[name] for name in was.keys() & now.keys())


def _hashes(row: pl.Expr) -> list[pl.Expr]:
    return [row.hash(seed=seed).alias(f"hash_{seed}") for seed in SEEDS]


def _drop_others(store: Path, entries: Sequence[Entry]) -> None:
    """Drop entries of deliveries that other entries have now."""
    used = {entry.folder.name for entry in entries}
    for folder in store.glob("*--*"):
        first, last = (date.fromisoformat(day) for day in (folder.name[:10], folder.name[12:22]))
        if folder.name not in used and any(entry.days[0] <= last and first <= entry.days[-1] for entry in entries):
            shutil.rmtree(folder)
