"""Where the engine's lines meet the reference: every line, every figure, keys both ways."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

from tests.oracle.reference import Expected, Line

LAST_PLACE = Fraction(1, 10**24)  # what one rounding to DECIMAL(38,24) can be off by, with room

Key = tuple[str, str, str, str, date]


def compare(lines_frame_rows: Iterable[Mapping[str, Any]], expected: Expected) -> list[str]:
    """Differences between the engine's `line_items` and the expected lines, as sentences; none means equal.

    Rows are `frame.iter_rows(named=True)` of `line_items` without adjustments. The key is (contract, price version,
    dimensions, kind, service date). Rounded amounts, quantities, currency and billing period must be equal; exact
    amounts within n·10⁻²⁴, n being how many 24-place roundings the line may rest on.
    """
    rows = list(lines_frame_rows)
    found = {row_key(row): row for row in rows}
    wanted = {line_key(line): line for line in expected.lines}
    differences = [f"twice in the engine's lines: {show(key)}" for key, n in count(map(row_key, rows)) if n > 1]
    differences += [f"twice in the reference: {show(key)}" for key, n in count(map(line_key, expected.lines)) if n > 1]
    differences += [f"expected and missing: {show(key)} {brief(wanted[key])}" for key in sorted(wanted.keys() - found)]
    differences += [
        f"not expected: {show(key)} quantity {found[key]['quantity']} amount {found[key]['amount']}"
        for key in sorted(found.keys() - wanted)
    ]
    for key in sorted(wanted.keys() & found):
        differences += [f"{show(key)} {difference}" for difference in compare_line(found[key], wanted[key])]
    return differences


def compare_line(row: Mapping[str, Any], line: Line) -> list[str]:
    """Differences of one line, column by column."""
    allowed = {
        "quantity": 0,
        "quantity_before": 0,
        "amount": 0,
        "list_amount": 0,
        "amount_exact": line.operations,
        "amount_exact_before": line.operations_before,
    }
    differences = []
    for column, places in allowed.items():
        want, got = Fraction(getattr(line, column)), row[column]
        if got is None or abs(Fraction(got) - want) > places * LAST_PLACE:
            differences.append(f"{column}: expected {as_decimal(want)}, got {got}")
    differences += [
        f"{column}: expected {getattr(line, column)}, got {row[column]}"
        for column in ("price_id", "currency", "billing_period_start")
        if row[column] != getattr(line, column)
    ]
    return differences


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


def row_key(row: Mapping[str, Any]) -> Key:
    dimensions = json.dumps(json.loads(row["dimensions"]), sort_keys=True)
    return (row["contract_id"], version_name(row["price_version_id"]), dimensions, row["kind"], row["service_date"])


def line_key(line: Line) -> Key:
    dimensions = json.dumps(json.loads(line.dimensions), sort_keys=True)
    return (line.contract_id, version_name(line.price_version_id), dimensions, line.kind, line.service_date)


def version_name(version_id: str) -> str:
    """The id with its start in one spelling: how an instant is written is not what is compared."""
    owner, separator, start = version_id.rpartition("@")
    if not separator or len(start) == len("2026-01-01"):
        return version_id
    instant = datetime.fromisoformat(start)
    instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    return f"{owner}@{instant.isoformat()}"


def count(keys: Iterable[Key]) -> list[tuple[Key, int]]:
    return sorted(Counter(keys).items())


def show(key: Key) -> str:
    contract, version, dimensions, kind, day = key
    return f"[{contract} {version} {dimensions} {kind} {day}]"


def brief(line: Line) -> str:
    return f"quantity {as_decimal(line.quantity)} amount {line.amount} {line.currency}"


def as_decimal(value: Fraction) -> str:
    """Plain digits where they end within 24 places, else the fraction."""
    scaled = value * 10**24
    if scaled.denominator != 1:
        return str(value)
    sign, digits = "-" if scaled < 0 else "", str(abs(scaled.numerator)).rjust(25, "0")
    return f"{sign}{digits[:-24]}.{digits[-24:]}".rstrip("0").rstrip(".")
