"""From usage to lines: counters, rounding scopes, and what is shared among the lines of one counter."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil

from tests.oracle.reference.aggregations import ADDITIVE, Reading, counted, held, in_order, is_level, weighed
from tests.oracle.reference.book import Book, Part, canonical
from tests.oracle.reference.models import (
    cell_price,
    counter_amount,
    needs_net,
    paid_units,
    percentage_fee,
    price_at,
    tier_of,
    tier_price,
)
from tests.oracle.reference.money import allocate, round_to_minor
from tests.oracle.reference.periods import day_start, tier_period_start
from tests.oracle.reference.usage import Scope, ScopeKey, Usage
from tests.oracle.reference.world import (
    Dynamic,
    Event,
    Fee,
    Flat,
    Line,
    Matrix,
    Meter,
    Percentage,
    PerUnit,
    Terms,
    Version,
    Volume,
)

# --- what shares counters ---------------------------------------------------------------------------------------------

SeriesKey = tuple[str, str, str]


@dataclass(frozen=True)
class Share:
    """What one line of a point is made of: the usage of one scope, none where only its time has come."""

    scope: Scope
    usages: tuple[Usage, ...]


@dataclass(frozen=True)
class Point:
    """A day of one version, on which something is rated at once and then shared out."""

    day: date
    part: Part
    currency: str  # of the terms that rate it
    shares: tuple[Share, ...]
    idle: bool = False  # nobody used it, and no level lives

    @property
    def usages(self) -> list[Usage]:
        return in_order([usage for share in self.shares for usage in share.usages])

    @property
    def scope(self) -> Scope:
        """Any scope of the point: what is asked of it is the same for all."""
        return self.shares[0].scope


def series_key(scope: Scope, part: Part) -> SeriesKey:
    """Whose usage counts together: that of a contract, or under `pool: payer` of all contracts of one payer (C53)."""
    owner = scope.deal.id
    if part.version.pool == "payer":
        owner = f"pool {scope.deal.account.payer or scope.deal.account.id} {scope.currency}"
    return (owner, scope.price.id, scope.counters())


@dataclass(frozen=True)
class Moment:
    """A line that will be: a scope, a day, a version, and the usage then; none for zero usage and for levels."""

    scope: Scope
    day: date
    part: Part
    currency: str
    usages: tuple[Usage, ...] = ()
    idle: bool = False


def series_of(moments: Sequence[Moment]) -> dict[SeriesKey, list[Point]]:
    """The points of each counter in order of day and version (C10)."""
    gathered: dict[SeriesKey, dict[tuple[date, str], list[Moment]]] = defaultdict(lambda: defaultdict(list))
    for moment in moments:
        gathered[series_key(moment.scope, moment.part)][moment.day, moment.part.id].append(moment)
    found: dict[SeriesKey, list[Point]] = {}
    for key, of_series in gathered.items():
        points = []
        for (day, _), members in of_series.items():
            by_scope: dict[ScopeKey, list[Moment]] = defaultdict(list)
            for member in members:
                by_scope[member.scope.key()].append(member)
            shares = tuple(
                Share(of_scope[0].scope, tuple(usage for member in of_scope for usage in member.usages))
                for _, of_scope in sorted(by_scope.items())
            )
            idle = all(member.idle for member in members)
            points.append(Point(day, members[0].part, members[0].currency, shares, idle))
        found[key] = sorted(points, key=lambda point: (point.day, point.part.start))
    return found


# --- counters and totals ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stretch:
    """What one version has counted of a counter, under its own terms and under those of the list."""

    version: Version
    terms: Terms
    quantity: Fraction


@dataclass
class Counter:
    """What has been counted since the counter began: with the tier period, and with a version that restarts."""

    quantity: Fraction = Fraction(0)
    events: int = 0
    opened: bool = False
    usages: list[Usage] = field(default_factory=list)
    own: dict[str, Stretch] = field(default_factory=dict)  # by version id, in their order
    listed: dict[str, Stretch] = field(default_factory=dict)

    def advance(
        self, point: Point, through: Fraction, own: tuple[Version, Terms], listed: tuple[Version, Terms]
    ) -> None:
        """Take a point in, under its own terms and those of the list."""
        added = through - self.quantity
        for stretches, (version, terms) in ((self.own, own), (self.listed, listed)):
            stretches[point.part.id] = grown(stretches, point.part.id, version, terms, added)
        self.usages += point.usages
        self.events += len(point.usages)
        self.quantity = through
        self.opened = True


def grown(stretches: Mapping[str, Stretch], name: str, version: Version, terms: Terms, added: Fraction) -> Stretch:
    """A version's stretch with more in it."""
    before = stretches[name].quantity if name in stretches else Fraction(0)
    return Stretch(version, terms, before + added)


