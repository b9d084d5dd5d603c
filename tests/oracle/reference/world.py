"""What goes in and what comes out: a world of accounts, prices, contracts and events; lines, outcomes and fees."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction


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
    """What is counted: the event's `quantity`, or its money `amount`, added up as `aggregation` says.

    A level that `carries` goes on into later billing periods; `unique_by` is the dimension whose values are counted.
    """

    id: str
    aggregation: str = "sum"
    value: str = "quantity"
    dimensions: tuple[str, ...] = ()
    negative: bool = False  # signed events are summed
    carries: bool = False
    unique_by: str | None = None


@dataclass(frozen=True)
class Tier:
    """One band; `up_to` inclusive, None for the last; `unit_amount` buys `per` units."""

    up_to: Decimal | None
    unit_amount: Decimal
    flat_amount: Decimal = Decimal(0)
    per: Decimal = Decimal(1)


@dataclass(frozen=True)
class RateTier:
    """One band of a money value; `rate` is a share of it."""

    up_to: Decimal | None
    rate: Decimal
    flat_amount: Decimal = Decimal(0)


@dataclass(frozen=True)
class Hours:
    """Local hours of some weekdays in which a unit costs something else; without days, of every day."""

    starts_at: str
    ends_at: str
    unit_amount: Decimal
    per: Decimal = Decimal(1)
    days: tuple[str, ...] = ()


@dataclass(frozen=True)
class PerUnit:
    """`x · unit_amount / per`; under a rate curve the hours of an event say another price."""

    unit_amount: Decimal
    per: Decimal = Decimal(1)
    intervals: tuple[Hours, ...] = ()


@dataclass(frozen=True)
class Graduated:
    """Each band at its own rate, flat of each band entered."""

    tiers: tuple[Tier, ...]


@dataclass(frozen=True)
class Volume:
    """All units at the price, or all value at the rate, and with the flat of the band that the total falls into."""

    tiers: tuple[Tier | RateTier, ...]


@dataclass(frozen=True)
class GraduatedPercentage:
    """Each band of the money value at its own rate, flat of each band entered."""

    tiers: tuple[RateTier, ...]


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


Terms = PerUnit | Graduated | Volume | GraduatedPercentage | Package | Percentage | Matrix | Dynamic | Flat


@dataclass(frozen=True)
class UnitConversion:
    """What happens to the billing quantity before everything else; one of `multiply` and `divide`."""

    multiply: Decimal | None = None
    divide: Decimal | None = None
    round: str = "none"  # up, down, half_up: to whole units


@dataclass(frozen=True)
class Version:
    """Terms per currency from a local day's start (date) or an instant on; `id` None makes `<owner>@<from>`."""

    effective_from: date | datetime
    terms: Mapping[str, Terms]
    rounding: str = "half_up"
    round_at: str | None = None  # None: event for percentage, else period
    id: str | None = None
    free_units: Decimal = Decimal(0)
    unit_conversion: UnitConversion | None = None
    flat_on_zero: str = "charge"  # or none
    on_price_change: str = "restart"  # or continue: when this version takes over
    tier_period: str = "billing"  # or month, quarter, year, term
    pool: str = "account"  # or payer
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
    shared_tiers: tuple[str, ...] = ()  # lines are split by these dimensions, counters are not

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
    interval: str = "month"  # length of a billing period: week, month, quarter, year
    anchor: int | date = 1  # day of the month (of the week) on which one starts, or a day on which one starts


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


@dataclass(frozen=True)
class Line:
    """One expected line; what is None the text leaves open.

    `operations` bounds how often a 24-place engine may have rounded on the way to it.
    """

    contract_id: str
    price_id: str
    price_version_id: str
    dimensions: str
    kind: str
    service_date: date
    billing_period_start: date
    quantity: Fraction
    quantity_before: Fraction | None
    amount_exact: Fraction
    amount_exact_before: Fraction | None
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
