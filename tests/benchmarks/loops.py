"""The same rating as a loop over events with `decimal.Decimal`, as most billing scripts begin."""

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from tests.benchmarks import company, usage

QUANTA = {name: Decimal(1).scaleb(-digits) for name, digits in company.MINOR_DIGITS.items()}
Row = dict[str, Any]
Totals = dict[str, list[object]]


def exactly(rate: Callable[[list[Path], Path], Totals]) -> Callable[[list[Path], Path], Totals]:
    """Give a loop enough digits while it runs, and nobody else: the context of decimals belongs to the whole process."""

    def run(files: list[Path], reference: Path) -> Totals:
        with localcontext(Context(prec=60, rounding=ROUND_HALF_UP)):
            return rate(files, reference)

    return run


@exactly
def rated_month(files: list[Path], reference: Path) -> dict[str, list[object]]:
    """Rate the metered usage event by event; return rows, quantity, exact and booked amounts per currency."""
    contracts, versions = _contracts(reference), _versions(reference)
    tiers = defaultdict(list)
    for tier in _rows(reference / "price_tiers.parquet"):
        tiers[tier["price_version_id"], tier["currency"]].append(tier)
    used: dict[tuple[str, str, date], dict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    seen: set[str] = set()
    for event in _events(files):
        if event["event_id"] in seen:
            continue
        seen.add(event["event_id"])
        contract = contracts[event["account_id"]]
        day = event["occurred_at"].astimezone(contract["zone"]).date()
        for price in versions[contract["rate_set_id"], event["meter"]]:
            if all(event[name] == value for name, value in price["where"].items()):
                place = bisect_right(price["starts"], event["occurred_at"].replace(tzinfo=None)) - 1
                used[contract["contract_id"], price["price_id"], day][place] += event["quantity"]
    return _lines(contracts, versions, tiers, used)


def _lines(
    contracts: dict[str, Row],
    versions: dict[tuple[str, str], list[Row]],
    tiers: dict[tuple[str, str], list[Row]],
    used: dict[tuple[str, str, date], dict[int, Decimal]],
) -> dict[str, list[object]]:
    months: dict[tuple[str, str, date], list[tuple[date, dict[int, Decimal]]]] = defaultdict(list)
    for (contract_id, price_id, day), by_version in used.items():
        months[contract_id, price_id, day.replace(day=1)].append((day, by_version))
    totals: dict[str, list[Any]] = defaultdict(lambda: [0, Decimal(), Decimal(), Decimal()])
    prices_of = defaultdict(list)
    for (rate_set_id, _), prices in versions.items():
        prices_of[rate_set_id] += prices
    first = usage.FIRST_DAY
    for contract in contracts.values():
        for price in prices_of[contract["rate_set_id"]]:
            # An event of the first or the last day can fall on a local day of the month beside.
            for month in (date(first.year, first.month - 1, 1), first, date(first.year, first.month + 1, 1)):
                days = sorted(months.get((contract["contract_id"], price["price_id"], month), []), key=lambda d: d[0])
                if not days and month == first:
                    days = [
                        (first, {bisect_right(price["starts"], datetime(first.year, first.month, 1)) - 1: Decimal()})
                    ]
                _add_month(totals, price, tiers, days)
    return {
        currency: [row[0], *(f"{sum_.normalize():f}" for sum_ in row[1:])] for currency, row in sorted(totals.items())
    }


def _add_month(
    totals: dict[str, list[Any]],
    price: Row,
    tiers: dict[tuple[str, str], list[Row]],
    days: list[tuple[date, dict[int, Decimal]]],
) -> None:
    exact = booked = Decimal()
    counters: dict[int, tuple[Decimal, Decimal]] = {}
    for _, by_version in days:
        for place, quantity in sorted(by_version.items()):
            currency = price["currencies"][place]
            through, before = counters.get(place, (Decimal(), Decimal()))
            through += quantity
            tier = next(
                tier
                for tier in tiers[price["versions"][place], currency]
                if through > tier["lower_bound"] and (tier["up_to"] is None or through <= tier["up_to"])
            )
            total = tier["base_amount"] + (through - tier["offset"]) * tier["unit_amount"]
            counters[place] = through, total
            exact += total - before
            now = exact.quantize(QUANTA[currency])
            line = totals[currency]
            line[0] += 1
            line[1] += quantity
            line[2] += total - before
            line[3] += now - booked
            booked = now


@exactly
def fees(files: list[Path], reference: Path) -> dict[str, list[object]]:
    """Price the payments event by event; return rows, value, exact and booked fees per currency."""
    contracts, versions = _contracts(reference), _versions(reference)
    terms = {(row["price_version_id"], row["currency"]): row for row in _rows(reference / "price_versions.parquet")}
    totals: dict[str, list[Any]] = defaultdict(lambda: [0, Decimal(), Decimal(), Decimal()])
    seen: set[str] = set()
    for event in _events(files):
        if event["event_id"] in seen:
            continue
        seen.add(event["event_id"])
        contract = contracts[event["account_id"]]
        for price in versions[contract["rate_set_id"], event["meter"]]:
            if any(event[name] != value for name, value in price["where"].items()):
                continue
            place = bisect_right(price["starts"], event["occurred_at"].replace(tzinfo=None)) - 1
            currency = price["currencies"][place]
            term = terms[price["versions"][place], currency]
            fee = event["amount"] * term["rate"] + term["fixed_amount"]
            if term["minimum_fee"] is not None:
                fee = max(fee, term["minimum_fee"])
            if term["maximum_fee"] is not None:
                fee = min(fee, term["maximum_fee"])
            line = totals[currency]
            line[0] += 1
            line[1] += event["amount"]
            line[2] += fee
            line[3] += fee.quantize(QUANTA[currency])
    return {
        currency: [row[0], *(f"{sum_.normalize():f}" for sum_ in row[1:])] for currency, row in sorted(totals.items())
    }


def _events(files: list[Path]) -> Iterator[Row]:
    for file in files:
        yield from _rows(file)


def _rows(path: Path) -> Iterator[Row]:
    frame = pl.read_parquet(path)
    return frame.iter_rows(named=True)


def _contracts(reference: Path) -> dict[str, Row]:
    """The contract of each account: the signed one, else the default plan."""
    rows = sorted(_rows(reference / "account_contracts.parquet"), key=lambda row: not row["is_default"])
    return {row["account_id"]: row | {"zone": ZoneInfo(row["time_zone"])} for row in rows}


def _versions(reference: Path) -> dict[tuple[str, str], list[Row]]:
    """The prices of each rate set and meter, each with the starts of its versions."""
    prices: dict[tuple[str, str, str], Row] = {}
    for row in sorted(_rows(reference / "rates.parquet"), key=lambda row: row["valid_from_at"]):
        key = row["rate_set_id"], row["meter"], row["price_id"]
        price = prices.setdefault(
            key,
            {
                "price_id": row["price_id"],
                "where": json.loads(row["conditions"]),
                "starts": [],
                "versions": [],
                "currencies": [],
            },
        )
        price["starts"].append(row["valid_from_at"])
        price["versions"].append(row["price_version_id"])
        price["currencies"].append(row["currency"])
    of_meter = defaultdict(list)
    for (rate_set_id, meter, _), price in prices.items():
        of_meter[rate_set_id, meter].append(price)
    return of_meter
