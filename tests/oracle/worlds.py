"""Small worlds at random, and the landing files that put them before the real night.

`worlds()` draws accounts, a book, contracts and events where things go wrong: local midnights and month turns a
microsecond to each side, tier bounds hit exactly and missed by 10⁻¹², prices that change inside a day, summer time both
ways. Numbers end within 24 places, so exact amounts are equal and a half to round is really a half.

What is drawn beyond usage and prices of the first models is a feature; `worlds(features=…)` draws some of them only, to
look for what one of them does.

`together(worlds)` makes one company of several worlds, so that one night compares them all.

`worlds(contested=True)` also draws what the rule text leaves open (the choices of `tests.oracle.reference`): an account
that begins late, several cost prices in one cell, list versions that change inside a day, percentage of quantities.

`landing_files(world)` writes a world as design §4 and §5 describe it: paths below `landing/`, and their text.
"""

import csv
import io
import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise, product
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.oracle.reference import (
    Account,
    Cell,
    Contract,
    Dynamic,
    Event,
    Exclusion,
    Flat,
    Graduated,
    GraduatedPercentage,
    Hours,
    Matrix,
    Meter,
    Override,
    Package,
    Percentage,
    PerUnit,
    Plan,
    PlanEntry,
    Price,
    Rate,
    RateTier,
    Terms,
    Tier,
    UnitConversion,
    Version,
    Volume,
    World,
    billing_period,
    day_start,
    next_month,
    start_instant,
)

D = Decimal
ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Asia/Tokyo", "Asia/Kolkata", "Africa/Cairo")
# How much a unit of base terms is in each currency: a yen amount of 0.005 would never reach a minor unit.
SCALES = {"USD": D(1), "EUR": D("0.9"), "KWD": D("0.3"), "JPY": D(150)}
# Both seasons span three month turns and the changes of New York, Berlin and Cairo.
SEASONS = (date(2026, 2, 20), date(2026, 8, 28))
DAYS = 70
LONG_AGO = date(2025, 6, 1)

ROUNDED_BY_EVENT = ("per_unit", "graduated", "volume", "package", "matrix", "dynamic", "graduated_percentage")
FEATURES = frozenset(
    (
        *(
            "package",
            "matrix",
            "dynamic",
            "flat",
            "group_by",
            "free_units",
            "bounds",
            "negative",
            "reversals",
            "exchange",
        ),
        *("graduated_percentage", "volume_rates", "unit_conversion", "flat_on_zero", "hours"),
        *(f"round_at_event_{model}" for model in ROUNDED_BY_EVENT),
        *("continue", "tier_period", "billing_periods", "weeks", "pool", "shared_tiers"),
        *("max", "latest", "unique_count", "latest_carries", "unique_count_carries"),
        *("weighted_sum", "weighted_sum_carries"),
    )
)

METERS = (
    Meter("tokens", dimensions=("model", "region")),
    Meter("payments", value="amount"),
    Meter("calls", aggregation="count", dimensions=("model",)),
    Meter("credits", dimensions=("region",), negative=True),
    Meter("notes", value="amount", negative=True),
)
STATES = (
    Meter("seats", aggregation="max", dimensions=("region",)),
    Meter("stock", aggregation="latest", dimensions=("region",)),
    Meter("users", aggregation="unique_count", dimensions=("region", "user"), unique_by="user"),
)
LEVELS = {
    "latest_carries": Meter("level", aggregation="latest", dimensions=("region",), carries=True),
    "unique_count_carries": Meter(
        "members", aggregation="unique_count", dimensions=("region", "user"), carries=True, unique_by="user"
    ),
    "weighted_sum": Meter("storage", aggregation="weighted_sum", dimensions=("region",)),
    "weighted_sum_carries": Meter("disk", aggregation="weighted_sum", dimensions=("region",), carries=True),
}
REGIONS = ("eu", "us", "eu", None)
USERS = ("ann", "bob", "cid", "ann")
CELLS: tuple[dict[str, str], ...] = ({}, {"model": "a"}, {"model": "b"})
BOUNDS = tuple(map(D, ("0.5", "1", "3", "10", "10.5", "99.999999999999", "100", "1000")))
DUST = D("0.000000000001")
UNIT_AMOUNTS = tuple(map(D, ("0", "0.005", "0.01", "0.0333", "0.125", "1", "2.5", "17.0049")))
FLATS = tuple(map(D, ("0", "0", "0.005", "3", "5", "19.99")))
PERS = tuple(map(D, ("1", "1", "10", "1000")))
QUANTITIES = (
    *map(D, ("0", "1", "1", "2", "0.1", "0.3", "5", "7.5", "40", "250.125", "0.333333333333")),
    *BOUNDS,
    *(bound - DUST for bound in BOUNDS),
    *(bound + DUST for bound in BOUNDS),
    *(upper - lower for lower, upper in pairwise(BOUNDS)),
    DUST,
)
VALUES = tuple(
    map(D, ("0", "0.01", "1", "9.99", "50", "50.005", "60", "100", "100.5", "333.333", "500", "1000", "12345.67"))
)
FREE_UNITS = tuple(map(D, ("1", "10", "99.999999999999", "0.5")))
LEASTS = tuple(map(D, ("20", "0.05", "150.01")))
MOSTS = tuple(map(D, ("20", "3.33", "150.01")))
RATES = tuple(map(D, ("0.02", "0.0045", "0.029", "0.5", "0")))
CONVERSIONS = (
    UnitConversion(divide=D(1000), round="up"),
    UnitConversion(divide=D(3), round="half_up"),
    UnitConversion(divide=D(10), round="down"),
    UnitConversion(divide=D(8)),
    UnitConversion(multiply=D("2.5"), round="up"),
    UnitConversion(multiply=D("0.001")),
)
CURVES = (
    (Hours("00:00", "06:30", D("0.005")), Hours("18:00", "24:00", D("0.0333"), days=("sat", "sun"))),
    (Hours("09:00", "17:00", D("2.5"), D(10), ("mon", "tue", "wed", "thu", "fri")),),
    (Hours("02:00", "03:00", D("17.0049")), Hours("12:00", "12:01", D(0))),
)
# Rates of one euro whose quotients end, so that a half to round is really a half after a division too.
QUOTES = {
    "USD": tuple(map(D, ("1.25", "1.28", "1.024", "1.6"))),
    "JPY": tuple(map(D, ("160", "163.84", "128", "200"))),
    "KWD": tuple(map(D, ("0.32", "0.4", "0.3125", "0.256"))),
}
MICROSECONDS = (-1, 0, 1, -1)
LATER = (timedelta(0), timedelta(microseconds=1), timedelta(microseconds=2), timedelta(hours=5), timedelta(days=1))


