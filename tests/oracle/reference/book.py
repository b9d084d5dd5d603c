"""Which price applies: contracts, plans, overrides and versions, looked up in a world."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from tests.oracle.reference.exchange import Exchange
from tests.oracle.reference.periods import billing_period, start_instant, written
from tests.oracle.reference.world import Account, Contract, Event, Plan, PlanEntry, Price, Version, World


@dataclass(frozen=True)
class Deal:
    """A contract as rating sees it, signed or by default plan."""

    id: str
    account: Account
    plan: Plan
    currency: str
    contract: Contract | None  # None: default plan

    def period(self, day: date) -> tuple[date, date]:
        """The billing period of a local day, half-open."""
        return billing_period(self.contract, day)


@dataclass(frozen=True)
class Part:
    """A version in force from `start` (in) to `end` (out, None open) for one deal and price."""

    id: str
    start: datetime
    end: datetime | None
    version: Version
    chain: str  # versions that share counters: the first one's id

    def covers(self, instant: datetime) -> bool:
        return self.start <= instant and (self.end is None or instant < self.end)


class Book:
    """Look-ups over a world; no state beyond the world itself."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.accounts = {account.id: account for account in world.accounts}
        self.meters = {meter.id: meter for meter in world.meters}
        self.prices = {price.id: price for price in world.prices}
        self.plans = {plan.id: plan for plan in world.plans}
        self.contracts = {contract.id: contract for contract in world.contracts}
        self.exchange = Exchange(world)
        self.signed_by: dict[str, list[Contract]] = defaultdict(list)
        for contract in world.contracts:
            self.signed_by[contract.account].append(contract)
        self.known_parts: dict[tuple[str, str], list[Part]] = {}  # a plan sells a price once, so its entry is one

    def terms_currency(self, deal: Deal, price: Price, version: Version) -> str | None:
        """The currency of the terms that rate for a deal: its own, else the one that the rule converts (C19, C44)."""
        if price.kind == "cost":
            return price.own_currency()
        if deal.currency in version.terms:
            return deal.currency
        if not price.convert or len(version.terms) != 1:
            return None
        (currency,) = version.terms
        return currency

    def signed(self, contract: Contract) -> Deal:
        account = self.accounts[contract.account]
        return Deal(contract.id, account, self.plans[contract.plan], contract.currency or account.currency, contract)

    def default(self, account: Account) -> Deal | None:
        if self.world.default_plan is None:
            return None
        return Deal(f"default:{account.id}", account, self.plans[self.world.default_plan], account.currency, None)

    def prices_of_meter(self, plan: Plan, meter: str) -> list[tuple[PlanEntry, Price]]:
        """Every entry of the plan with a price of the meter, whatever its dates, kind or `where` (C3)."""
        entries = [(entry, self.prices[entry.price]) for entry in plan.prices]
        return [(entry, price) for entry, price in entries if price.meter == meter]

    def covering(self, account: str, meter: str | None, day: date) -> list[Contract]:
        """Signed contracts of the account that cover the day with a price of the meter; without a meter, any (C31)."""
        return [
            contract
            for contract in self.signed_by[account]
            if covers_day(contract, day) and (meter is None or self.prices_of_meter(self.plans[contract.plan], meter))
        ]

    def parts(self, deal: Deal, entry: PlanEntry, price: Price) -> list[Part]:
        """The versions of a price for a deal, one after the other: the override from its start on, the plan's before.

        Not before the plan entry's `effective_from` (C30). An override takes the place of the whole rest (C5).
        """
        key = (deal.id, price.id)
        if key not in self.known_parts:
            starts = [*self.own_starts(price, deal), *self.override_starts(price, deal)]
            self.known_parts[key] = cut(starts, entry, deal.account.zone)
        return self.known_parts[key]

    def list_parts(self, deal: Deal, entry: PlanEntry, price: Price) -> list[Part]:
        """The same without the contract's override: what the list price would be."""
        return cut(self.own_starts(price, deal), entry, deal.account.zone)

    def own_starts(self, price: Price, deal: Deal) -> list[tuple[datetime, str, Version]]:
        return version_starts(price.id, price.versions, deal.account.zone)

    def override_starts(self, price: Price, deal: Deal) -> list[tuple[datetime, str, Version]]:
        if deal.contract is None:
            return []
        overrides = [override for override in deal.contract.overrides if override.price == price.id]
        if not overrides:
            return []
        (override,) = overrides
        return version_starts(f"{deal.contract.id}/{price.id}", override.versions, deal.account.zone)


def covers_day(contract: Contract, day: date) -> bool:
    return contract.starts_on <= day and (contract.ends_on is None or day < contract.ends_on)


def version_starts(owner: str, versions: Iterable[Version], zone: str) -> list[tuple[datetime, str, Version]]:
    starts = []
    for version in versions:
        name = version.id or f"{owner}@{written(version.effective_from)}"
        starts.append((start_instant(version.effective_from, zone), name, version))
    return sorted(starts, key=lambda start: start[0])


def cut(starts: Sequence[tuple[datetime, str, Version]], entry: PlanEntry, zone: str) -> list[Part]:
    """Half-open parts from starts in order of precedence: a later list entry that starts earlier cuts the rest away."""
    parts: list[Part] = []
    for start, name, version in starts:
        # What would begin at or after the newcomer's start never comes into force; what runs then ends there.
        kept = [part for part in parts if part.start < start]
        if kept:
            last = kept[-1]
            kept[-1] = replace(last, end=start)
        parts = [*kept, Part(name, start, None, version, name)]
    if entry.effective_from is not None:
        opens = start_instant(entry.effective_from, zone)
        alive = [part for part in parts if part.end is None or part.end > opens]
        parts = [replace(part, start=max(part.start, opens)) for part in alive]
    chained: list[Part] = []
    for part in parts:
        goes_on = chained and part.version.on_price_change == "continue"
        chained.append(replace(part, chain=chained[-1].chain if goes_on else part.id))
    return chained


def matches(price: Price, event: Event) -> bool:
    """`where` is an exact match on each named dimension."""
    return all(event.dimensions.get(name) == value for name, value in price.conditions.items())


def canonical(conditions: Mapping[str, str]) -> str:
    return json.dumps(dict(conditions), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
