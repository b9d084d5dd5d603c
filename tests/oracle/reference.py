"""Rating once more, from the rule text alone: Fractions and loops, one rounding point, nothing of the engine.

Written from design §4 to §6 and semantics §1, §2, §4 without reading the engine, so that a misreading on either side
shows as a difference. Slow, small and obvious by intention: a world of dataclasses in, the expected lines out. The
arithmetic is `fractions.Fraction` from the first digit to the last; `round_to_minor` is the only place that rounds.

Left out, because the book refuses it or it is decided elsewhere: landing buckets (every event here counts as
accepted, but what reverses an event twice), `supersedes`, changes of an account or contract over deliveries, seals and
adjustments.

Choices: where the text leaves one, this is the reading here. `C…` is cited at the line of code that makes it.

| id | question | reading here |
|---|---|---|
| C1 | when is the default plan's contract active, so that its zero-usage row exists | per price, on the days of the account on which no signed contract covers with a price of that meter; an account without a contract pays the default plan's tier-one flat |
| C2 | two signed contracts cover the same meter | its usage is suspense; each still has its own zero-usage rows, both were signed |
| C3 | does "has a price of the meter" look at dates, kind or `where` of the prices in the plan | no: any entry of the plan counts; what is not in force then is suspense under that contract, not a reason to try the next |
| C4 | event names its contract | the account's and covering the local day, else suspense; a plan without a price of the meter is suspense too, the default plan is not tried |
| C5 | override whose first version begins after the contract's start | the plan's version is in force until then: precedence holds at each instant |
| C6 | first active day of a price that starts inside a day or month | the local day of the first active instant: the latest of period start, contract start, account start, billing start, plan entry and first version; the version in force at that instant makes the row |
| C7 | usage delivered after D, in suspense or excluded | is no usage: the zero-usage row stands |
| C8 | an event of quantity 0 | is usage: it opens the counter, tier one's flat falls on its day |
| C9 | `quantity_before` after a change of version | 0 again: it is the counter's, and the counter restarts; `amount_exact_before` is the rounding scope's and runs on |
| C10 | order of lines within a rounding scope | service date, then start of the version |
| C11 | percentage: quantity of a line | sum of the events' billing quantities (values); `quantity_before` likewise |
| C12 | percentage: which events use up an allowance | every event of the counter, in order; the counter is (contract, price, billing period, version): allowances restart with the version |
| C13 | percentage, `both_exhausted` | free while free events are left, whatever the value; then free until the free amount, which the free events used too, is used up; the event in which it runs out pays the rate on its rest and the fixed fee |
| C14 | percentage: only one of the two allowances given | only that one counts, under either rule; a given 0 is used up from the start |
| C15 | two events at one instant with one id from two sources | ordered by source last |
| C16 | `count` meters | the billing quantity of an event is 1, whatever quantity or amount it carries |
| C17 | meter of value `amount`, event without amount | suspense, never 0 |
| C18 | an event matched by several prices (one plus additive ones, or several cost prices), one of which cannot be rated | the event's kind is suspense as a whole: one bucket per event and kind, no partial lines |
| C19 | price without the contract's currency | looked at in the version in force at the event's instant; no currency, no zero-usage row |
| C20 | outcome per kind | revenue always; cost only where the contract's plan has a cost price of the meter |
| C21 | zero-rated | every line that the event is part of has amount_exact 0; for percentage every fee of the event is 0 |
| C22 | excluded or suspense first | excluded, once account and meter are known; the first matching rule by id |
| C23 | list amount under an override | the line's own counter positions put into the plan's version in force at the line's first instant (day start or version start, the later); rounded as a running total of the same scope; no such version or currency: the line's own amount |
| C24 | account `valid_from` | first local day; an event before is `unknown_account`, and nothing is active before |
| C25 | rounding modes that differ inside a scope | the line takes the running total to q(total) in its own mode, less what was rounded so far: the identity holds |
| C26 | lines rounded per event beside lines rounded per period in one scope (an override changed the model) | the period-rounded ones telescope among themselves; `amount_exact_before` counts both |
| C27 | `per` that does not end (1 per 3) | unit price is the exact quotient, not its 24th place |
| C28 | zero-usage row: billing period that begins before `billing_starts_on` | its first active day is `billing_starts_on`, which the caller says (the night's: first day of the month of the first delivery); usage before it is rated all the same |
| C29 | an event covered by an additive price only | is priced |
| C30 | a plan entry's `effective_from` and an override | bounds the override too: before it the plan does not sell the price |
| C31 | flat price without a meter on the default plan | active on the days on which no signed contract of the account covers, whatever that one sells |
| C32 | flat price of a meter | due once per group and period ("once per interval"), on the first day with usage by the version in force there, else on the first active day; flats of tiers begin anew with a version, this one does not |
| C33 | a group whose events lack the dimension | is a group of its own, without the key |
| C34 | matrix: which scope is rounded | the text's: (contract, price, group, period); a cell is no group |
| C35 | dynamic: an event without amount, or with an amount in another currency | suspense, as with meters of value `amount`; the line's quantity stays the meter's |
| C36 | free units and models that do not count units (percentage, dynamic, matrix, flat) | no meaning here: refused |
| C37 | net below zero | per counter, which is (contract, price, group, version's part of the period), over everything delivered; its usage waits as a whole |
| C38 | running total below zero on the way to a net of 0 or more | tier one goes on below zero (r·x + f), a package count is 0 there; the period's total is the text's |
| C39 | day and terms of minimum and maximum | the version in force at the end of the last active day of the period; covered and period are days (active days of the price / days of the month); a minimum is not yet due while the first day after the period lies after D |
| C40 | rounding of minimum and maximum | they end the running total of their price and period: with them the rounded amounts sum to the rounded exact total, so 10 owed at least is never 10.01; over several groups likewise, where a bound bites |
| C41 | reversed usage | as if it had never been: it opens no counter and uses no allowance |
| C42 | what a reversal may name | an accepted event of its own source that is not itself only a reversal; who names it first (delivery, then row) cancels it, also if both came early; its own time, quantity and cells say nothing |
| C43 | an amendment that comes second | is a duplicate as a whole: its new event does not count either |
| C44 | price in several currencies, none of them the contract's | no conversion: which one is meant is open; suspense |
| C45 | rate of a converted line | of its service date, by local day; each leg of a cross is looked up by itself |
| C46 | no rate on the first active day | no zero-usage row in the period until the rate is known: what is due then waits with its payer |
| C47 | amount in reporting currency | the rounded amount, converted at the posting date's rate and rounded half up to the reporting currency; none without a rate |
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import groupby
from math import ceil, floor
from zoneinfo import ZoneInfo

# --- what goes in -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Account:
    """A customer account; `payer` and `entity` ride along, rating does not look at them."""

    id: str
    currency: str
    zone: str = "UTC"
    valid_from: date | None = None
    payer: str | None = None
    entity: str | None = None


@dataclass(frozen=True)
class Meter:
    """What is counted: `sum` or `count` of the event's `quantity`, or of its money `amount`."""

    id: str
    aggregation: str = "sum"
    value: str = "quantity"
    dimensions: tuple[str, ...] = ()
    negative: bool = False  # signed events are summed