@dataclass(frozen=True)
class Draft:
    """What the draws of one world share."""

    first: date
    currencies: tuple[str, ...]
    contested: bool
    features: frozenset[str] = FEATURES
    exchange: bool = False  # whether the book names a rule of conversion
    pooled: bool = False  # whether all accounts have one payer


# --- the book ---------------------------------------------------------------------------------------------------------


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    """One to four bands, the last one open."""
    bounds = sorted(draw(st.sets(st.sampled_from(BOUNDS), max_size=3)))
    return tuple(
        Tier(
            bound,
            draw(st.sampled_from(UNIT_AMOUNTS)),
            draw(st.sampled_from(FLATS)),
            draw(st.sampled_from(PERS)),
        )
        for bound in (*bounds, None)
    )


@st.composite
def rate_tiers(draw: st.DrawFn) -> tuple[RateTier, ...]:
    """One to four bands of a money value, the last one open."""
    bounds = sorted(draw(st.sets(st.sampled_from(BOUNDS), max_size=3)))
    return tuple(
        RateTier(bound, draw(st.sampled_from(RATES)), draw(st.sampled_from(FLATS))) for bound in (*bounds, None)
    )


@st.composite
def matrices(draw: st.DrawFn, dimensions: Sequence[str], *, with_default: bool) -> Matrix:
    """Cells of one or two dimensions, not all of them there."""
    names = draw(st.sampled_from([tuple(dimensions), tuple(dimensions[:1])]))
    values = {"model": ("a", "b"), "region": ("eu", "us")}
    combinations = [dict(zip(names, cell, strict=True)) for cell in product(*(values[name] for name in names))]
    kept = combinations[: draw(st.integers(1, len(combinations)))]
    cells = tuple(Cell(where, draw(st.sampled_from(UNIT_AMOUNTS)), draw(st.sampled_from(PERS))) for where in kept)
    default = PerUnit(draw(st.sampled_from(UNIT_AMOUNTS)), draw(st.sampled_from(PERS)))
    return Matrix(cells, default if with_default or draw(st.booleans()) else None)


@st.composite
def terms_of(  # noqa: PLR0911 - one return per model
    draw: st.DrawFn, model: str, dimensions: Sequence[str] = (), *, safe: bool = False, kinds: Container[str] = ()
) -> Terms:
    """Terms in units of one, to be scaled to a currency; `safe` ones leave no usage of their cell unpriced.

    `kinds` says what is not drawn by itself: `volume_rates` for money, `hours` for rate curves.
    """
    if model == "package":
        free = draw(st.sampled_from((D(0), D(0), *FREE_UNITS)))
        size, amount = draw(st.sampled_from(BOUNDS)), draw(st.sampled_from(UNIT_AMOUNTS))
        return Package(size, amount, free, draw(st.sampled_from(("up", "up", "down"))))
    if model == "matrix":
        return draw(matrices(dimensions, with_default=safe))
    if model == "dynamic":
        return Dynamic()
    if model == "flat":
        return Flat(draw(st.sampled_from(FLATS)))
    if model == "per_unit":
        hours = draw(st.sampled_from(CURVES)) if "hours" in kinds and draw(st.booleans()) else ()
        return PerUnit(draw(st.sampled_from(UNIT_AMOUNTS)), draw(st.sampled_from(PERS)), hours)
    if model == "graduated":
        return Graduated(draw(tiers()))
    if model == "graduated_percentage":
        return GraduatedPercentage(draw(rate_tiers()))
    if model == "volume":
        return Volume(draw(rate_tiers() if "volume_rates" in kinds and draw(st.booleans()) else tiers()))
    least, most = draw(st.sampled_from((("0.25", "2.005"), (None, None), ("0.5", None), (None, "4"))))
    return Percentage(
        rate=draw(st.sampled_from(tuple(map(D, ("0.012", "0.0045", "0.029", "0"))))),
        fixed=draw(st.sampled_from(tuple(map(D, ("0.305", "0.10", "0"))))),
        free_events=draw(st.sampled_from((2, 1, 3, None))),
        free_amount=draw(st.sampled_from((D("100.5"), D(500), D(60), None))),
        free_rule=draw(st.sampled_from(("both_exhausted", "first_exhausted"))),
        min=least and D(least),
        max=most and D(most),
    )


def scaled(terms: Terms, currency: str) -> Terms:  # noqa: PLR0911 - one return per model
    """The same terms in a currency: money times its scale, bounds and rates as they are."""
    by = SCALES[currency]
    if isinstance(terms, Dynamic):
        return terms
    if isinstance(terms, Flat):
        return Flat(terms.flat_amount * by)
    if isinstance(terms, Package):
        return replace(terms, amount=terms.amount * by)
    if isinstance(terms, Matrix):
        cells = tuple(replace(cell, unit_amount=cell.unit_amount * by) for cell in terms.cells)
        default = terms.default and replace(terms.default, unit_amount=terms.default.unit_amount * by)
        return Matrix(cells, default)
    if isinstance(terms, PerUnit):
        hours = tuple(replace(each, unit_amount=each.unit_amount * by) for each in terms.intervals)
        return replace(terms, unit_amount=terms.unit_amount * by, intervals=hours)
    if isinstance(terms, Percentage):
        return replace(
            terms,
            fixed=terms.fixed * by,
            free_amount=terms.free_amount and terms.free_amount * by,
            min=terms.min and terms.min * by,
            max=terms.max and terms.max * by,
        )
    return replace(terms, tiers=tuple(scaled_tier(tier, by) for tier in terms.tiers))


def scaled_tier(tier: Tier | RateTier, by: Decimal) -> Tier | RateTier:
    """A tier in a currency: a rate is a share and stays."""
    if isinstance(tier, RateTier):
        return replace(tier, flat_amount=tier.flat_amount * by)
    return replace(tier, unit_amount=tier.unit_amount * by, flat_amount=tier.flat_amount * by)


@st.composite
def moments(draw: st.DrawFn, first: date) -> date | datetime:
    """A start inside the season: a local day, a local midnight of some zone as an instant, or inside a day."""
    day = first + timedelta(days=draw(st.integers(1, DAYS - 5)))
    shape = draw(st.sampled_from(("inside", "date", "midnight", "inside", "date")))
    if shape == "date":
        return day
    if shape == "midnight":
        return day_start(day, draw(st.sampled_from(ZONES)))
    return datetime.combine(day, time(draw(st.integers(0, 23)), draw(st.sampled_from((0, 30, 59)))), UTC)


