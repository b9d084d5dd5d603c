"""Rating once more, from the rule text alone: Fractions and loops, one rounding point, nothing of the engine.

Written from design §4 to §6 and semantics §1, §2, §4 without reading the engine, so that a misreading on either side
shows as a difference. Slow, small and obvious by intention: a world of dataclasses in, the expected lines out. The
arithmetic is `fractions.Fraction` from the first digit to the last; `round_to_minor` is the only place that rounds.

Left out, because the slice refuses or decides it elsewhere: landing buckets (every event here counts as accepted),
`supersedes`, `group_by`, changes of an account or contract over deliveries, seals and adjustments, exchange.

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
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
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


Terms = PerUnit | Graduated | Volume | Percentage


@dataclass(frozen=True)
class Version:
    """Terms per currency from a local day's start (date) or an instant on; `id` None makes `<owner>@<from>`."""

    effective_from: date | datetime
    terms: Mapping[str, Terms]
    rounding: str = "half_up"
    round_at: str | None = None  # None: event for percentage, else period
    id: str | None = None


@dataclass(frozen=True)
class Price:
    """A price of a meter; `model` only names what the terms are. `currency` is set where a price has one currency."""

    id: str
    meter: str
    model: str
    versions: tuple[Version, ...]
    kind: str = "revenue"
    conditions: Mapping[str, str] = field(default_factory=dict)
    additive: bool = False

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
    """An accepted event; `currency` is that of `amount`."""

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


