"""What a version says, reduced to what decides an amount: exact numbers, no notation left.

`"30" per "1000000"` and `"0.00003"` are the same terms. Numbers are fractions until they enter a table; there they are
rounded once, half-even at the 24th place, which is exact for every price that ends within 24 places.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from orchestration.book.problems import Fault, Place
from orchestration.book.scalars import LARGEST_AMOUNT, LARGEST_QUANTITY, QUANTITY_PLACES, UNIT_PRICE_PLACES
from orchestration.book.schema import MINUTES_OF_DAY, Amounts, Matrix, Package, Percentage, UnitConversion, Version

# A long series repeats few prices: 17,520 half-hours of the London tariff have three.
CACHED_TERMS = 65_536
# A unit price whose fees are rounded event by event.
UNIT_FEE = "unit_fee"
# Each unit is paid in its own tier, whether it is a unit or one of money.
GRADUATED = ("graduated", "graduated_percentage")
# A column of quantities holds 10^26. What is converted stays below 10^20, so that its product with the factor fits.
LARGEST_CONVERTED = Decimal(10) ** 25
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# More groups of a price than any company has.
MOST_GROUPS = 10**18


@dataclass(frozen=True, slots=True)
class TierTerms:
    """One tier: up to and with `up_to` (null: no end), one unit costs `unit_amount`, entering it `flat_amount`.

    Of a tier with a rate the unit is one of money, and the rate its price.
    """

    up_to: Decimal | None
    unit_amount: Fraction
    flat_amount: Decimal


@dataclass(frozen=True, slots=True)
class EventTerms:
    """A percentage price: what an event costs."""

    rate: Decimal
    fixed: Decimal
    minimum_fee: Decimal | None
    maximum_fee: Decimal | None
    free_events: int | None
    free_amount: Decimal | None
    free_rule: str


@dataclass(frozen=True, slots=True)
class PackageTerms:
    """Units in packages of `size` after the free ones; a started package counts, unless it is rounded down."""

    size: Decimal
    amount: Decimal
    free_units: Decimal
    round: str


@dataclass(frozen=True, slots=True)
class CellTerms:
    """One cell of a matrix: the unit price where the dimensions have these values; without any it is the default."""

    where: tuple[tuple[str, str], ...] | None
    unit_amount: Fraction


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a quantity becomes before it is priced: times `factor`, by `divisor`, rounded to whole units.

    Without rounding a divisor is notation, as `per` is: then the terms are those of a unit before it was divided, and
    the divisor is 1. Example: divide by 1,000 and 2.00 a unit are 0.002 a unit.
    """

    factor: int = 1
    divisor: int = 1
    round: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """All that decides an amount in one currency. Equal terms are one invoice line."""

    model: str
    rounding: str
    round_at: str
    tiers: tuple[TierTerms, ...] = ()
    event: EventTerms | None = None
    package: PackageTerms | None = None
    cells: tuple[CellTerms, ...] = ()
    # From which minute of a weekday on a unit costs what.
    curve: tuple[tuple[int, int, Fraction], ...] = ()
    free_units: Decimal | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    conversion: Conversion = Conversion()
    flat_on_zero: str = "charge"
    on_price_change: str = "restart"
    tier_period: str = "billing"
    pool: str = "account"


@dataclass(frozen=True, slots=True)
class LinearPiece:
    """One tier as a line: R(x) = base_amount + (x - offset) * unit_amount for lower_bound < x <= up_to.

    With a package size, (x - offset) is counted in packages. Tier 0 is where nothing is used, and no flat due.
    """

    tier: int
    lower_bound: Decimal
    up_to: Decimal | None
    offset: Decimal
    unit_amount: Fraction
    flat_amount: Decimal
    base_amount: Fraction
    package_size: Decimal | None = None
    package_round: str | None = None


@dataclass(frozen=True, slots=True)
class BookVersion:
    """A version as it takes part in history: when it starts, what it corrects, its terms per currency."""

    starts: date | datetime
    is_correction: bool
    reason: str | None
    approved_by: str | None
    terms: tuple[tuple[str, Terms], ...]
    place: Place
    ends: date | datetime | None = None

    @property
    def continues(self) -> bool:
        """Whether it goes on with the counter of the version before it."""
        return any(terms.on_price_change == "continue" for _, terms in self.terms)

    def says_the_same(self, other: "BookVersion") -> bool:
        """Whether both are the same version: where it stands and its control `effective_to` are not part of it."""
        return (
            self.starts == other.starts
            and self.is_correction == other.is_correction
            and self.reason == other.reason
            and self.approved_by == other.approved_by
            and self.terms == other.terms
        )


