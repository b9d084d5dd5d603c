"""The one vocabulary: what a table is, which types a column may have, how a column is declared.

A contract is a class with one annotated attribute per column. Validation, dbt sources, mart contracts, column
comments, the Dagster column schema and the typed rows of tests are all read off these declarations.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, TypeVar, get_args, get_type_hints

import polars as pl

# Open intervals end (or begin) at a date, never at null, so that every comparison has an answer.
BEGINNING = date(1900, 1, 1)
FOREVER = date(9999, 12, 31)
BEGINNING_AT = datetime(1900, 1, 1)
FOREVER_AT = datetime(9999, 12, 31)


class Kind(StrEnum):
    """How a table comes to be, and what may ever happen to it (design: kinds of table)."""

    DELIVERED = "delivered"  # partition D holds what delivery D contributed; written once, never rewritten
    AS_OF = "as_of"  # a pure function of all deliveries up to D and the seals that D sees; a replaceable cache
    SEALED = "sealed"  # append-only log, hash-chained: what closed months hold; made by `ratebook close` only
    ISSUED = "issued"  # append-only log, hash-chained: what has gone to customers; made by `ratebook issue` only
    MART = "mart"  # made by dbt from the two above, inside the private build file


class Layout(StrEnum):
    """Over which files a table is spread; what is spread is computed, checked and written one part at a time."""

    WHOLE = "whole"  # one file
    PER_DELIVERY = "per_delivery"  # one folder per delivery, reused by every later night
    PER_PAYER = "per_payer"  # one file per bucket of payers: credits, pools and invoices never cross a bucket


@dataclass(frozen=True)
class ColumnType:
    """One physical type: its name in Polars and in DuckDB, which must agree to the digit."""

    polars: pl.DataType
    duckdb: str


Text = Annotated[str, ColumnType(pl.String(), "VARCHAR")]
Flag = Annotated[bool, ColumnType(pl.Boolean(), "BOOLEAN")]
Count = Annotated[int, ColumnType(pl.Int64(), "BIGINT")]
Bucket = Annotated[int, ColumnType(pl.UInt16(), "USMALLINT")]
Day = Annotated[date, ColumnType(pl.Date(), "DATE")]
# Instants are UTC by rule and carry no zone in the type: a zoned column shows in each reader's own zone, and
# fetching one in Python needs a package that a bare DuckDB lacks.
Instant = Annotated[datetime, ColumnType(pl.Datetime("us"), "TIMESTAMP")]
Quantity = Annotated[Decimal, ColumnType(pl.Decimal(38, 12), "DECIMAL(38,12)")]
UnitPrice = Annotated[Decimal, ColumnType(pl.Decimal(38, 24), "DECIMAL(38,24)")]
ExactAmount = Annotated[Decimal, ColumnType(pl.Decimal(38, 24), "DECIMAL(38,24)")]
Amount = Annotated[Decimal, ColumnType(pl.Decimal(18, 4), "DECIMAL(18,4)")]
# Rates are delivered with six decimals at most (217,555 of the European Central Bank); twelve keep small units, too.
ExchangeRate = Annotated[Decimal, ColumnType(pl.Decimal(38, 12), "DECIMAL(38,12)")]
AmountSum = Annotated[Decimal, ColumnType(pl.Decimal(38, 4), "DECIMAL(38,4)")]
# A provider bills fractions of a cent that add up: they are kept as billed, and never rounded to a minor unit.
ProviderCost = Annotated[Decimal, ColumnType(pl.Decimal(38, 12), "DECIMAL(38,12)")]
ProviderQuantity = Annotated[Decimal, ColumnType(pl.Decimal(38, 18), "DECIMAL(38,18)")]
# Of reports only: nothing is computed from a ratio.
Percent = Annotated[Decimal, ColumnType(pl.Decimal(38, 2), "DECIMAL(38,2)")]

QUANTITY = pl.Decimal(38, 12)
EXACT = pl.Decimal(38, 24)
AMOUNT = pl.Decimal(18, 4)
EXCHANGE_RATE = pl.Decimal(38, 12)
PROVIDER_COST = pl.Decimal(38, 12)


@dataclass(frozen=True)
class Column:
    """One declared column. `name` and `type` are filled in when the table class is made."""

    description: str
    name: str = ""
    source: str | None = None  # table and column of the lake that it was declared in
    type: ColumnType = ColumnType(pl.String(), "VARCHAR")
    is_key: bool = False
    null_means: str | None = None
    unit: str | None = None
    example: str | None = None
    one_of: tuple[str, ...] | None = None
    at_least: Decimal | int | None = None
    pattern: str | None = None


def column(
    description: str,
    *,
    null_means: str | None = None,
    unit: str | None = None,
    example: str | None = None,
    one_of: Sequence[str] | None = None,
    at_least: Decimal | int | None = None,
    pattern: str | None = None,
) -> Any:
    """Declare a column. A column is nullable only if it says what null means."""
    return Column(
        description,
        null_means=null_means,
        unit=unit,
        example=example,
        one_of=None if one_of is None else tuple(one_of),
        at_least=at_least,
        pattern=pattern,
    )


def key(
    description: str, *, unit: str | None = None, example: str | None = None, one_of: Sequence[str] | None = None
) -> Any:
    """Declare a column of the table's grain: never null, and unique together with the other keys."""
    return Column(
        description, is_key=True, unit=unit, example=example, one_of=None if one_of is None else tuple(one_of)
    )


