"""`versions_from`: a long series of unit prices in a CSV beside the document, read without a model per row."""

import csv
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from io import StringIO

from pydantic_core import PydanticCustomError

from orchestration.book.problems import Place, Problem
from orchestration.book.scalars import (
    LARGEST_AMOUNT,
    LARGEST_QUANTITY,
    QUANTITY_PLACES,
    UNIT_PRICE_PLACES,
    plain_decimal,
    read_currency,
    read_moment,
)
from orchestration.book.terms import BookVersion, Terms, amount_faults, unit_terms

REQUIRED = ("effective_from", "unit_amount")
OPTIONAL = ("per", "currency")
SHOWN_PROBLEMS = 20

Cell = dict[str, str]


@lru_cache(maxsize=64)
def read_series(path: str, content: str, currency: str | None) -> tuple[tuple[BookVersion, ...], tuple[Problem, ...]]:
    """Read a series of per_unit versions: one row per `effective_from`, or per `effective_from` and `currency`.

    Refuses: another header, a ragged row, anything but plain decimals, a start and currency that stand twice. The
    first 20 problems are shown, the others counted.
    """
    rows = csv.reader(StringIO(content.removeprefix("\ufeff"), newline=""), strict=True)
    header = next(rows, [])
    unknown = [name for name in header if name not in REQUIRED + OPTIONAL]
    missing = [name for name in REQUIRED if name not in header]
    if unknown or missing or len(set(header)) != len(header):
        message = f"the header is {','.join(header)}."
        remedy = f"It needs {', '.join(REQUIRED)} and may have {', '.join(OPTIONAL)}."
        return (), (Problem(path, 1, None, "bad_header", message, remedy),)
    problems: list[Problem] = []
    by_start: dict[date | datetime, dict[str, Terms]] = {}
    lines: dict[date | datetime, int] = {}
    try:
        for row in rows:
            if len(row) != len(header):
                message = f"{len(row)} fields, the header has {len(header)}."
                problems.append(
                    Problem(path, rows.line_num, None, "ragged_row", message, "Write one value per column.")
                )
                continue
            _take_row(path, rows.line_num, dict(zip(header, row, strict=True)), currency, by_start, lines, problems)
    except csv.Error as error:
        problems.append(Problem(path, rows.line_num, None, "csv_syntax", f"{error}.", "Correct the quoting there."))
    if not by_start and not problems:
        problems.append(Problem(path, 1, None, "empty", "the series has no rows.", "Write at least one price."))
    versions = tuple(
        _version(start, terms, Place(path, lines[start], "effective_from")) for start, terms in by_start.items()
    )
    return versions, _capped(path, problems)


def _version(start: date | datetime, terms: dict[str, Terms], place: Place) -> BookVersion:
    by_currency = tuple(sorted(terms.items()))
    return BookVersion(start, is_correction=False, reason=None, approved_by=None, terms=by_currency, place=place)


def _take_row(
    path: str,
    line: int,
    cell: Cell,
    currency: str | None,
    by_start: dict[date | datetime, dict[str, Terms]],
    lines: dict[date | datetime, int],
    problems: list[Problem],
) -> None:
    name = "effective_from"
    try:
        start = read_moment(cell[name])
        name = "unit_amount"
        unit_amount = plain_decimal(cell[name], UNIT_PRICE_PLACES, LARGEST_AMOUNT)
        name = "per"
        per = _per(cell.get(name, ""))
        name = "currency"
        code = read_currency(cell[name]) if cell.get(name) else currency
    except PydanticCustomError as error:
        faults = (error.context or {})["faults"]
        problems.extend(Problem(path, line, name, fault.rule, fault.message, fault.remedy) for fault in faults)
        return
    if code is None:
        remedy = "Write it in the row or at the price."
        problems.append(Problem(path, line, "currency", "missing", "no currency.", remedy))
        return
    if per == 0:
        remedy = "Write a decimal above 0."
        problems.append(Problem(path, line, "per", "not_positive", '"0" is not possible here.', remedy))
        return
    terms = unit_terms(unit_amount, per)
    problems.extend(
        Problem(path, line, "unit_amount", fault.rule, fault.message, fault.remedy) for fault in amount_faults(terms)
    )
    if code in by_start.setdefault(start, {}):
        message = f"{cell['effective_from']} in {code} stands twice; first on line {lines[start]}."
        problems.append(Problem(path, line, "effective_from", "overlap", message, "Keep one of them."))
        return
    by_start[start][code] = terms
    lines.setdefault(start, line)


def _per(text: str) -> Decimal | None:
    return plain_decimal(text, QUANTITY_PLACES, LARGEST_QUANTITY) if text else None


def _capped(path: str, problems: list[Problem]) -> tuple[Problem, ...]:
    if len(problems) <= SHOWN_PROBLEMS:
        return tuple(problems)
    more = len(problems) - SHOWN_PROBLEMS
    rest = Problem(path, None, None, "more", f"{more:,} more rows have problems.", "Correct these first.")
    return (*problems[:SHOWN_PROBLEMS], rest)
