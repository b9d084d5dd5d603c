"""Strict parsers as expressions: what a decimal, an instant, a day, an id and a currency look like, and nothing else.

A parser gives the value of a text, null where it has none; a check names what is wrong with it. Nothing is guessed,
rounded or filled in.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import available_timezones

import iso4217
import polars as pl

DECIMALS = 12
INTEGER_DIGITS = 18
FIRST_YEAR, LAST_YEAR = 2000, 2199

# What an id is almost always, and no rule objects to: printable ASCII without a blank at its edges.
PLAIN_NAME = r"^[!-~](?:[ -~]*[!-~])?$"
PLAIN_DECIMAL = r"^-?[0-9]+(\.[0-9]+)?$"  # [0-9], because \d matches the digits of every script
RFC_3339 = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
UTC_SECONDS = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]Z$"
ISO_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
# Control, format (zero-width, bidirectional), line and paragraph separators, and the mark of a lost character.
HIDDEN = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\x{FFFD}]"


@dataclass(frozen=True)
class Fault:
    """A rule, the column that breaks it, the condition under which it is broken, and the words for it."""

    rule: str
    column: str | None
    condition: pl.Expr
    message: str
    remedy: str


@dataclass(frozen=True)
class Check:
    """Faults of one value, in the order in which they are named, and a cheap way to see that it has none.

    Where `is_clear` holds, no fault does; where it does not, a fault may or may not. Almost every record is clear of
    everything, so the conditions of the faults are looked at for the few others only.
    """

    is_clear: pl.Expr
    faults: tuple[Fault, ...]


def is_blank(text: pl.Expr) -> pl.Expr:
    """Whether nothing was given."""
    return text.is_null() | (text == "")


def holds(fault: Fault) -> Check:
    """Check a single rule."""
    return Check(~fault.condition.fill_null(value=False), (fault,))


def missing(text: pl.Expr, column: str) -> Fault:
    """Name a required value that is not there."""
    return Fault("required_value_missing", column, is_blank(text), f"`{column}` is missing.", "Fill it in.")


def name_check(text: pl.Expr, column: str, *, required: bool = False) -> Check:
    """Check an id or a name: compared byte by byte later, so what cannot be seen or typed may not be in it."""
    faults = (
        Fault(
            "hidden_character",
            column,
            text.str.contains(HIDDEN),
            f"`{column}` holds a control, zero-width or bidirectional character.",
            "Remove it at the source; ids are compared exactly.",
        ),
        Fault(
            "blank_at_the_edge",
            column,
            text.str.strip_chars() != text,
            f"`{column}` begins or ends with a blank.",
            "Trim it at the source; ids are compared exactly.",
        ),
        Fault(
            "not_in_unicode_nfc",
            column,
            text.str.normalize("NFC") != text,
            f"`{column}` is not in Unicode normal form C.",
            "Normalise it at the source, so that equal ids have equal bytes.",
        ),
    )
    is_plain = text.str.contains(PLAIN_NAME)
    if required:
        return Check(is_plain, (missing(text, column), *faults))
    return Check(text.is_null() | is_plain, faults)


def decimal_check(text: pl.Expr, value: pl.Expr, column: str, *, decimals: int = DECIMALS) -> Check:
    """Check a plain decimal that `decimal_value`, which made `value` of `text`, can hold exactly."""
    given = ~is_blank(text)
    faults = (
        Fault(
            f"{column}_not_a_plain_decimal",
            column,
            given & ~text.str.contains(PLAIN_DECIMAL),
            f"`{column}` is not a plain decimal number.",
            "Write digits with a point: no exponent, no grouping, no sign but a minus.",
        ),
        Fault(
            f"{column}_has_too_many_decimals",
            column,
            given & (text.str.extract(r"\.([0-9]*?)0*$", 1).str.len_bytes() > decimals),
            f"`{column}` has more than {decimals} decimals; it would have to be rounded.",
            f"Deliver at most {decimals} decimals.",
        ),
        Fault(
            f"{column}_too_large",
            column,
            given & value.is_null(),
            f"`{column}` reaches 10^{_integer_digits(decimals)}.",
            "Deliver it in a larger unit or in several parts.",
        ),
    )
    return Check(text.is_null() | value.is_not_null(), faults)


def decimal_value(text: pl.Expr, decimals: int = DECIMALS) -> pl.Expr:
    """Return the number as DECIMAL(38,decimals), 12 by default; null where the text is none that fits exactly.

    The pattern admits nothing but zeros beyond the last decimal, so the cast, which would round (K3), cannot.
    """
    exact = rf"^-?0*[0-9]{{1,{_integer_digits(decimals)}}}(?:\.[0-9]{{1,{decimals}}}0*)?$"
    return pl.when(text.str.contains(exact)).then(text).cast(pl.Decimal(38, decimals), strict=True)


def _integer_digits(decimals: int) -> int:
    return min(INTEGER_DIGITS, 38 - decimals)


def instant_check(text: pl.Expr, value: pl.Expr, column: str) -> Check:
    """Check an RFC 3339 instant with offset, to the microsecond, in the years 2000 to 2199.

    `value` is what `instants` made of `text`.
    """
    too_precise = text.str.contains(r"\.[0-9]{6}[0-9]*[1-9]")
    in_range = is_in_range(value)
    faults = (
        missing(text, column),
        Fault(
            f"{column}_not_rfc_3339",
            column,
            ~text.str.contains(RFC_3339),
            f"`{column}` is not an RFC 3339 time with an offset.",
            "Write it like 2026-08-01T09:30:00Z or 2026-08-01T11:30:00+02:00.",
        ),
        Fault(
            f"{column}_too_precise",
            column,
            too_precise,
            f"`{column}` is finer than a microsecond.",
            "Deliver at most six digits of a second.",
        ),
        Fault(
            f"{column}_does_not_exist",
            column,
            value.is_null(),
            f"`{column}` names a time that does not exist (second 60 included).",
            "Correct the time; a leap second is written as second 59.",
        ),
        Fault(
            f"{column}_out_of_range",
            column,
            ~in_range,
            f"`{column}` is not in the years {FIRST_YEAR} to {LAST_YEAR}.",
            "Look for a wrong unit or a clock that was never set.",
        ),
    )
    return Check(in_range & ~too_precise, faults)


def is_in_range(value: pl.Expr) -> pl.Expr:
    """Whether an instant lies in the years 2000 to 2199."""
    return value.is_between(datetime(FIRST_YEAR, 1, 1), datetime(LAST_YEAR + 1, 1, 1), closed="left")


def instants(texts: pl.Series) -> pl.Series:
    """Return the instants in UTC, microseconds; null where a text is none."""
    text = pl.col(texts.name)
    if texts.str.contains(UTC_SECONDS).all(ignore_nulls=False):
        # Most feeds write nothing but this, and it takes a sixth of the time.
        value = text.str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us")
    else:
        value = _instant(text)
    return texts.to_frame().select(value.cast(pl.Datetime("us"))).to_series()


def _instant(text: pl.Expr) -> pl.Expr:
    local = text.str.slice(0, 19).str.to_uppercase().str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us")
    fraction = text.str.extract(r"\.([0-9]{1,6})", 1).str.pad_end(6, "0").cast(pl.Int64, strict=False).fill_null(0)
    hours = text.str.extract(r"[+-]([0-9]{2}):[0-9]{2}$", 1).cast(pl.Int64, strict=False).fill_null(0)
    minutes = text.str.extract(r"[+-][0-9]{2}:([0-9]{2})$", 1).cast(pl.Int64, strict=False).fill_null(0)
    sign = pl.when(text.str.contains(r"-[0-9]{2}:[0-9]{2}$")).then(-1).otherwise(1)
    exists = text.str.contains(RFC_3339) & (text.str.slice(17, 2) <= "59") & (hours <= 23) & (minutes <= 59)
    offset = pl.duration(minutes=sign * (hours * 60 + minutes))
    return pl.when(exists).then(local + pl.duration(microseconds=fraction) - offset)


def end_of_delivery(delivery_date: date) -> datetime:
    """The first instant at which no clock in the world shows the delivery date any more: noon UTC of the next day.

    The last zone of a day is UTC-12. An event of local day D, in whatever zone, can thus be delivered on D; what
    lies behind this instant is in the future of every clock that D can have been delivered by.
    """
    return datetime.combine(delivery_date + timedelta(days=1), time(12))


def day_check(text: pl.Expr, column: str) -> Check:
    """Check a calendar day."""
    return holds(
        Fault(
            f"{column}_not_a_day",
            column,
            ~is_blank(text) & (~text.str.contains(ISO_DAY) | day_value(text).is_null()),
            f"`{column}` is not a calendar day.",
            "Write it like 2026-08-01.",
        )
    )


def day_value(text: pl.Expr) -> pl.Expr:
    """The day; null where the text is none."""
    return pl.when(text.str.contains(ISO_DAY)).then(text).str.to_date("%Y-%m-%d", strict=False)


def currency_check(text: pl.Expr, column: str, *, required: bool = False) -> Check:
    """Check for a code that ISO 4217 lists, in upper case."""
    unknown = Fault(
        "currency_unknown",
        column,
        ~is_blank(text) & ~text.is_in(currencies()),
        f"`{column}` is not an ISO 4217 currency code.",
        "Use the three upper-case letters of the standard, like EUR.",
    )
    if required:
        return Check(text.is_in(currencies()), (missing(text, column), unknown))
    return Check(text.is_null() | text.is_in(currencies()), (unknown,))


@lru_cache(maxsize=1)
def currencies() -> tuple[str, ...]:
    """Codes that amounts can be in: those of the standard that have a minor unit, so no gold and no test codes."""
    return tuple(sorted(code.code for code in iso4217.Currency if code.exponent is not None))


@lru_cache(maxsize=1)
def time_zones() -> tuple[str, ...]:
    """Zones of the IANA database, as this machine or the tzdata package has them."""
    # Two names of the database are no zones: one says that none is set, the other is whatever this machine has.
    return tuple(sorted(available_timezones() - {"Factory", "localtime"}))


def first_fault(faults: Iterable[Fault]) -> pl.Expr:
    """The number of the first fault that a row has, in order; null for a row without any."""
    numbers = [
        pl.when(fault.condition.fill_null(value=False)).then(pl.lit(number, pl.Int32))
        for number, fault in enumerate(faults)
    ]
    return pl.coalesce(numbers) if numbers else pl.lit(None, pl.Int32)
