"""What has a line without an event: active prices that nobody used, and levels that live on."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby

from tests.oracle.reference.aggregations import is_level
from tests.oracle.reference.book import Book, Deal, Part, canonical, covers_day
from tests.oracle.reference.periods import day_start
from tests.oracle.reference.rating import Moment
from tests.oracle.reference.usage import Scope
from tests.oracle.reference.world import Account, PlanEntry, Price


def default_is_active(book: Book, account: Account, meter: str | None, day: date) -> bool:
    """C1: the default plan sells a meter on the days on which no signed contract does."""
    return not book.covering(account.id, meter, day)


def deal_is_active(book: Book, deal: Deal, price: Price, day: date) -> bool:
    if deal.contract is not None:
        return covers_day(deal.contract, day)
    return default_is_active(book, deal.account, price.meter, day)


def sold(book: Book) -> list[tuple[Deal, PlanEntry, Price]]:
    """Every price of every deal, signed or by default plan."""
    world = book.world
    deals = [book.signed(contract) for contract in world.contracts if contract.account in book.accounts]
    deals += [deal for account in world.accounts if (deal := book.default(account)) is not None]
    return [(deal, entry, book.prices[entry.price]) for deal in deals for entry in deal.plan.prices]


def active_days(
    book: Book, deal: Deal, entry: PlanEntry, price: Price, *, through: date
) -> list[tuple[date, list[Part]]]:
    """The days on which a deal sells a price, each with the versions in force on it that have its currency (C6, C19)."""
    parts = [
        part
        for part in book.parts(deal, entry, price)
        if book.terms_currency(deal, price, part.version) in part.version.terms
    ]
    found = []
    day = max(book.world.billing_starts_on, deal.account.valid_from or date.min)  # C28, C24
    while day <= through:
        if deal_is_active(book, deal, price, day):
            start, end = (day_start(each, deal.account.zone) for each in (day, day + timedelta(days=1)))
            in_force = [part for part in parts if part.start < end and (part.end is None or part.end > start)]
            if in_force:
                found.append((day, in_force))
        day += timedelta(days=1)
    return found


def scope_of(deal: Deal, entry: PlanEntry, price: Price, period: date) -> Scope:
    """The scope of a price as a whole, without the values of a group."""
    currency = price.own_currency() if price.kind == "cost" else deal.currency
    return Scope(deal, entry, price, currency, period, canonical(price.conditions))


def zero_usage(book: Book, used: Iterable[tuple[str, str, date]]) -> list[Moment]:
    """The first active day of every price and billing period begun by D without any usage."""
    used = set(used)
    found: list[Moment] = []
    for deal, entry, price in sold(book):
        days = active_days(book, deal, entry, price, through=book.world.as_of)
        for period, of_period in groupby(days, key=lambda active: deal.period(active[0])[0]):
            scope = scope_of(deal, entry, price, period)
            day, parts = next(of_period)
            currency = book.terms_currency(deal, price, parts[0].version)
            has_rate = book.exchange.convert(currency, scope.currency, day) is not None
            if has_rate and scope.price_key() not in used:  # C46
                found.append(Moment(scope, day, parts[0], currency))
    return found


def live_levels(book: Book, moments: Sequence[Moment]) -> list[Moment]:
    """A row for every day on which a level lives: from its first event on, in the period or for ever (C56)."""
    found: list[Moment] = []
    there = {(moment.scope.key(), moment.day, moment.part.id) for moment in moments}
    by_series: dict[tuple[str, str, str], list[Moment]] = {}
    for moment in moments:
        if moment.scope.price.meter is not None and is_level(book.meters[moment.scope.price.meter]):
            key = (moment.scope.deal.id, moment.scope.price.id, moment.scope.group)
            by_series.setdefault(key, []).append(moment)
    for members in by_series.values():
        scope = members[0].scope
        first = min(moment.day for moment in members)
        carries = book.meters[scope.price.meter].carries
        for day, parts in active_days(book, scope.deal, scope.entry, scope.price, through=book.world.as_of):
            period = scope.deal.period(day)[0]
            of_day = replace(scope, period=period)
            lives = day > first and (carries or any(m.day < day and m.scope.period == period for m in members))
            for part in parts:
                if lives and (of_day.key(), day, part.id) not in there:
                    currency = book.terms_currency(scope.deal, scope.price, part.version)
                    found.append(Moment(of_day, day, part, currency))
    return found
