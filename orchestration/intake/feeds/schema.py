"""What a feed may say: which column of a foreign file is which column of a dataset. There is no language to learn.

A value is the name of a column of the file; or a constant, parts joined, the number or the hash of the row; or, for
`amount` only, `product(quantity, unit_price)`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler, PlainValidator, WithJsonSchema, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from orchestration.book.problems import Fault
from orchestration.book.scalars import CHOICE, Id, Text, Zone, refuse, refuse_all, shown
from orchestration.book.schema import Item
from orchestration.intake import accounts, costs, exchange, usage
from orchestration.intake.feeds.times import TimeFormat, read_format
from orchestration.intake.landing import ACCOUNTS, COSTS, FX_RATES, USAGE
from orchestration.intake.records import Layout

_PRODUCT = re.compile(r"product\((?P<first>.+), (?P<second>.+)\)")
_HIDDEN = re.compile(r"[\x00-\x1f\x7f]")
DELIMITERS = (",", ";", "|", "\t")


@dataclass(frozen=True)
class Target:
    """Columns of a dataset that a feed can fill, and which of them are instants or days."""

    layout: Layout
    instants: frozenset[str] = frozenset()
    days: frozenset[str] = frozenset()


TARGETS: Mapping[str, Target] = {
    USAGE: Target(usage.usage_layout({}), instants=frozenset({"occurred_at"})),
    ACCOUNTS: Target(accounts.LAYOUT, days=frozenset({"valid_from"})),
    COSTS: Target(costs.LAYOUT, instants=frozenset(costs.TIMES)),
    FX_RATES: Target(exchange.LAYOUT, days=frozenset({"rate_date"})),
}
# What only usage has: an id that can be made, dimensions, several events of one row.
MADE = "event_id"
COMPUTED = "amount"


def _column_name(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > 1000 or _HIDDEN.search(value):
        refuse("bad_column_name", f"{shown(value)} names no column.", "Write the name as it stands in the file.")
    return str(value)


def _format(value: Any) -> TimeFormat:
    if not isinstance(value, str):
        refuse("bad_format", f"{shown(value)} is no format.", "Write it like dd/mm/yyyy hh:mm:ss.")
    return read_format(value)


def _delimiter(value: Any) -> str:
    if value not in DELIMITERS:
        refuse("bad_delimiter", f"{shown(value)} separates no fields.", r'Write "," ";" "|" or "\t", in quotes.')
    return str(value)


# Blanks at its ends belong to the name of a column: real files have them.
ColumnName = Annotated[str, PlainValidator(_column_name), WithJsonSchema({"type": "string", "minLength": 1})]
Format = Annotated[TimeFormat, PlainValidator(_format), WithJsonSchema({"type": "string"})]
Delimiter = Annotated[str, PlainValidator(_delimiter), WithJsonSchema({"enum": list(DELIMITERS)})]


class Part(Item):
    """A piece of a value: exactly one of its keys, or the bare name of a column."""

    column: ColumnName | None = Field(None, description="A column of the file.")
    constant: Text | None = Field(None, description="A text that is always the same.")
    row: Annotated[Literal["0", "1"], CHOICE, WithJsonSchema({"enum": [0, 1]})] | None = Field(
        None, description="The number of the row in its file, counted from 0 or from 1."
    )
    sha256: Annotated[Literal["row"], CHOICE] | None = Field(
        None, description="SHA-256 of the row: of all its columns as a JSON object, keys sorted, blank ones left out."
    )

    @model_validator(mode="before")
    @classmethod
    def _bare_text_is_a_column(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_one_thing(self) -> "Part":
        kinds = [name for name in self.kinds() if getattr(self, name) is not None]
        if len(kinds) != 1:
            message = f"it is {' and '.join(kinds)} at once." if kinds else "it says nothing."
            refuse_all([Fault((), "not_one_value", message, f"Write one of {', '.join(self.kinds())}.")])
        return self

    @classmethod
    def kinds(cls) -> tuple[str, ...]:
        """Return the keys of which there is exactly one."""
        return ("column", "constant", "row", "sha256")

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Say to editors that a bare text is the name of a column."""
        as_mapping = handler.resolve_ref_schema(handler(core_schema))
        return {"anyOf": [{"type": "string", "description": "A column of the file."}, as_mapping]}


