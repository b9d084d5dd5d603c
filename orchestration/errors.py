"""Errors that a person is meant to read: what happened, where, and what to do. Each knows its exit code."""


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