@st.composite
def starts(draw: st.DrawFn, first: date, *, only_dates: bool = False, early: bool = False) -> list[date | datetime]:
    """One to three starts in an order that is the same in every zone; two instants may fall into one local day."""
    begins_early = early or draw(st.integers(0, 5)) > 0
    found: list[date | datetime] = [LONG_AGO] if begins_early else []
    for _ in range(draw(st.integers(0 if found else 1, 2))):
        moment = draw(moments(first))
        if only_dates and isinstance(moment, datetime):
            moment = moment.date()
        last = found[-1] if found else LONG_AGO
        if isinstance(last, datetime) and isinstance(moment, datetime) and draw(st.integers(0, 3)):
            moment = last + timedelta(hours=draw(st.integers(1, 9)))  # a second change within hours
        elif utc_day(moment) - utc_day(last) < timedelta(days=3):
            continue  # zones would disagree about the order of a date and an instant that near
        found.append(moment)
    return found or [LONG_AGO]


def utc_day(start: date | datetime) -> date:
    return start.astimezone(UTC).date() if isinstance(start, datetime) else start


CUMULATIVE = ("per_unit", "graduated", "volume")


def models_of(draft: Draft, meter: Meter, *, additive_allowed: bool) -> tuple[str, ...]:
    """The models to draw from: beside another price, none whose usage may have to wait alone (C18)."""
    if meter.aggregation not in ("sum", "count"):
        return tuple(model for model in (*CUMULATIVE, "package") if model not in FEATURES or model in draft.features)
    models: tuple[str, ...] = CUMULATIVE
    if meter.value == "amount" and not meter.negative:
        models = (*models, *("percentage",) * 6, *("graduated_percentage",) * 3)
    if draft.contested and meter.aggregation == "sum" and not meter.negative:
        models = (*models, *("percentage",) * 6)
    models = (*models, "package", "package", "flat")
    if meter.dimensions:
        models = (*models, "matrix", "matrix")
    if meter.negative and additive_allowed:
        models = ("per_unit", "flat", "matrix") if meter.dimensions else ("per_unit", "flat")
    if not additive_allowed and meter.value == "quantity":
        models = (*models, "dynamic")
    return tuple(model for model in models if model not in FEATURES or model in draft.features)


@st.composite
def versions_of(
    draw: st.DrawFn,
    draft: Draft,
    price: Price,
    start: date | datetime,
    currencies: Sequence[str],
    *,
    safe: bool,
    negative: bool,
    dimensions: Sequence[str],
    like: Version | None = None,
) -> Version:
    """One version of a price: terms in each currency, free units and bounds where the text settles them."""
    kinds = kinds_of(draft, price, safe=safe, negative=negative)
    if like is not None and like.round_at == "event":
        kinds -= {"hours"}  # the override of a fee by the event is one, and a curve is none
    base = draw(terms_of(price.model, dimensions, safe=safe, kinds=kinds))
    terms = {currency: scaled(base, currency) for currency in currencies}
    rounding = draw(st.sampled_from(("half_up",) * 7 + ("half_even", "down", "up")))
    round_at = "period" if price.model == "percentage" and draw(st.integers(0, 3)) == 0 else None
    if like is not None:
        rounding, round_at = like.rounding, like.round_at
    free = D(0)
    counts = price.model in ("graduated", "volume", "package") or (price.model == "per_unit" and not negative)
    counts = counts and not getattr(base, "intervals", ())
    if "free_units" in draft.features and counts and draw(st.integers(0, 3)) == 0:
        free = draw(st.sampled_from(FREE_UNITS))
    by_event = price.model == "percentage" and round_at is None
    least, most = {}, {}
    if "bounds" in draft.features and not by_event and not (draft.exchange and len(currencies) == 1):
        low, high = draw(st.sampled_from(LEASTS)), draw(st.sampled_from(MOSTS))
        has_least, has_most = draw(st.integers(0, 3)) == 0, draw(st.integers(0, 3)) == 0
        least = {code: low * SCALES[code] for code in currencies} if has_least else {}
        most = {code: max(high, low if least else high) * SCALES[code] for code in currencies} if has_most else {}
    return Version(start, terms, rounding, round_at, free_units=free, minimum=least, maximum=most)


def kinds_of(draft: Draft, price: Price, *, safe: bool, negative: bool) -> set[str]:
    """Which of the terms that are drawn on demand fit the price."""
    if price.meter is None or negative:
        return set()
    of_money = price.meter == "payments" and not safe
    of_sums = price.meter in ("tokens", "payments") and not price.shared_tiers
    return ({"volume_rates"} if of_money else set()) & draft.features | (
        {"hours"} if of_sums else set()
    ) & draft.features


@st.composite
def said_alike(draw: st.DrawFn, draft: Draft, price: Price, meter: Meter) -> Price:
    """What all versions of a price say in one way: conversion, zero usage, rounding point, tier period, pool."""
    terms = [terms for version in price.versions for terms in version.terms.values()]
    counts = isinstance(terms[0], (PerUnit, Graduated, Volume, Package, GraduatedPercentage)) and not meter.negative
    has_curve = any(getattr(each, "intervals", ()) for each in terms)
    adds_up = meter.aggregation in ("sum", "count")
    alike: dict[str, Any] = {}

    def chosen(feature: str, one_of: int) -> bool:
        return feature in draft.features and draw(st.integers(1, one_of)) == 1

    if counts and not has_curve and price.model != "graduated_percentage" and chosen("unit_conversion", 6):
        alike["unit_conversion"] = draw(st.sampled_from(CONVERSIONS))
    if (
        price.model in ("graduated", "volume", "graduated_percentage")
        and not meter.negative
        and chosen("flat_on_zero", 3)
    ):
        alike["flat_on_zero"] = "none"
    if counts and adds_up and not has_curve and chosen("tier_period", 5):
        alike["tier_period"] = draw(st.sampled_from(("month", "quarter", "year", "term")))
    if counts and adds_up and not has_curve and draft.pooled and price.kind == "revenue" and draw(st.booleans()):
        alike |= {"pool": "payer", "minimum": {}, "maximum": {}}  # a bound is of a contract, a pool of several
    by_event = f"round_at_event_{price.model}"
    whole = "unit_conversion" in alike and alike["unit_conversion"].round != "none"
    splits = price.shared_tiers or "pool" in alike or whole  # whose amount a whole unit is, the text does not say
    if price.meter is not None and adds_up and not splits and not has_curve and chosen(by_event, 6):
        alike |= {"round_at": "event", "minimum": {}, "maximum": {}}
    versions = [replace(version, **alike) for version in price.versions]
    if (counts or price.model == "percentage") and chosen("continue", 3):
        first = versions[0]
        later = [
            replace(version, on_price_change="continue", free_units=first.free_units)
            if draw(st.integers(0, 3))
            else replace(version, free_units=first.free_units)
            for version in versions[1:]
        ]
        versions = [first, *later]
    return replace(price, versions=tuple(versions))