def volume_total(stretches: Sequence[Stretch]) -> Fraction:
    """The total selects the tier in every version's table; each version prices its own units, the last one's flat once.

    600 + 600 units, 0.010 to 1,000 then 0.008, after that 0.012 then 0.009: 600 · 0.008 + 600 · 0.009 = 10.20.
    """
    total = sum((stretch.quantity for stretch in stretches), Fraction(0))
    amount = begun = Fraction(0)
    for stretch in stretches:
        tier = tier_of(stretch.terms, paid_units(stretch.version, total))
        through = begun + stretch.quantity
        paid = paid_units(stretch.version, through) - (paid_units(stretch.version, begun) if begun else 0)
        amount += paid * tier_price(tier)
        begun = through
    last = stretches[-1]
    x = paid_units(last.version, total)
    if x or last.version.flat_on_zero == "charge":
        amount += Fraction(tier_of(last.terms, x).flat_amount)
    return amount


@dataclass
class Totals:
    """Running totals of one rounding scope, of the amounts or of their list twins."""

    currency: str
    exact: Fraction = Fraction(0)
    exact_of_period: Fraction = Fraction(0)
    rounded_of_period: Decimal = Decimal(0)
    operations: int = 0
    has_lines: bool = False

    def add(self, exacts: Sequence[Fraction], *, per_event: bool, mode: str) -> Decimal:
        """Take a line's amounts in, give its rounded amount: fees by themselves, or the difference of totals (C25)."""
        self.exact += sum(exacts, Fraction(0))
        if per_event:
            return sum((round_to_minor(exact, self.currency, mode) for exact in exacts), Decimal(0))
        self.exact_of_period += sum(exacts, Fraction(0))  # C26
        rounded = round_to_minor(self.exact_of_period, self.currency, mode)
        difference = rounded - self.rounded_of_period
        self.rounded_of_period = rounded
        return difference


def rounds_per_event(version: Version, terms: Terms) -> bool:
    """Percentage rounds each fee by default, everything else the running total; both can be said (C50)."""
    return (version.round_at or ("event" if isinstance(terms, Percentage) else "period")) == "event"


# --- the amounts of a line --------------------------------------------------------------------------------------------


def exact_amounts(
    version: Version,
    terms: Terms,
    counter: Counter,
    stretches: Mapping[str, Stretch],
    point: Point,
    through: Fraction,
    meter: Meter | None,
) -> list[Fraction]:
    """Unrounded amounts of a point after a counter: a difference for cumulative models, else one per event.

    Where each event is rounded by itself there is one per event under every model.
    """
    by_event = amounts_of_events(version, terms, counter, point)
    if by_event is not None:
        if version.free_units or version.unit_conversion:
            raise TypeError(f"free or converted units of a {type(terms).__name__} price")  # C36
        return by_event

    def total(x: Fraction) -> Fraction:
        """R at a quantity of the counter that lies in this point."""
        if isinstance(terms, Matrix):  # every event of the counter is in one cell (C59)
            dimensions = point.usages[0].event.dimensions if point.usages else {}
            return paid_units(version, x) * (cell_price(terms, dimensions) or 0)
        if isinstance(terms, Volume):
            of_point = grown(stretches, point.part.id, version, terms, x - counter.quantity)
            return volume_total(list({**stretches, point.part.id: of_point}.values()))
        return counter_amount(version, terms, x)

    before = Fraction(0)
    if counter.opened and isinstance(terms, Volume):
        # A part whose list price has changed is looked at in the new one, before and after.
        of_part = {
            name: grown(stretches, name, version, terms, Fraction(0)) for name in stretches if name == point.part.id
        }
        before = volume_total(list({**stretches, **of_part}.values()))
    elif counter.opened:
        before = total(counter.quantity)
    if not rounds_per_event(version, terms):
        return [total(through) - before]
    if meter is not None and meter.aggregation not in ADDITIVE:
        raise TypeError(f"the events of {meter.aggregation} have no amounts of their own")
    amounts, x = [], counter.quantity
    for usage in point.usages:
        x += usage.quantity
        amounts.append(total(x) - before)
        before = total(x)
    return amounts or [total(x) - before]