@dataclass(frozen=True)
class Tier:
    """One band; `up_to` inclusive, None for the last; `unit_amount` buys `per` units."""

    up_to: Decimal | None
    unit_amount: Decimal
    flat_amount: Decimal = Decimal(0)
    per: Decimal = Decimal(1)


@dataclass(frozen=True)
class PerUnit:
    """`x · unit_amount / per`."""

    unit_amount: Decimal
    per: Decimal = Decimal(1)


@dataclass(frozen=True)
class Graduated:
    """Each band at its own rate, flat of each band entered."""

    tiers: tuple[Tier, ...]


@dataclass(frozen=True)
class Volume:
    """All units at the rate and flat of the band that the total falls into."""

    tiers: tuple[Tier, ...]


@dataclass(frozen=True)
class Percentage:
    """Per event of value v: `v · rate + fixed`, clamped; the first events or the first value may be free."""

    rate: Decimal
    fixed: Decimal = Decimal(0)
    free_events: int | None = None
    free_amount: Decimal | None = None
    free_rule: str = "first_exhausted"
    min: Decimal | None = None
    max: Decimal | None = None


@dataclass(frozen=True)
class Package:
    """Units sold in packages of `size`: `ceil(max(x - free_units, 0) / size) * amount`, or the floor."""

    size: Decimal
    amount: Decimal
    free_units: Decimal = Decimal(0)
    round: str = "up"


@dataclass(frozen=True)
class Cell:
    """The unit price of one combination of dimensions."""

    where: Mapping[str, str]
    unit_amount: Decimal
    per: Decimal = Decimal(1)


@dataclass(frozen=True)
class Matrix:
    """`x · r` of the cell that matches exactly, else of the default, else suspense."""

    cells: tuple[Cell, ...]
    default: PerUnit | None = None


@dataclass(frozen=True)
class Dynamic:
    """The sum of the amounts that the events bring."""


@dataclass(frozen=True)
class Flat:
    """The same amount in every billing period, whatever is used."""

    flat_amount: Decimal


Terms = PerUnit | Graduated | Volume | Package | Percentage | Matrix | Dynamic | Flat


@dataclass(frozen=True)
class Version:
    """Terms per currency from a local day's start (date) or an instant on; `id` None makes `<owner>@<from>`."""

    effective_from: date | datetime
    terms: Mapping[str, Terms]
    rounding: str = "half_up"
    round_at: str | None = None  # None: event for percentage, else period
    id: str | None = None
    free_units: Decimal = Decimal(0)
    minimum: Mapping[str, Decimal] = field(default_factory=dict)
    maximum: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class Price:
    """A price of a meter; `model` only names what the terms are. `currency` is set where a price has one currency."""

    id: str
    meter: str | None  # None: a flat price of time
    model: str
    versions: tuple[Version, ...]
    kind: str = "revenue"
    conditions: Mapping[str, str] = field(default_factory=dict)
    additive: bool = False
    group_by: tuple[str, ...] = ()
    convert: bool = False  # sold in every contract's currency, at the rate of the service date

    def own_currency(self) -> str:
        """The one currency of a cost price: its own, whatever the contract's."""
        currencies = {currency for version in self.versions for currency in version.terms}
        if len(currencies) != 1:
            raise ValueError(f"cost price {self.id} needs one currency, has {sorted(currencies)}")
        return currencies.pop()


