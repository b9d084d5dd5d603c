"""What intake says about input it cannot take: a file that is refused whole, a record that breaks a rule."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

SHOWN_CHARACTERS = 80
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffd]")


@dataclass(frozen=True, order=True)
class Finding:
    """One problem of a landed file or record, with the place and what to do about it."""

    file: str
    line: int | None
    column: str | None
    rule: str
    message: str
    remedy: str

    def __str__(self) -> str:
        """Return one line: `file:line: column: rule: message remedy`."""
        line = "" if self.line is None else f":{self.line}"
        column = "" if self.column is None else f" {self.column}:"
        return f"{self.file}{line}:{column} {self.rule}: {self.message} {self.remedy}"


class FileRefused(Exception):
    """The file cannot be taken as a whole; nothing of it is loaded."""

    def __init__(
        self, rule: str, message: str, remedy: str, *, line: int | None = None, column: str | None = None
    ) -> None:
        """Say the rule, what is wrong, what to do, and the place if there is one."""
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.remedy = remedy
        self.line = line
        self.column = column

    def finding(self, file: str) -> Finding:
        """Return the same as a finding about `file`."""
        return Finding(file, self.line, self.column, self.rule, self.message, self.remedy)


def as_message(findings: Sequence[Finding]) -> str:
    """Return the text that is kept with a refused file: place, message and remedy of each finding, a line each."""
    return "\n".join(f"{_place(finding)}{finding.message} {finding.remedy}" for finding in findings)


def _place(finding: Finding) -> str:
    line = "" if finding.line is None else f"line {finding.line}"
    column = "" if finding.column is None else f"column {finding.column}"
    place = ", ".join(part for part in (line, column) if part)
    return f"{place}: " if place else ""


def printable(text: str) -> str:
    """Escape what could act on a terminal or hide in a table, and cut to 80 characters."""
    escaped = UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", text[: SHOWN_CHARACTERS + 1])
    return escaped if len(escaped) <= SHOWN_CHARACTERS else escaped[: SHOWN_CHARACTERS - 1] + "…"