@dataclass(frozen=True)
class World:
    """Everything that rating looks at."""

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
class Expected:
    """Lines sorted by key; the outcome of each event delivered by `as_of`, per kind; the fees of event models."""

    lines: tuple[Line, ...]
    outcomes: Mapping[tuple[str, str, str], str]  # (source, event id, kind) -> outcome
    fees: tuple[Fee, ...]


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
    raise ValueError(f"{type(terms).__name__} is no cumulative model")


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

    def covering(self, account: str, meter: str, day: date) -> list[Contract]:
        """Signed contracts of the account that cover the day with a price of the meter."""
        return [
            contract
            for contract in self.world.contracts
            if contract.account == account
            and covers_day(contract, day)
            and self.prices_of_meter(self.plans[contract.plan], meter)
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


# --- events to usage --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Usage:
    """An event under one price of one deal, with the quantity that it bills."""

    event: Event
    day: date
    quantity: Fraction
    part: Part


@dataclass(frozen=True)
class Scope:
    """The rounding scope: (contract, price, group, billing period); the group is the price's `where` here."""

    deal: Deal
    entry: PlanEntry
    price: Price
    currency: str
    period: date

    def key(self) -> tuple[str, str, date]:
        return (self.deal.id, self.price.id, self.period)


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
        currency = price.own_currency() if price.kind == "cost" else deal.currency
        if currency not in part.version.terms:  # C19
            return "no_price_in_currency"
        if meter.aggregation == "sum" and meter.value == "amount":
            if event.amount is None:  # C17
                return "no_amount"
            if event.currency != currency:
                return "other_currency"
        scope = Scope(deal, entry, price, currency, month_start(day))
        found.append((scope, Usage(event, day, billing_quantity(event, meter), part)))
    if not found:
        return "no_price"
    single = [scope.price.id for scope, _ in found if scope.price.kind == "revenue" and not scope.price.additive]
    if len(single) > 1:
        raise ValueError(f"two revenue prices for one cell, a book that must not load: {single}")
    return found


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


def exact_amounts(terms: Terms, counter: Counter, quantities: Sequence[Fraction]) -> list[Fraction]:
    """Unrounded amounts of a line's events after a counter: one difference for cumulative models, a fee per event."""
    if isinstance(terms, Percentage):
        fees, value = [], counter.quantity
        for position, quantity in enumerate(quantities):
            fees.append(percentage_fee(terms, quantity, counter.events + position, value))
            value += quantity
        return fees
    before = cumulative_amount(terms, counter.quantity) if counter.opened else Fraction(0)
    return [cumulative_amount(terms, counter.quantity + sum(quantities, Fraction(0))) - before]


def list_terms(book: Book, scope: Scope, day: date, part: Part) -> tuple[Version, Terms] | None:
    """The plan's own version for a line of an overridden price (C23); None where the line's own terms are the list."""
    instant = max(day_start(day, scope.deal.account.zone), part.start)
    for candidate in book.list_parts(scope.deal, scope.entry, scope.price):
        if candidate.covers(instant) and candidate.id != part.id and scope.currency in candidate.version.terms:
            return candidate.version, candidate.version.terms[scope.currency]
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
    for day, start in sorted(by_line):
        # C15: the key of an event is (source, id); the text orders by time and id.
        members = sorted(by_line[day, start], key=lambda u: (u.event.occurred_at, u.event.id, u.event.source))
        part = members[0].part
        version, terms = part.version, part.version.terms[scope.currency]
        counter = counters[part.id]
        quantities = [usage.quantity for usage in members]
        before = totals.exact

        exacts = exact_amounts(terms, counter, quantities)
        per_event = rounds_per_event(version, terms)
        amount = totals.add(exacts, per_event=per_event, mode=version.rounding)

        on_list = list_terms(book, scope, day, part)
        if on_list is None:
            list_amount = list_totals.add(exacts, per_event=per_event, mode=version.rounding)
        else:
            list_version, terms_of_list = on_list
            list_amount = list_totals.add(
                exact_amounts(terms_of_list, counter, quantities),
                per_event=rounds_per_event(list_version, terms_of_list),
                mode=list_version.rounding,
            )

        if isinstance(terms, Percentage):
            for usage, fee in zip(members, exacts, strict=True):
                rounded = round_to_minor(fee, scope.currency, version.rounding)
                event = usage.event
                fees.append(Fee(event.source, event.id, scope.deal.id, part.id, usage.quantity, fee, rounded))

        operations = len(exacts) if isinstance(terms, Percentage) else 2
        lines.append(
            Line(
                contract_id=scope.deal.id,
                price_id=scope.price.id,
                price_version_id=part.id,
                dimensions=canonical(scope.price.conditions),
                kind=scope.price.kind,
                service_date=day,
                billing_period_start=scope.period,
                quantity=sum(quantities, Fraction(0)),
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
        counter.quantity += sum(quantities, Fraction(0))
        counter.events += len(members)
        counter.opened = True
    return lines, fees


# --- zero usage -------------------------------------------------------------------------------------------------------


def default_is_active(book: Book, account: Account, meter: str, day: date) -> bool:
    """C1: the default plan sells a meter on the days on which no signed contract does."""
    return not book.covering(account.id, meter, day)


def active_scopes(book: Book) -> list[tuple[Scope, date, Part]]:
    """Every active (contract, price, billing period) that has begun by `as_of`, with first active day and version."""
    world = book.world
    found: list[tuple[Scope, date, Part]] = []
    deals = [book.signed(contract) for contract in world.contracts if contract.account in book.accounts]
    deals += [deal for account in world.accounts if (deal := book.default(account)) is not None]
    for deal in deals:
        first = max(world.billing_starts_on, deal.account.valid_from or date.min)  # C28, C24
        for entry in deal.plan.prices:
            price = book.prices[entry.price]
            currency = price.own_currency() if price.kind == "cost" else deal.currency
            parts = book.parts(deal, entry, price)
            seen: set[date] = set()
            day = first
            while day <= world.as_of:
                period = month_start(day)
                if period not in seen and deal_is_active(book, deal, price, day):
                    part = first_part_of_day(parts, day, deal.account.zone, currency)
                    if part is not None:
                        seen.add(period)
                        found.append((Scope(deal, entry, price, currency, period), day, part))
                day += timedelta(days=1)
    return found


def deal_is_active(book: Book, deal: Deal, price: Price, day: date) -> bool:
    if deal.contract is not None:
        return covers_day(deal.contract, day)
    return default_is_active(book, deal.account, price.meter, day)


def first_part_of_day(parts: Sequence[Part], day: date, zone: str, currency: str) -> Part | None:
    """The first version with the currency that is in force at some instant of the day (C6, C19)."""
    start, end = day_start(day, zone), day_start(day + timedelta(days=1), zone)
    for part in parts:
        if part.start < end and (part.end is None or part.end > start) and currency in part.version.terms:
            return part
    return None


def zero_line(book: Book, scope: Scope, day: date, part: Part) -> Line:
    """No usage in the whole billing period: tier one's flat, once, on the first active day; percentage has no fee."""
    version, terms = part.version, part.version.terms[scope.currency]

    def zero_amount(terms: Terms) -> list[Fraction]:
        return [] if isinstance(terms, Percentage) else [cumulative_amount(terms, Fraction(0))]

    exacts = zero_amount(terms)
    amount = Totals(scope.currency).add(exacts, per_event=rounds_per_event(version, terms), mode=version.rounding)
    list_amount = amount
    on_list = list_terms(book, scope, day, part)
    if on_list is not None:
        list_version, terms_of_list = on_list
        list_amount = Totals(scope.currency).add(
            zero_amount(terms_of_list),
            per_event=rounds_per_event(list_version, terms_of_list),
            mode=list_version.rounding,
        )
    return Line(
        contract_id=scope.deal.id,
        price_id=scope.price.id,
        price_version_id=part.id,
        dimensions=canonical(scope.price.conditions),
        kind=scope.price.kind,
        service_date=day,
        billing_period_start=scope.period,
        quantity=Fraction(0),
        quantity_before=Fraction(0),
        amount_exact=sum(exacts, Fraction(0)),
        amount_exact_before=Fraction(0),
        amount=amount,
        list_amount=list_amount,
        currency=scope.currency,
        operations=2,
        operations_before=0,
    )


# --- all of it --------------------------------------------------------------------------------------------------------


def expected(world: World) -> Expected:
    """What the night of `world.as_of` must make of everything delivered by then."""
    book = Book(world)
    outcomes: dict[tuple[str, str, str], str] = {}
    scopes: dict[tuple[str, str, date], Scope] = {}
    usages: dict[tuple[str, str, date], list[Usage]] = defaultdict(list)
    rated: dict[tuple[str, str, str], list[tuple[tuple[str, str, date], date, str]]] = defaultdict(list)
    for event in world.events:
        if event.delivery_date > world.as_of:  # C7
            continue
        held, found = rate_event(book, event)
        outcomes |= {(event.source, event.id, kind): outcome for kind, outcome in held.items()}
        for scope, usage in found:
            scopes[scope.key()] = scope
            usages[scope.key()].append(usage)
            rated[event.source, event.id, scope.price.kind].append((scope.key(), usage.day, usage.part.id))

    lines: list[Line] = []
    fees: list[Fee] = []
    for key, scope in scopes.items():
        of_scope, of_events = rate_scope(book, scope, usages[key])
        lines += of_scope
        fees += of_events

    # C21: zero-rated is what every line, or under percentage every fee, of the event says.
    exact_of_line = {
        (line.contract_id, line.price_id, line.service_date, line.price_version_id): line for line in lines
    }
    exact_of_fee = {(fee.source, fee.event_id, fee.contract_id, fee.price_version_id): fee.fee_exact for fee in fees}
    for (source, event_id, kind), places in rated.items():
        exacts = []
        for (contract, price, _period), day, version in places:
            line = exact_of_line[contract, price, day, version]
            exacts.append(exact_of_fee.get((source, event_id, contract, version), line.amount_exact))
        outcomes[source, event_id, kind] = "priced" if any(exacts) else "zero_rated"

    for scope, day, part in active_scopes(book):
        if scope.key() not in scopes:
            lines.append(zero_line(book, scope, day, part))

    lines.sort(key=lambda line: (line.contract_id, line.price_id, line.service_date, line.price_version_id))
    return Expected(tuple(lines), outcomes, tuple(fees))