@dataclass(frozen=True)
class PlanEntry:
    """A price in a plan, from always or from a day or instant on."""

    price: str
    effective_from: date | datetime | None = None


@dataclass(frozen=True)
class Plan:
    """Prices sold together."""

    id: str
    prices: tuple[PlanEntry, ...]


@dataclass(frozen=True)
class Override:
    """Versions that a contract puts before those of the plan's price."""

    price: str
    versions: tuple[Version, ...]
    model: str | None = None


@dataclass(frozen=True)
class Contract:
    """Who buys which plan; `ends_on` is the first day no longer covered; currency None is the account's."""

    id: str
    account: str
    plan: str
    starts_on: date
    ends_on: date | None = None
    overrides: tuple[Override, ...] = ()
    currency: str | None = None


@dataclass(frozen=True)
class Exclusion:
    """Usage that is not billable, by a named rule; None matches any."""

    id: str
    kind: str = "revenue"
    meter: str | None = None
    account: str | None = None
    effective_from: date | datetime | None = None


@dataclass(frozen=True)
class Event:
    """An accepted event; `currency` is that of `amount`. One that reverses or amends names another of its source."""

    source: str
    id: str
    account: str
    meter: str
    occurred_at: datetime
    quantity: Decimal = Decimal(1)
    amount: Decimal | None = None
    currency: str | None = None
    contract: str | None = None
    dimensions: Mapping[str, str] = field(default_factory=dict)
    delivery_date: date = date.min
    reverses: str | None = None
    amends: str | None = None


@dataclass(frozen=True)
class Rate:
    """One unit of `base` is `rate` units of `quote` on a day; a later delivery of the same key wins."""

    rate_date: date
    base: str
    quote: str
    rate: Decimal
    delivery_date: date = date.min


@dataclass(frozen=True)
class World:
    """Everything that rating looks at. `max_age_days` None: the book names no rule of conversion."""

    accounts: tuple[Account, ...]
    meters: tuple[Meter, ...]
    prices: tuple[Price, ...]
    plans: tuple[Plan, ...]
    contracts: tuple[Contract, ...]
    events: tuple[Event, ...]
    billing_starts_on: date
    as_of: date
    default_plan: str | None = None
    exclusions: tuple[Exclusion, ...] = ()
    reporting_currency: str = "USD"
    max_age_days: int | None = None
    rates: tuple[Rate, ...] = ()


# --- what comes out ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One expected line. `operations` bounds how often a 24-place engine may have rounded on the way to it."""

    contract_id: str
    price_id: str
    price_version_id: str
    dimensions: str
    kind: str
    service_date: date
    billing_period_start: date
    quantity: Fraction
    quantity_before: Fraction
    amount_exact: Fraction
    amount_exact_before: Fraction
    amount: Decimal
    list_amount: Decimal
    currency: str
    operations: int
    operations_before: int
    charge_kind: str = "usage"


@dataclass(frozen=True)
class Fee:
    """What one event costs under a percentage price."""

    source: str
    event_id: str
    contract_id: str
    price_version_id: str
    value: Fraction
    fee_exact: Fraction
    fee: Decimal


@dataclass(frozen=True)
class Reporting:
    """A line's amount in the reporting currency, and the date of the older rate behind it; None without a rate."""

    amount: Decimal | None
    rate_date: date | None


@dataclass(frozen=True)
class Expected:
    """Lines sorted by key; the outcome of each event delivered by `as_of`, per kind; the fees of event models."""

    lines: tuple[Line, ...]
    outcomes: Mapping[tuple[str, str, str], str]  # (source, event id, kind) -> outcome
    fees: tuple[Fee, ...]
    reporting: tuple[Reporting, ...]  # one per line, in the same order


# --- money ------------------------------------------------------------------------------------------------------------

MINOR_UNITS = {"JPY": 0, "KRW": 0, "USD": 2, "EUR": 2, "GBP": 2, "INR": 2, "EGP": 2, "KWD": 3, "BHD": 3, "CLF": 4}


def round_to_minor(exact: Fraction, currency: str, mode: str = "half_up") -> Decimal:
    """The single rounding point: an exact amount to the currency's ISO 4217 minor unit."""
    digits = MINOR_UNITS[currency]
    scaled = abs(exact) * 10**digits
    units, rest = divmod(scaled.numerator, scaled.denominator)
    twice = 2 * rest
    if mode == "half_up":  # half away from zero: the sign was taken off before
        up = twice >= scaled.denominator
    elif mode == "half_even":
        up = twice > scaled.denominator or (twice == scaled.denominator and units % 2 == 1)
    elif mode == "up":
        up = rest > 0
    elif mode == "down":
        up = False
    else:
        raise ValueError(f"unknown rounding mode {mode!r}")
    units += up
    return Decimal(-units if exact < 0 else units).scaleb(-digits)


