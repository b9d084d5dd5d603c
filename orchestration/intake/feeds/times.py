"""How a feed writes times, and the instants that they name; what never was, or was twice, is told apart by name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from orchestration.book.scalars import refuse
from orchestration.intake.values import Check, Fault, is_blank

UTC = "UTC"
PARTS = {
    "yyyy": ("%Y", "[0-9]{4}"),
    "month": ("%m", "(?:0[1-9]|1[0-2])"),
    "dd": ("%d", "(?:0[1-9]|[12][0-9]|3[01])"),
    "hh": ("%H", "(?:[01][0-9]|2[0-3])"),
    "minute": ("%M", "[0-5][0-9]"),
    "ss": ("%S", "[0-5][0-9]"),
}
_PIECE = re.compile(r"yyyy|mm|dd|hh|ss|\.f{1,6}|[^a-z%]|[tz]", re.IGNORECASE)
HAS_OFFSET = r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$"


@dataclass(frozen=True)
class TimeFormat:
    """A way to write times: as the feed names it, as a pattern that nothing else matches, and for the parser."""

    written: str
    pattern: str
    directives: str
    has_time: bool


def read_format(written: str) -> TimeFormat:
    """Read a format such as `dd/mm/yyyy hh:mm:ss`: `mm` behind `hh` are minutes, hours go to 23, case is free.

    Refuses: other letters, a part that stands twice, a date that lacks a part, a time without minutes.
    """
    pieces = _PIECE.findall(written)
    if "".join(pieces) != written:
        refuse("bad_format", f'"{written}" holds more than parts of a time and marks between them.', _HOW_TO_WRITE)
    patterns, directives, seen = [], [], []
    for piece in pieces:
        part = piece.lower()
        if part == "mm":
            part = "minute" if "hh" in seen else "month"
        if part in PARTS:
            directive, pattern = PARTS[part]
            seen.append(part)
        elif part.startswith(".f"):
            directive, pattern = "%.f", rf"\.[0-9]{{{len(part) - 1}}}"
            seen.append("fraction")
        else:
            directive, pattern = piece, re.escape(piece)
        patterns.append(pattern)
        directives.append(directive)
    _require_whole(written, seen)
    return TimeFormat(written, f"^{''.join(patterns)}$", "".join(directives), "hh" in seen)


_HOW_TO_WRITE = "Write it like dd/mm/yyyy hh:mm:ss or yyyy-mm-dd; seconds may have a fraction, ss.fff."


def _require_whole(written: str, seen: list[str]) -> None:
    is_date = {"yyyy", "month", "dd"} <= set(seen)
    of_time = [part for part in seen if part in ("hh", "minute", "ss", "fraction")]
    is_time = of_time == ["hh", "minute", "ss", "fraction"][: len(of_time)] and len(of_time) != 1
    if len(set(seen)) != len(seen) or not is_date or not is_time:
        refuse("bad_format", f'"{written}" is not one whole date, or its time is not whole.', _HOW_TO_WRITE)


def local_times(text: pl.Expr, declared: TimeFormat | None) -> pl.Expr:
    """Return the times as they are written, without a zone; null where a text is none."""
    if declared is not None:
        fits = pl.when(text.str.contains(declared.pattern)).then(text)
        return fits.str.to_datetime(declared.directives, strict=False, time_unit="us")
    fits = pl.when(text.str.contains(ISO.pattern)).then(text.str.replace("T", " ", literal=True).str.head(26))
    return fits.str.to_datetime(ISO.directives, strict=False, time_unit="us")


# What is read when a feed declares no format: ISO 8601 with a blank or a T, further digits of a second are zeros.
ISO = TimeFormat(
    "yyyy-mm-dd hh:mm:ss",
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6}0*)?$",
    "%Y-%m-%d %H:%M:%S%.f",
    has_time=True,
)


def instants(local: pl.Expr, zone: str, fold: str | None) -> pl.Expr:
    """Return local times of a zone as UTC; null for one that never was, or was twice while no fold says which."""
    if zone == UTC:
        return local
    zoned = local.dt.replace_time_zone(zone, ambiguous=_AMBIGUOUS[fold], non_existent="null")
    return zoned.dt.convert_time_zone(UTC).dt.replace_time_zone(None)


_AMBIGUOUS: Mapping[str | None, Literal["null", "earliest", "latest"]] = {
    None: "null",
    "earlier": "earliest",
    "later": "latest",
}


def time_check(
    text: pl.Expr, column: str, local: pl.Expr, at: pl.Expr, zone: str, declared: TimeFormat | None
) -> Check:
    """Check a time of a file; `local` and `at` are what `local_times` and `instants` made of its text.

    A blank one, and without a declared format one with an offset, is left to the rules of the dataset.
    """
    is_ours = ~is_blank(text) if declared is not None else ~is_blank(text) & ~has_offset(text)
    shape = declared or ISO
    faults = (
        Fault(
            "time_not_as_declared",
            column,
            is_ours & ~text.str.contains(shape.pattern),
            f"`{column}` is not written like {shape.written}.",
            "Correct the value, or the `format` in the feed.",
        ),
        Fault(
            "time_not_on_the_calendar",
            column,
            is_ours & local.is_null(),
            f"`{column}` names a day that does not exist.",
            "Correct it at the source.",
        ),
        Fault(
            "local_time_never_was",
            column,
            local.is_not_null() & instants(local, zone, "earlier").is_null(),
            f"`{column}` never was in {zone}: the clocks went forward over it.",
            "Correct it at the source, or have it delivered in UTC.",
        ),
        Fault(
            "local_time_was_twice",
            column,
            local.is_not_null() & at.is_null(),
            f"`{column}` was twice in {zone}: the clocks went back over it.",
            "Have it delivered in UTC, or say in the feed which one is meant: `fold: earlier` or `fold: later`.",
        ),
    )
    return Check(at.is_not_null() | ~is_ours, faults)


def has_offset(text: pl.Expr) -> pl.Expr:
    """Whether a time says its own offset."""
    return text.str.contains(HAS_OFFSET)
