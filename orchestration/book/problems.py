"""What is wrong with a document: where it stands, which rule it breaks, what to write instead."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right. `column` is the dotted path of the field: `prices.gpt4_input.versions.2.unit_amount`."""

    path: str
    line: int | None
    column: str | None
    rule: str
    message: str
    remedy: str

    def __str__(self) -> str:
        """Return one line: `llm.yaml:41: prices.gpt4_input.versions.2.unit_amount: message remedy`."""
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        field = f" {self.column}:" if self.column else ""
        return f"{place}:{field} {self.message} {self.remedy}".rstrip()


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: file, line, dotted path of the field."""

    path: str
    line: int | None
    column: str | None

    @property
    def document(self) -> str:
        """Return `path:line`."""
        return self.path if self.line is None else f"{self.path}:{self.line}"

    def problem(self, rule: str, message: str, remedy: str) -> Problem:
        """Return a problem at this place."""
        return Problem(self.path, self.line, self.column, rule, message, remedy)


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem seen from inside an item: `at` is the way from the item to the field, the file is not known yet."""

    at: tuple[str | int, ...]
    rule: str
    message: str
    remedy: str = ""