def amounts_of_events(version: Version, terms: Terms, counter: Counter, point: Point) -> list[Fraction] | None:
    """What each event costs under models that price events; None where the counter decides."""
    usages = point.usages
    if isinstance(terms, Percentage):
        fees, value = [], counter.quantity
        for position, usage in enumerate(usages):
            fees.append(percentage_fee(terms, usage.quantity, counter.events + position, value))
            value += usage.quantity
        return fees
    if isinstance(terms, Dynamic):
        return [Fraction(usage.event.amount) for usage in usages]
    if isinstance(terms, PerUnit) and terms.intervals:
        zone = point.scope.deal.account.zone
        return [usage.quantity * price_at(terms, usage.event.occurred_at, zone) for usage in usages]
    if isinstance(terms, Matrix) and not (version.free_units or version.unit_conversion):
        return [usage.quantity * cell_price(terms, usage.event.dimensions) for usage in usages]
    return None


def list_terms(book: Book, scope: Scope, day: date, part: Part) -> tuple[Version, str] | None:
    """The plan's own version for a line of an overridden price, and the currency of its terms (C23).

    None where the line's own terms are the list.
    """
    instant = max(day_start(day, scope.deal.account.zone), part.start)
    for candidate in book.list_parts(scope.deal, scope.entry, scope.price):
        currency = book.terms_currency(scope.deal, scope.price, candidate.version)
        if candidate.covers(instant) and candidate.id != part.id and currency in candidate.version.terms:
            return candidate.version, currency
    return None


def rate_of_line(book: Book, scope: Scope, currency: str, day: date) -> Fraction:
    """What converts the terms' currency to the scope's on a day on which the caller knows a rate."""
    found = book.exchange.convert(currency, scope.currency, day)
    if found is None:
        raise ValueError(f"no rate for {currency} in {scope.currency} on {day}")
    return found.ratio


def rounding_errors(terms: Terms, counter: Counter, events: int, ratio: Fraction) -> int:
    """How often an engine of 24 places may have rounded on the way to a line."""
    by_event = isinstance(terms, Percentage | Matrix) or (isinstance(terms, PerUnit) and terms.intervals)
    operations = max(events, 1) if by_event else 2 * max(len(counter.own), 1)
    return operations if ratio == 1 else ceil(operations * max(ratio, Fraction(1))) + max(events, 1)


# --- lines ------------------------------------------------------------------------------------------------------------


def quantity_through(book: Book, point: Point, counter: Counter, readings: Sequence[Reading]) -> Fraction:
    """The counter's quantity at the end of a point, by the meter's aggregation; a level's from all its readings."""
    if point.scope.price.meter is None:
        return Fraction(0)
    meter = book.meters[point.scope.price.meter]
    if point.idle:
        return counter.quantity
    if not is_level(meter):
        return counted(meter, [*counter.usages, *point.usages])
    zone = point.scope.deal.account.zone
    start, end = (day_start(day, zone) for day in (point.day, point.day + timedelta(days=1)))
    start, end = max(start, point.part.start), end if point.part.end is None else min(end, point.part.end)
    if meter.aggregation == "weighted_sum":
        period = tuple(day_start(day, zone) for day in point.scope.deal.period(point.day))
        cells = defaultdict(list)
        for reading in readings:
            if meter.carries or reading.period == point.scope.period:
                cells[cell_of(book, meter, reading.event)].append(reading)
        through, before = (
            sum(held(weighed(of_cell, period[0], until, period)) for of_cell in cells.values())
            for until in (end, start)
        )
        return counter.quantity + through - before
    return counted(meter, [reading for reading in readings if reading.event.occurred_at < end])


def cell_of(book: Book, meter: Meter, event: Event) -> str:
    """The values of an event that any price of its meter looks at: what is kept apart when quantities are held."""
    prices = [price for price in book.world.prices if price.meter == meter.id]
    named = {name for price in prices for name in (*price.conditions, *price.group_by, *price.shared_tiers)}
    return canonical({name: value for name, value in event.dimensions.items() if name in named})


