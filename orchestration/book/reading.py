"""Values that remember their place, to items of the schema; what pydantic objects to becomes problems with a place."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Generic, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from orchestration.book.documents import Mapping, Sequence, Text, mark_of, read_text
from orchestration.book.problems import Fault, Place, Problem
from orchestration.book.schema import (
    BookDocument,
    Company,
    Contract,
    CostMapping,
    Exclusion,
    Item,
    Meter,
    Plan,
    PriceItem,
    Product,
    Tax,
)

ItemT = TypeVar("ItemT", bound=Item)

BOOK_LISTS: dict[str, type[Item]] = {
    "products": Product,
    "meters": Meter,
    "prices": PriceItem,
    "plans": Plan,
    "taxes": Tax,
    "exclusions": Exclusion,
    "cost_mapping": CostMapping,
}
MAPPING_EXPECTED = ("not_a_mapping", "a mapping is expected.", "Write `key: value`.")
LIST_EXPECTED = ("not_a_list", "a list is expected.", "Begin each item with `- `.")
SHAPES = {
    "model_type": MAPPING_EXPECTED,
    "model_attributes_type": MAPPING_EXPECTED,
    "dict_type": MAPPING_EXPECTED,
    "list_type": LIST_EXPECTED,
    "too_short": ("missing", "it is empty.", "Write at least one."),
}
# A list item is named in a path by the first of these that it has; otherwise by its number from 0.
NAMING_KEYS = ("id", "contract_id")
NAMING_KEYS_BELOW = ("id", "contract_id", "price")


@dataclass(frozen=True)
class Placed(Generic[ItemT]):
    """An item with the file and the values it was read from, so that whoever checks it can say where."""

    item: ItemT
    path: str
    prefix: str
    source: Any

    def place(self, *at: str | int) -> Place:
        """Return where a field of the item stands."""
        mark = mark_of(self.source, at)
        return Place(self.path, mark.line if mark else None, _dotted(self.prefix, self.source, at))

    def problem(self, at: tuple[str | int, ...], rule: str, message: str, remedy: str) -> Problem:
        """Return a problem of a field of the item."""
        return self.place(*at).problem(rule, message, remedy)


@dataclass(frozen=True)
class BookFile:
    """One document of a price book: its valid items, the names of all items, and its problems."""

    company: tuple[Placed[Company], ...]
    items: dict[str, tuple[Placed[Any], ...]]
    named: dict[str, frozenset[str]]
    problems: tuple[Problem, ...]


@lru_cache(maxsize=64)
def read_book_file(path: str, content: str) -> BookFile:
    """Read one document of a price book; a broken item hides no other one. Cached: every night brings the same text."""
    text = read_text(path, content)
    problems = list(text.problems)
    company: list[Placed[Company]] = []
    items: dict[str, list[Placed[Any]]] = {section: [] for section in BOOK_LISTS}
    named: dict[str, set[str]] = {section: set() for section in BOOK_LISTS}
    for root in _mappings(path, text, problems):
        problems.extend(_unknown_sections(path, root))
        if root.get("company") is not None:
            _take(Company, path, "company", root["company"], company, problems)
        for section, model in BOOK_LISTS.items():
            for prefix, value in _list_items(path, section, root, problems):
                if isinstance(value, Mapping) and isinstance(value.get("id"), str):
                    named[section].add(str(value["id"]))
                _take(model, path, prefix, value, items[section], problems)
    return BookFile(
        company=tuple(company),
        items={section: tuple(placed) for section, placed in items.items()},
        named={section: frozenset(names) for section, names in named.items()},
        problems=tuple(problems),
    )


@lru_cache(maxsize=1024)
def read_contract_file(path: str, content: str) -> tuple[tuple[Placed[Contract], ...], tuple[Problem, ...]]:
    """Read contracts: one mapping, a list of them, or `{contracts: [...]}`; in NDJSON any of these per line."""
    text = read_text(path, content)
    problems = list(text.problems)
    contracts: list[Placed[Contract]] = []
    for root in text.roots:
        values = [root]
        if isinstance(root, Sequence):
            values = list(root)
        elif isinstance(root, Mapping) and "contracts" in root:
            unknown = [name for name in root if name != "contracts"]
            problems.extend(
                Problem(path, root.key_marks[name].line, name, "unknown_key", f"unknown key `{name}`.", "Remove it.")
                for name in unknown
            )
            values = [value for _, value in _list_items(path, "contracts", root, problems)]
        for number, value in enumerate(values):
            _take(Contract, path, f"contracts.{_name(value, number)}", value, contracts, problems)
    if not text.roots and not problems:
        problems.append(Problem(path, None, None, "empty", "The document is empty.", "Remove the file."))
    return tuple(contracts), tuple(problems)


def read_item(model: type[ItemT], path: str, content: str) -> tuple[ItemT | None, tuple[Problem, ...]]:
    """Read a document that is one item; None where it has problems."""
    text = read_text(path, content)
    problems = list(text.problems)
    taken: list[Placed[ItemT]] = []
    if not text.roots and not problems:
        problems.append(Problem(path, None, None, "empty", "The document is empty.", "Remove the file."))
    for root in text.roots:
        _take(model, path, "", root, taken, problems)
    return (taken[0].item if taken and not problems else None), tuple(problems)


def _mappings(path: str, text: Text, problems: list[Problem]) -> Iterator[Mapping]:
    if not text.roots and not problems:
        problems.append(Problem(path, None, None, "empty", "The document is empty.", "Remove the file."))
    for root in text.roots:
        if isinstance(root, Mapping):
            yield root
        else:
            message = "A price-book document is a mapping."
            problems.append(
                Problem(path, 1, None, "not_a_mapping", message, f"Its keys: {', '.join(BookDocument.model_fields)}.")
            )


def _unknown_sections(path: str, root: Mapping) -> Iterator[Problem]:
    known = list(BookDocument.model_fields)
    for name in root:
        if name not in known:
            message, remedy = _unknown_key(name, known, BookDocument)
            yield Problem(path, root.key_marks[name].line, name, "unknown_key", message, remedy)


def _list_items(path: str, section: str, root: Mapping, problems: list[Problem]) -> Iterator[tuple[str, Any]]:
    values = root.get(section)
    if values is None:
        return
    if not isinstance(values, Sequence):
        line = root.key_marks[section].line
        problems.append(Problem(path, line, section, *LIST_EXPECTED))
        return
    for number, value in enumerate(values):
        yield f"{section}.{_name(value, number)}", value


def _take(
    model: type[ItemT], path: str, prefix: str, value: Any, taken: list[Placed[ItemT]], problems: list[Problem]
) -> None:
    if not isinstance(value, Mapping):
        mark = mark_of(value, ())
        line = mark.line if mark else None
        problems.append(Problem(path, line, prefix, *MAPPING_EXPECTED))
        return
    try:
        taken.append(Placed(model.model_validate(value), path, prefix, value))
    except ValidationError as error:
        problems.extend(_translated(model, path, prefix, value, error))


def _translated(model: type[Item], path: str, prefix: str, source: Any, error: ValidationError) -> Iterator[Problem]:
    for found in error.errors(include_url=False):
        at = tuple(step for step in found["loc"] if step != "[key]")
        if found["type"] == "fault":
            for fault in found["ctx"]["faults"]:
                yield _placed(path, prefix, source, Fault((*at, *fault.at), fault.rule, fault.message, fault.remedy))
        else:
            rule, message, remedy = _plain_words(model, found, at)
            yield _placed(path, prefix, source, Fault(at, rule, message, remedy))


def _placed(path: str, prefix: str, source: Any, fault: Fault) -> Problem:
    mark = mark_of(source, fault.at)
    column = _dotted(prefix, source, fault.at)
    return Problem(path, mark.line if mark else None, column, fault.rule, fault.message, fault.remedy)


def _plain_words(model: type[Item], found: Any, at: tuple[str | int, ...]) -> tuple[str, str, str]:
    """Say what pydantic found in words that lead to what to write."""
    kind, name = found["type"], at[-1] if at else ""
    if kind == "extra_forbidden":
        owner = _model_at(model, at[:-1])
        return "unknown_key", *_unknown_key(str(name), list(owner.model_fields), owner)
    if kind == "missing":
        return "missing", f"{name} is missing.", _description(_model_at(model, at[:-1]), str(name))
    if kind == "literal_error":
        known = [choice.strip(" '") for choice in found["ctx"]["expected"].replace(" or ", ", ").split(",")]
        nearest = get_close_matches(str(found["input"]), known, n=1)
        hint = f"Did you mean {nearest[0]}? " if nearest else ""
        return "unknown_value", f"`{found['input']}` is not known here.", f"{hint}Possible: {', '.join(known)}."
    return SHAPES.get(kind, (kind, f"{found['msg']}.", ""))


def _unknown_key(name: str, known: list[str], owner: type[BaseModel]) -> tuple[str, str]:
    message = f"unknown key `{name}`."
    nearest = get_close_matches(name, known, n=1, cutoff=0.45)
    models = _all_models() if owner in _all_models() else ()
    elsewhere = [model.__name__ for model in models if name in model.model_fields and model is not owner]
    # A key that is right in another place beats one that only looks a little like it.
    if nearest and (not elsewhere or get_close_matches(name, known, n=1, cutoff=0.75)):
        return message, f"Did you mean `{nearest[0]}`?"
    home = f"It is a key of {_readable(elsewhere[0])}. " if elsewhere else ""
    return message, f"{home}Known here: {', '.join(known)}."


@lru_cache(maxsize=1)
def _all_models() -> tuple[type[BaseModel], ...]:
    ordered: list[type[BaseModel]] = []
    for root in (BookDocument, Contract):
        _collect_models(root, ordered)
    return tuple(ordered)


def _collect_models(model: type[BaseModel], ordered: list[type[BaseModel]]) -> None:
    if model in ordered:
        return
    ordered.append(model)
    for declared in model.model_fields.values():
        for nested in _models_in(declared.annotation):
            _collect_models(nested, ordered)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _model_at(model: type[BaseModel], at: tuple[str | int, ...]) -> type[BaseModel]:
    """Follow the way to the model whose field it is."""
    for step in at:
        declared = model.model_fields.get(str(step)) if isinstance(step, str) else None
        nested = next(_models_in(declared.annotation), None) if declared else None
        model = nested or model
    return model


def _description(owner: type[BaseModel], name: str) -> str:
    declared = owner.model_fields.get(name)
    return f"Write it: {declared.description}" if declared and declared.description else "Write it."


def _readable(name: str) -> str:
    words = {"PriceItem": "a price", "Amounts": "a version", "Version": "a version", "BookDocument": "the document"}
    return words.get(name, f"a {name.lower()}")


def _name(value: Any, number: int, keys: tuple[str, ...] = NAMING_KEYS) -> str:
    if isinstance(value, Mapping):
        for key in keys:
            if isinstance(value.get(key), str):
                return str(value[key])
    return str(number)


def _dotted(prefix: str, source: Any, at: tuple[str | int, ...]) -> str:
    """Return the path of a field with ids in the place of list numbers, where items have one."""
    parts, here = [prefix] if prefix else [], source
    for step in at:
        if isinstance(here, Mapping):
            here = here.get(str(step))
            parts.append(str(step))
        elif isinstance(here, Sequence) and isinstance(step, int) and step < len(here):
            here = here[step]
            parts.append(_name(here, step, NAMING_KEYS_BELOW))
        else:
            here = None
            parts.append(str(step))
    return ".".join(parts)