def version_terms(
    model: str, currency: str | None, version: Version, place: Place, starts: date | datetime
) -> BookVersion:
    """Reduce a version of the schema. The version was checked against its model before."""
    by_currency: dict[str, Amounts] = dict(version.currencies or {})
    if currency is not None and version.currencies is None:
        by_currency[currency] = version
    round_at = version.round_at or ("event" if model == "percentage" else "period")
    terms = {code: _terms(model, version, round_at, amounts) for code, amounts in by_currency.items()}
    return BookVersion(
        starts=starts,
        is_correction=version.supersedes is not None,
        reason=version.reason,
        approved_by=version.approved_by,
        terms=tuple(sorted(terms.items())),
        place=place,
        ends=version.effective_to,
    )


@lru_cache(maxsize=CACHED_TERMS)
def unit_terms(unit_amount: Decimal, per: Decimal | None) -> Terms:
    """Return the terms of a plain unit price with every default."""
    tier = TierTerms(None, Fraction(unit_amount) / Fraction(per or 1), Decimal(0))
    return Terms("per_unit", "half_up", "period", (tier,))


def _terms(model: str, version: Version, round_at: str, amounts: Amounts) -> Terms:
    conversion, unit = _conversion(version.unit_conversion)
    tiers = _tier_terms(model, amounts, unit)
    free_units = _units(version.free_units, unit) or None
    event = _event_terms(amounts.percentage, unit) if amounts.percentage is not None else None
    if model == "per_unit" and round_at == "event" and amounts.intervals is None:
        # Each event by itself, at a unit price: a share of its quantity, and the free units a free amount of it.
        model, event, free_units = UNIT_FEE, _unit_fee(tiers[0].unit_amount, free_units), None
    return Terms(
        "rate_curve" if amounts.intervals is not None else model,
        version.rounding,
        round_at,
        tiers=tiers,
        event=event,
        package=_package_terms(amounts.package, unit) if amounts.package is not None else None,
        cells=_cell_terms(amounts.matrix, unit) if amounts.matrix is not None else (),
        curve=_curve_terms(amounts, unit) if amounts.intervals is not None else (),
        free_units=free_units,
        minimum=amounts.minimum,
        maximum=amounts.maximum,
        conversion=conversion,
        flat_on_zero=version.flat_on_zero,
        on_price_change=version.on_price_change,
        tier_period=version.tier_period,
        pool=version.pool,
    )


def _conversion(said: UnitConversion | None) -> tuple[Conversion, int]:
    """Return the conversion, and what one unit of the terms is in the units that are priced."""
    if said is None:
        return Conversion(), 1
    ratio = Fraction(said.multiply) if said.multiply is not None else 1 / Fraction(said.divide or 1)
    if said.round == "none":
        return Conversion(ratio.numerator), ratio.denominator
    return Conversion(ratio.numerator, ratio.denominator, said.round), 1


def _tier_terms(model: str, amounts: Amounts, unit: int) -> tuple[TierTerms, ...]:
    if amounts.intervals is not None:
        return ()
    if model == "per_unit" and unit == 1:
        return unit_terms(amounts.unit_amount or Decimal(0), amounts.per).tiers
    if model == "per_unit":
        return (TierTerms(None, _unit(amounts.unit_amount, amounts.per) / unit, Decimal(0)),)
    if model == "flat":
        return (TierTerms(None, Fraction(0), amounts.flat_amount or Decimal(0)),)
    return tuple(
        TierTerms(
            _units(tier.up_to, unit),
            _unit(tier.unit_amount or tier.rate, tier.per) / unit,
            tier.flat_amount or Decimal(0),
        )
        for tier in amounts.tiers or ()
    )


