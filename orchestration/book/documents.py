"""Text of a document to plain values that remember where they stand. Nothing is guessed: no scalar has a type yet.

YAML is read from ruamel's event stream rather than from loaded objects: only events still tell a quoted scalar from a
plain one, an anchor from its alias, and give the place of each. JSON is read by a reader of our own, because the
standard library's forgets positions and duplicate keys. Both give the same three things: `Mapping`, `Sequence`, text.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)
from ruamel.yaml.reader import ReaderError

from orchestration.book.problems import Problem

MAX_CHARACTERS = 64 * 1024 * 1024
MAX_DEPTH = 32
YAML_ENDINGS = (".yaml", ".yml")
JSON_ENDINGS = (".json",)
JSON_LINES_ENDINGS = (".ndjson", ".jsonl")


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file; both count from 1."""

    line: int
    column: int


class Plain(str):
    """A scalar that stood without quotes: text where text is meant, a number where an integer is meant."""

    __slots__ = ()


class JsonLiteral(Plain):
    """A number, true or false of a JSON document, which are not text there."""

    __slots__ = ()


class Mapping(dict[str, Any]):
    """A mapping that knows where it begins and where each key and each value stands."""

    __slots__ = ("key_marks", "mark", "value_marks")

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.key_marks: dict[str, Mark] = {}
        self.value_marks: dict[str, Mark] = {}


class Sequence(list[Any]):
    """A list that knows where it begins and where each item stands."""

    __slots__ = ("mark", "value_marks")

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.value_marks: list[Mark] = []


@dataclass
class Text:
    """A parsed file: its top values, and every problem met on the way."""

    roots: list[Any] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_text(path: str, content: str) -> Text:
    """Parse a document by the ending of its name."""
    if len(content) > MAX_CHARACTERS:
        problem = Problem(
            path, None, None, "too_large", f"{len(content):,} characters.", f"At most {MAX_CHARACTERS:,}."
        )
        return Text(problems=[problem])
    content = content.removeprefix("\ufeff")
    name = path.lower()
    if name.endswith(YAML_ENDINGS):
        return _read_yaml(path, content)
    if name.endswith(JSON_ENDINGS):
        return _JsonReader(path, content).read_document()
    if name.endswith(JSON_LINES_ENDINGS):
        return _JsonReader(path, content).read_lines()
    endings = ", ".join(YAML_ENDINGS + JSON_ENDINGS + JSON_LINES_ENDINGS)
    problem = Problem(
        path, None, None, "unknown_format", "The ending of the name does not say how to read it.", f"Use {endings}."
    )
    return Text(problems=[problem])


def mark_of(root: Any, at: tuple[str | int, ...]) -> Mark | None:
    """Return the place of the value at the end of the way, or of the last thing on the way that exists."""
    here, mark = root, getattr(root, "mark", None)
    for step in at:
        if isinstance(here, Mapping) and step in here:
            # The key is what a reader looks for; a value may begin lines below it.
            here, mark = here[str(step)], here.key_marks[str(step)]
        elif isinstance(here, Sequence) and isinstance(step, int) and step < len(here):
            here, mark = here[step], here.value_marks[step]
        else:
            break
    return mark


