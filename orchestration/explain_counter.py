"""Which lines one counter counts, and in which order: worked out from book and contracts, in plain Python."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from data_contracts import AccountContracts, LineItems, PriceVersions, RateCurves, RatedEvents, Rates
from orchestration.build import Build
from transforms.price_bounds import BOUND_KINDS

Row = dict[str, Any]
MONTHS = {"month": 1, "quarter": 3, "year": 12}
DAYS = {"day": 1, "week": 7}
A_FIRST_OF_JANUARY = date(2000, 1, 1)
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def period_start(day: date, interval: str, anchor: date) -> date:
    """First day of the period of an interval that holds a day, counted from an anchor that months clamp."""
    if interval in DAYS:
        return day - timedelta(days=(day - anchor).days % DAYS[interval])
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    months -= months % MONTHS[interval]
    start = _months_after(anchor, months)
    return start if start <= day else _months_after(anchor, months - MONTHS[interval])


def _months_after(anchor: date, months: int) -> date:
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return date(year, month + 1, min(anchor.day, monthrange(year, month + 1)[1]))


def lines_of_counter(build: Build, line: Row) -> list[Row]:
    """Return the lines that are counted with a line, in order; of a flat price those that it is due once for.

    What is rated as one (a pool, groups that share tiers) is one row per version and day. A row has `quantity` and the
    ids of its lines.
    """
    found = build.frame(LineItems).filter(pl.col("price_id") == line["price_id"], not_a_bound()).collect().to_dicts()
    versions = {row["price_version_id"]: row for row in _versions(build, line)}
    anchors = _anchors(build, [row["contract_id"] for row in found])
    key = _counter(line, versions, anchors)
    mine = [row for row in found if _counter(row, versions, anchors) == key]
    starts = _starts(build)
    mine.sort(
        key=lambda row: (
            row["service_date"],
            starts[row["price_version_id"]],
            *[row[name] for name in ("account_id", "contract_id", "price_version_id", "dimensions")],
        )
    )
    merged: dict[tuple[Any, ...], Row] = {}
    of_one = () if is_shared(versions[line["price_version_id"]]) else ("account_id", "contract_id")
    for row in mine:
        names = ("service_date", "billing_period_start", "price_version_id", *of_one)
        whole = merged.setdefault(
            tuple(row[name] for name in names), {**row, "quantity": Fraction(0), "line_item_ids": []}
        )
        whole["quantity"] += Fraction(row["quantity"])
        whole["line_item_ids"].append(row["line_item_id"])
    return list(merged.values())


def counted_before(counter: Sequence[Row], line: Row) -> list[Row]:
    """Return what was counted before a line."""
    place = next(place for place, row in enumerate(counter) if line["line_item_id"] in row["line_item_ids"])
    return list(counter[:place])


def _counter(row: Row, versions: dict[str, Row], anchors: dict[str, date]) -> tuple[Any, ...]:
    terms, anchor = versions[row["price_version_id"]], anchors[row["contract_id"]]
    group = "" if terms["shares_tiers"] else row["dimensions"]
    if terms["model"] == "flat":
        interval = terms["due_interval"]
        since = row["billing_period_start"] if interval is None else period_start(row["service_date"], interval, anchor)
        return ("", row["contract_id"], group, since)
    owner = row["payer_id"] if terms["pool"] == "payer" else row["contract_id"]
    head = terms["counter_version_id"] or row["price_version_id"]
    if terms["tier_period"] == "term":
        return (head, owner, group, None)
    if terms["tier_period"] == "billing":
        return (head, owner, group, row["billing_period_start"])
    return (head, owner, group, period_start(row["service_date"], terms["tier_period"], A_FIRST_OF_JANUARY))


def is_shared(version: Row) -> bool:
    """Whether a version rates several contracts or groups as one sum, of which each has a part."""
    counts = version["model"] in ("per_unit", "graduated", "graduated_percentage", "volume", "package")
    return counts and bool(version["shares_tiers"] or version["pool"] == "payer")


def _versions(build: Build, line: Row) -> list[Row]:
    return build.frame(PriceVersions).filter(pl.col("price_id") == line["price_id"]).collect().to_dicts()


def _anchors(build: Build, contracts: Sequence[str]) -> dict[str, date]:
    rows = build.frame(AccountContracts).filter(pl.col("contract_id").is_in(contracts))
    return dict(rows.select("contract_id", "billing_anchor_date").unique().collect().iter_rows())


def _starts(build: Build) -> dict[str, datetime]:
    """When each version first holds for anybody: what decides the order within a day."""
    first = build.frame(Rates).group_by("price_version_id").agg(pl.col("valid_from_at").min())
    return dict(first.collect().iter_rows())


def events_of_counter(build: Build, line: Row, counter: Sequence[Row]) -> list[Row]:
    """Return the rated events of a counter up to and with a line's day, in the order in which they use an allowance."""
    names = ("account_id", "contract_id", "price_version_id", "service_date")
    days = {tuple(row[name] for name in names) for row in counter if row["service_date"] <= line["service_date"]}
    rated = build.frame(RatedEvents).filter(
        pl.col("price_id") == line["price_id"], pl.col("line_dimensions") == line["dimensions"]
    )
    events = rated.sort("occurred_at", "event_id", "source").collect().to_dicts()
    return [event for event in events if tuple(event[name] for name in names) in days]


def not_a_bound() -> pl.Expr:
    """Whether a line is usage or time, not what a minimum or maximum changes."""
    return ~pl.col("charge_kind").is_in(BOUND_KINDS)


def shares(total: Fraction, weights: Sequence[Fraction], digits: int) -> list[Fraction]:
    """Split an amount of so many digits over weights: whole units each, the rest to the largest fractions."""
    counted = list(weights) if any(weights) else [Fraction(1), *weights[1:]]
    units = abs(total) * 10**digits
    wanted = [units * weight / sum(counted) for weight in counted]
    parts = [wish.numerator // wish.denominator for wish in wanted]
    largest = sorted(range(len(parts)), key=lambda place: parts[place] - wanted[place])
    for place in largest[: int(units) - sum(parts)]:
        parts[place] += 1
    sign = -1 if total < 0 else 1
    return [Fraction(sign * part, 10**digits) for part in parts]


def hours(build: Build, line: Row, event: Row) -> tuple[str, Decimal]:
    """Return the local time from which the unit price of an event holds, and that price."""
    states = build.frame(AccountContracts).filter(
        pl.col("contract_id") == line["contract_id"],
        pl.col("valid_from") <= line["service_date"],
        pl.col("valid_to") > line["service_date"],
    )
    zone = ZoneInfo(states.select("time_zone").collect().item())
    local = event["occurred_at"].replace(tzinfo=ZoneInfo("UTC")).astimezone(zone)
    curve = build.frame(RateCurves).filter(
        pl.col("price_version_id") == line["price_version_id"],
        pl.col("currency") == line["price_currency"],
        pl.col("weekday") == local.isoweekday(),
        pl.col("starts_at_minute") <= local.hour * 60 + local.minute,
    )
    held = curve.sort("starts_at_minute").collect().to_dicts()[-1]
    at = f"{held['starts_at_minute'] // 60:02d}:{held['starts_at_minute'] % 60:02d}"
    return f"{WEEKDAYS[local.weekday()]} from {at}", held["unit_amount"]
