"""What is known of prices and contracts after some deliveries, and what one more delivery makes of it.

`accept_delivery` decides; `load_state` replays what was accepted. Both go through the same functions, so a document
that was accepted once is read the same way every night.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any

from orchestration.book import agreements
from orchestration.book.agreements import ContractState
from orchestration.book.catalogue import Book, read_book
from orchestration.book.history import Chains, continued
from orchestration.book.problems import Place, Problem
from orchestration.book.reading import Placed
from orchestration.errors import RefusedInput

PRICE_BOOK, CONTRACTS = "price_book", "contracts"


@dataclass(frozen=True)
class Document:
    """A document as it was delivered. `path` is below the delivery's folder, as `versions_from` would name it."""

    delivery_date: date
    dataset: str
    path: str
    content: str


@dataclass(frozen=True)
class BookState:
    """All that is known. `chains` holds every version ever accepted, by (contract or None, price) and start."""

    book: Book | None = None
    book_files: Mapping[str, str] = field(default_factory=dict)
    chains: Mapping[tuple[str | None, str], Chains] = field(default_factory=dict)
    contracts: Mapping[str, tuple[ContractState, ...]] = field(default_factory=dict)

    @property
    def meters(self) -> dict[str, tuple[str, ...]]:
        """Return the declared dimensions of each known meter."""
        if self.book is None:
            return {}
        return {meter: tuple(placed.item.dimensions) for meter, placed in self.book.meters.items()}

    @property
    def signed_meters(self) -> frozenset[str]:
        """Return the known meters whose events may be below 0."""
        if self.book is None:
            return frozenset()
        return frozenset(meter for meter, placed in self.book.meters.items() if placed.item.negative == "allow")


EMPTY = BookState(book_files=MappingProxyType({}), chains=MappingProxyType({}), contracts=MappingProxyType({}))


@dataclass(frozen=True)
class Accepted:
    """What became of a delivery: the state after it, without what was refused.

    A price book is taken or refused as a whole. Of the contracts, the files of `refused_contracts` (paths as they were
    given) are refused and the others taken.
    """

    problems: list[Problem]
    accepts_price_book: bool
    refused_contracts: set[str]
    state: BookState


def accept_delivery(
    known: BookState, delivery_date: date, price_book_files: Mapping[str, str], contract_files: Mapping[str, str]
) -> Accepted:
    """Decide on the documents of one delivery, after `known`. The text of each file by its path.

    Rule: the files of a price book are one book, which replaces the one before and may only add to it. A contract
    adds to what is known; what is absent is no change.
    """
    state = known
    problems: list[Problem] = []
    if price_book_files and dict(price_book_files) != dict(known.book_files):
        state, problems = _with_book(known, delivery_date, price_book_files)
    accepts_price_book = not problems
    contracts, contract_problems = agreements.with_contracts(
        state.book, state.chains, state.contracts, delivery_date, contract_files
    )
    state = replace(state, chains=contracts.chains, contracts=contracts.states)
    refused = {problem.path for problem in contract_problems}
    told = sorted([*problems, *contract_problems], key=lambda problem: (problem.path, problem.line or 0))
    return Accepted(told, accepts_price_book, refused, state)


def load_state(documents: Sequence[Document]) -> BookState:
    """Replay accepted documents in the order of their deliveries.

    Refuses: a document that cannot be accepted any more, which only a change of this program can cause.
    """
    state = EMPTY
    for delivery_date in sorted({document.delivery_date for document in documents}):
        of_day = [document for document in documents if document.delivery_date == delivery_date]
        accepted = accept_delivery(state, delivery_date, _files(of_day, PRICE_BOOK), _files(of_day, CONTRACTS))
        if accepted.problems:
            shown = "\n".join(f"  {problem}" for problem in accepted.problems)
            raise RefusedInput(
                f"The documents of {delivery_date} were accepted once and cannot be read any more:\n{shown}\n"
                "Run the version of Ratebook that accepted them, or report this."
            )
        state = accepted.state
    return state


def _files(documents: Sequence[Document], dataset: str) -> dict[str, str]:
    return {document.path: document.content for document in documents if document.dataset == dataset}