# --- charge models ----------------------------------------------------------------------------------------------------


def unit_price(unit_amount: Decimal, per: Decimal) -> Fraction:
    """The exact price of one unit (C27)."""
    return Fraction(unit_amount) / Fraction(per)


def cumulative_amount(terms: Terms, x: Fraction) -> Fraction:
    """R(x): what x units cost from an empty counter; at x = 0 tier one's flat is due (`flat_on_zero: charge`)."""
    if isinstance(terms, PerUnit):
        return x * unit_price(terms.unit_amount, terms.per)
    if isinstance(terms, Graduated):
        total = Fraction(0)
        below = Fraction(0)
        for position, tier in enumerate(terms.tiers):
            if position > 0 and x <= below:  # a bound belongs to the tier that it closes
                break
            top = x if tier.up_to is None else min(x, Fraction(tier.up_to))
            total += (top - below) * unit_price(tier.unit_amount, tier.per) + Fraction(tier.flat_amount)
            if tier.up_to is None:
                break
            below = Fraction(tier.up_to)
        return total
    if isinstance(terms, Volume):
        for tier in terms.tiers:
            if tier.up_to is None or x <= Fraction(tier.up_to):
                return x * unit_price(tier.unit_amount, tier.per) + Fraction(tier.flat_amount)
        raise ValueError("the last tier must be open")
    if isinstance(terms, Package):
        packages = max(x - Fraction(terms.free_units), Fraction(0)) / Fraction(terms.size)
        return (ceil(packages) if terms.round == "up" else floor(packages)) * Fraction(terms.amount)
    if isinstance(terms, Flat):
        return Fraction(terms.flat_amount)
    raise ValueError(f"{type(terms).__name__} is no cumulative model")


def counter_amount(version: Version, terms: Terms, x: Fraction) -> Fraction:
    """R(x) of a counter whose first units may be free."""
    if not version.free_units:
        return cumulative_amount(terms, x)
    if isinstance(terms, Flat):
        raise TypeError("free units of a flat price")  # C36
    return cumulative_amount(terms, max(x - Fraction(version.free_units), Fraction(0)))


def needs_net(terms: Terms) -> bool:
    """Tiers and packages have no price below zero."""
    return isinstance(terms, Graduated | Volume | Package)


def cell_price(terms: Matrix, dimensions: Mapping[str, str]) -> Fraction | None:
    """The unit price of the one cell that matches exactly, else the default's, else none."""
    for cell in terms.cells:
        if all(dimensions.get(name) == value for name, value in cell.where.items()):
            return unit_price(cell.unit_amount, cell.per)
    return None if terms.default is None else unit_price(terms.default.unit_amount, terms.default.per)


def percentage_fee(terms: Percentage, value: Fraction, events_before: int, value_before: Fraction) -> Fraction:
    """The unrounded fee of one event, given what its counter has seen before it (C12, C13, C14)."""
    events_left = None if terms.free_events is None else terms.free_events - events_before > 0
    rest = None if terms.free_amount is None else max(Fraction(terms.free_amount) - value_before, Fraction(0))
    amount_left = None if rest is None else rest > 0

    given = [left for left in (events_left, amount_left) if left is not None]
    if terms.free_rule == "first_exhausted":
        free_phase = bool(given) and all(given)
    elif terms.free_rule == "both_exhausted":
        free_phase = any(given)
    else:
        raise ValueError(f"unknown free_rule {terms.free_rule!r}")

    chargeable = value
    if free_phase:
        covered_by_event = events_left if terms.free_rule == "both_exhausted" else rest is None
        if covered_by_event or value <= rest:
            return Fraction(0)  # wholly free: no fixed fee, no minimum
        chargeable = value - rest

    fee = chargeable * Fraction(terms.rate) + Fraction(terms.fixed)
    if terms.min is not None:
        fee = max(fee, Fraction(terms.min))
    if terms.max is not None:
        fee = min(fee, Fraction(terms.max))
    return fee


# --- time -------------------------------------------------------------------------------------------------------------

MICROSECOND = timedelta(microseconds=1)


def local_day(instant: datetime, zone: str) -> date:
    """The calendar day that a clock on the wall there shows."""
    return instant.astimezone(ZoneInfo(zone)).date()


@cache
def day_start(day: date, zone: str) -> datetime:
    """The first instant whose local day is `day`: also where midnight is skipped (Cairo) or comes twice."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    low, high = midnight - timedelta(hours=40), midnight + timedelta(hours=40)  # the day before, the day after
    while high - low > MICROSECOND:
        middle = low + (high - low) // 2
        if local_day(middle, zone) >= day:
            high = middle
        else:
            low = middle
    return high


def start_instant(start: date | datetime, zone: str) -> datetime:
    """A date is that local day's start, an instant is an instant."""
    if isinstance(start, datetime):
        return start.astimezone(UTC)
    return day_start(start, zone)