class Value(Part):
    """Where the values of a column come from."""

    parts: list[Part] | None = Field(None, description="Pieces that are joined to one text.")
    product: tuple[ColumnName, ColumnName] | None = Field(
        None, description="Two columns whose values are multiplied: the text `product(first, second)` says the same."
    )
    otherwise: Text | None = Field(None, description="What a blank one stands for.")
    format: Format | None = Field(None, description="How times or days are written: dd/mm/yyyy hh:mm:ss.")
    zone: Zone | None = Field(None, description="IANA zone of times that are written without an offset.")
    fold: Annotated[Literal["earlier", "later"], CHOICE] | None = Field(
        None, description="Which one a local time is that was twice; without it, such rows are rejected."
    )

    @classmethod
    def kinds(cls) -> tuple[str, ...]:
        """Return the keys of which there is exactly one."""
        return (*super().kinds(), "parts", "product")

    @model_validator(mode="before")
    @classmethod
    def _product_is_written_as_text(cls, value: Any) -> Any:
        found = _PRODUCT.fullmatch(value) if isinstance(value, str) else None
        return {"product": (found["first"], found["second"])} if found else value

    def columns(self) -> tuple[str, ...]:
        """Return the columns of the file that it reads."""
        if self.product is not None:
            return self.product
        pieces: list[Part] = [self] if self.parts is None else list(self.parts)
        return tuple(piece.column for piece in pieces if piece.column is not None)

    def reads_whole_row(self) -> bool:
        """Whether it is made of all columns."""
        return any(piece.sha256 is not None for piece in (self, *(self.parts or ())))

    def counts_rows(self) -> bool:
        """Whether it is made of the number of the row."""
        return any(piece.row is not None for piece in (self, *(self.parts or ())))


class RowMeter(Item):
    """A meter for which each row of the file brings an event."""

    meter: Text = Field(description="Id of the meter, as the price book names it.")
    quantity: ColumnName = Field(description="The column of its quantity.")
    event_id_suffix: Text = Field(description="What its event ids end in.")


class FeedDocument(Item):
    """A feed: how files that are not in our format become rows of a dataset."""

    dataset: Text = Field(description="The dataset that it feeds: usage_events, accounts, costs or fx_rates.")
    delimiter: Delimiter = Field(",", description='What separates the fields of a CSV file: "," ";" "|" or "\\t".')
    nulls: list[Text] = Field(default_factory=list, description='Texts that mean that nothing is there: "NULL".')
    columns: dict[str, Value] = Field(
        default_factory=dict,
        description="Columns of the dataset, each with the column of the file it comes from. "
        "Without any the file is taken as it is.",
    )
    dimensions: dict[Id, Value] = Field(default_factory=dict, description="Dimensions of usage, likewise.")
    meters: list[RowMeter] = Field(
        default_factory=list, description="When a row is usage of several meters: one event for each of these."
    )

    @property
    def is_mapped(self) -> bool:
        """Whether anything is mapped; if not, files are in the dataset's own format."""
        return bool(self.columns or self.dimensions or self.meters)

    @field_validator("dataset")
    @classmethod
    def _dataset_is_fed(cls, dataset: str) -> str:
        if dataset not in TARGETS:
            refuse(
                "unknown_dataset", f"`{dataset}` is no dataset that a feed can fill.", f"One of {', '.join(TARGETS)}."
            )
        return dataset

    @model_validator(mode="after")
    def _fits_its_dataset(self) -> "FeedDocument":
        refuse_all([*_dataset_faults(self), *(_column_faults(self) if self.is_mapped else _unmapped_faults(self))])
        return self