@st.composite
def prices(draw: st.DrawFn, draft: Draft, name: str, meter: Meter, *, additive_allowed: bool) -> Price:
    """A price of a meter in every currency of the world, or in one where it is a cost price or will be converted."""
    model = draw(st.sampled_from(models_of(draft, meter, additive_allowed=additive_allowed)))
    kind = draw(st.sampled_from(("revenue", "revenue", "revenue", "cost")))
    additive = additive_allowed and kind == "revenue" and draw(st.integers(0, 3)) == 0
    convert = False
    if kind == "cost":
        currencies: tuple[str, ...] = (draw(st.sampled_from(tuple(SCALES))),)
    elif not additive_allowed and draft.exchange and "exchange" in draft.features and draw(st.booleans()):
        currencies = (draw(st.sampled_from(tuple(SCALES))),)
        convert = True
    elif not additive_allowed and len(draft.currencies) > 1 and draw(st.integers(0, 4)) == 0:
        currencies = draft.currencies[:1]  # accounts in the others wait in suspense
    else:
        currencies = draft.currencies
    cell = draw(st.sampled_from(CELLS)) if "model" in meter.dimensions else {}
    free = [dimension for dimension in meter.dimensions if dimension not in cell and dimension != meter.unique_by]
    groups: tuple[str, ...] = ()
    if "group_by" in draft.features and free and draw(st.integers(0, 2)) == 0:
        groups = tuple(draw(st.sampled_from([free, free[-1:]])))
        free = [dimension for dimension in free if dimension not in groups] or free
    if model == "matrix" and not free:
        model = "per_unit"
    shared: tuple[str, ...] = ()
    may_share = model in CUMULATIVE and meter.aggregation in ("sum", "count") and not meter.negative
    if "shared_tiers" in draft.features and may_share and free and draw(st.integers(0, 3)) == 0:
        shared, groups = tuple(draw(st.sampled_from([free, free[-1:]]))), ()
    found = Price(name, meter.id, model, (), kind, cell, additive, groups, convert, shared)
    if model == "flat" and draw(st.booleans()):
        found = replace(found, meter=None, conditions={}, group_by=(), shared_tiers=())
    versions = [
        draw(
            versions_of(
                draft, found, start, currencies, safe=additive_allowed, negative=meter.negative, dimensions=free
            )
        )
        for start in draw(starts(draft.first))
    ]
    if versions[0].effective_from != LONG_AGO:  # which days a minimum then covers, the text does not say
        versions = [replace(version, minimum={}, maximum={}) for version in versions]
    modes = versions[0].rounding, versions[0].round_at
    found = replace(found, versions=tuple(replace(v, rounding=modes[0], round_at=modes[1]) for v in versions))
    return draw(said_alike(draft, found, meter))


def collide(one: Price, other: Price) -> bool:
    """Whether two prices can match the same usage: no shared dimension tells them apart."""
    apart = any(other.conditions.get(name, value) != value for name, value in one.conditions.items())
    metered = one.meter is not None and one.meter == other.meter
    return metered and one.kind == other.kind and not apart


@st.composite
def plans(draw: st.DrawFn, draft: Draft, name: str, book: Sequence[Price]) -> Plan:
    """Some of the prices, none that a book would refuse beside another."""
    kept: list[Price] = []
    for price in book:
        several_costs = draft.contested and price.kind == "cost"
        if draw(st.integers(0, 4)) == 0 and kept:
            continue
        if not price.additive and not several_costs and any(collide(price, p) for p in kept if not p.additive):
            continue
        kept.append(price)
    return Plan(
        name,
        tuple(
            # A day: the book takes no instant here. Which days a minimum then covers, the text does not say.
            PlanEntry(
                price.id,
                utc_day(draw(moments(draft.first)))
                if draw(st.integers(0, 9)) == 0 and not any(v.minimum for v in price.versions)
                else None,
            )
            for price in kept
        ),
    )


# --- contracts --------------------------------------------------------------------------------------------------------


@st.composite
def overrides(
    draw: st.DrawFn, draft: Draft, price: Price, meter: Meter | None, starts_on: date, currency: str
) -> Override:
    """A contract's own terms for one price, from its start or from later on."""
    cumulative = (*CUMULATIVE, "package") if "package" in draft.features else CUMULATIVE
    negative = meter is not None and meter.negative
    listed = price.versions[0]
    plain = listed.round_at is None and not negative and (meter is None or meter.aggregation in ("sum", "count"))
    changes = price.model in cumulative and plain and draw(st.integers(0, 3)) == 0
    model = draw(st.sampled_from(cumulative)) if changes else price.model
    froms: list[date | datetime] = [starts_on]
    if price.model in cumulative:
        froms = [start for start in draw(starts(draft.first)) if start != LONG_AGO] or froms
        if draw(st.booleans()) and utc_day(froms[0]) - starts_on > timedelta(days=2):
            froms = [starts_on, *froms]
    versions = tuple(
        draw(
            versions_of(
                draft,
                replace(price, model=model),
                start,
                (currency,),
                safe=True,
                negative=negative,
                dimensions=(),
                like=price.versions[0],
            )
        )
        for start in froms
    )
    alike = {name: getattr(listed, name) for name in ("unit_conversion", "flat_on_zero", "tier_period")}
    versions = tuple(
        replace(version, **alike)
        if not any(getattr(terms, "intervals", ()) for terms in version.terms.values())
        else replace(version, tier_period=alike["tier_period"])
        for version in versions
    )
    return Override(price.id, versions, model if model != price.model else None)


def may_override(draft: Draft, price: Price, entry: PlanEntry, currency: str) -> bool:
    """Where the list amount of an overridden price is settled by the text."""
    if price.kind != "revenue" or price.model in ("matrix", "dynamic") or price.convert:
        return False  # an override is in the contract's currency, and none of these two is drawn
    if any(v.pool == "payer" or v.on_price_change == "continue" for v in price.versions) or price.shared_tiers:
        return False  # whether the list goes on, or is shared, where the override is not, the text does not say
    if draft.contested:
        return True
    listed = all(currency in version.terms for version in price.versions)
    by_day = not any(isinstance(version.effective_from, datetime) for version in price.versions)
    from_ever = price.versions[0].effective_from == LONG_AGO and entry.effective_from is None
    one = price.model != "percentage" or len(price.versions) == 1
    return listed and by_day and from_ever and one