def month_start(day: date) -> date:
    """The billing period of a day: the calendar month."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    """First day of the month after."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def written(start: date | datetime) -> str:
    """How a start stands in a version id."""
    if isinstance(start, datetime):
        return start.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return start.isoformat()


# --- exchange ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Conversion:
    """What one unit of a currency is in another; `rate_date` is that of the older leg, None where none was needed."""

    ratio: Fraction
    rate_date: date | None


class Exchange:
    """The rates that were known at D, and the rule by which one is chosen."""

    def __init__(self, world: World) -> None:
        self.max_age = None if world.max_age_days is None else timedelta(days=world.max_age_days)
        self.known: dict[tuple[str, str], dict[date, Fraction]] = defaultdict(dict)
        for rate in sorted(world.rates, key=lambda rate: rate.delivery_date):
            if rate.delivery_date <= world.as_of:
                self.known[rate.base, rate.quote][rate.rate_date] = Fraction(rate.rate)
        self.bases = sorted({base for base, _ in self.known})

    def leg(self, base: str, quote: str, day: date) -> Conversion | None:
        """The last known rate on or before the day, if it is not too old."""
        if base == quote:
            return Conversion(Fraction(1), None)
        dates = [found for found in self.known.get((base, quote), {}) if found <= day]
        if not dates or day - max(dates) > self.max_age:
            return None
        return Conversion(self.known[base, quote][max(dates)], max(dates))

    def convert(self, currency: str, target: str, day: date) -> Conversion | None:
        """amount · quote / base: crossed through the table's base (C45)."""
        if currency == target:
            return Conversion(Fraction(1), None)
        if self.max_age is None or not self.bases:
            return None
        (base,) = self.bases
        divisor, factor = self.leg(base, currency, day), self.leg(base, target, day)
        if divisor is None or factor is None:
            return None
        dates = [leg.rate_date for leg in (divisor, factor) if leg.rate_date is not None]
        return Conversion(factor.ratio / divisor.ratio, min(dates))


# --- which price ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Deal:
    """A contract as rating sees it, signed or by default plan."""

    id: str
    account: Account
    plan: Plan
    currency: str
    contract: Contract | None  # None: default plan


@dataclass(frozen=True)
class Part:
    """A version in force from `start` (in) to `end` (out, None open) for one deal and price."""

    id: str
    start: datetime
    end: datetime | None
    version: Version

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
            for contract in self.world.contracts
            if contract.account == account
            and covers_day(contract, day)
            and (meter is None or self.prices_of_meter(self.plans[contract.plan], meter))
        ]

    def parts(self, deal: Deal, entry: PlanEntry, price: Price) -> list[Part]:
        """The versions of a price for a deal, one after the other: the override from its start on, the plan's before.

        Not before the plan entry's `effective_from` (C30). An override takes the place of the whole rest (C5).
        """
        starts = [*self.own_starts(price, deal), *self.override_starts(price, deal)]
        return cut(starts, entry, deal.account.zone)

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
            kept[-1] = Part(last.id, last.start, start, last.version)
        parts = [*kept, Part(name, start, None, version)]
    if entry.effective_from is None:
        return parts
    opens = start_instant(entry.effective_from, zone)
    alive = [part for part in parts if part.end is None or part.end > opens]
    return [Part(part.id, max(part.start, opens), part.end, part.version) for part in alive]


def matches(price: Price, event: Event) -> bool:
    """`where` is an exact match on each named dimension."""
    return all(event.dimensions.get(name) == value for name, value in price.conditions.items())


