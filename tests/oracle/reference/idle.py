"""What has a line without an event: active prices that nobody used, and levels that live on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby

from tests.oracle.reference.aggregations import Reading, in_order, is_level
from tests.oracle.reference.book import Book, Deal, Part, canonical, covers_day, matches
from tests.oracle.reference.periods import billing_period, day_start, local_day
from tests.oracle.reference.rating import Moment
from tests.oracle.reference.usage import Scope, billing_quantity, find_deal, group_of, rate_event
from tests.oracle.reference.world import Account, Event, PlanEntry, Price


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
                found.append(Moment(scope, day, parts[0], currency, idle=True))
    return found


def readings_of(book: Book, events: Sequence[Event]) -> dict[tuple[str, str], list[Reading]]:
    """The events of each account and level meter, whether they have a price or not (C56)."""
    found: dict[tuple[str, str], list[Reading]] = defaultdict(list)
    for event in events:
        meter = book.meters.get(event.meter)
        if meter is not None and is_level(meter) and event.account in book.accounts:
            account = book.accounts[event.account]
            day = local_day(event.occurred_at, account.zone)
            deal = find_deal(book, event, account, day)
            period = billing_period(None, day) if isinstance(deal, str) else deal.period(day)
            found[account.id, meter.id].append(Reading(event, billing_quantity(event, meter), period[0]))
    return found


def readings_for(scope: Scope, readings: Mapping[tuple[str, str], Sequence[Reading]]) -> list[Reading]:
    """Those that a scope sees: of its account, meter and group."""
    of_account = readings.get((scope.deal.account.id, scope.price.meter), ())
    return [
        reading
        for reading in of_account
        if matches(scope.price, reading.event) and group_of(scope.price, reading.event) == scope.group
    ]


def live_levels(book: Book, readings: Mapping[tuple[str, str], Sequence[Reading]]) -> list[Moment]:
    """A row for every day on which a level lives, from the day after its first event to D (C56).

    It finds its contract, price and version as an event of that moment would.
    """
    found: dict[tuple[object, ...], Moment] = {}
    for (account, meter), of_meter in readings.items():
        zone = book.accounts[account].zone
        cells = {canonical(reading.event.dimensions): reading.event for reading in in_order(of_meter)[::-1]}
        changes = {
            part.start
            for deal, entry, price in sold(book)
            if price.meter == meter
            for part in book.parts(deal, entry, price)
        }
        for event in cells.values():
            day = local_day(event.occurred_at, zone)
            while day <= book.world.as_of:
                start, end = (day_start(each, zone) for each in (day, day + timedelta(days=1)))
                instants = {start, *(change for change in changes if start < change < end)}
                for instant in {instant for instant in instants if instant > event.occurred_at}:
                    for scope, usage in rate_event(book, replace(event, occurred_at=instant, contract=None))[1]:
                        carries = book.meters[meter].carries
                        if carries or any(began_in(scope, each, zone, day) for each in readings_for(scope, readings)):
                            moment = Moment(scope, usage.day, usage.part, usage.currency)
                            found[scope.key(), day, usage.part.id] = moment
                day += timedelta(days=1)
    return list(found.values())


def began_in(scope: Scope, reading: Reading, zone: str, day: date) -> bool:
    """Whether an event lies in the scope's billing period, up to a day."""
    return local_day(reading.event.occurred_at, zone) <= day and reading.period == scope.period