def _event_terms(share: Percentage, unit: int) -> EventTerms:
    return EventTerms(
        rate=share.rate if unit == 1 else at_24_places(Fraction(share.rate) / unit),
        fixed=share.fixed or Decimal(0),
        minimum_fee=share.min,
        maximum_fee=share.max,
        free_events=share.free_events,
        free_amount=_units(share.free_amount, unit),
        free_rule=share.free_rule,
    )


def _unit_fee(unit_amount: Fraction, free_units: Decimal | None) -> EventTerms:
    return EventTerms(at_24_places(unit_amount), Decimal(0), None, None, None, free_units, "first_exhausted")


def _package_terms(package: Package, unit: int) -> PackageTerms:
    free = _units(package.free_units, unit) or Decimal(0)
    return PackageTerms(_units(package.size, unit) or package.size, package.amount, free, package.round)


def _cell_terms(matrix: Matrix, unit: int) -> tuple[CellTerms, ...]:
    cells = [
        CellTerms(tuple(sorted(cell.where.items())), _unit(cell.unit_amount or cell.rate, cell.per) / unit)
        for cell in matrix.cells
    ]
    if matrix.default is not None:
        other = matrix.default
        cells.append(CellTerms(None, _unit(other.unit_amount or other.rate, other.per) / unit))
    return tuple(cells)


def _units(quantity: Decimal | None, unit: int) -> Decimal | None:
    """Return a quantity of the terms in the units that are priced, exactly."""
    if quantity is None or unit == 1:
        return quantity
    return _scaled(int(Fraction(quantity) * unit * 10**QUANTITY_PLACES), QUANTITY_PLACES)


def _curve_terms(amounts: Amounts, unit: int) -> tuple[tuple[int, int, Fraction], ...]:
    """Lay the intervals over the unit price of the rest of the week; rows at which nothing changes are left out."""
    base = _unit(amounts.unit_amount, amounts.per) / unit
    curve = []
    for weekday, name in enumerate(WEEKDAYS, start=1):
        changes = {0: base}
        for interval in sorted(amounts.intervals or (), key=lambda each: each.from_minute, reverse=True):
            if name in (interval.days or WEEKDAYS):
                changes.setdefault(interval.to_minute, base)
                changes[interval.from_minute] = _unit(interval.unit_amount, interval.per) / unit
        held: Fraction | None = None
        for minute, unit_amount in sorted(changes.items()):
            if minute < MINUTES_OF_DAY and unit_amount != held:
                curve.append((weekday, minute, unit_amount))
                held = unit_amount
    return tuple(curve)


def _unit(unit_amount: Decimal | None, per: Decimal | None) -> Fraction:
    return Fraction(unit_amount or 0) / Fraction(per or 1)


@lru_cache(maxsize=CACHED_TERMS)
def pieces(terms: Terms) -> tuple[LinearPiece, ...]:
    """Return the tiers as lines; a package price is one.

    Rule: graduated pays each unit in its own tier and each flat entered: base is all that is due below, and the own
    flat. volume pays every unit at the tier that the total falls in: base is the own flat. Example (semantics 8):
    1000 @ 0.010 + 5, 5000 @ 0.008 + 3, then 0.005: graduated bases 5, 18, 50.
    """
    if terms.package is not None:
        return (_package_piece(terms.package),)
    lines = []
    below, due = Decimal(0), Fraction(0)
    starts_at_zero = terms.flat_on_zero == "none" and any(tier.flat_amount for tier in terms.tiers[:1])
    if starts_at_zero:
        # Below zero, where a running total may be on its way, tier one's line goes on without its flat.
        unit_amount = terms.tiers[0].unit_amount
        lines.append(LinearPiece(0, Decimal(-1), Decimal(0), Decimal(0), unit_amount, Decimal(0), Fraction(0)))
    for number, tier in enumerate(terms.tiers, start=1):
        is_graduated = terms.model in GRADUATED
        base = due + Fraction(tier.flat_amount) if is_graduated else Fraction(tier.flat_amount)
        line = LinearPiece(
            tier=number,
            # Tier one holds x = 0 too; -1 keeps the lower bound exclusive in every tier.
            lower_bound=Decimal(-1) if below == 0 and not starts_at_zero else below,
            up_to=tier.up_to,
            offset=below if is_graduated else Decimal(0),
            unit_amount=tier.unit_amount,
            flat_amount=tier.flat_amount,
            base_amount=base,
        )
        lines.append(line)
        if tier.up_to is not None:
            due = base + Fraction(tier.up_to - below) * tier.unit_amount
            below = tier.up_to
    return tuple(lines)