def _with_book(known: BookState, delivery_date: date, files: Mapping[str, str]) -> tuple[BookState, list[Problem]]:
    book, problems = read_book(files)
    if book is None:
        return known, problems
    if known.book is not None:
        problems = _edits(known.book, book, files)
    chains = dict(known.chains)
    for price in book.prices.values():
        key = (None, price.item.id)
        chains[key], found = continued(known.chains.get(key, {}), price.versions, delivery_date, price.placed.place())
        problems.extend(found)
    if problems:
        return known, problems
    return replace(known, book=book, book_files=dict(files), chains=chains), []


def _edits(known: Book, found: Book, files: Mapping[str, str]) -> list[Problem]:
    """List what a new book takes away or changes of what has no date, and so would rewrite the past."""
    problems: list[Problem] = []
    for what, before, after in (
        ("product", known.products, found.products),
        ("meter", known.meters, found.meters),
        ("price", {name: price.placed for name, price in known.prices.items()}, found.prices),
        ("plan", known.plans, found.plans),
        ("exclusion", known.exclusions, found.exclusions),
    ):
        for name, placed in before.items():
            if name not in after:
                # Told at a file of this delivery: the one it stood in, or the one of the company if that is gone too.
                path = placed.path if placed.path in files else found.company.path
                problems.append(_gone(what, placed, path))
    for name, meter in known.meters.items():
        if name in found.meters:
            problems.extend(_changed_fields(meter, found.meters[name], METER_FIELDS))
    for name, price in known.prices.items():
        if name in found.prices:
            problems.extend(_changed_fields(price.placed, found.prices[name].placed, PRICE_FIELDS))
    for name, plan in known.plans.items():
        if name in found.plans:
            problems.extend(_changed_entries(plan, found.plans[name]))
    problems.extend(_changed_company(known, found))
    return problems


METER_FIELDS = ("unit", "aggregation", "value", "dimensions", "negative", "carry_over")
PRICE_FIELDS = (
    "product",
    "meter",
    "where",
    "model",
    "kind",
    "additive",
    "convert",
    "group_by_shared_tiers",
    "passes_through",
    "interval",
)


def _gone(what: str, placed: Placed[Any], path: str) -> Problem:
    place = Place(path, None, placed.prefix)
    message = f"{what} {placed.item.id}, known from {placed.place().document}, is gone."
    return place.problem("vanished", message, "Put it back: absence is never a change.")


def _changed_fields(before: Placed[Any], after: Placed[Any], names: Sequence[str]) -> list[Problem]:
    problems = []
    for name in names:
        was, now = getattr(before.item, name), getattr(after.item, name)
        if name == "dimensions":
            was, now = sorted(was), sorted(now)
        if was != now:
            message = f"{name} was {_shown(was)} and is {_shown(now)}; it never changes in place."
            problems.append(after.problem((name,), "changed_in_place", message, "Put it back, and use a new id."))
    return problems


def _changed_entries(before: Placed[Any], after: Placed[Any]) -> list[Problem]:
    problems = []
    now = {entry.price: (number, entry.effective_from) for number, entry in enumerate(after.item.prices)}
    for entry in before.item.prices:
        number, effective_from = now.get(entry.price, (None, None))
        if number is None:
            message = f"price {entry.price} is gone from the plan."
            problems.append(after.problem(("prices",), "vanished", message, "Put it back: a plan has no dates."))
        elif effective_from != entry.effective_from:
            was, now_is = _since(entry.effective_from), _since(effective_from)
            message = f"{entry.price} was in the plan from {was} and is from {now_is}."
            problems.append(after.problem(("prices", number), "changed_in_place", message, "Put it back."))
    return problems


def _changed_company(known: Book, found: Book) -> list[Problem]:
    problems = []
    before, after = known.company.item, found.company.item
    if before.default_plan is not None and after.default_plan != before.default_plan:
        message = f"default_plan was {before.default_plan} and is {after.default_plan or 'not given'}; it has no date."
        remedy = "Put it back, and give accounts contracts on the other plan."
        problems.append(found.company.problem(("default_plan",), "changed_in_place", message, remedy))
    kept = {entity.id for entity in after.legal_entities}
    for entity in before.legal_entities:
        if entity.id not in kept:
            message = f"legal entity {entity.id} is gone."
            remedy = "Put it back: absence is never a change."
            problems.append(found.company.problem(("legal_entities",), "vanished", message, remedy))
    return problems


def _since(day: date | None) -> str:
    return "always" if day is None else day.isoformat()


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {found}" for name, found in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(str(found) for found in value) + "]"
    return "not given" if value is None else str(value)
