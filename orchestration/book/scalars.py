"""Types of the fields of a document: text in, value out, and the exact thing to write when it is not.

Decimals are quoted strings. An unquoted number passed through somebody's YAML or JSON tool may have been a float on
its way: 0.0000120 comes back as 1.2e-05, 0.10 as 0.1, and nobody sees which was meant.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Literal, NoReturn
from zoneinfo import available_timezones

from iso4217 import Currency as IsoCurrency
from pydantic import BeforeValidator, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from orchestration.book.documents import JsonLiteral, Mapping, Plain, Sequence
from orchestration.book.problems import Fault

UNIT_PRICE_PLACES = 24
QUANTITY_PLACES = 12
# Money tables hold DECIMAL(38,24), so 10^14 is their end; one digit is kept free for sums of a line.
LARGEST_AMOUNT = Decimal(10) ** 13
LARGEST_QUANTITY = Decimal(10) ** 20
EARLIEST, LATEST = date(1900, 1, 2), date(9999, 12, 30)

_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_NUMBER_LIKE = re.compile(r"[-+]?[0-9_.,]+(?:[eE][-+]?[0-9]+)?")
_COUNT = re.compile(r"0|[1-9][0-9]{0,17}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
# `@ # / |` separate the parts of version and line ids; an id that held one could be read in two ways.
_ID = re.compile(r"""[^\s@#/|"'\\{}\[\],&*!%`]{1,200}""")


def refuse(rule: str, message: str, remedy: str = "") -> NoReturn:
    """Refuse a value from within a validator."""
    raise PydanticCustomError("fault", "{faults}", {"faults": (Fault((), rule, message, remedy),)})


def refuse_all(faults: list[Fault]) -> None:
    """Refuse with every fault found, each at its own place; no fault is no refusal."""
    if faults:
        raise PydanticCustomError("fault", "{faults}", {"faults": tuple(faults)})


def shown(value: Any) -> str:
    """Show what stood there, as it stood there."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping | dict):
        return "a mapping"
    if isinstance(value, Sequence | list):
        return "a list"
    return str(value) if isinstance(value, Plain) else f'"{value}"'


def plain_decimal(text: str, places: int, below: Decimal) -> Decimal:
    """Parse a plain decimal, exactly. Refuses: a sign, an exponent, grouping, more places or digits than fit."""
    if not _DECIMAL.fullmatch(text):
        remedy = 'Write digits and a point only, e.g. "0.000012": no exponent, no grouping, no leading zero.'
        refuse("bad_decimal", f'"{text}" is not a plain decimal.', remedy)
    if text.startswith("-"):
        refuse("negative", f'"{text}" is negative.', "Write an amount of 0 or more; a credit is a credit note.")
    value = Decimal(text)
    if len(text.partition(".")[2].rstrip("0")) > places:
        refuse("too_many_decimals", f'"{text}" has more than {places} decimals.', f"At most {places} are kept exactly.")
    if value >= below:
        refuse("too_large", f'"{text}" is too large.', f"Stay below {below:,}.")
    return value


def _decimal(places: int, below: Decimal, *, positive: bool = False) -> Callable[[Any], Decimal]:
    def read(value: Any) -> Decimal:
        if isinstance(value, Plain) and _NUMBER_LIKE.fullmatch(value):
            remedy = f'Write "{_respelled(value)}".'
            refuse("unquoted_decimal", f"{value} is not in quotes.", remedy)
        if isinstance(value, Plain) or not isinstance(value, str):
            refuse("bad_decimal", f"{shown(value)} is not a decimal.", 'Write a decimal in quotes, e.g. "0.25".')
        number = plain_decimal(value, places, below)
        if positive and number == 0:
            refuse("not_positive", '"0" is not possible here.', "Write a decimal above 0.")
        return number

    return read


def _respelled(number: str) -> str:
    """Spell a number as the plain decimal that was probably meant."""
    cleaned = number.replace("_", "").replace(",", "").lstrip("+")
    try:
        return f"{Decimal(cleaned):f}"
    except ArithmeticError:
        return cleaned


def _lock(value: Any) -> bool | date:
    return _flag(value) if value in ("true", "false") else read_day(value)


def _text(value: Any) -> str:
    if isinstance(value, JsonLiteral):
        refuse("not_text", f"{value} is not text.", f'Write "{value}".')
    if not isinstance(value, str):
        refuse("not_text", f"{shown(value)} is not text.", "Write a text.")
    if not value or value != value.strip():
        refuse("blank_text", f'"{value}" is empty or has blanks at an end.', "Write a text without them.")
    # Control, unassigned and surrogate characters: invisible in a report, and no file can hold the last.
    if any(unicodedata.category(character) in ("Cc", "Cs", "Cf", "Co", "Cn") for character in value):
        refuse("control_character", f"{value!r} holds an invisible character.", "Remove it.")
    if len(value) > 1000:
        refuse("too_long", f"{len(value):,} characters.", "At most 1,000.")
    return str(value)


def _id(value: Any) -> str:
    text = _text(value)
    if not _ID.fullmatch(text):
        remedy = "Use letters, digits and . _ - : only; @ # / | separate the parts of longer ids."
        refuse("bad_id", f'"{text}" cannot be an id.', remedy)
    return text


def _flag(value: Any) -> bool:
    if isinstance(value, Plain) and value in ("true", "false"):
        return value == "true"
    refuse("not_a_flag", f"{shown(value)} is not true or false.", "Write true or false, without quotes.")


def _count(value: Any) -> int:
    if not isinstance(value, str) or not _COUNT.fullmatch(value):
        refuse("not_a_count", f"{shown(value)} is not a whole number.", "Write digits only, e.g. 3.")
    return int(value)


def read_day(value: Any) -> date:
    """Parse YYYY-MM-DD."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        refuse("not_a_day", f"{shown(value)} is not a day.", "Write it as 2026-01-31.")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        refuse("not_a_day", f"{value} is not on the calendar.", "Write a day that exists.")
    return _in_range(day, day)


def _anchor(value: Any) -> int | date:
    return _count(value) if isinstance(value, str) and _COUNT.fullmatch(value) else read_day(value)


def read_moment(value: Any) -> date | datetime:
    """Parse a day (starts with the account's local day) or an instant with offset, which comes out as naive UTC."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        return read_day(value)
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        remedy = (
            "Write a day (2026-01-31: the start of that local day) or an instant with offset (2026-01-31T12:00:00Z)."
        )
        refuse("not_a_moment", f"{shown(value)} is neither a day nor an instant with offset.", remedy)
    try:
        instant = datetime.fromisoformat(value).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        refuse("not_a_moment", f"{value} is not on the calendar.", "Write an instant that exists.")
    _in_range(instant.date(), instant)
    return instant


def _in_range(day: date, value: Any) -> Any:
    if not EARLIEST <= day <= LATEST:
        refuse("out_of_range", f"{value} is out of range.", f"Days from {EARLIEST} to {LATEST} can be kept.")
    return value


@lru_cache(maxsize=1)
def minor_units() -> dict[str, int]:
    """Return the decimals of each ISO 4217 currency; codes without a minor unit (gold, test codes) are not money."""
    return {currency.code: currency.exponent for currency in IsoCurrency if currency.exponent is not None}


def read_currency(value: Any) -> str:
    """Parse an ISO 4217 code."""
    text = _text(value)
    if text not in minor_units():
        nearest = text.upper() if text.upper() in minor_units() else "USD"
        refuse("unknown_currency", f'"{text}" is not an ISO 4217 currency.', f"Write a code such as {nearest}.")
    return text


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    # Two names of the database are no zones: one says that none is set, the other is whatever this machine has.
    return frozenset(available_timezones() - {"Factory", "localtime"})


def _zone(value: Any) -> str:
    text = _text(value)
    if text not in _zones():
        refuse("unknown_time_zone", f'"{text}" is not an IANA time zone.', "Write a name such as Europe/Berlin or UTC.")
    return text


def _country(value: Any) -> str:
    text = _text(value)
    if not re.fullmatch("[A-Z]{2}", text):
        refuse("bad_country", f'"{text}" is not an ISO 3166 code.', "Write two capital letters, e.g. DE.")
    return text


def _clock_time(value: Any) -> str:
    if isinstance(value, str) and _CLOCK_TIME.fullmatch(value):
        return str(value)
    refuse("not_a_time", f"{shown(value)} is not a time of day.", "Write 00:00 to 24:00.")


def _as_text(value: Any) -> Any:
    # A Literal compares with plain `str`; null and nested values are left for its own message.
    return str(value) if isinstance(value, str) else value


CHOICE = BeforeValidator(_as_text)
_DECIMAL_SCHEMA = {"type": "string", "pattern": r"^(0|[1-9][0-9]*)(\.[0-9]+)?$"}

Text = Annotated[str, PlainValidator(_text), WithJsonSchema({"type": "string", "minLength": 1})]
Id = Annotated[str, PlainValidator(_id), WithJsonSchema({"type": "string", "pattern": f"^{_ID.pattern}$"})]
Flag = Annotated[bool, PlainValidator(_flag), WithJsonSchema({"type": "boolean"})]
Count = Annotated[int, PlainValidator(_count), WithJsonSchema({"type": "integer", "minimum": 0})]
Lock = Annotated[
    bool | date,
    PlainValidator(_lock),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "string", "format": "date"}]}),
]
Day = Annotated[date, PlainValidator(read_day), WithJsonSchema({"type": "string", "format": "date"})]
Anchor = Annotated[
    int | date,
    PlainValidator(_anchor),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 31}, {"type": "string", "format": "date"}]}),
]
Moment = Annotated[
    date | datetime,
    PlainValidator(read_moment),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}),
]
Price = Annotated[Decimal, PlainValidator(_decimal(UNIT_PRICE_PLACES, LARGEST_AMOUNT)), WithJsonSchema(_DECIMAL_SCHEMA)]
Quantity = Annotated[
    Decimal, PlainValidator(_decimal(QUANTITY_PLACES, LARGEST_QUANTITY)), WithJsonSchema(_DECIMAL_SCHEMA)
]
PositiveQuantity = Annotated[
    Decimal, PlainValidator(_decimal(QUANTITY_PLACES, LARGEST_QUANTITY, positive=True)), WithJsonSchema(_DECIMAL_SCHEMA)
]
Currency = Annotated[str, PlainValidator(read_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"})]
ClockTime = Annotated[
    str, PlainValidator(_clock_time), WithJsonSchema({"type": "string", "pattern": f"^({_CLOCK_TIME.pattern})$"})
]
Zone = Annotated[str, PlainValidator(_zone), WithJsonSchema({"type": "string"})]
Country = Annotated[str, PlainValidator(_country), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$"})]
Kind = Annotated[Literal["revenue", "cost"], CHOICE]