def _package_piece(package: PackageTerms) -> LinearPiece:
    return LinearPiece(
        tier=1,
        lower_bound=Decimal(-1),
        up_to=None,
        offset=package.free_units,
        unit_amount=Fraction(package.amount),
        flat_amount=Decimal(0),
        base_amount=Fraction(0),
        package_size=package.size,
        package_round=package.round,
    )


@lru_cache(maxsize=CACHED_TERMS)
def quantity_limit(terms: Terms, *, by_group: bool = False) -> Decimal:
    """Return the largest cumulative quantity whose amount surely stays below 10^13.

    Rule: within the first tier where base + x * unit price could reach 10^13, the largest x of 12 places below it;
    never above 10^20. For percentage x is the value, and the fixed fee and the least fee count once; for dynamic it is
    the amount. Of a matrix, and of groups, whose totals are added up, every unit is taken at the dearest price. With a
    unit conversion it is the largest quantity that becomes no more than that.
    """
    limit = _converted_limit(terms, by_group=by_group)
    conversion = terms.conversion
    if conversion == Conversion():
        return limit
    # Rounding adds one unit at most; and the product with the factor has to fit, too.
    whole = max(Fraction(limit) - (0 if conversion.round is None else 1), Fraction(0))
    most = min(whole * conversion.divisor, Fraction(LARGEST_CONVERTED)) / conversion.factor
    return min(LARGEST_QUANTITY, _scaled(int(most * 10**QUANTITY_PLACES), QUANTITY_PLACES))


def _converted_limit(terms: Terms, *, by_group: bool) -> Decimal:
    if terms.event is not None:
        base = max(Fraction(terms.event.fixed), Fraction(terms.event.minimum_fee or 0))
        return _reach(base, Fraction(terms.event.rate))
    if terms.model == "dynamic":
        return _reach(Fraction(0), Fraction(1))
    by_cell = [*(cell.unit_amount for cell in terms.cells), *(unit_amount for *_, unit_amount in terms.curve)]
    if by_cell:
        return _beyond_free(terms, _reach(Fraction(0), max(by_cell)))
    if terms.package is not None:
        # A started package is at most one more than the units make.
        per_unit = Fraction(terms.package.amount) / Fraction(terms.package.size)
        return _beyond_free(terms, _reach(Fraction(terms.package.amount), per_unit))
    if by_group:
        return _beyond_free(terms, _reach(Fraction(0), max(piece.unit_amount for piece in pieces(terms))))
    return _beyond_free(terms, _tiered_limit(terms))


def group_limit(terms: Terms) -> int:
    """Return how many groups can surely have all their flat amounts and started packages below 10^13."""
    flats = sum((Fraction(tier.flat_amount) for tier in terms.tiers), Fraction(0))
    if terms.package is not None:
        flats += Fraction(terms.package.amount)
    return int(Fraction(LARGEST_AMOUNT) / flats) if flats > Fraction(LARGEST_AMOUNT) / MOST_GROUPS else MOST_GROUPS


def _beyond_free(terms: Terms, limit: Decimal) -> Decimal:
    return min(LARGEST_QUANTITY, limit + (terms.free_units or 0))


def _tiered_limit(terms: Terms) -> Decimal:
    for piece in pieces(terms):
        limit = max(_reach(piece.base_amount, piece.unit_amount), piece.lower_bound, Decimal(0))
        if piece.up_to is None or limit < piece.up_to:
            return limit
    return LARGEST_QUANTITY


def _reach(base: Fraction, unit_amount: Fraction) -> Decimal:
    room = Fraction(LARGEST_AMOUNT) - base
    if unit_amount == 0:
        return LARGEST_QUANTITY
    steps = room / unit_amount * 10**QUANTITY_PLACES
    # The bound itself is already too much, so an exact hit goes one step back.
    whole = steps.numerator // steps.denominator - (1 if steps.denominator == 1 else 0)
    return min(LARGEST_QUANTITY, _scaled(max(whole, 0), QUANTITY_PLACES))


