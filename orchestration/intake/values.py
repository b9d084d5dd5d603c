"""Strict parsers as expressions: what a decimal, an instant, a day, an id and a currency look like, and nothing else.

Every parser comes in two halves: the faults of a text, in the order in which they are named, and its value, which is
meant only where no fault is found. Nothing is guessed, rounded or filled in.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import available_timezones

import iso4217
import polars as pl

from data_contracts.vocabulary import QUANTITY

DECIMALS = 12
INTEGER_DIGITS = 18
FIRST_YEAR, LAST_YEAR = 2000, 2199

PLAIN_DECIMAL = r"^-?[0-9]+(\.[0-9]+)?$"  # [0-9], because \d matches the digits of every script
RFC_3339 = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
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


def is_blank(text: pl.Expr) -> pl.Expr:
    """Whether nothing was given."""
    return text.is_null() | (text == "")


def missing(text: pl.Expr, column: str) -> list[Fault]:
    """The fault of a required value that is not there."""
    return [Fault("required_value_missing", column, is_blank(text), f"`{column}` is missing.", "Fill it in.")]


def name_faults(text: pl.Expr, column: str) -> list[Fault]:
    """Faults of an id or a name: compared byte by byte later, so what cannot be seen or typed may not be in it."""
    return [
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
            (text.str.len_bytes() != text.str.len_chars()) & (text.str.normalize("NFC") != text),
            f"`{column}` is not in Unicode normal form C.",
            "Normalise it at the source, so that equal ids have equal bytes.",
        ),
    ]


def decimal_faults(text: pl.Expr, column: str) -> list[Fault]:
    """Faults of a plain decimal that fits DECIMAL(38,12) with no more than 18 digits before the point."""
    given = ~is_blank(text)
    return [
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
            given & (_decimals(text) > DECIMALS),
            f"`{column}` has more than {DECIMALS} decimals; it would have to be rounded.",
            f"Deliver at most {DECIMALS} decimals.",
        ),
        Fault(
            f"{column}_too_large",
            column,
            given & (_integer_digits(text) > INTEGER_DIGITS),
            f"`{column}` reaches 10^{INTEGER_DIGITS}.",
            "Deliver it in a larger unit or in several events.",
        ),
    ]


def negative(text: pl.Expr, column: str) -> Fault:
    """The fault of a number below zero; minus zero is zero."""
    return Fault(
        f"{column}_negative",
        column,
        text.str.starts_with("-") & text.str.contains("[1-9]"),
        f"`{column}` is negative.",
        "Negative usage cannot be rated yet; correct the events that were wrong.",
    )


def decimal_value(text: pl.Expr) -> pl.Expr:
    """The number as DECIMAL(38,12); null where the text is none that fits exactly."""
    fits = text.str.contains(PLAIN_DECIMAL) & (_decimals(text) <= DECIMALS) & (_integer_digits(text) <= INTEGER_DIGITS)
    # Excess zeros are cut before the cast, and nothing else is left to cut: the cast would round (K3).
    plain = pl.when(fits).then(text.str.replace(rf"(\.[0-9]{{{DECIMALS}}})0+$", "$1"))
    return plain.cast(QUANTITY, strict=True)


def _decimals(text: pl.Expr) -> pl.Expr:
    return text.str.extract(r"\.([0-9]*?)0*$", 1).str.len_bytes().fill_null(0)


def _integer_digits(text: pl.Expr) -> pl.Expr:
    return text.str.extract(r"^-?0*([0-9]*)", 1).str.len_bytes().fill_null(0)


def instant_faults(text: pl.Expr, column: str) -> list[Fault]:
    """Faults of an RFC 3339 instant with offset, to the microsecond, in the years 2000 to 2199."""
    given = ~is_blank(text)
    value = instant_value(text)
    bounds = (value < datetime(FIRST_YEAR, 1, 1)) | (value >= datetime(LAST_YEAR + 1, 1, 1))
    return [
        Fault(
            f"{column}_not_rfc_3339",
            column,
            given & ~text.str.contains(RFC_3339),
            f"`{column}` is not an RFC 3339 time with an offset.",
            "Write it like 2026-08-01T09:30:00Z or 2026-08-01T11:30:00+02:00.",
        ),
        Fault(
            f"{column}_too_precise",
            column,
            given & text.str.contains(r"\.[0-9]{6}[0-9]*[1-9]"),
            f"`{column}` is finer than a microsecond.",
            "Deliver at most six digits of a second.",
        ),
        Fault(
            f"{column}_does_not_exist",
            column,
            given & value.is_null(),
            f"`{column}` names a time that does not exist (second 60 included).",
            "Correct the time; a leap second is written as second 59.",
        ),
        Fault(
            f"{column}_out_of_range",
            column,
            given & bounds,
            f"`{column}` is not in the years {FIRST_YEAR} to {LAST_YEAR}.",
            "Look for a wrong unit or a clock that was never set.",
        ),
    ]


def instant_value(text: pl.Expr) -> pl.Expr:
    """The instant in UTC, microseconds; null where the text is none."""
    local = text.str.slice(0, 19).str.to_uppercase().str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us")
    fraction = text.str.extract(r"\.([0-9]{1,6})", 1).str.pad_end(6, "0").cast(pl.Int64, strict=False).fill_null(0)
    hours = text.str.extract(r"[+-]([0-9]{2}):[0-9]{2}$", 1).cast(pl.Int64, strict=False).fill_null(0)
    minutes = text.str.extract(r"[+-][0-9]{2}:([0-9]{2})$", 1).cast(pl.Int64, strict=False).fill_null(0)
    sign = pl.when(text.str.contains(r"-[0-9]{2}:[0-9]{2}$")).then(-1).otherwise(1)
    exists = text.str.contains(RFC_3339) & (text.str.slice(17, 2) <= "59") & (hours <= 23) & (minutes <= 59)
    offset = pl.duration(minutes=sign * (hours * 60 + minutes))
    return pl.when(exists).then(local + pl.duration(microseconds=fraction) - offset).cast(pl.Datetime("us"))


def end_of_delivery(delivery_date: date) -> datetime:
    """The first instant at which no clock in the world shows the delivery date any more: noon UTC of the next day.

    The last zone of a day is UTC-12. An event of local day D, in whatever zone, can thus be delivered on D; what
    lies behind this instant is in the future of every clock that D can have been delivered by.
    """
    return datetime.combine(delivery_date + timedelta(days=1), time(12))


def day_faults(text: pl.Expr, column: str) -> list[Fault]:
    """Faults of a calendar day."""
    return [
        Fault(
            f"{column}_not_a_day",
            column,
            ~is_blank(text) & (~text.str.contains(ISO_DAY) | day_value(text).is_null()),
            f"`{column}` is not a calendar day.",
            "Write it like 2026-08-01.",
        )
    ]


def day_value(text: pl.Expr) -> pl.Expr:
    """The day; null where the text is none."""
    return pl.when(text.str.contains(ISO_DAY)).then(text).str.to_date("%Y-%m-%d", strict=False)


def currency_faults(text: pl.Expr, column: str) -> list[Fault]:
    """The fault of a code that ISO 4217 does not list, lower case included."""
    return [
        Fault(
            "currency_unknown",
            column,
            ~is_blank(text) & ~text.is_in(currencies()),
            f"`{column}` is not an ISO 4217 currency code.",
            "Use the three upper-case letters of the standard, like EUR.",
        )
    ]


@lru_cache(maxsize=1)
def currencies() -> tuple[str, ...]:
    """Codes that amounts can be in: those of the standard that have a minor unit, so no gold and no test codes."""
    return tuple(sorted(code.code for code in iso4217.Currency if code.exponent is not None))


@lru_cache(maxsize=1)
def time_zones() -> tuple[str, ...]:
    """Zones of the IANA database, as this machine or the tzdata package has them."""
    return tuple(sorted(available_timezones()))


def first_fault(faults: Iterable[Fault]) -> pl.Expr:
    """The number of the first fault that a row has, in order; null for a row without any."""
    numbers = [
        pl.when(fault.condition.fill_null(value=False)).then(pl.lit(number, pl.Int32))
        for number, fault in enumerate(faults)
    ]
    return pl.coalesce(numbers) if numbers else pl.lit(None, pl.Int32)