@st.composite
def contracts(
    draw: st.DrawFn,
    draft: Draft,
    name: str,
    account: Account,
    plan: Plan,
    book: Mapping[str, Price],
    meters: Mapping[str | None, Meter],
) -> Contract:
    """A signed contract that may begin and end inside the season."""
    starts_on = draw(st.sampled_from((LONG_AGO, draft.first, None))) or draft.first + timedelta(
        days=draw(st.integers(1, DAYS - 10))
    )
    ends_on = None
    if draw(st.integers(0, 2)) == 0:
        ends_on = max(starts_on, draft.first) + timedelta(days=draw(st.integers(1, 45)))
    currency = None
    if draw(st.integers(0, 9)) == 0:
        currency = draw(st.sampled_from(draft.currencies))
    of_contract = currency or account.currency
    found = [
        draw(overrides(draft, book[entry.price], meters.get(book[entry.price].meter), starts_on, of_contract))
        for entry in plan.prices
        if may_override(draft, book[entry.price], entry, of_contract) and draw(st.integers(0, 2)) == 0
    ]
    interval: str = "month"
    anchor: int | date = 1
    if "billing_periods" in draft.features and not draft.pooled and draw(st.integers(0, 2)) == 0:
        interval = draw(st.sampled_from(("month", "month", "quarter", "year")))
        anchor = draw(st.sampled_from((31, 15, 30, 29, 28, 2, 1, date(2026, 2, 28), date(2024, 8, 31))))
    if "weeks" in draft.features and not draft.pooled and draw(st.integers(0, 7)) == 0:
        interval, anchor = "week", draw(st.integers(1, 7))
    return Contract(name, account.id, plan.id, starts_on, ends_on, tuple(found), currency, interval, anchor)


# --- events -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Aim:
    """What an event is aimed at: most usage is of something sold to its account, near where that changes."""

    account: Account
    price: Price
    changes: tuple[date | datetime, ...]  # versions, contract and plan entry begin or end here
    currency: str  # of the contract

    def value_currency(self) -> str:
        """The currency in which an event's value can be priced: the contract's, or the price's only one."""
        known = {currency for version in self.price.versions for currency in version.terms}
        return self.currency if self.currency in known or len(known) != 1 else min(known)


def aims_of(
    accounts: Sequence[Account],
    signed: Sequence[Contract],
    sold: Mapping[str, Plan],
    book: Mapping[str, Price],
    default: str | None,
) -> list[Aim]:
    """One per account, contract or default plan, and price of its plan."""
    deals: list[tuple[Account, Contract | None, Plan]] = []
    for account in accounts:
        deals += [(account, contract, sold[contract.plan]) for contract in signed if contract.account == account.id]
        if default is not None:
            deals.append((account, None, sold[default]))
    found = []
    for account, contract, plan in deals:
        for entry in plan.prices:
            if book[entry.price].meter is None:
                continue
            changes: list[date | datetime | None] = [version.effective_from for version in book[entry.price].versions]
            changes.append(entry.effective_from)
            if contract is not None:
                changes += [contract.starts_on, contract.ends_on]
                changes += [v.effective_from for o in contract.overrides if o.price == entry.price for v in o.versions]
            inside = tuple(change for change in changes if change is not None and change != LONG_AGO)
            of_contract = (contract and contract.currency) or account.currency
            found.append(Aim(account, book[entry.price], inside, of_contract))
    metered = [price for price in book.values() if price.meter is not None]
    return found or [Aim(account, price, (), account.currency) for account in accounts for price in metered]


@st.composite
def instants(draw: st.DrawFn, draft: Draft, aim: Aim) -> datetime:
    """An instant of the season, often at an edge of the account's day or of a price's validity."""
    zone = aim.account.zone
    day = draft.first + timedelta(days=draw(st.integers(-3, DAYS)))
    shape = draw(st.sampled_from(("change", "midnight", "change", "month", "inside", "inside")))
    nudge = timedelta(microseconds=draw(st.sampled_from(MICROSECONDS)))
    if shape == "midnight":
        return day_start(day, zone) + nudge
    if shape == "month":
        return day_start(next_month(day), zone) + nudge
    if shape == "change" and aim.changes:
        return start_instant(draw(st.sampled_from(aim.changes)), zone) + nudge
    seconds = draw(st.integers(0, 86_399))
    return datetime.combine(day, time(), UTC) + timedelta(seconds=seconds)


@st.composite
def events(
    draw: st.DrawFn,
    draft: Draft,
    number: int,
    aims: Sequence[Aim],
    meters: Sequence[Meter],
    signed: Sequence[Contract],
    deliveries: Sequence[date],
) -> Event:
    """One event with a delivery that could have brought it."""
    aim = draw(st.sampled_from(aims))
    account = aim.account
    off_target = draw(st.integers(0, 11)) == 7
    (meter,) = (m for m in meters if m.id == aim.price.meter)
    values = {"model": aim.price.conditions.get("model", "a"), "region": draw(st.sampled_from(REGIONS))}
    values["user"] = draw(st.sampled_from(USERS)) if meter.unique_by is not None else None
    if off_target:
        meter, values["model"] = draw(st.sampled_from(meters)), draw(st.sampled_from(("b", "c", "")))
        values["user"] = "dan"
    occurred_at = draw(instants(draft, aim))
    possible = [day for day in deliveries if day > occurred_at.date()] or list(deliveries[-1:])
    late = draw(st.integers(0, 3)) == 0
    oddity = draw(st.integers(0, 39))
    brings_money = meter.value == "amount" or aim.price.model == "dynamic"
    amount = draw(st.sampled_from(VALUES)) if brings_money else None
    if draft.contested and oddity == 0:
        amount = None
    currency = draw(st.sampled_from(draft.currencies)) if oddity < 4 else aim.value_currency()
    quantity = D(1) if meter.value == "amount" else draw(st.sampled_from(QUANTITIES))
    if meter.negative and draw(st.integers(0, 2)) == 0:
        quantity, amount = (-quantity, amount) if meter.value == "quantity" else (quantity, amount and -amount)
    named = [contract.id for contract in signed if contract.account == account.id or oddity == 5]
    return Event(
        source=draw(st.sampled_from(("", "", "edge"))),
        id=f"e-{draw(st.integers(0, 9))}{number:03}",  # ids in another order than rows and instants
        account="nobody" if oddity == 6 else account.id,
        meter="steps" if oddity == 7 else meter.id,
        occurred_at=occurred_at,
        quantity=quantity,
        amount=amount,
        currency=None if amount is None else currency,
        contract=draw(st.sampled_from(named))
        if named and not is_level(meter) and draw(st.integers(0, 9)) == 7
        else None,
        dimensions={name: values[name] for name in meter.dimensions if values[name]},
        delivery_date=draw(st.sampled_from(possible)) if late else possible[0],
    )


@st.composite
def twins(draw: st.DrawFn, event: Event, number: int, deliveries: Sequence[date]) -> Event:
    """Usage of the same cell soon after: across the edge that the first one sat on, or up to a tier bound."""
    occurred_at = event.occurred_at + draw(st.sampled_from(LATER))
    possible = [day for day in deliveries if day > occurred_at.date()] or list(deliveries[-1:])
    user = {"user": draw(st.sampled_from(USERS))} if "user" in event.dimensions else {}
    return replace(
        event,
        id=f"e-{draw(st.integers(0, 9))}{number:03}",
        dimensions={**event.dimensions, **user},
        occurred_at=occurred_at,
        quantity=event.quantity if event.amount is not None else draw(st.sampled_from(QUANTITIES)),
        amount=event.amount if event.amount is None else draw(st.sampled_from(VALUES)),
        delivery_date=draw(st.sampled_from(possible)),
    )