def at_24_places(value: Fraction) -> Decimal:
    """Round a fraction half-even at the 24th place: the one rounding between a document and a table."""
    scaled = value * 10**UNIT_PRICE_PLACES
    # round() of a Fraction is exact and half-even.
    return _scaled(round(scaled), UNIT_PRICE_PLACES)


def _scaled(whole: int, places: int) -> Decimal:
    # scaleb() and arithmetic would round to the 28 digits of the context; the constructor is exact.
    return Decimal(f"{whole}E-{places}")


@lru_cache(maxsize=CACHED_TERMS)
def amount_faults(terms: Terms) -> tuple[Fault, ...]:
    """List amounts that no table can hold: a unit price that vanishes, a tier that begins beyond 10^13."""
    faults = [*_cell_faults(terms), *_curve_faults(terms), *_bound_faults(terms), *_conversion_faults(terms)]
    for piece in pieces(terms):
        where = f"tier {piece.tier}: " if len(terms.tiers) > 1 else ""
        if piece.unit_amount >= LARGEST_AMOUNT:
            faults.append(Fault((), "too_large", f"{where}one unit costs 10^13 or more.", "Check unit_amount and per."))
        if piece.unit_amount > 0 and at_24_places(piece.unit_amount) == 0:
            message = f"{where}one unit costs less than 10^-24 and would be free."
            faults.append(Fault((), "too_small", message, "Check unit_amount and per, or choose a larger unit."))
        if piece.base_amount >= LARGEST_AMOUNT:
            message = f"{where}it begins at 10^13 or more, which no amount can hold."
            faults.append(Fault((), "too_large", message, "Drop the tier or lower its bound."))
    return tuple(faults)


def _cell_faults(terms: Terms) -> Iterator[Fault]:
    for cell in terms.cells:
        name = _cell_name(cell)
        if cell.unit_amount >= LARGEST_AMOUNT:
            yield Fault((), "too_large", f"cell {name}: one unit costs 10^13 or more.", "Check unit_amount and per.")
        if cell.unit_amount > 0 and at_24_places(cell.unit_amount) == 0:
            message = f"cell {name}: one unit costs less than 10^-24 and would be free."
            yield Fault((), "too_small", message, "Check unit_amount and per, or choose a larger unit.")


def _hours_name(weekday: int, minute: int) -> str:
    return f"{WEEKDAYS[weekday - 1]} {minute // 60:02d}:{minute % 60:02d}"


def _curve_faults(terms: Terms) -> Iterator[Fault]:
    dearest = max((unit_amount for *_, unit_amount in terms.curve), default=Fraction(0))
    if dearest >= LARGEST_AMOUNT:
        yield Fault((), "too_large", "intervals: one unit costs 10^13 or more.", "Check unit_amount and per.")
    if any(unit_amount > 0 and at_24_places(unit_amount) == 0 for *_, unit_amount in terms.curve):
        message = "intervals: one unit costs less than 10^-24 and would be free."
        yield Fault((), "too_small", message, "Check unit_amount and per, or choose a larger unit.")


def _cell_name(cell: CellTerms) -> str:
    return "default" if cell.where is None else " ".join(f"{name}={value}" for name, value in cell.where)


def _conversion_faults(terms: Terms) -> Iterator[Fault]:
    """Yield a fault where the factor, the divisor or what they make of the terms does not fit a quantity."""
    sizes = [*(tier.up_to for tier in terms.tiers), terms.free_units]
    if terms.package is not None:
        sizes += [terms.package.size, terms.package.free_units]
    if terms.event is not None:
        sizes.append(terms.event.free_amount)
    factors = [Decimal(terms.conversion.factor), Decimal(terms.conversion.divisor)]
    largest = max([*factors, *(size for size in sizes if size is not None)])
    if largest >= LARGEST_CONVERTED:
        message = f"unit_conversion makes quantities of {largest:.0e} of the terms."
        yield Fault((), "too_large", message, "Write a factor or divisor of fewer digits, or smaller tiers.")


def _bound_faults(terms: Terms) -> Iterator[Fault]:
    # A minimum is multiplied by the days that are covered before it is divided by those of the period.
    if terms.minimum is not None and terms.minimum >= LARGEST_AMOUNT / 10:
        yield Fault((), "too_large", "the minimum is 10^12 or more.", "Lower it.")