def _unmapped_faults(feed: FeedDocument) -> Iterator[Fault]:
    for name in ("nulls", "delimiter"):
        if name in feed.model_fields_set:
            yield Fault((name,), "nothing_mapped", "the file is taken as it is.", "Map its columns, or remove this.")


def _dataset_faults(feed: FeedDocument) -> Iterator[Fault]:
    if feed.dataset != USAGE:
        for name in ("dimensions", "meters"):
            if getattr(feed, name):
                yield Fault((name,), "not_of_this_dataset", f"`{feed.dataset}` has no {name}.", "Remove it.")


def _column_faults(feed: FeedDocument) -> Iterator[Fault]:
    target = TARGETS[feed.dataset]
    known = (*target.layout.required, *target.layout.optional)
    for name, value in feed.columns.items():
        if name not in known:
            yield Fault(
                ("columns", name), "unknown_column", f"`{name}` is no column of {feed.dataset}.", _one_of(known)
            )
        yield from _value_faults(("columns", name), name, value, target)
    for name, value in feed.dimensions.items():
        if name in known:
            yield Fault(("dimensions", name), "name_taken", f"`{name}` is a column of {feed.dataset}.", "Rename it.")
        yield from _value_faults(("dimensions", name), name, value, target)
    of_meters = {"meter", "quantity"} if feed.meters else set()
    for name in sorted(of_meters & set(feed.columns)):
        yield Fault(("columns", name), "said_twice", f"each of `meters` has its {name}.", "Remove it here.")
    for name in target.layout.required:
        if name not in feed.columns and name not in of_meters:
            yield Fault(("columns",), "missing", f"`{name}` is not mapped.", "It is required.")
    suffixes = [meter.event_id_suffix for meter in feed.meters]
    for number, suffix in enumerate(suffixes):
        if suffix in suffixes[:number]:
            at = ("meters", number, "event_id_suffix")
            yield Fault(at, "duplicate", f'"{suffix}" stands twice.', "Events of one row need ids of their own.")


def _value_faults(at: tuple[str, ...], name: str, value: Value, target: Target) -> Iterator[Fault]:
    is_instant, is_day = name in target.instants, name in target.days
    if value.product is not None and name != COMPUTED:
        yield Fault(at, "not_computed", f"only `{COMPUTED}` can be a product.", "Name a column.")
    if (value.reads_whole_row() or value.counts_rows()) and name != MADE:
        yield Fault(at, "not_made_of_rows", f"only `{MADE}` can be made of the row.", "Name a column.")
    if value.otherwise is not None and value.column is None:
        yield Fault((*at, "otherwise"), "no_column", "only a column can be blank.", "Remove it.")
    if value.format is not None and not (is_instant or is_day):
        yield Fault((*at, "format"), "not_a_time", f"`{name}` is no time.", "Remove it.")
    if value.format is not None and is_day and value.format.has_time:
        yield Fault((*at, "format"), "not_a_day", f"`{name}` is a day.", "Write the format of a day.")
    if value.zone is not None and not is_instant:
        yield Fault((*at, "zone"), "not_a_time", f"`{name}` is no time.", "Remove it.")
    if value.fold is not None and value.zone is None:
        yield Fault((*at, "fold"), "no_zone", "no time is twice without a zone.", "Write the zone, or remove it.")
    if is_instant and value.format is not None and value.zone is None:
        yield Fault(at, "missing", "the zone is missing.", "Write `zone:` with an IANA name: the format has no offset.")
    if (is_instant or is_day) and (value.format or value.zone) and value.column is None:
        yield Fault(at, "no_column", "a time is one column.", "Name the column.")


def _one_of(names: tuple[str, ...]) -> str:
    return f"One of {', '.join(names)}."
