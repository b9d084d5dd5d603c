"""Errors that a person is meant to read: what happened, where, and what to do. Each knows its exit code."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """What one gate, or one of dbt's tests, has found: by how much, on what, and the SQL that shows the rows."""

    gate: str
    scope: str
    difference: str | None
    message: str
    drill_sql: str | None


class RatebookError(Exception):
    """Base of the errors that end a command with a clear line instead of a traceback."""

    exit_code = 1


class UsageError(RatebookError):
    """The command or the configuration is off."""

    exit_code = 2


class RefusedInput(RatebookError):
    """Landed input cannot be taken."""

    exit_code = 3


class Held(RatebookError):
    """A gate held the publish; the last good run stays served."""

    exit_code = 1

    def __init__(self, message: str, differences: Iterable[Difference] = ()) -> None:
        """Say what held it; each difference apart, for who is told by a message."""
        super().__init__(message)
        self.differences = tuple(differences)
