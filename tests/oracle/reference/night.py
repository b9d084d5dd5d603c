"""All of it: what the night of a world must make of everything delivered by then."""

from collections import defaultdict
from datetime import date
from fractions import Fraction

from tests.oracle.reference.book import Book
from tests.oracle.reference.bounds import bounds
from tests.oracle.reference.idle import live_levels, readings_for, readings_of, zero_usage
from tests.oracle.reference.money import round_to_minor
from tests.oracle.reference.rating import Moment, net_below_zero, rate_series, series_of
from tests.oracle.reference.reversals import after_reversals
from tests.oracle.reference.usage import Scope, ScopeKey, Usage, rate_event
from tests.oracle.reference.world import Expected, Fee, Line, Reporting, World


def expected(world: World) -> Expected:
    """What the night of `world.as_of` must make of everything delivered by then."""
    book = Book(world)
    scopes: dict[ScopeKey, Scope] = {}
    usages: dict[ScopeKey, list[Usage]] = defaultdict(list)
    rated: dict[tuple[str, str, str], list[tuple[ScopeKey, date, str]]] = defaultdict(list)
    delivered = [event for event in world.events if event.delivery_date <= world.as_of]  # C7
    remaining, outcomes = after_reversals(delivered)
    for event in remaining:
        held, found = rate_event(book, event)
        outcomes |= {(event.source, event.id, kind): outcome for kind, outcome in held.items()}
        for scope, usage in found:
            scopes[scope.key()] = scope
            usages[scope.key()].append(usage)
    for key, scope in list(scopes.items()):
        below = net_below_zero(usages[key], scope)
        for usage in below:
            outcomes[usage.event.source, usage.event.id, scope.price.kind] = "suspense:net_below_zero"
        usages[key] = [usage for usage in usages[key] if usage not in below]
        if not usages[key]:
            del scopes[key]
        for usage in usages[key]:
            rated[usage.event.source, usage.event.id, scope.price.kind].append((key, usage.day, usage.part.id))

    moments = [
        Moment(scope, usage.day, usage.part, usage.currency, (usage,))
        for key, scope in scopes.items()
        for usage in usages[key]
    ]
    readings = readings_of(book, remaining)
    there = {(moment.scope.key(), moment.day, moment.part.id) for moment in moments}
    moments += [
        moment
        for moment in live_levels(book, readings)
        if (moment.scope.key(), moment.day, moment.part.id) not in there
    ]
    moments += zero_usage(book, (moment.scope.price_key() for moment in moments))
    lines: list[Line] = []
    fees: list[Fee] = []
    for points in series_of(moments).values():
        of_series, of_events = rate_series(book, points, readings_for(points[0].scope, readings))
        lines += of_series
        fees += of_events

    # C21: zero-rated is what every line, or under percentage every fee, of the event says.
    exact_of_line = {
        (line.contract_id, line.price_id, line.dimensions, line.service_date, line.price_version_id): line
        for line in lines
    }
    exact_of_fee = {(fee.source, fee.event_id, fee.contract_id, fee.price_version_id): fee.fee_exact for fee in fees}
    for (source, event_id, kind), places in rated.items():
        exacts = []
        for (contract, price, _period, group), day, version in places:
            line = exact_of_line[contract, price, group, day, version]
            exacts.append(exact_of_fee.get((source, event_id, contract, version), line.amount_exact))
        outcomes[source, event_id, kind] = "priced" if any(exacts) else "zero_rated"

    lines += bounds(book, lines)

    lines.sort(
        key=lambda line: (
            line.contract_id,
            line.price_id,
            line.charge_kind != "usage",
            line.service_date,
            line.price_version_id,
            line.dimensions,
        )
    )
    return Expected(tuple(lines), outcomes, tuple(fees), tuple(in_reporting_currency(book, line) for line in lines))


def in_reporting_currency(book: Book, line: Line) -> Reporting:
    """The twin of a line's rounded amount (C47); nothing is sealed here, so the posting date is the service date."""
    target = book.world.reporting_currency
    found = book.exchange.convert(line.currency, target, line.service_date)
    if found is None:
        return Reporting(None, None)
    return Reporting(round_to_minor(Fraction(line.amount) * found.ratio, target), found.rate_date)