@st.composite
def undoings(draw: st.DrawFn, events_so_far: Sequence[Event], number: int, deliveries: Sequence[date]) -> Event:
    """A reversal or an amendment of some event, now and then of one that was undone before or that is not there yet.

    Who reverses a second time does it in a later delivery, or further down in the same file.
    """
    named = draw(st.sampled_from(events_so_far))
    occurred_at = named.occurred_at + draw(st.sampled_from(LATER))
    possible = [day for day in deliveries if day > occurred_at.date()] or list(deliveries[-1:])
    undoing = replace(
        named,
        id=f"u-{draw(st.integers(0, 9))}{number:03}",
        occurred_at=occurred_at,
        delivery_date=draw(st.sampled_from(possible)),
        reverses=named.id,
        amends=None,
    )
    if draw(st.booleans()):
        return undoing
    quantity = named.quantity if named.amount is not None else draw(st.sampled_from(QUANTITIES))
    return replace(undoing, reverses=None, amends=named.id, quantity=quantity)


@st.composite
def rates(draw: st.DrawFn, first: date, deliveries: Sequence[date]) -> tuple[Rate, ...]:
    """Rates of a euro on most days of the season, with gaps of which some are too long, and a correction or two."""
    found = []
    day = first - timedelta(days=40)
    while day <= deliveries[-1]:
        delivered = next((each for each in (first, *deliveries) if each >= day), deliveries[-1])
        if draw(st.integers(0, 4)) == 0:
            day += timedelta(days=draw(st.integers(1, 12)))  # nothing for some days
        for quote, values in QUOTES.items():
            value = draw(st.sampled_from(values))
            found.append(Rate(day, "EUR", quote, value, delivered))
            if (
                delivered < deliveries[-1] and draw(st.integers(0, 20)) == 0
            ):  # two in one delivery contradict each other
                found.append(Rate(day, "EUR", quote, draw(st.sampled_from(values)), deliveries[-1]))
        day += timedelta(days=draw(st.sampled_from((1, 3, 3))))
    return tuple(rate for rate in found if rate.delivery_date >= rate.rate_date)


# --- a world ----------------------------------------------------------------------------------------------------------


@st.composite
def worlds(
    draw: st.DrawFn,
    *,
    contested: bool = False,
    features: frozenset[str] = FEATURES,
    first: date | None = None,
    exchange: bool | None = None,
    max_events: int = 60,
) -> World:
    """A world to rate: one to three accounts and plans, one to four prices, up to `max_events` events in ten weeks.

    Its first day and whether there are exchange rates can be said, for worlds that are to be one company.
    """
    first = first or draw(st.sampled_from(SEASONS))
    if exchange is None:
        exchange = draw(st.integers(0, 2)) == 0
    pooled = "pool" in features and draw(st.integers(0, 3)) == 0
    one = draw(st.sampled_from(tuple(SCALES))), draw(st.sampled_from(ZONES))
    accounts = tuple(
        Account(
            f"acct-{number}",
            one[0] if pooled else draw(st.sampled_from(tuple(SCALES))),
            one[1] if pooled else draw(st.sampled_from(ZONES)),
            first + timedelta(days=draw(st.integers(1, 40)))
            if contested and draw(st.integers(0, 3)) == 0
            else LONG_AGO,
            payer="acct-1" if pooled and number > 1 else None,
        )
        for number in range(1, draw(st.integers(1, 3)) + 1)
    )
    currencies = tuple(sorted({account.currency for account in accounts}))
    draft = Draft(first, currencies, contested, features, exchange, pooled)
    there = [meter for meter in METERS if not meter.negative or "negative" in features]
    there += [meter for meter in STATES if meter.aggregation in features]
    there += [meter for feature, meter in LEVELS.items() if feature in features]
    meters = tuple(draw(st.sets(st.sampled_from(there), min_size=2).map(lambda s: sorted(s, key=lambda m: m.id))))
    # A price that stands beside another and one that lacks a currency never meet: which bucket such an event is in
    # (C18) the text does not say.
    additive_allowed = contested or draw(st.booleans())
    book = tuple(
        draw(
            prices(
                draft, f"p{number}", draw(st.sampled_from((*meters, *meters[-2:]))), additive_allowed=additive_allowed
            )
        )
        for number in range(1, draw(st.integers(1, 4)) + 1)
    )
    of_id = {price.id: price for price in book}
    of_meter: dict[str | None, Meter] = {meter.id: meter for meter in meters}
    sold = tuple(draw(plans(draft, f"plan-{number}", book)) for number in range(1, draw(st.integers(1, 3)) + 1))
    default_plan = draw(st.sampled_from((None, *(plan.id for plan in sold))))
    signed = tuple(
        draw(contracts(draft, f"{account.id}-c{number}", account, draw(st.sampled_from(sold)), of_id, of_meter))
        for account in accounts
        for number in range(1, draw(st.sampled_from((0, 1, 1, 2))) + 1)
    )
    exclusions = ()
    if draw(st.integers(0, 4)) == 0:
        rule_start = draw(moments(first))
        exclusions = (
            Exclusion("own_staff", "revenue", draw(st.sampled_from(meters)).id, accounts[0].id, utc_day(rule_start)),
        )

    last = first + timedelta(days=DAYS + 35)  # a month turn may lie a month behind the season
    deliveries = sorted({first + timedelta(days=draw(st.integers(2, DAYS))) for _ in range(3)} | {last})
    as_of = draw(st.sampled_from((last, last, *deliveries)))
    # Whether a period ends with its last day or after it is open.
    while any(period_begins(contract, as_of + timedelta(days=1)) for contract in (None, *signed)):
        as_of += timedelta(days=1)
    aims = aims_of(accounts, signed, {plan.id: plan for plan in sold}, of_id, default_plan)
    happened: list[Event] = []
    for number in range(draw(st.integers(0, max_events)) if aims else 0):
        plain_ones = [event for event in happened if event.reverses is None]
        if plain_ones and "reversals" in features and draw(st.integers(0, 7)) == 0:
            happened.append(draw(undoings(plain_ones, number, deliveries)))
        elif happened and happened[-1].reverses is None and happened[-1].amends is None and draw(st.booleans()):
            happened.append(draw(twins(happened[-1], number, deliveries)))
        else:
            happened.append(draw(events(draft, number, aims, meters, signed, deliveries)))
    return World(
        accounts=accounts,
        meters=meters,
        prices=book,
        plans=sold,
        contracts=signed,
        events=tuple(happened),
        billing_starts_on=first,
        as_of=as_of,
        default_plan=default_plan,
        exclusions=exclusions,
        reporting_currency="USD",
        max_age_days=draw(st.sampled_from((3, 5))) if exchange else None,
        rates=draw(rates(first, deliveries)) if exchange else (),
    )