def as_instant(moment: date | datetime) -> datetime:
    """Return a moment as a naive instant, a day as its midnight: for sorting, never for deciding."""
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time())


def written(moment: date | datetime) -> str:
    """Write a moment as ids and messages show it: 2026-01-01 or 2024-11-13T02:40:52Z."""
    return f"{moment.isoformat()}Z" if isinstance(moment, datetime) else moment.isoformat()


def in_order(versions: Sequence[BookVersion]) -> list[BookVersion]:
    """Sort versions by start; corrections stay in the order of the document."""
    return sorted(versions, key=lambda version: (as_instant(version.starts), isinstance(version.starts, datetime)))


def described(version: BookVersion) -> str:
    """Say the terms of a version in a few words: `USD: 0.00003 up to 1000000 (+5), then 0.00002`."""
    return "; ".join(f"{code}: {_described(terms)}" for code, terms in version.terms)


def _described(terms: Terms) -> str:
    return (
        _described_price(terms)
        + "".join(
            f", {name} {value:f}"
            for name, value in (
                ("free units", terms.free_units),
                ("minimum", terms.minimum),
                ("maximum", terms.maximum),
            )
            if value is not None
        )
        + "".join(
            f", {name} {value}"
            for name, value, plain in (
                ("on a price change", terms.on_price_change, "restart"),
                ("tiers per", terms.tier_period, "billing"),
                ("pooled by", terms.pool, "account"),
            )
            if value != plain
        )
        + _described_conversion(terms)
        + ("" if terms.rounding == "half_up" else f", rounded {terms.rounding}")
    )


def _described_conversion(terms: Terms) -> str:
    conversion = terms.conversion
    by = f", quantity times {conversion.factor}" if conversion.factor != 1 else ""
    rounded = (
        f", quantity divided by {conversion.divisor} and rounded {conversion.round}"
        if conversion.round is not None
        else ""
    )
    zero = ", no flat on zero" if terms.flat_on_zero == "none" else ""
    return by + rounded + zero


def _described_price(terms: Terms) -> str:
    if terms.event is not None:
        return _described_fee(terms.model, terms.event)
    if terms.package is not None:
        package = terms.package
        free = f", {package.free_units:f} free" if package.free_units else ""
        return f"package {package.amount:f} per {package.size:f}{free}, rounded {package.round}"
    by_cell = [f"{_cell_name(cell)} {plainly(cell.unit_amount)}" for cell in terms.cells]
    by_cell += [f"{_hours_name(*at)} {plainly(unit_amount)}" for *at, unit_amount in terms.curve]
    if by_cell:
        return f"{terms.model.replace('_', ' ')} {', '.join(by_cell)}"
    if terms.model == "dynamic":
        return "the amounts of the events"
    if terms.model == "flat":
        return f"flat {terms.tiers[0].flat_amount:f}"
    parts = []
    for tier in terms.tiers:
        flat = f" (+{tier.flat_amount:f})" if tier.flat_amount else ""
        bound = f" up to {tier.up_to:f}" if tier.up_to is not None else ""
        parts.append(f"{plainly(tier.unit_amount)}{bound}{flat}")
    return f"{terms.model} {', then '.join(parts)}"


def _described_fee(model: str, event: EventTerms) -> str:
    fee = plainly(Fraction(event.rate))
    parts = [
        f"{fee} a unit, event by event" if model == UNIT_FEE else f"{fee} of the value + {event.fixed:f} per event"
    ]
    for name, value in (("at least", event.minimum_fee), ("at most", event.maximum_fee)):
        if value is not None:
            parts.append(f"{name} {value:f}")
    if event.free_events is not None:
        parts.append(f"{event.free_events} events free")
    if event.free_amount is not None:
        parts.append(f"{event.free_amount:f} free")
    if event.free_events is not None and event.free_amount is not None:
        parts.append("until either is used up" if event.free_rule == "first_exhausted" else "until both are used up")
    return ", ".join(parts)


def plainly(value: Fraction) -> str:
    """Write a fraction as a plain decimal without trailing zeros."""
    text = f"{at_24_places(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