def rate_series(book: Book, points: Sequence[Point], readings: Sequence[Reading] = ()) -> tuple[list[Line], list[Fee]]:
    """The lines of what shares counters, in order of day and version."""
    lines: list[Line] = []
    fees: list[Fee] = []
    counters: dict[tuple[date, str], Counter] = defaultdict(Counter)
    totals: dict[date, tuple[Totals, Totals]] = {}

    for point in points:
        part, scope = point.part, point.scope
        version, terms = part.version, part.version.terms[point.currency]
        list_version, list_currency = list_terms(book, scope, point.day, part) or (version, point.currency)
        counter = counters[counter_key(point)]
        own, listed = totals.setdefault(scope.period, (Totals(scope.currency), Totals(scope.currency)))
        if isinstance(terms, Flat):  # C32: once per period, whichever version comes first
            counter = replace(counter, opened=own.has_lines)
        through = quantity_through(book, point, counter, readings)

        amounts = []
        for to, of_version, currency, stretches in (
            (own, version, point.currency, counter.own),
            (listed, list_version, list_currency, counter.listed),
        ):
            of_terms = of_version.terms[currency]
            ratio = rate_of_line(book, scope, currency, point.day)
            meter = book.meters.get(scope.price.meter)
            exacts = [
                exact * ratio
                for exact in exact_amounts(of_version, of_terms, counter, stretches, point, through, meter)
            ]
            before = to.exact
            rounded = to.add(exacts, per_event=rounds_per_event(of_version, of_terms), mode=of_version.rounding)
            amounts.append((exacts, before, rounded))
        (exacts, before, amount), (_, _, list_amount) = amounts

        if isinstance(terms, Percentage):
            for usage, fee in zip(point.usages, exacts, strict=True):
                rounded = round_to_minor(fee, scope.currency, version.rounding)
                event = usage.event
                fees.append(Fee(event.source, event.id, scope.deal.id, part.id, usage.quantity, fee, rounded))

        errors = rounding_errors(
            terms, counter, len(point.usages), rate_of_line(book, scope, point.currency, point.day)
        )
        lines += shared_out(
            point,
            Line(
                contract_id=scope.deal.id,
                price_id=scope.price.id,
                price_version_id=part.id,
                dimensions=scope.group,
                kind=scope.price.kind,
                service_date=point.day,
                billing_period_start=scope.period,
                quantity=through - counter.quantity,
                quantity_before=counter.quantity,  # C9, C11
                amount_exact=sum(exacts, Fraction(0)),
                amount_exact_before=before,
                amount=amount,
                list_amount=list_amount,
                currency=scope.currency,
                operations=errors,
                operations_before=own.operations,
            ),
        )
        own.operations += errors
        own.has_lines = True
        counters[counter_key(point)] = counter
        counter.advance(point, through, (version, terms), (list_version, list_version.terms[list_currency]))
    return lines, fees


def counter_key(point: Point) -> tuple[date, str]:
    """When a point's counter began, and with which version."""
    start = tier_period_start(point.part.version.tier_period, point.scope.deal.contract, point.day)
    return start, point.part.chain


def shared_out(point: Point, whole: Line) -> list[Line]:
    """A line as it is, or allocated over the scopes that used its quantity together, in proportion to it (C53)."""
    if len(point.shares) == 1:
        return [whole]
    weights = [sum((usage.quantity for usage in share.usages), Fraction(0)) for share in point.shares]
    total = sum(weights, Fraction(0))
    if not total:
        weights, total = [Fraction(1), *(Fraction(0) for _ in weights[1:])], Fraction(1)  # the first one by key
    parts = [allocate(amount, weights, whole.currency) for amount in (whole.amount, whole.list_amount)]
    return [
        Line(
            contract_id=share.scope.deal.id,
            price_id=whole.price_id,
            price_version_id=whole.price_version_id,
            dimensions=share.scope.group,
            kind=whole.kind,
            service_date=whole.service_date,
            billing_period_start=share.scope.period,
            quantity=sum((usage.quantity for usage in share.usages), Fraction(0)),
            quantity_before=None,
            amount_exact=whole.amount_exact * weight / total,
            amount_exact_before=None,
            amount=amount,
            list_amount=list_amount,
            currency=whole.currency,
            operations=whole.operations + 2,
            operations_before=whole.operations_before,
        )
        for share, weight, amount, list_amount in zip(point.shares, weights, *parts, strict=True)
    ]


def net_below_zero(usages: Sequence[Usage], scope: Scope) -> list[Usage]:
    """The usage of a scope whose counter's net is below what tiers and packages can price (C37)."""
    counters: dict[tuple[date, str], list[Usage]] = defaultdict(list)
    for usage in usages:
        start = tier_period_start(usage.part.version.tier_period, scope.deal.contract, usage.day)
        counters[start, usage.part.chain].append(usage)
    return [
        usage
        for members in counters.values()
        if needs_net(members[0].part.version.terms[members[0].currency])
        and sum((member.quantity for member in members), Fraction(0)) < 0
        for usage in members
    ]