def same(source: Any, *, null_means: str | None = None) -> Any:
    """Take over a column of another table as a plain column; `null_means` where the mart writes null for empty text."""
    return replace(source, is_key=False, null_means=null_means or source.null_means)


def same_key(source: Any) -> Any:
    """Take over a column of another table as part of the grain."""
    return replace(source, is_key=True)


class Table:
    """Base of every contract. Subclasses only declare; nothing here computes a business value.

    Class attributes: `table_kind`, `layout`, `is_of_closed_months`, `table_name` (snake case of the class), `columns`
    in their order, and `keys`, the grain.
    """

    table_kind: ClassVar[Kind] = Kind.AS_OF
    layout: ClassVar[Layout] = Layout.WHOLE
    is_of_closed_months: ClassVar[bool] = False  # it has rows only where a month is closed
    table_name: ClassVar[str]
    columns: ClassVar[Mapping[str, Column]]
    keys: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls, *, name: str | None = None) -> None:
        """Read the columns off the annotations, in the order in which they stand. `name` if the class cannot say it."""
        super().__init_subclass__()
        cls.table_name = name or re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        hints = get_type_hints(cls, include_extras=True)
        own = {
            name: value
            for each in reversed(cls.__mro__)  # a table that takes another as its base has that one's columns first
            for name, value in vars(each).items()
            if isinstance(value, Column)
        }
        cls.columns = {name: _named(declared, name, hints[name]) for name, declared in own.items()}
        if cls.table_kind is not Kind.MART:
            cls.columns = {name: _sourced(declared, cls.table_name) for name, declared in cls.columns.items()}
            for attribute in own:  # what another contract takes over knows where it comes from
                setattr(cls, attribute, cls.columns[attribute])
        cls.keys = tuple(name for name, declared in cls.columns.items() if declared.is_key)

    @classmethod
    def schema(cls) -> dict[str, pl.DataType]:
        """Return the exact Polars schema, in column order."""
        return {name: declared.type.polars for name, declared in cls.columns.items()}

    @classmethod
    def empty(cls) -> pl.DataFrame:
        """Return a frame with the right columns and no rows."""
        return pl.DataFrame(schema=cls.schema())


class Delivery(Table):
    """A table whose partition D holds only what delivery D contributed. Written once, never rewritten."""

    table_kind: ClassVar[Kind] = Kind.DELIVERED
    layout: ClassVar[Layout] = Layout.PER_DELIVERY


class SealedLog(Table):
    """A table whose rows were sealed with closed months. As of D it holds those of the seals that D sees in force."""

    table_kind: ClassVar[Kind] = Kind.SEALED


def _named(declared: Column, name: str, hint: Any) -> Column:
    types = [extra for extra in get_args(hint) if isinstance(extra, ColumnType)]
    if not types:
        raise TypeError(f"{name}: annotate it with a type of data_contracts.vocabulary, not {hint!r}")
    return Column(**{**declared.__dict__, "name": name, "type": types[0]})


def _sourced(declared: Column, table_name: str) -> Column:
    return replace(declared, source=f"lake.{table_name}.{declared.name.rstrip('_')}")


T = TypeVar("T", bound=Table)

if TYPE_CHECKING:

    class Delivered(pl.LazyFrame, Generic[T]):
        """Rows of every delivery up to D of a `Delivery` table."""

    class AsOf(pl.LazyFrame, Generic[T]):
        """The table `T` as a pure function of everything known on D."""

    class Sealed(pl.LazyFrame, Generic[T]):
        """Rows of the closed months of a `SealedLog` table, as D sees them."""

    class Issued(pl.LazyFrame, Generic[T]):
        """Rows of the issue log's table `T` that D sees."""

else:

    class Delivered:
        """Annotation of a builder's parameter: the LazyFrame holds every delivery of the table up to D."""

        def __class_getitem__(cls, table: Any) -> Any:
            """Keep kind and contract where `get_type_hints` finds them."""
            return Annotated[pl.LazyFrame, Kind.DELIVERED, table]

    class AsOf:
        """Annotation of a builder's parameter or result: the LazyFrame holds the table as of D."""

        def __class_getitem__(cls, table: Any) -> Any:
            """Keep kind and contract where `get_type_hints` finds them."""
            return Annotated[pl.LazyFrame, Kind.AS_OF, table]

    class Sealed:
        """Annotation of a builder's parameter: the LazyFrame holds what closed months hold of the table, as D sees."""

        def __class_getitem__(cls, table: Any) -> Any:
            """Keep kind and contract where `get_type_hints` finds them."""
            return Annotated[pl.LazyFrame, Kind.SEALED, table]

    class Issued:
        """Annotation of a builder's parameter: the LazyFrame holds what was issued of the table, as D sees it."""

        def __class_getitem__(cls, table: Any) -> Any:
            """Keep kind and contract where `get_type_hints` finds them."""
            return Annotated[pl.LazyFrame, Kind.ISSUED, table]
