"""From events to usage: which scope each event belongs to, or the rule by which it waits."""

import json
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from tests.oracle.reference.book import Book, Deal, Part, canonical, covers_day, matches
from tests.oracle.reference.models import cell_price
from tests.oracle.reference.periods import local_day, start_instant
from tests.oracle.reference.world import Account, Dynamic, Event, Matrix, Meter, PlanEntry, Price, Terms

COUNTS = ("count", "unique_count")  # what these measure is that there is an event, not a value of it


@dataclass(frozen=True)
class Usage:
    """An event under one price of one deal, with the quantity that it bills."""

    event: Event
    day: date
    quantity: Fraction
    part: Part
    currency: str  # of the terms that rate it


ScopeKey = tuple[str, str, date, str]


@dataclass(frozen=True)
class Scope:
    """The rounding scope: (contract, price, group, billing period); the group is canonical, `where` with it."""

    deal: Deal
    entry: PlanEntry
    price: Price
    currency: str
    period: date
    group: str

    def key(self) -> ScopeKey:
        return (self.deal.id, self.price.id, self.period, self.group)

    def counters(self) -> str:
        """The group whose usage counts together: without the dimensions that only split its lines."""
        group = json.loads(self.group)
        return canonical({name: value for name, value in group.items() if name not in self.price.shared_tiers})

    def price_key(self) -> tuple[str, str, date]:
        return (self.deal.id, self.price.id, self.period)


def group_of(price: Price, event: Event) -> str:
    """What tells the lines of a price apart: its `where`, and the event's values of what splits it (C33)."""
    split = (*price.group_by, *price.shared_tiers)
    values = {name: event.dimensions[name] for name in split if name in event.dimensions}
    return canonical({**price.conditions, **values})


def find_deal(book: Book, event: Event, account: Account, day: date) -> Deal | str:
    """The contract that an event belongs to, or the rule by which it waits."""
    if event.contract is not None:  # C4
        contract = book.contracts.get(event.contract)
        if contract is None or contract.account != account.id:
            return "unknown_contract"
        if not covers_day(contract, day):
            return "contract_does_not_cover"
        return book.signed(contract)
    covering = book.covering(account.id, event.meter, day)
    if len(covering) > 1:
        return "two_contracts"
    if covering:
        return book.signed(covering[0])
    default = book.default(account)
    return "no_contract" if default is None else default


def billing_quantity(event: Event, meter: Meter) -> Fraction:
    """What the event measures; the caller has checked that an amount is there."""
    if meter.aggregation in COUNTS:
        return Fraction(1)  # C16
    if meter.value == "amount":
        return Fraction(event.amount)
    return Fraction(event.quantity)


def rate_event(book: Book, event: Event) -> tuple[dict[str, str], list[tuple[Scope, Usage]]]:
    """Suspense and exclusion per kind, and the usage of the kinds that can be rated."""
    account = book.accounts.get(event.account)
    if account is None:
        return {"revenue": "suspense:unknown_account"}, []
    day = local_day(event.occurred_at, account.zone)
    if account.valid_from is not None and day < account.valid_from:  # C24
        return {"revenue": "suspense:unknown_account"}, []
    meter = book.meters.get(event.meter)
    if meter is None:
        return {"revenue": "suspense:unknown_meter"}, []

    deal = find_deal(book, event, account, day)
    entries = [] if isinstance(deal, str) else book.prices_of_meter(deal.plan, meter.id)
    kinds = ["revenue", *(["cost"] if any(price.kind == "cost" for _, price in entries) else [])]  # C20
    outcomes: dict[str, str] = {}
    usages: list[tuple[Scope, Usage]] = []
    for kind in kinds:
        rule = excluded_by(book, event, account, kind)
        if rule is not None:  # C22
            outcomes[kind] = f"excluded:{rule}"
            continue
        if isinstance(deal, str):
            outcomes[kind] = f"suspense:{deal}"
            continue
        found = match_prices(book, event, meter, deal, [pair for pair in entries if pair[1].kind == kind], day)
        if isinstance(found, str):
            outcomes[kind] = f"suspense:{found}"
        else:
            usages += found
    return outcomes, usages


def excluded_by(book: Book, event: Event, account: Account, kind: str) -> str | None:
    for exclusion in sorted(book.world.exclusions, key=lambda rule: rule.id):
        begun = (
            exclusion.effective_from is None
            or start_instant(exclusion.effective_from, account.zone) <= event.occurred_at
        )
        if (
            exclusion.kind == kind
            and exclusion.meter in {None, event.meter}
            and exclusion.account in {None, account.id}
            and begun
        ):
            return exclusion.id
    return None


def match_prices(
    book: Book, event: Event, meter: Meter, deal: Deal, entries: list[tuple[PlanEntry, Price]], day: date
) -> list[tuple[Scope, Usage]] | str:
    """The usage of one event under every price of one kind that applies; a rule name if one cannot be rated (C18)."""
    found: list[tuple[Scope, Usage]] = []
    for entry, price in entries:
        in_force = [part for part in book.parts(deal, entry, price) if part.covers(event.occurred_at)]
        if not in_force or not matches(price, event):
            continue
        (part,) = in_force
        currency = book.terms_currency(deal, price, part.version)
        if currency not in part.version.terms:  # C19
            return "no_price_in_currency"
        of_scope = currency if price.kind == "cost" else deal.currency
        missing = missing_of_event(event, meter, part.version.terms[currency], currency)
        if missing is not None:
            return missing
        if book.exchange.convert(currency, of_scope, day) is None:
            return "no_rate"
        scope = Scope(deal, entry, price, of_scope, deal.period(day)[0], group_of(price, event))
        found.append((scope, Usage(event, day, billing_quantity(event, meter), part, currency)))
    if not found:
        return "no_price"
    single = [scope.price.id for scope, _ in found if scope.price.kind == "revenue" and not scope.price.additive]
    if len(single) > 1:
        raise ValueError(f"two revenue prices for one cell, a book that must not load: {single}")
    return found


def missing_of_event(event: Event, meter: Meter, terms: Terms, currency: str) -> str | None:
    """What an event lacks that the terms need, by name."""
    measures_money = (meter.aggregation not in COUNTS and meter.value == "amount") or isinstance(terms, Dynamic)
    if measures_money and event.amount is None:  # C17, C35
        return "no_amount"
    if measures_money and event.currency != currency:
        return "other_currency"
    if isinstance(terms, Matrix) and cell_price(terms, event.dimensions) is None:
        return "no_cell"
    return None