def canonical(conditions: Mapping[str, str]) -> str:
    return json.dumps(dict(conditions), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


# --- reversals --------------------------------------------------------------------------------------------------------


def after_reversals(events: Sequence[Event]) -> tuple[list[Event], dict[tuple[str, str, str], str]]:
    """What is left to rate of the events delivered so far, and the outcome of the rest, where it has one.

    A reversal names its event and cancels it whole; an amendment is a reversal and a new event; an early one waits. A
    second one is a duplicate, which is no usage and has no outcome (C41 to C43).
    """
    cancelled: dict[tuple[str, str], Event] = {}
    duplicates: set[tuple[str, str]] = set()
    for event in sorted(events, key=lambda event: event.delivery_date):  # stable: rows in the order of the file
        target = (event.source, event.reverses or event.amends)
        if target[1] is not None and target in cancelled:
            duplicates.add((event.source, event.id))
        elif target[1] is not None:
            cancelled[target] = event
    # A duplicate is not there for anybody: who amends one waits, also where it came before it.
    there = {(event.source, event.id) for event in events if event.reverses is None} - duplicates
    outcomes: dict[tuple[str, str, str], str] = {}
    left: list[Event] = []
    for event in events:
        target = (event.source, event.reverses or event.amends)
        if (event.source, event.id) in duplicates:
            continue
        if target[1] is not None and target not in there:
            outcomes[event.source, event.id, "revenue"] = "suspense:reverses_unknown"
        elif event.reverses is None:
            left.append(event)
    remaining = []
    for event in left:
        if (event.source, event.id) in cancelled:
            outcomes[event.source, event.id, "revenue"] = "reversed"
            canceller = cancelled[event.source, event.id]
            if canceller.reverses is not None:
                outcomes[canceller.source, canceller.id, "revenue"] = "reversed"
        else:
            remaining.append(event)
    return remaining, outcomes


# --- events to usage --------------------------------------------------------------------------------------------------


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

    def price_key(self) -> tuple[str, str, date]:
        return (self.deal.id, self.price.id, self.period)


def group_of(price: Price, event: Event) -> str:
    """What tells the lines of a price apart: its `where`, and the event's values of `group_by` (C33)."""
    values = {name: event.dimensions[name] for name in price.group_by if name in event.dimensions}
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
    """What the event adds to the counter; the caller has checked that an amount is there."""
    if meter.aggregation == "count":
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
        scope = Scope(deal, entry, price, of_scope, month_start(day), group_of(price, event))
        found.append((scope, Usage(event, day, billing_quantity(event, meter), part, currency)))
    if not found:
        return "no_price"
    single = [scope.price.id for scope, _ in found if scope.price.kind == "revenue" and not scope.price.additive]
    if len(single) > 1:
        raise ValueError(f"two revenue prices for one cell, a book that must not load: {single}")
    return found


def missing_of_event(event: Event, meter: Meter, terms: Terms, currency: str) -> str | None:
    """What an event lacks that the terms need, by name."""
    measures_money = (meter.aggregation == "sum" and meter.value == "amount") or isinstance(terms, Dynamic)
    if measures_money and event.amount is None:  # C17, C35
        return "no_amount"
    if measures_money and event.currency != currency:
        return "other_currency"
    if isinstance(terms, Matrix) and cell_price(terms, event.dimensions) is None:
        return "no_cell"
    return None


# --- lines ------------------------------------------------------------------------------------------------------------


def rounds_per_event(version: Version, terms: Terms) -> bool:
    """Percentage rounds each fee by default, everything else the running total."""
    round_at = version.round_at or ("event" if isinstance(terms, Percentage) else "period")
    if round_at == "event" and not isinstance(terms, Percentage):
        raise ValueError("round_at: event is for models that rate events")
    return round_at == "event"


@dataclass
class Totals:
    """Running totals of one rounding scope, of the amounts or of their list twins."""

    currency: str
    exact: Fraction = Fraction(0)
    exact_of_period: Fraction = Fraction(0)
    rounded_of_period: Decimal = Decimal(0)

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


@dataclass
class Counter:
    """What one version's part of one billing period has counted so far."""

    quantity: Fraction = Fraction(0)
    events: int = 0
    opened: bool = False


def exact_amounts(version: Version, terms: Terms, counter: Counter, usages: Sequence[Usage]) -> list[Fraction]:
    """Unrounded amounts of a line's events after a counter: one difference for cumulative models, a fee per event."""
    if isinstance(terms, Percentage | Matrix | Dynamic) and version.free_units:
        raise TypeError(f"free units of a {type(terms).__name__} price")  # C36
    if isinstance(terms, Percentage):
        fees, value = [], counter.quantity
        for position, usage in enumerate(usages):
            fees.append(percentage_fee(terms, usage.quantity, counter.events + position, value))
            value += usage.quantity
        return fees
    if isinstance(terms, Dynamic):
        return [sum((Fraction(usage.event.amount) for usage in usages), Fraction(0))]
    if isinstance(terms, Matrix):
        return [sum((usage.quantity * cell_price(terms, usage.event.dimensions) for usage in usages), Fraction(0))]
    before = counter_amount(version, terms, counter.quantity) if counter.opened else Fraction(0)
    through = counter.quantity + sum((usage.quantity for usage in usages), Fraction(0))
    return [counter_amount(version, terms, through) - before]


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


def rate_scope(book: Book, scope: Scope, usages: Sequence[Usage]) -> tuple[list[Line], list[Fee]]:
    """The lines of one rounding scope, in order of day and version (C10)."""
    by_line: dict[tuple[date, datetime], list[Usage]] = defaultdict(list)
    for usage in usages:
        by_line[usage.day, usage.part.start].append(usage)

    lines: list[Line] = []
    fees: list[Fee] = []
    counters: dict[str, Counter] = defaultdict(Counter)  # restart: one per version
    totals, list_totals = Totals(scope.currency), Totals(scope.currency)
    operations_before = 0

    def added(
        to: Totals, version: Version, currency: str, members: Sequence[Usage], day: date
    ) -> tuple[list[Fraction], Decimal]:
        """The exact amounts of a line under some terms, in the scope's currency, and their rounded sum."""
        terms = version.terms[currency]
        ratio = rate_of_line(book, scope, currency, day)
        exacts = [exact * ratio for exact in exact_amounts(version, terms, counter, members)]
        return exacts, to.add(exacts, per_event=rounds_per_event(version, terms), mode=version.rounding)

    for day, start in sorted(by_line):
        # C15: the key of an event is (source, id); the text orders by time and id.
        members = sorted(by_line[day, start], key=lambda u: (u.event.occurred_at, u.event.id, u.event.source))
        part, currency = members[0].part, members[0].currency
        version, terms = part.version, part.version.terms[currency]
        counter = counters[part.id]
        counter.opened |= isinstance(terms, Flat) and bool(lines)  # C32: once, whichever version comes first
        before = totals.exact

        exacts, amount = added(totals, version, currency, members, day)
        list_version, list_currency = list_terms(book, scope, day, part) or (version, currency)
        _, list_amount = added(list_totals, list_version, list_currency, members, day)

        if isinstance(terms, Percentage):
            for usage, fee in zip(members, exacts, strict=True):
                rounded = round_to_minor(fee, scope.currency, version.rounding)
                event = usage.event
                fees.append(Fee(event.source, event.id, scope.deal.id, part.id, usage.quantity, fee, rounded))

        operations = len(exacts) if isinstance(terms, Percentage) else 2
        if isinstance(terms, Matrix):
            operations = len(members)
        if currency != scope.currency:
            operations = ceil(operations * max(rate_of_line(book, scope, currency, day), Fraction(1))) + len(members)
        quantity = sum((usage.quantity for usage in members), Fraction(0))
        lines.append(
            Line(
                contract_id=scope.deal.id,
                price_id=scope.price.id,
                price_version_id=part.id,
                dimensions=scope.group,
                kind=scope.price.kind,
                service_date=day,
                billing_period_start=scope.period,
                quantity=quantity,
                quantity_before=counter.quantity,  # C9, C11
                amount_exact=sum(exacts, Fraction(0)),
                amount_exact_before=before,
                amount=amount,
                list_amount=list_amount,
                currency=scope.currency,
                operations=operations,
                operations_before=operations_before,
            )
        )
        operations_before += operations
        counter.quantity += quantity
        counter.events += len(members)
        counter.opened = True
    return lines, fees


def rate_of_line(book: Book, scope: Scope, currency: str, day: date) -> Fraction:
    """What converts the terms' currency to the scope's on a day on which the caller knows a rate."""
    found = book.exchange.convert(currency, scope.currency, day)
    if found is None:
        raise ValueError(f"no rate for {currency} in {scope.currency} on {day}")
    return found.ratio


def net_below_zero(usages: Sequence[Usage]) -> list[Usage]:
    """The usage of a scope whose counter's net is below what tiers and packages can price (C37)."""
    counters: dict[str, list[Usage]] = defaultdict(list)
    for usage in usages:
        counters[usage.part.id].append(usage)
    return [
        usage
        for members in counters.values()
        if needs_net(members[0].part.version.terms[members[0].currency])
        and sum((member.quantity for member in members), Fraction(0)) < 0
        for usage in members
    ]


# --- zero usage -------------------------------------------------------------------------------------------------------


def default_is_active(book: Book, account: Account, meter: str, day: date) -> bool:
    """C1: the default plan sells a meter on the days on which no signed contract does."""
    return not book.covering(account.id, meter, day)


def active_scopes(book: Book) -> list[tuple[Scope, date, Part]]:
    """Every active (contract, price, billing period) that has begun by `as_of`, with first active day and version."""
    found: list[tuple[Scope, date, Part]] = []
    for deal, entry, price in sold(book):
        days = active_days(book, deal, entry, price, through=book.world.as_of)
        for period, of_period in groupby(days, key=lambda active: month_start(active[0])):
            currency = price.own_currency() if price.kind == "cost" else deal.currency
            scope = Scope(deal, entry, price, currency, period, canonical(price.conditions))
            day, parts = next(of_period)
            of_terms = book.terms_currency(deal, price, parts[0].version)
            if book.exchange.convert(of_terms, currency, day) is not None:  # C46
                found.append((scope, day, parts[0]))
    return found


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


def deal_is_active(book: Book, deal: Deal, price: Price, day: date) -> bool:
    if deal.contract is not None:
        return covers_day(deal.contract, day)
    return default_is_active(book, deal.account, price.meter, day)


def zero_line(book: Book, scope: Scope, day: date, part: Part) -> Line:
    """No usage in the whole billing period: tier one's flat, once, on the first active day; percentage has no fee."""

    def rounded(version: Version, currency: str) -> tuple[Fraction, Decimal]:
        terms = version.terms[currency]
        if isinstance(terms, Percentage | Matrix | Dynamic):
            return Fraction(0), Decimal(0)
        exact = counter_amount(version, terms, Fraction(0)) * rate_of_line(book, scope, currency, day)
        return exact, round_to_minor(exact, scope.currency, version.rounding)

    currency = book.terms_currency(scope.deal, scope.price, part.version)
    exact, amount = rounded(part.version, currency)
    list_version, list_currency = list_terms(book, scope, day, part) or (part.version, currency)
    _, list_amount = rounded(list_version, list_currency)
    return Line(
        contract_id=scope.deal.id,
        price_id=scope.price.id,
        price_version_id=part.id,
        dimensions=scope.group,
        kind=scope.price.kind,
        service_date=day,
        billing_period_start=scope.period,
        quantity=Fraction(0),
        quantity_before=Fraction(0),
        amount_exact=exact,
        amount_exact_before=Fraction(0),
        amount=amount,
        list_amount=list_amount,
        currency=scope.currency,
        operations=2,
        operations_before=0,
    )


# --- minimum and maximum ----------------------------------------------------------------------------------------------


def bounds(book: Book, charges: Sequence[Line]) -> list[Line]:
    """Lines of maximum and minimum: per billing period over all groups, from the version in force at its end (C39)."""
    of_price: dict[tuple[str, str, date], list[Line]] = defaultdict(list)
    for line in charges:
        of_price[line.contract_id, line.price_id, line.billing_period_start].append(line)
    lines: list[Line] = []
    for deal, entry, price in sold(book):
        days = active_days(book, deal, entry, price, through=next_month(book.world.as_of))
        for period, grouped in groupby(days, key=lambda active: month_start(active[0])):
            if period <= book.world.as_of:
                of_period = list(grouped)
                last_day, parts = of_period[-1]
                share = Fraction(len(of_period), (next_month(period) - period).days)
                of_charges = of_price[deal.id, price.id, period]
                currency = price.own_currency() if price.kind == "cost" else deal.currency
                scope = Scope(deal, entry, price, currency, period, canonical(price.conditions))
                lines += bounds_of_period(scope, parts[-1], last_day, share, of_charges, book.world.as_of)
    return lines


def bounds_of_period(
    scope: Scope, part: Part, last_day: date, share: Fraction, charges: Sequence[Line], as_of: date
) -> list[Line]:
    """What lies above the maximum, at every day end; what is missing to the minimum, once the period has ended."""
    version = part.version
    most, least = version.maximum.get(scope.currency), version.minimum.get(scope.currency)
    if (version.maximum or version.minimum) and scope.currency not in version.terms:
        raise ValueError("minimum and maximum of a converted price")
    lines: list[Line] = []
    exact = {"usage": Fraction(0), "maximum": Fraction(0)}
    rounded = {"usage": Decimal(0), "maximum": Decimal(0)}
    operations = 0

    def line(day: date, charge_kind: str, added: Fraction, total: Decimal) -> Line:
        """The line by which exact and rounded totals of the period come to what they must be (C40)."""
        return Line(
            contract_id=scope.deal.id,
            price_id=scope.price.id,
            price_version_id=part.id,
            dimensions=scope.group,
            kind=scope.price.kind,
            service_date=day,
            billing_period_start=scope.period,
            quantity=Fraction(0),
            quantity_before=Fraction(0),
            amount_exact=added,
            amount_exact_before=sum(exact.values(), Fraction(0)),
            amount=total - sum(rounded.values(), Decimal(0)),
            list_amount=total - sum(rounded.values(), Decimal(0)),
            currency=scope.currency,
            operations=operations + 1,
            operations_before=operations,
            charge_kind=charge_kind,
        )

    for day, of_day in groupby(sorted(charges, key=lambda line: line.service_date), key=lambda line: line.service_date):
        for member in of_day:
            exact["usage"] += member.amount_exact
            rounded["usage"] += member.amount
            operations += member.operations
        above = Fraction(0) if most is None else max(exact["usage"] - Fraction(most), Fraction(0))
        if above != -exact["maximum"]:
            bites = round_to_minor(exact["usage"] - above, scope.currency, version.rounding)
            lines.append(line(day, "maximum", -above - exact["maximum"], bites if above else rounded["usage"]))
            exact["maximum"] += lines[-1].amount_exact
            rounded["maximum"] += lines[-1].amount
    if least is not None and next_month(scope.period) <= as_of:
        owed = Fraction(least) * share
        missing = owed - sum(exact.values(), Fraction(0))
        if missing > 0:
            lines.append(
                line(last_day, "minimum_true_up", missing, round_to_minor(owed, scope.currency, version.rounding))
            )
    return lines


# --- all of it --------------------------------------------------------------------------------------------------------


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
        below = net_below_zero(usages[key])
        for usage in below:
            outcomes[usage.event.source, usage.event.id, scope.price.kind] = "suspense:net_below_zero"
        usages[key] = [usage for usage in usages[key] if usage not in below]
        if not usages[key]:
            del scopes[key]
        for usage in usages[key]:
            rated[usage.event.source, usage.event.id, scope.price.kind].append((key, usage.day, usage.part.id))

    lines: list[Line] = []
    fees: list[Fee] = []
    for key, scope in scopes.items():
        of_scope, of_events = rate_scope(book, scope, usages[key])
        lines += of_scope
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

    used = {scope.price_key() for scope in scopes.values()}
    for scope, day, part in active_scopes(book):
        if scope.price_key() not in used:
            lines.append(zero_line(book, scope, day, part))
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
