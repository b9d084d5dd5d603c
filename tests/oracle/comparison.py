"""Where the engine's lines meet the reference: every line, every figure, keys both ways."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.reference import Expected, Line, Matrix, World

# A level weighed by time is a quantity that does not end: where it is cut to twelve places, the text does not say.
LAST_OF_WEIGHED = {"quantity": Fraction(4, 10**12), "amount": Fraction(1, 10**8)}
LAST_PLACE = Fraction(1, 10**24)  # what one rounding to DECIMAL(38,24) can be off by, with room
BOUNDS = ("maximum", "minimum_true_up")

Key = tuple[str, str, str, str, str, date]


@dataclass(frozen=True)
class Found:
    """One line, or what the text fixes of several; None is not compared."""

    quantity: Fraction | None
    quantity_before: Fraction | None
    amount_exact: Fraction
    amount_exact_before: Fraction | None
    amount: Decimal
    list_amount: Decimal | None
    amount_reporting: Decimal | None
    fx_rate_date: date | None
    price_id: str
    currency: str
    billing_period_start: date

    def plus(self, other: "Found") -> "Found":
        """Both as one: what is a sum is added up, what a line says of itself alone is not compared."""
        if (self.currency, self.billing_period_start) != (other.currency, other.billing_period_start):
            raise ValueError(f"lines of one key differ in currency or period: {self} {other}")
        listed = None if self.list_amount is None or other.list_amount is None else self.list_amount + other.list_amount
        counted = None if self.quantity is None or other.quantity is None else self.quantity + other.quantity
        return replace(
            self,
            quantity=counted,
            quantity_before=None,
            amount_exact=self.amount_exact + other.amount_exact,
            amount_exact_before=None,
            amount=self.amount + other.amount,
            list_amount=listed,
            amount_reporting=None,
            fx_rate_date=None,
        )


def compare(lines_frame_rows: Iterable[Mapping[str, Any]], expected: Expected, world: World | None = None) -> list[str]:
    """Differences between the engine's `line_items` and the expected lines, as sentences; none means equal.

    Rows are `frame.iter_rows(named=True)` of `line_items` without adjustments. The key is (contract, price version,
    dimensions, kind, charge kind, service date). Rounded amounts, quantities, currency and billing period must be
    equal; exact amounts within n·10⁻²⁴, n being how many 24-place roundings the line may rest on.

    What the text leaves open is added up before it is compared: the cells of a matrix price, the version and group
    that a minimum or maximum stands under, and the day of a minimum. `world` says which prices are of that kind. On how
    many days a level that says and costs nothing new has a line, it leaves open, too.
    """
    prices = {} if world is None else {price.id: price for price in world.prices}
    timeless = {name for name, price in prices.items() if price.meter is None}
    groups = {
        name: {*price.conditions, *price.group_by}
        for name, price in prices.items()
        if any(isinstance(terms, Matrix) for version in price.versions for terms in version.terms.values())
    }
    of_levels, weighed = (set(), set()) if world is None else prices_of_levels(world)
    rows = [
        (row_key(row, groups), found_in_row(row, timeless))
        for row in lines_frame_rows
        # Whether a bound that takes off nothing has a line, the text does not say.
        if row["charge_kind"] not in BOUNDS or row["amount_exact"] or row["amount"]
    ]
    lines = [
        (
            line_key(line, groups),
            replace(found_in_line(line, timeless), amount_reporting=twin.amount, fx_rate_date=twin.rate_date),
        )
        for line, twin in zip(expected.lines, expected.reporting, strict=True)
    ]
    rows, lines = (
        [(key, found) for key, found in side if not says_nothing(found, of_levels, weighed)] for side in (rows, lines)
    )
    allowed: dict[Key, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for line in expected.lines:
        key = line_key(line, groups)
        most = (allowed[key][0] + line.operations, allowed[key][1] + line.operations_before)
        allowed[key] = most
    summed = {key for key, _ in [*rows, *lines] if key[1] in groups or key[4] in BOUNDS}
    differences = [
        f"twice in the {whose}: {show(key)}"
        for whose, of_side in (("engine's lines", rows), ("reference", lines))
        for key, n in sorted(Counter(key for key, _ in of_side).items())
        if n > 1 and key not in summed
    ]
    found, wanted = by_key(rows, summed), by_key(lines, summed)
    differences += [f"expected and missing: {show(key)} {brief(wanted[key])}" for key in sorted(wanted.keys() - found)]
    differences += [f"not expected: {show(key)} {brief(found[key])}" for key in sorted(found.keys() - wanted)]
    for key in sorted(wanted.keys() & found):
        differences += [
            f"{show(key)} {difference}"
            for difference in compare_line(
                found[key], wanted[key], *allowed[key], reports=world is not None, is_weighed=key[1] in weighed
            )
        ]
    return differences


def prices_of_levels(world: World) -> tuple[set[str], set[str]]:
    """The prices of meters with a level, and those of them whose level is weighed by time."""
    weighed = {meter.id for meter in world.meters if meter.aggregation == "weighted_sum"}
    levels = weighed | {meter.id for meter in world.meters if meter.carries}
    found = [{price.id for price in world.prices if price.meter in meters} for meters in (levels, weighed)]
    return found[0], found[1]


def says_nothing(found: Found, of_levels: set[str], weighed: set[str]) -> bool:
    """A day on which a level is what it was and costs nothing; of one weighed by time, where only its last places say."""
    if found.price_id not in of_levels or found.amount or found.list_amount:
        return False
    quantity, amount = abs(Fraction(found.quantity or 0)), abs(Fraction(found.amount_exact))
    if found.price_id in weighed:
        return quantity <= LAST_OF_WEIGHED["quantity"] and amount <= LAST_OF_WEIGHED["amount"]
    return not (quantity or amount)


def compare_line(
    found: Found, wanted: Found, operations: int, operations_before: int, *, reports: bool, is_weighed: bool = False
) -> list[str]:
    """Differences of one line, column by column; in the reporting currency only where the world says what it is."""
    allowed = {
        "quantity": 0,
        "quantity_before": 0,
        "amount": 0,
        "list_amount": 0,
        "amount_exact": operations,
        "amount_exact_before": operations_before,
    }
    differences = []
    for column, places in allowed.items():
        want, got = getattr(wanted, column), getattr(found, column)
        allowance = places * LAST_PLACE
        if is_weighed and column not in ("amount", "list_amount"):
            allowance = LAST_OF_WEIGHED[column.split("_")[0]]
        if want is not None and (got is None or abs(Fraction(got) - Fraction(want)) > allowance):
            differences.append(f"{column}: expected {as_decimal(Fraction(want))}, got {shown(got)}")
    reported = ("amount_reporting", "fx_rate_date") if reports else ()
    differences += [
        f"{column}: expected {getattr(wanted, column)}, got {getattr(found, column)}"
        for column in ("price_id", "currency", "billing_period_start", *reported)
        if getattr(found, column) != getattr(wanted, column)
    ]
    return differences


def by_key(lines: Iterable[tuple[Key, Found]], summed: set[Key]) -> dict[Key, Found]:
    """Lines by key, added up where that is what is compared; elsewhere a second one was told and is left out."""
    sums: dict[Key, Found] = {}
    for key, found in lines:
        if key not in sums:
            sums[key] = found
        elif key in summed:
            sums[key] = sums[key].plus(found)
    return sums


def compare_outcomes(
    found: Mapping[tuple[str, str, str], str], expected: Expected, *, rated_is_one: bool = True
) -> list[str]:
    """Differences of bucket per (source, event id, kind); rule names are each side's own.

    With `rated_is_one`, priced and zero-rated count as one bucket: the text does not say where they part (C21).
    """

    def bucket(outcome: str) -> str:
        name = outcome.split(":", 1)[0]
        return "rated" if rated_is_one and name in {"priced", "zero_rated"} else name

    return [
        f"event {key}: expected {expected.outcomes.get(key)}, got {found.get(key)}"
        for key in sorted(expected.outcomes.keys() | found)
        if key not in found or key not in expected.outcomes or bucket(found[key]) != bucket(expected.outcomes[key])
    ]


def found_in_row(row: Mapping[str, Any], timeless: set[str]) -> Found:
    """One row of the engine."""
    return found_in(
        row["charge_kind"] in BOUNDS,
        row["price_id"] in timeless,
        quantity=nullable(row["quantity"]),
        quantity_before=nullable(row["quantity_before"]),
        amount_exact=Fraction(row["amount_exact"]),
        amount_exact_before=nullable(row["amount_exact_before"]),
        amount=row["amount"],
        list_amount=row["list_amount"],
        amount_reporting=row.get("amount_reporting"),
        fx_rate_date=row.get("fx_rate_date"),
        price_id=row["price_id"],
        currency=row["currency"],
        billing_period_start=row["billing_period_start"],
    )


def found_in_line(line: Line, timeless: set[str]) -> Found:
    """One line of the reference, not yet with its amount in the reporting currency."""
    return found_in(
        line.charge_kind in BOUNDS,
        line.price_id in timeless,
        quantity=line.quantity,
        quantity_before=line.quantity_before,
        amount_exact=line.amount_exact,
        amount_exact_before=line.amount_exact_before,
        amount=line.amount,
        list_amount=line.list_amount,
        amount_reporting=None,
        fx_rate_date=None,
        price_id=line.price_id,
        currency=line.currency,
        billing_period_start=line.billing_period_start,
    )


def found_in(is_bound: bool, is_timeless: bool, **columns: Any) -> Found:
    """Leave out what the text does not fix: the quantity of a price of time, all but the amounts of a bound."""
    if is_timeless or is_bound:
        columns |= {"quantity": None, "quantity_before": None}
    if is_bound:
        columns |= {"amount_exact_before": None, "list_amount": None}
    return Found(**columns)


def nullable(value: Decimal | None) -> Fraction | None:
    return None if value is None else Fraction(value)


def row_key(row: Mapping[str, Any], groups: Mapping[str, set[str]]) -> Key:
    return key_of(
        row["contract_id"],
        row["price_id"],
        row["price_version_id"],
        row["dimensions"],
        row["kind"],
        row["charge_kind"],
        row["service_date"],
        row["billing_period_start"],
        groups,
    )


def line_key(line: Line, groups: Mapping[str, set[str]]) -> Key:
    return key_of(
        line.contract_id,
        line.price_id,
        line.price_version_id,
        line.dimensions,
        line.kind,
        line.charge_kind,
        line.service_date,
        line.billing_period_start,
        groups,
    )


def key_of(
    contract: str,
    price: str,
    version: str,
    dimensions: str,
    kind: str,
    charge_kind: str,
    day: date,
    period: date,
    groups: Mapping[str, set[str]],
) -> Key:
    if charge_kind in BOUNDS:
        return (contract, price, "", kind, charge_kind, day if charge_kind == "maximum" else period)
    values = json.loads(dimensions)
    if price in groups:
        values = {name: value for name, value in values.items() if name in groups[price]}
    group = json.dumps(values, sort_keys=True)
    # What is charged for time is `recurring` or `usage`: the text does not say.
    return (contract, price, f"{version_name(version)} {group}", kind, charge_kind.replace("recurring", "usage"), day)


def version_name(version_id: str) -> str:
    """The id with its start in one spelling: how an instant is written is not what is compared."""
    owner, separator, start = version_id.rpartition("@")
    if not separator or len(start) == len("2026-01-01"):
        return version_id
    instant = datetime.fromisoformat(start)
    instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    return f"{owner}@{instant.isoformat()}"


def show(key: Key) -> str:
    contract, price, version, kind, charge_kind, day = key
    return f"[{contract} {version or price} {kind} {charge_kind} {day}]"


def brief(line: Found) -> str:
    return f"quantity {shown(line.quantity)} exact {shown(line.amount_exact)} amount {line.amount} {line.currency}"


def shown(value: Fraction | Decimal | None) -> str:
    return as_decimal(value) if isinstance(value, Fraction) else str(value)


def as_decimal(value: Fraction) -> str:
    """Plain digits where they end within 24 places, else the fraction."""
    scaled = value * 10**24
    if scaled.denominator != 1:
        return str(value)
    sign, digits = "-" if scaled < 0 else "", str(abs(scaled.numerator)).rjust(25, "0")
    return f"{sign}{digits[:-24]}.{digits[-24:]}".rstrip("0").rstrip(".")
