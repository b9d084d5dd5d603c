"""All documents of one delivery as one book: ids resolved, series read, contradictions between items found."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from orchestration.book import cost_mapping, rateable
from orchestration.book.problems import Problem
from orchestration.book.reading import BOOK_LISTS, BookFile, Placed, read_book_file
from orchestration.book.schema import Company, CostMapping, Exclusion, Meter, Plan, PriceItem, Product, Version
from orchestration.book.series import read_series
from orchestration.book.terms import BookVersion, amount_faults, as_instant, in_order, version_terms, written

SERIES_ENDINGS = (".csv", ".csv.gz", ".csv.zst")
# What a pass-through has in common with the cost that it bills on.
SAME_AS_COST = ("meter", "where", "group_by", "model", "currency", "versions", "versions_from")
# What prices single events, or a sum of money.
AGGREGATIONS_OF = {"percentage": ("sum",), "dynamic": ("sum", "count"), "graduated_percentage": ("sum",)}
# Local midnight lies between UTC+14 and UTC-12; inside of that, day or instant come first by zone.
EARLIEST_MIDNIGHT, LATEST_MIDNIGHT = timedelta(hours=-14), timedelta(hours=12)


@dataclass(frozen=True)
class BookPrice:
    """A price with its versions, from the document and from its series, by start."""

    placed: Placed[PriceItem]
    versions: tuple[BookVersion, ...]

    @property
    def item(self) -> PriceItem:
        """What the document says."""
        return self.placed.item


@dataclass(frozen=True)
class Book:
    """A valid price book that can be rated."""

    company: Placed[Company]
    products: Mapping[str, Placed[Product]]
    meters: Mapping[str, Placed[Meter]]
    prices: Mapping[str, BookPrice]
    plans: Mapping[str, Placed[Plan]]
    exclusions: Mapping[str, Placed[Exclusion]]
    cost_mapping: Mapping[str, Placed[CostMapping]]


def read_book(files: Mapping[str, str]) -> tuple[Book | None, list[Problem]]:
    """Read the files of one delivery as one book. Returns the book, or all problems at once."""
    documents = [read_book_file(path, files[path]) for path in sorted(files) if not _is_series(path)]
    problems = [problem for document in documents for problem in document.problems]
    names = {section: frozenset().union(*(document.named[section] for document in documents)) for section in BOOK_LISTS}
    items = {section: _distinct(documents, section, problems) for section in BOOK_LISTS}
    company = _one_company(documents, sorted(files), problems)
    prices = {price.item.id: _with_versions(price, files, problems) for price in items["prices"].values()}
    problems.extend(_unnamed_series(files, prices.values(), documents))
    for price in prices.values():
        problems.extend(_reference_problems(price, names, items["meters"]))
        problems.extend(_pass_through_problems(price, prices))
        problems.extend(interval_problems(price.versions))
        problems.extend(counter_problems(price.versions))
        problems.extend(rateable.price_problems(price.placed))
    for plan in items["plans"].values():
        problems.extend(_plan_problems(plan, names, prices))
    for exclusion in items["exclusions"].values():
        problems.extend(_unknown(exclusion, ("meter",), exclusion.item.meter, "meter", names["meters"]))
    for mapping in items["cost_mapping"].values():
        problems.extend(_unknown(mapping, ("product",), mapping.item.product, "product", names["products"]))
        for number, meter in enumerate(mapping.item.allocate_by):
            problems.extend(_unknown(mapping, ("allocate_by", number), meter, "meter", names["meters"]))
        problems.extend(cost_mapping.unit_problems(mapping, items["meters"]))
    if company is not None:
        at = ("default_plan",)
        problems.extend(_unknown(company, at, company.item.default_plan, "plan", names["plans"]))
        problems.extend(rateable.company_problems(company))
    if problems or company is None:
        return None, problems
    book = Book(
        company, items["products"], items["meters"], prices, items["plans"], items["exclusions"], items["cost_mapping"]
    )
    return book, []


def unknown_name(what: str, name: str, known: Sequence[str] | frozenset[str]) -> tuple[str, str]:
    """Return message and remedy for a name that nothing has."""
    nearest = get_close_matches(name, sorted(known), n=1)
    remedy = f"Did you mean {nearest[0]}?" if nearest else f"Add the {what}, or correct the name."
    return f"there is no {what} {name}.", remedy


def _distinct(documents: list[BookFile], section: str, problems: list[Problem]) -> dict[str, Placed[Any]]:
    found: dict[str, Placed[Any]] = {}
    for document in documents:
        for placed in document.items[section]:
            first = found.setdefault(placed.item.id, placed)
            if first is not placed:
                message = f"{placed.item.id} stands twice; first at {first.place().document}."
                problems.append(placed.problem((), "duplicate_id", message, "Keep one of them."))
    return found


def _one_company(documents: list[BookFile], paths: list[str], problems: list[Problem]) -> Placed[Company] | None:
    companies = [company for document in documents for company in document.company]
    for other in companies[1:]:
        message = f"the company stands twice; first at {companies[0].place().document}."
        problems.append(other.problem((), "duplicate_id", message, "Keep one of them."))
    # A file that could not be parsed may hold it, and a broken company has problems of its own.
    may_be_there = any(not problem.column or problem.column.startswith("company") for problem in problems)
    if not companies and not may_be_there:
        remedy = "Write company: {name: ..., reporting_currency: ...} in one of the documents."
        problems.append(Problem(paths[0], None, "company", "missing", "the book names no company.", remedy))
    return companies[0] if companies else None


def _with_versions(price: Placed[PriceItem], files: Mapping[str, str], problems: list[Problem]) -> BookPrice:
    item = price.item
    versions = [
        version_terms(item.model, item.currency, version, price.place("versions", number), version.starts)
        for number, version in enumerate(item.versions)
        if version.starts is not None
    ]
    for version in versions:
        problems.extend(_too_large(version))
    if item.versions_from is not None:
        versions.extend(_series_of(price, files, problems))
    return BookPrice(price, tuple(in_order(versions)))


def _too_large(version: BookVersion) -> Iterator[Problem]:
    for code, terms in version.terms:
        for fault in amount_faults(terms):
            yield version.place.problem(fault.rule, f"{code}: {fault.message}", fault.remedy)


def series_path(document: str, versions_from: str) -> str | None:
    """Return the path of a series named in a document, or None when it leads out of the delivery."""
    named = PurePosixPath(versions_from)
    if named.is_absolute() or ".." in named.parts or "\\" in versions_from or ":" in versions_from:
        return None
    return str(PurePosixPath(document).parent / named)


def _series_of(price: Placed[PriceItem], files: Mapping[str, str], problems: list[Problem]) -> Sequence[BookVersion]:
    named = str(price.item.versions_from)
    path = series_path(price.path, named)
    at = ("versions_from",)
    if path is None or not _is_series(path):
        remedy = "Write the path of a CSV, relative to this document and below it."
        problems.append(price.problem(at, "bad_path", f"{named} cannot be read.", remedy))
        return ()
    if path not in files:
        series = [name for name in files if _is_series(name)]
        message, remedy = unknown_name("file", path, series)
        problems.append(price.problem(at, "unknown_reference", message, remedy))
        return ()
    versions, found = read_series(path, files[path], price.item.currency)
    problems.extend(found)
    return versions


def _unnamed_series(
    files: Mapping[str, str], prices: Iterable[BookPrice], documents: list[BookFile]
) -> Iterator[Problem]:
    if any(document.problems for document in documents):
        return
    named = {series_path(price.placed.path, price.item.versions_from) for price in prices if price.item.versions_from}
    for path in sorted(files):
        if _is_series(path) and path not in named:
            message, remedy = "no price names this series.", "Name it by versions_from, or remove the file."
            yield Problem(path, None, None, "unused_file", message, remedy)


def _is_series(path: str) -> bool:
    return path.lower().endswith(SERIES_ENDINGS)


def _unknown(
    placed: Placed[Any], at: tuple[str | int, ...], name: str | None, what: str, known: frozenset[str]
) -> Iterator[Problem]:
    if name is not None and name not in known:
        message, remedy = unknown_name(what, name, known)
        yield placed.problem(at, "unknown_reference", message, remedy)


def _reference_problems(
    price: BookPrice, names: Mapping[str, frozenset[str]], meters: Mapping[str, Placed[Meter]]
) -> Iterator[Problem]:
    item, placed = price.item, price.placed
    yield from _unknown(placed, ("product",), item.product, "product", names["products"])
    yield from _unknown(placed, ("meter",), item.meter, "meter", names["meters"])
    meter = meters.get(item.meter or "")
    if meter is None:
        return
    used: list[tuple[tuple[str | int, ...], str]] = [(("where", name), name) for name in item.where]
    used += [(("group_by", number), name) for number, name in enumerate(item.group_by)]
    for at, name in used:
        if name not in meter.item.dimensions:
            message = f"meter {meter.item.id} declares no dimension {name}."
            known = ", ".join(meter.item.dimensions) or "none"
            yield placed.problem(at, "unknown_dimension", message, f"Declared at {meter.place().document}: {known}.")
    yield from model_problems(placed, (), item.model, item.versions, meter)


def _pass_through_problems(price: BookPrice, prices: Mapping[str, BookPrice]) -> Iterator[Problem]:
    """Refuse a pass-through of something else than a cost, or by other terms than the cost has."""
    passed, at = price.item.passes_through, ("passes_through",)
    costs = frozenset(name for name, other in prices.items() if other.item.kind == "cost")
    yield from _unknown(price.placed, at, passed, "cost price", costs)
    if passed not in costs:
        return
    cost = prices[passed].item
    differing = [name for name in SAME_AS_COST if getattr(price.item, name) != getattr(cost, name)]
    if differing:
        message = f"its {', '.join(differing)} differ from those of {passed}, which it passes through."
        yield price.placed.problem(at, "contradiction", message, "Write the same, or leave passes_through out.")


def model_problems(
    placed: Placed[Any],
    at: tuple[str | int, ...],
    model: str,
    versions: Sequence[Version],
    meter: Placed[Meter],
) -> Iterator[Problem]:
    """Name what a model, of a price or of an override, asks of the meter in vain."""
    if meter.item.aggregation not in AGGREGATIONS_OF.get(model, (meter.item.aggregation,)):
        message = f"a {model} price needs the value of each event; the {meter.item.aggregation} of meter "
        message += f"{meter.item.id} is none."
        yield placed.problem((*at, "model"), "contradiction", message, "Use a meter of aggregation sum.")
    if model == "percentage" and meter.item.negative == "allow":
        message = f"a percentage of negative values (meter {meter.item.id}) cannot be rated yet."
        yield placed.problem((*at, "model"), rateable.RULE, message, "Say negative: reject, or use another model.")
    for number, version in enumerate(versions):
        if model == "per_unit" and version.round_at == "event":
            yield from _unit_fee_problems(placed, (*at, "versions", number, "round_at"), meter)
        for amounts in (version, *(version.currencies or {}).values()):
            if amounts.intervals is not None and meter.item.aggregation not in ("sum", "count"):
                message = f"intervals over a meter of aggregation {meter.item.aggregation} cannot be rated yet."
                yield placed.problem((*at, "versions", number), rateable.RULE, message, "Use a meter of sum or count.")
            for name in amounts.matrix.dimensions if amounts.matrix is not None else ():
                if name not in meter.item.dimensions:
                    known = ", ".join(meter.item.dimensions) or "none"
                    message = f"meter {meter.item.id} declares no dimension {name}."
                    remedy = f"Declared at {meter.place().document}: {known}."
                    yield placed.problem((*at, "versions", number), "unknown_dimension", message, remedy)


def _unit_fee_problems(placed: Placed[Any], at: tuple[str | int, ...], meter: Placed[Meter]) -> Iterator[Problem]:
    """Refuse to round by the event where an event has no quantity of its own, or one below zero."""
    if meter.item.aggregation not in ("sum", "count"):
        message = f"the {meter.item.aggregation} of meter {meter.item.id} is no sum of events."
        yield placed.problem(at, "contradiction", message, "Leave round_at out, or use a meter of sum or count.")
    if meter.item.negative == "allow":
        message = f"round_at: event of negative quantities (meter {meter.item.id}) cannot be rated yet."
        yield placed.problem(at, rateable.RULE, message, "Say negative: reject, or leave round_at out.")


def interval_problems(versions: Sequence[BookVersion]) -> Iterator[Problem]:
    """Refuse versions that hold at the same time, showing both; corrections take the place of what they correct."""
    first: dict[date | datetime, BookVersion] = {}
    for version in versions:
        if version.is_correction:
            continue
        other = first.setdefault(version.starts, version)
        if other is not version:
            yield _overlap(version, other, f"both hold from {written(version.starts)}")
    yield from _zone_dependent(list(first.values()))
    yield from _control_ends(list(first.values()))


def counter_problems(versions: Sequence[BookVersion]) -> Iterator[Problem]:
    """Refuse a version that goes on with a counter of another span or of other owners."""
    standing = [version for version in versions if not version.is_correction]
    for before, version in pairwise(standing):
        spans = [{(terms.tier_period, terms.pool) for _, terms in each.terms} for each in (before, version)]
        if version.continues and spans[0] != spans[1]:
            message = f"it continues the counter of {_row(before)}, which has another tier_period or pool."
            yield version.place.problem(
                "contradiction", message, "Say the same as it does, or on_price_change: restart."
            )


def _overlap(version: BookVersion, other: BookVersion, why: str) -> Problem:
    message = f"{_row(version)} overlaps {_row(other)}: {why}."
    remedy = "Keep one; to correct a known version write supersedes, reason and approved_by."
    return version.place.problem("overlap", message, remedy)


def _row(version: BookVersion) -> str:
    return f"effective_from {written(version.starts)} ({version.place.document})"


def _zone_dependent(versions: list[BookVersion]) -> Iterator[Problem]:
    # The versions come in order of their starts.
    instants = [(version.starts, version) for version in versions if isinstance(version.starts, datetime)]
    starts = [start for start, _ in instants]
    for version in versions:
        if isinstance(version.starts, datetime):
            continue
        midnight = as_instant(version.starts)
        at = bisect_left(starts, midnight + EARLIEST_MIDNIGHT)
        if at < len(starts) and starts[at] <= midnight + LATEST_MIDNIGHT:
            yield _overlap(version, instants[at][1], "which of them comes first depends on the account's zone")


def _control_ends(versions: list[BookVersion]) -> Iterator[Problem]:
    for number, version in enumerate(versions):
        if version.ends is None:
            continue
        following = versions[number + 1] if number + 1 < len(versions) else None
        if as_instant(version.ends) <= as_instant(version.starts):
            message = f"effective_to {written(version.ends)} is not after effective_from {written(version.starts)}."
            yield version.place.problem("reversed_days", message, "Intervals are half-open: the end is not in it.")
        elif following is None or as_instant(version.ends) < as_instant(following.starts):
            what = "the end of a price" if following is None else f"a gap up to {written(following.starts)}"
            message = f"{what} cannot be rated yet: {_row(version)} ends {written(version.ends)}."
            yield version.place.problem(rateable.RULE, message, "Drop effective_to: the next version ends it.")
        elif as_instant(version.ends) > as_instant(following.starts):
            yield _overlap(version, following, f"from {written(following.starts)} to {written(version.ends)}")


def _plan_problems(
    plan: Placed[Plan], names: Mapping[str, frozenset[str]], prices: Mapping[str, BookPrice]
) -> Iterator[Problem]:
    for number, entry in enumerate(plan.item.prices):
        yield from _unknown(plan, ("prices", number), entry.price, "price", names["prices"])
    listed = [(number, prices[entry.price]) for number, entry in enumerate(plan.item.prices) if entry.price in prices]
    by_meter: dict[str, list[tuple[int, BookPrice]]] = defaultdict(list)
    for number, price in listed:
        if price.item.kind == "revenue" and not price.item.may_stand_beside and price.item.meter is not None:
            by_meter[price.item.meter].append((number, price))
    for meter, rivals in sorted(by_meter.items()):
        for number, price, other in _matching_the_same(rivals):
            message = (
                f"{price.item.id} and {other.item.id} can both match usage of {meter}: "
                f"{_condition(price)} ({price.placed.place().document}) "
                f"and {_condition(other)} ({other.placed.place().document})."
            )
            remedy = "Give them different values of one dimension, or say additive: true."
            yield plan.problem(("prices", number), "ambiguous_price", message, remedy)


def _matching_the_same(rivals: list[tuple[int, BookPrice]]) -> Iterator[tuple[int, BookPrice, BookPrice]]:
    """Yield pairs without a shared dimension of different values: some usage fulfils both.

    Prices are grouped by the dimensions that they name and met by the values of the shared ones, so that a plan of
    thousands of prices over the same dimensions costs one look-up each and not a comparison of all pairs.
    """
    groups: dict[tuple[str, ...], list[tuple[int, BookPrice]]] = defaultdict(list)
    for number, price in rivals:
        groups[tuple(sorted(price.item.where))].append((number, price))
    for names, members in groups.items():
        for other_names, others in groups.items():
            shared = tuple(name for name in names if name in other_names)
            seen: dict[tuple[str, ...], list[tuple[int, BookPrice]]] = defaultdict(list)
            for number, other in others:
                seen[_values(other, shared)].append((number, other))
            for number, price in members:
                for other_number, other in seen.get(_values(price, shared), ()):
                    # Each pair is met from both sides: it is told at the later one, with its first rival only.
                    if other_number < number:
                        yield number, price, other
                        break


def _values(price: BookPrice, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(price.item.where[name] for name in names)


def _condition(price: BookPrice) -> str:
    stated = ", ".join(f"{name}: {value}" for name, value in sorted(price.item.where.items()))
    return f"where {{{stated}}}" if stated else "no condition"