def is_level(meter: Meter) -> bool:
    """Whose the days of a level are, where an event names a contract, the text does not say."""
    return meter.carries or meter.aggregation == "weighted_sum"


def period_begins(contract: Contract | None, day: date) -> bool:
    return billing_period(contract, day)[0] == day


def together(parts: Sequence[World]) -> World:
    """One company of several worlds of a season, their ids apart; the first says D, default plan and exchange.

    Rates are the first one's, so parts are of one kind: all with exchange, or none.
    """
    named = [renamed(part, f"w{number}") for number, part in enumerate(parts)]
    meters = {meter.id: meter for part in named for meter in part.meters}
    return replace(
        named[0],
        accounts=tuple(account for part in named for account in part.accounts),
        meters=tuple(meters[name] for name in sorted(meters)),
        prices=tuple(price for part in named for price in part.prices),
        plans=tuple(plan for part in named for plan in part.plans),
        contracts=tuple(contract for part in named for contract in part.contracts),
        events=tuple(event for part in named for event in part.events),
        exclusions=tuple(rule for part in named for rule in part.exclusions),
    )


def renamed(world: World, prefix: str) -> World:
    """The same world with another name for all but meters."""

    def name(old: str | None) -> str | None:
        return old and f"{prefix}-{old}"

    return replace(
        world,
        accounts=tuple(replace(account, id=name(account.id), payer=name(account.payer)) for account in world.accounts),
        prices=tuple(replace(price, id=name(price.id)) for price in world.prices),
        plans=tuple(
            Plan(name(plan.id), tuple(replace(entry, price=name(entry.price)) for entry in plan.prices))
            for plan in world.plans
        ),
        contracts=tuple(
            replace(
                contract,
                id=name(contract.id),
                account=name(contract.account),
                plan=name(contract.plan),
                overrides=tuple(replace(override, price=name(override.price)) for override in contract.overrides),
            )
            for contract in world.contracts
        ),
        events=tuple(
            replace(
                event,
                id=name(event.id),
                account=name(event.account),
                contract=name(event.contract),
                reverses=name(event.reverses),
                amends=name(event.amends),
            )
            for event in world.events
        ),
        exclusions=tuple(replace(rule, id=name(rule.id), account=name(rule.account)) for rule in world.exclusions),
        default_plan=name(world.default_plan),
    )


# --- landing files ----------------------------------------------------------------------------------------------------

ENTITY = "acme_us"


def landing_files(world: World) -> dict[str, str]:
    """The world as files below `landing/`: reference data under the first delivery date, events under their own.

    The first delivery date is `billing_starts_on`. Every event is written, also what is delivered after `as_of`.
    """
    first = world.billing_starts_on
    files = {
        f"accounts/{first}/accounts.csv": accounts_csv(world.accounts),
        f"price_book/{first}/book.yaml": book_yaml(world),
        f"contracts/{first}/contracts.yaml": contracts_yaml(world),
    }
    for delivered in sorted({event.delivery_date for event in world.events}):
        of_day = [event for event in world.events if event.delivery_date == delivered]
        files[f"usage_events/{delivered}/events.csv"] = events_csv(of_day, world.accounts)
    for delivered in sorted({rate.delivery_date for rate in world.rates}):
        files[f"fx_rates/{delivered}/rates.csv"] = as_csv(
            ("rate_date", "base_currency", "quote_currency", "rate"),
            [(r.rate_date, r.base, r.quote, r.rate) for r in world.rates if r.delivery_date == delivered],
        )
    return files


def accounts_csv(accounts: Sequence[Account]) -> str:
    header = ("account_id", "name", "currency", "time_zone", "legal_entity_id", "valid_from", "parent_account_id")
    return as_csv(header, [(a.id, a.id.title(), a.currency, a.zone, ENTITY, a.valid_from, a.payer) for a in accounts])


def events_csv(of_day: Sequence[Event], accounts: Sequence[Account]) -> str:
    header = ("event_id", "account_id", "meter", "occurred_at", "quantity", "amount", "currency", "source")
    dimensions = sorted({name for event in of_day for name in event.dimensions})
    undoing = any(event.reverses or event.amends for event in of_day)
    zones = {account.id: account.zone for account in accounts}
    rows = []
    for position, event in enumerate(of_day):
        # Every other row in its local offset: the same instants, spelled differently.
        zone = zones.get(event.account, "UTC") if position % 2 else "UTC"
        rows.append(
            (
                event.id,
                event.account,
                event.meter,
                rfc3339(event.occurred_at, zone),
                event.quantity,
                event.amount,
                event.currency,
                event.source,
                event.contract,
                *(event.dimensions.get(name) for name in dimensions),
                *((event.reverses, event.amends) if undoing else ()),
            )
        )
    names = ("reverses_event_id", "amends_event_id") if undoing else ()
    return as_csv((*header, "contract_id", *dimensions, *names), rows)


def as_csv(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow(["" if cell is None else plain(cell) for cell in row])
    return text.getvalue()


def plain(cell: Any) -> str:
    """Plain digits for decimals, no exponent."""
    return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)


def rfc3339(instant: datetime, zone: str) -> str:
    return instant.astimezone(ZoneInfo(zone)).isoformat().replace("+00:00", "Z")


def book_yaml(world: World) -> str:
    """The price book document: company, products, meters, prices, plans, exclusions."""
    entity = {"id": ENTITY, "name": "Acme Inc.", "country": "US", "currency": "USD", "invoice_prefix": "US"}
    company: dict[str, Any] = {"name": "Acme", "time_zone": "UTC", "reporting_currency": world.reporting_currency}
    if world.max_age_days is not None:
        company["fx"] = {"rule": "last_known", "max_age_days": world.max_age_days}
    if world.default_plan is not None:
        company["default_plan"] = world.default_plan
    meters = [
        {"id": m.id, "unit": "unit", "aggregation": m.aggregation, "value": m.value, "dimensions": list(m.dimensions)}
        | ({"negative": "allow"} if m.negative else {})
        | ({"carry_over": m.carries} if m.aggregation in ("latest", "unique_count", "weighted_sum") else {})
        | ({"value": m.unique_by} if m.unique_by is not None else {})
        for m in world.meters
    ]
    document: dict[str, Any] = {
        "company": company | {"legal_entities": [entity]},
        "products": [{"id": "api", "name": "API", "revenue_account": "4000"}],
        "meters": meters,
        "prices": [price_document(price) for price in world.prices],
        "plans": [{"id": plan.id, "prices": [entry_document(entry) for entry in plan.prices]} for plan in world.plans],
    }
    if world.exclusions:
        document["exclusions"] = [
            without_none(
                {
                    "id": rule.id,
                    "kind": rule.kind,
                    "meter": rule.meter,
                    "account": rule.account,
                    "effective_from": rule.effective_from,
                    "reason": "not billable",
                }
            )
            for rule in world.exclusions
        ]
    return as_yaml(document)