class _Refusal(Exception):
    """Parsing cannot go on: carries the problem. Never leaves this file."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def _problem(path: str, mark: Mark, rule: str, message: str, remedy: str) -> Problem:
    return Problem(path, mark.line, None, rule, f"column {mark.column}: {message}", remedy)


def _read_yaml(path: str, content: str) -> Text:
    text = Text()
    text.problems.extend(_tabs(path, content))
    if text.problems:
        return text
    reader = _YamlReader(path, content, text.problems)
    try:
        text.roots = reader.read()
    except _Refusal as refusal:
        text.problems.append(refusal.problem)
    except ReaderError as error:
        line = content.count("\n", 0, error.position) + 1
        message = f"character {content[error.position]!r} is not allowed ({error.reason})."
        text.problems.append(Problem(path, line, None, "bad_character", message, "Remove it."))
    except MarkedYAMLError as error:
        found = error.problem_mark or error.context_mark
        line, column = (found.line + 1, found.column + 1) if found else (1, 1)
        message = " ".join(part for part in (error.context, error.problem) if part)
        text.problems.append(
            _problem(path, Mark(line, column), "yaml_syntax", f"{message}.", "Correct the YAML there.")
        )
    return text


def _tabs(path: str, content: str) -> Iterator[Problem]:
    # YAML forbids tabs in indentation only; elsewhere they look like spaces and are not, so none is allowed.
    if "\t" not in content:
        return
    for number, line in enumerate(content.split("\n"), start=1):
        if "\t" in line:
            mark = Mark(number, line.index("\t") + 1)
            yield _problem(path, mark, "tab", "a tab.", 'Indent with spaces; inside a text write "\\t" in quotes.')


class _YamlReader:
    """Builds values from YAML events. Holds the stream, so that no function passes six arguments around."""

    def __init__(self, path: str, content: str, problems: list[Problem]) -> None:
        self.path = path
        self.problems = problems
        self.events = YAML(typ="safe", pure=True).parse(StringIO(content))

    def read(self) -> list[Any]:
        roots: list[Any] = []
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                if roots:
                    mark = _mark(event)
                    raise _Refusal(_problem(self.path, mark, "two_documents", "a second document.", "One per file."))
                first = next(self.events)
                if not isinstance(first, DocumentEndEvent):
                    roots.append(self._value(first, depth=1))
        return roots

    def _value(self, event: Any, depth: int) -> Any:
        mark = _mark(event)
        self._refuse_indirection(event, mark)
        if isinstance(event, ScalarEvent):
            return _scalar(event)
        if depth > MAX_DEPTH:
            raise _Refusal(_problem(self.path, mark, "too_deep", f"more than {MAX_DEPTH} levels.", "Flatten it."))
        if isinstance(event, MappingStartEvent):
            return self._mapping(mark, depth)
        return self._sequence(mark, depth)

    def _mapping(self, mark: Mark, depth: int) -> Mapping:
        mapping = Mapping(mark)
        while not isinstance(event := next(self.events), MappingEndEvent):
            key_mark = _mark(event)
            key = self._value(event, depth + 1)
            value_event = next(self.events)
            value = self._value(value_event, depth + 1)
            if not isinstance(key, str):
                self._add(key_mark, "bad_key", "a key must be text.", "Write a name before the colon.")
            elif key in mapping:
                first = mapping.key_marks[key]
                message = f"key `{key}` stands twice; first on line {first.line}."
                self._add(key_mark, "duplicate_key", message, "Keep one of them.")
            else:
                mapping[str(key)] = value
                mapping.key_marks[str(key)] = key_mark
                mapping.value_marks[str(key)] = _mark(value_event)
        return mapping

    def _sequence(self, mark: Mark, depth: int) -> Sequence:
        sequence = Sequence(mark)
        while not isinstance(event := next(self.events), SequenceEndEvent):
            sequence.append(self._value(event, depth + 1))
            sequence.value_marks.append(_mark(event))
        return sequence

    def _refuse_indirection(self, event: Any, mark: Mark) -> None:
        if isinstance(event, AliasEvent):
            self._add(
                mark, "alias", f"the alias *{event.anchor}.", "Write the value out: a price must be readable in place."
            )
            raise _Refusal(self.problems.pop())
        if event.anchor is not None:
            self._add(mark, "anchor", f"the anchor &{event.anchor}.", "Remove it: a price must be readable in place.")
        if event.tag is not None:
            self._add(mark, "tag", f"the tag {event.tag}.", "Remove it: types come from the schema.")

    def _add(self, mark: Mark, rule: str, message: str, remedy: str) -> None:
        self.problems.append(_problem(self.path, mark, rule, message, remedy))


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def _scalar(event: ScalarEvent) -> str | None:
    if event.style is not None:
        return str(event.value)
    return None if event.value in ("", "~", "null", "Null", "NULL") else Plain(event.value)


_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
# No file and no message can hold one.
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_LITERAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")


class _JsonReader:
    """Strict JSON with places: no NaN, no trailing comma, no duplicate key, a cap on depth."""

    def __init__(self, path: str, content: str) -> None:
        self.path = path
        self.content = content
        self.line, self.line_start = 1, 0
        self.counted_to = 0
        self.problems: list[Problem] = []

    def read_document(self) -> Text:
        """Read one value that fills the file."""
        try:
            root, end = self._value(self._skip(0), 1)
            if self._skip(end) != len(self.content):
                raise self._refusal(self._skip(end), "json_syntax", "text after the end of the document.", "Remove it.")
        except _Refusal as refusal:
            return Text(problems=[*self.problems, refusal.problem])
        return Text(roots=[root], problems=self.problems)

    def read_lines(self) -> Text:
        """Read one value per line; a broken line does not hide what is wrong in the next."""
        roots, start = [], 0
        for line in self.content.split("\n"):
            end_of_line = start + len(line) + 1
            try:
                if line.strip():
                    root, end = self._value(self._skip(start), 1)
                    if end > end_of_line or self.content[end:end_of_line].strip():
                        raise self._refusal(end, "json_syntax", "not one value per line.", "One JSON object per line.")
                    roots.append(root)
            except _Refusal as refusal:
                self.problems.append(refusal.problem)
            start = end_of_line
        return Text(roots=roots, problems=self.problems)

    def _value(self, at: int, depth: int) -> tuple[Any, int]:
        if depth > MAX_DEPTH:
            raise self._refusal(at, "too_deep", f"more than {MAX_DEPTH} levels.", "Flatten it.")
        opening = self.content[at : at + 1]
        if opening == "{":
            return self._object(at, depth)
        if opening == "[":
            return self._array(at, depth)
        if opening == '"':
            return self._string(at)
        literal = _LITERAL.match(self.content, at)
        if literal is None:
            raise self._refusal(at, "json_syntax", f"no JSON value begins with {opening!r}.", "Correct the JSON there.")
        found = literal.group()
        return (None if found == "null" else JsonLiteral(found)), literal.end()

    def _object(self, at: int, depth: int) -> tuple[Mapping, int]:
        mapping = Mapping(self._mark(at))
        at = self._skip(at + 1)
        while self.content[at : at + 1] != "}":
            if mapping.key_marks:
                at = self._expect(at, ",")
            key_mark = self._mark(at)
            if self.content[at : at + 1] != '"':
                raise self._refusal(at, "json_syntax", "a key in quotes is expected.", "Correct the JSON there.")
            key, at = self._string(at)
            at = self._expect(self._skip(at), ":")
            value_mark = self._mark(at)
            value, at = self._value(at, depth + 1)
            if key in mapping:
                first = mapping.key_marks[key]
                message = f"key `{key}` stands twice; first on line {first.line}."
                self.problems.append(_problem(self.path, key_mark, "duplicate_key", message, "Keep one of them."))
            else:
                mapping[key], mapping.key_marks[key], mapping.value_marks[key] = value, key_mark, value_mark
            at = self._skip(at)
        return mapping, at + 1

    def _array(self, at: int, depth: int) -> tuple[Sequence, int]:
        sequence = Sequence(self._mark(at))
        at = self._skip(at + 1)
        while self.content[at : at + 1] != "]":
            if sequence:
                at = self._expect(at, ",")
            sequence.value_marks.append(self._mark(at))
            value, at = self._value(at, depth + 1)
            sequence.append(value)
            at = self._skip(at)
        return sequence, at + 1

    def _string(self, at: int) -> tuple[str, int]:
        found = _STRING.match(self.content, at)
        if found is None:
            raise self._refusal(at, "json_syntax", "the text does not end, or holds a bad escape.", "Correct it there.")
        text = str(json.loads(found.group()))
        if _LONE_SURROGATE.search(text):
            raise self._refusal(at, "bad_character", "half of a character (a lone surrogate).", "Remove it.")
        return text, found.end()

    def _expect(self, at: int, sign: str) -> int:
        if self.content[at : at + 1] != sign:
            raise self._refusal(at, "json_syntax", f"`{sign}` is expected.", "Correct the JSON there.")
        return self._skip(at + 1)

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self.content, at)
        return at if found is None else found.end()

    def _mark(self, at: int) -> Mark:
        # Places are asked for in rising order, but for errors; counting on from the last one keeps this linear.
        if at < self.counted_to:
            self.line, self.line_start, self.counted_to = 1, 0, 0
        self.line += self.content.count("\n", self.counted_to, at)
        self.line_start = max(self.line_start, self.content.rfind("\n", self.counted_to, at) + 1)
        self.counted_to = at
        return Mark(self.line, at - self.line_start + 1)

    def _refusal(self, at: int, rule: str, message: str, remedy: str) -> _Refusal:
        return _Refusal(_problem(self.path, self._mark(at), rule, message, remedy))