def entry_document(entry: PlanEntry) -> Any:
    if entry.effective_from is None:
        return entry.price
    return {"price": entry.price, "effective_from": entry.effective_from}


def price_document(price: Price) -> dict[str, Any]:
    """A price with `currency` where it has one, with `currencies` in each version where it has several."""
    document: dict[str, Any] = {"id": price.id, "product": "api", "model": price.model}
    if price.meter is not None:
        document["meter"] = price.meter
    if price.group_by:
        document["group_by"] = list(price.group_by)
    if price.shared_tiers:  # the book shares the tiers of all groups, or of none
        document |= {"group_by": list(price.shared_tiers), "group_by_shared_tiers": True}
    if price.conditions:
        document["where"] = dict(price.conditions)
    if price.kind != "revenue":
        document["kind"] = price.kind
    if price.additive:
        document["additive"] = True
    if price.convert:
        document["convert"] = "service_date"
    currencies = {currency for version in price.versions for currency in version.terms}
    if len(currencies) == 1:
        (document["currency"],) = currencies
    document["versions"] = [version_document(version, single=len(currencies) == 1) for version in price.versions]
    return document


def version_document(version: Version, *, single: bool) -> dict[str, Any]:
    document: dict[str, Any] = {"effective_from": version.effective_from}
    if single:
        (currency,) = version.terms
        document |= amounts_document(version, currency)
    else:
        document["currencies"] = {currency: amounts_document(version, currency) for currency in version.terms}
    if version.free_units:
        document["free_units"] = version.free_units
    if version.rounding != "half_up":
        document["rounding"] = version.rounding
    if version.round_at is not None:
        document["round_at"] = version.round_at
    if version.unit_conversion is not None:
        conversion = version.unit_conversion
        document["unit_conversion"] = without_none(
            {"multiply": conversion.multiply, "divide": conversion.divide, "round": conversion.round}
        )
    defaults = {"flat_on_zero": "charge", "on_price_change": "restart", "tier_period": "billing", "pool": "account"}
    return document | {name: said for name, usual in defaults.items() if (said := getattr(version, name)) != usual}


def amounts_document(version: Version, currency: str) -> dict[str, Any]:
    """All that is money in one currency."""
    bounds = {"minimum": version.minimum.get(currency), "maximum": version.maximum.get(currency)}
    return terms_document(version.terms[currency]) | without_none(bounds)


def terms_document(terms: Terms) -> dict[str, Any]:  # noqa: PLR0911 - one return per model
    if isinstance(terms, PerUnit):
        hours = {"intervals": [hours_document(each) for each in terms.intervals]} if terms.intervals else {}
        return with_per({"unit_amount": terms.unit_amount}, terms.per) | hours
    if isinstance(terms, Percentage):
        values = {
            "rate": terms.rate,
            "fixed": terms.fixed,
            "free_events": None if terms.free_events is None else D(terms.free_events),
            "free_amount": terms.free_amount,
            "free_rule": terms.free_rule,
            "min": terms.min,
            "max": terms.max,
        }
        return {"percentage": without_none(values)}
    if isinstance(terms, Flat):
        return {"flat_amount": terms.flat_amount}
    if isinstance(terms, Dynamic):
        return {}
    if isinstance(terms, Package):
        package = {"size": terms.size, "amount": terms.amount, "free_units": terms.free_units or None}
        return {"package": without_none(package) | ({"round": "down"} if terms.round == "down" else {})}
    if isinstance(terms, Matrix):
        return {"matrix": matrix_document(terms)}
    return {"tiers": [tier_document(tier) for tier in terms.tiers]}


def tier_document(tier: Tier | RateTier) -> dict[str, Any]:
    flat = {"flat_amount": tier.flat_amount} if tier.flat_amount else {}
    if isinstance(tier, RateTier):
        return {"up_to": tier.up_to, "rate": tier.rate} | flat
    return with_per({"up_to": tier.up_to, "unit_amount": tier.unit_amount}, tier.per) | flat


def hours_document(hours: Hours) -> dict[str, Any]:
    days = {"days": list(hours.days)} if hours.days else {}
    times = {"starts_at": hours.starts_at, "ends_at": hours.ends_at}
    return with_per({**days, **times, "unit_amount": hours.unit_amount}, hours.per)


def matrix_document(terms: Matrix) -> dict[str, Any]:
    cells = [with_per({"where": dict(cell.where), "unit_amount": cell.unit_amount}, cell.per) for cell in terms.cells]
    document: dict[str, Any] = {"dimensions": list(terms.cells[0].where), "cells": cells}
    if terms.default is not None:
        document["default"] = with_per({"unit_amount": terms.default.unit_amount}, terms.default.per)
    return document


def with_per(document: dict[str, Any], per: Decimal) -> dict[str, Any]:
    return document if per == 1 else document | {"per": per}


def without_none(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}


def contracts_yaml(world: World) -> str:
    return as_yaml({"contracts": [contract_document(contract) for contract in world.contracts]})


def contract_document(contract: Contract) -> dict[str, Any]:
    document: dict[str, Any] = {
        "contract_id": contract.id,
        "account_id": contract.account,
        "plan": contract.plan,
        "starts_on": contract.starts_on,
    }
    if contract.ends_on is not None:
        document["ends_on"] = contract.ends_on
    billing: dict[str, Any] = {} if contract.currency is None else {"currency": contract.currency}
    if (contract.interval, contract.anchor) != ("month", 1):
        anchor = contract.anchor if isinstance(contract.anchor, date) else D(contract.anchor)
        billing |= {"interval": contract.interval, "anchor": anchor}
    if billing:
        document["billing"] = billing
    if contract.overrides:
        # A document does not know its account: without a currency of its own, an override names the one it is in.
        single = contract.currency is not None
        document["overrides"] = [
            without_none({"price": override.price, "model": override.model})
            | {"versions": [version_document(version, single=single) for version in override.versions]}
            for override in contract.overrides
        ]
    return document


def as_yaml(document: Mapping[str, Any]) -> str:
    """Sections in block style, their rows in flow style, as in the example of design §5: decimals quoted, dates bare."""
    lines = []
    for section, content in document.items():
        if isinstance(content, list) and content:
            lines += [f"{section}:", *(f"  - {flow(row)}" for row in content)]
        else:
            lines.append(f"{section}: {flow(content)}")
    return "\n".join(lines) + "\n"


def flow(value: Any) -> str:
    """One value in YAML's flow style; what JSON writes, YAML reads."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {flow(content)}" for name, content in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, datetime):
        return rfc3339(value, "UTC")
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(plain(value) if isinstance(value, Decimal) else value, ensure_ascii=False)
