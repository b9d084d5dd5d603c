"""What a price book and a contract may say: every model and every term, checked one item at a time.

The schema knows more than can be rated yet (`rateable.py` names the difference), so that a book written for later
versions gets its typing errors today and its keys never change their meaning.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator, model_validator

from data_contracts.fx_rates import REFERENCE
from orchestration.book.problems import Fault
from orchestration.book.scalars import (
    CHOICE,
    Anchor,
    ClockTime,
    Count,
    Country,
    Currency,
    Day,
    Flag,
    Id,
    Kind,
    Lock,
    Moment,
    PositiveQuantity,
    Price,
    Quantity,
    Text,
    Zone,
    refuse,
    refuse_all,
)

Model = Annotated[
    Literal[
        "flat",
        "per_unit",
        "graduated",
        "volume",
        "package",
        "percentage",
        "graduated_percentage",
        "matrix",
        "dynamic",
    ],
    CHOICE,
]
Interval = Annotated[Literal["day", "week", "month", "quarter", "year"], CHOICE]

# What a version must say and what it may say, by model; all else that is money is refused for that model.
TERMS_OF_MODEL: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "flat": (("flat_amount",), ()),
    "per_unit": (("unit_amount",), ("per", "intervals")),
    "graduated": (("tiers",), ()),
    "volume": (("tiers",), ()),
    "package": (("package",), ()),
    "percentage": (("percentage",), ()),
    "graduated_percentage": (("tiers",), ()),
    "matrix": (("matrix",), ()),
    "dynamic": ((), ()),
}
# Tiers of units have a unit_amount, tiers of a value a rate. All units of a volume price are priced alike, be it money.
WRONG_IN_TIER = {"graduated": "rate", "graduated_percentage": "unit_amount"}
# What other terms of a version need: units to take off or convert, a flat amount, amounts that events have a part of.
MODELS_OF_UNITS = ("per_unit", "graduated", "graduated_percentage", "volume", "package", "matrix")
MODELS_OF_FLATS = ("flat", "graduated", "graduated_percentage", "volume")
# Models whose amount depends on a running total of units.
MODELS_WITH_TIERS = ("per_unit", "graduated", "graduated_percentage", "volume", "package")
MINUTES_OF_DAY = 24 * 60
MODEL_TERMS = ("unit_amount", "per", "intervals", "tiers", "package", "percentage", "matrix", "flat_amount")


class Item(BaseModel):
    """Base of everything in a document: no unknown key, never changed after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ExchangeRule(Item):
    """How a rate is chosen for a date."""

    rule: Annotated[Literal["last_known"], CHOICE] = Field("last_known", description="The last rate on or before it.")
    max_age_days: Count = Field(5, description="How old that rate may be.")
    rate_type: Text = Field(REFERENCE, description="Which rate of a day, as `fx_rates` names it.")
    reporting: Annotated[Literal["posting_date", "month_average"], CHOICE] = Field(
        "posting_date", description="The rate that turns an amount into the reporting currency."
    )


class LegalEntity(Item):
    """A legal entity of the company, which issues invoices."""

    id: Id = Field(description="Id of the entity, as accounts name it.")
    name: Text = Field(description="Registered name.")
    country: Country = Field(description="ISO 3166 code, two letters.")
    currency: Currency = Field(description="ISO 4217 code of its books.")
    invoice_prefix: Text = Field(description="Prefix of its document numbers.")


class Issue(Item):
    """When invoices and credit notes are issued by the night."""

    starts_on: Day | None = Field(
        None, description="First day on which documents are issued; until then, and without it, they stay drafts."
    )
    grace_days: Count = Field(
        0, description="Days after the end of a billing period until it is billed, where the contract does not say."
    )


class Company(Item):
    """The company whose prices these are."""

    name: Text = Field(description="Name of the company.")
    time_zone: Zone = Field("UTC", description="IANA zone of the company's own days.")
    reporting_currency: Currency = Field(description="ISO 4217 code that reports are read in.")
    default_plan: Id | None = Field(None, description="Plan of accounts without a contract.")
    fx: ExchangeRule = Field(default_factory=ExchangeRule, description="Choice of exchange rates.")
    issue: Issue = Field(default_factory=Issue, description="When documents are issued.")
    legal_entities: list[LegalEntity] = Field(
        default_factory=list, description="The first one bills accounts that name none; without any it is `default`."
    )

    @field_validator("legal_entities")
    @classmethod
    def _entities_are_distinct(cls, entities: list[LegalEntity]) -> list[LegalEntity]:
        refuse_all(_repeated([entity.id for entity in entities], "legal entity"))
        refuse_all(_repeated([entity.invoice_prefix for entity in entities], "invoice_prefix"))
        return entities


class Product(Item):
    """Something that is sold."""

    id: Id = Field(description="Id of the product.")
    name: Text = Field(description="Name of the product.")
    revenue_account: Text | None = Field(None, description="General-ledger account of its revenue.")
    cost_basis: Annotated[Literal["modelled", "actual"], CHOICE] | None = Field(
        None,
        description="Which cost counts in its margin: that of cost prices or that of providers' bills. By default "
        "modelled if the book has a cost price of the product, else actual.",
    )
    description: Text | None = Field(None, description="For people.")


class Meter(Item):
    """What is measured, and how events become a quantity."""

    id: Text = Field(description="Id of the meter, as events name it.")
    unit: Text = Field(description="Unit of one, e.g. token.")
    aggregation: Annotated[Literal["sum", "count", "max", "latest", "unique_count", "weighted_sum"], CHOICE] = Field(
        description="How events add up within a period."
    )
    value: Text = Field(
        "quantity",
        description="Which field of the event is measured: quantity, amount, or the dimension whose values a "
        "unique_count counts.",
    )
    dimensions: list[Id] = Field(default_factory=list, description="Further fields of the event that prices may use.")
    carry_over: bool | None = Field(
        None,
        description="Whether a billing period begins with what the one before ended with. By default true for latest "
        "and weighted_sum, false for unique_count; no other aggregation can.",
    )
    negative: Annotated[Literal["reject", "allow"], CHOICE] = Field(
        "reject", description="Whether events may be negative."
    )
    name: Text | None = Field(None, description="For people.")
    description: Text | None = Field(None, description="For people.")

    @field_validator("dimensions")
    @classmethod
    def _dimensions_are_distinct(cls, dimensions: list[str]) -> list[str]:
        refuse_all(_repeated(dimensions, "dimension"))
        return dimensions

    @model_validator(mode="after")
    def _measures_what_it_can(self) -> "Meter":
        counts_values = self.aggregation == "unique_count"
        possible = self.dimensions if counts_values else ["quantity", "amount"]
        faults = []
        if self.value not in possible:
            message = f"{self.aggregation} cannot measure {self.value}."
            what = "one of its dimensions" if counts_values else "quantity or amount"
            faults.append(Fault(("value",), "contradiction", message, f"Write {what}."))
        if self.carry_over is not None and self.aggregation in ("sum", "count", "max"):
            message = f"{self.aggregation} begins anew in each billing period."
            faults.append(Fault(("carry_over",), "contradiction", message, "Leave it out."))
        refuse_all(faults)
        return self


class Tier(Item):
    """One step of a tiered price."""

    up_to: Quantity | None = Field(description="Inclusive upper bound; null in the last tier, which has none.")
    unit_amount: Price | None = Field(None, description="Price of `per` units in the tier.")
    per: PositiveQuantity | None = Field(None, description="How many units `unit_amount` buys; 1 when not given.")
    flat_amount: Price | None = Field(None, description="Due once when the tier is entered.")
    rate: Price | None = Field(
        None, description='Share of the value (graduated_percentage, and volume over a value), e.g. "0.012".'
    )

    @model_validator(mode="after")
    def _prices_something(self) -> "Tier":
        faults = []
        if self.unit_amount is None and self.rate is None and self.flat_amount is None:
            faults.append(Fault((), "missing", "the tier has no price.", 'Write unit_amount: "0" for a free tier.'))
        if self.unit_amount is not None and self.rate is not None:
            faults.append(Fault(("rate",), "contradiction", "the tier has a rate and a unit_amount.", "Keep one."))
        faults.extend(_per_alone(self.unit_amount, self.per))
        refuse_all(faults)
        return self


class Package(Item):
    """Units sold in packages: every started one is charged."""

    size: PositiveQuantity = Field(description="Units in a package.")
    amount: Price = Field(description="Price of a package.")
    free_units: Quantity | None = Field(None, description="Units before the first package.")
    round: Annotated[Literal["up", "down"], CHOICE] = Field("up", description="Whether a started package counts.")


class Percentage(Item):
    """A fee per event: a share of its value and a fixed part, within bounds, after a free allowance."""

    rate: Price = Field(description='Share of the value: "0.012" is 1.2 %.')
    fixed: Price | None = Field(None, description="Fixed part of each fee.")
    free_events: Count | None = Field(None, description="Events of a billing period that are free.")
    free_amount: Quantity | None = Field(None, description="Value of a billing period that is free.")
    free_rule: Annotated[Literal["first_exhausted", "both_exhausted"], CHOICE] = Field(
        "first_exhausted", description="Whether the free phase ends with the first allowance used up, or with both."
    )
    min: Price | None = Field(None, description="Least fee of a paying event.")
    max: Price | None = Field(None, description="Highest fee of an event.")

    @model_validator(mode="after")
    def _bounds_leave_room(self) -> "Percentage":
        if self.min is not None and self.max is not None and self.min > self.max:
            message = f'min "{self.min}" is above max "{self.max}".'
            refuse_all([Fault(("min",), "contradiction", message, "Swap them or drop one.")])
        return self


class MatrixDefault(Item):
    """The price of every combination that has no cell."""

    unit_amount: Price | None = Field(None, description="Price of `per` units.")
    per: PositiveQuantity | None = Field(None, description="How many units `unit_amount` buys; 1 when not given.")
    rate: Price | None = Field(None, description='Share of the value, for a meter of money, e.g. "0.002".')

    @model_validator(mode="after")
    def _prices_one_way(self) -> Self:
        if (self.unit_amount is None) == (self.rate is None):
            refuse("contradiction", "it needs unit_amount or rate.", "Write exactly one of them.")
        refuse_all(_per_alone(self.unit_amount, self.per))
        return self


class MatrixCell(MatrixDefault):
    """The price of one combination of dimensions."""

    where: dict[Id, Text] = Field(description="A value for each dimension of the matrix.")


class Matrix(Item):
    """Unit prices by dimensions; no cell and no default is suspense, never zero."""

    dimensions: list[Id] = Field(min_length=1, description="Dimensions that decide.")
    cells: list[MatrixCell] = Field(min_length=1, description="One price per combination.")
    default: MatrixDefault | None = Field(None, description="Price of every other combination.")

    @model_validator(mode="after")
    def _cells_are_complete(self) -> "Matrix":
        faults: list[Fault] = []
        seen: dict[tuple[tuple[str, str], ...], int] = {}
        for number, cell in enumerate(self.cells):
            if set(cell.where) != set(self.dimensions):
                message = f"the cell names {', '.join(sorted(cell.where))}."
                faults.append(Fault(("cells", number), "bad_cell", message, f"Name {', '.join(self.dimensions)}."))
            combination = tuple(sorted(cell.where.items()))
            if combination in seen:
                message = f"the same combination as cells.{seen[combination]}."
                faults.append(Fault(("cells", number), "duplicate", message, "Keep one of them."))
            seen.setdefault(combination, number)
        refuse_all(faults)
        return self


class RateInterval(Item):
    """Hours in which a unit costs something else: a rate curve is one version, with one counter and one rounding."""

    days: list[Annotated[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], CHOICE]] = Field(
        default_factory=list, description="Local weekdays; every day when not given."
    )
    starts_at: ClockTime = Field(description="Local time from which it holds, e.g. 08:00.")
    ends_at: ClockTime = Field(description="Local time from which it no longer holds; 24:00 is the day's end.")
    unit_amount: Price = Field(description="Price of `per` units.")
    per: PositiveQuantity | None = Field(None, description="How many units `unit_amount` buys; 1 when not given.")

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> "RateInterval":
        if self.from_minute >= self.to_minute:
            message = f"the interval ends at {self.ends_at} and starts at {self.starts_at}."
            remedy = "Write two intervals for hours across midnight: until 24:00 and from 00:00."
            refuse_all([Fault(("ends_at",), "reversed_times", message, remedy)])
        return self

    @property
    def from_minute(self) -> int:
        """Return the minute of the day from which it holds."""
        return _minute(self.starts_at)

    @property
    def to_minute(self) -> int:
        """Return the minute of the day from which it no longer holds."""
        return _minute(self.ends_at)


def _minute(clock_time: str) -> int:
    hours, minutes = clock_time.split(":")
    return int(hours) * 60 + int(minutes)


class UnitConversion(Item):
    """What happens to the quantity before anything else."""

    multiply: PositiveQuantity | None = Field(None, description="Factor.")
    divide: PositiveQuantity | None = Field(None, description="Divisor.")
    round: Annotated[Literal["up", "down", "half_up", "none"], CHOICE] = Field("none", description="To whole units.")

    @model_validator(mode="after")
    def _converts_one_way(self) -> "UnitConversion":
        if (self.multiply is None) == (self.divide is None):
            refuse("contradiction", "it needs multiply or divide.", "Write exactly one of them.")
        return self


class Amounts(Item):
    """Everything of a version that is money, in one currency."""

    unit_amount: Price | None = Field(None, description="per_unit: price of `per` units.")
    per: PositiveQuantity | None = Field(None, description="How many units `unit_amount` buys; 1 when not given.")
    intervals: list[RateInterval] | None = Field(None, description="per_unit: hours with another price.")
    tiers: list[Tier] | None = Field(None, description="graduated, volume, graduated_percentage: the tiers, rising.")
    package: Package | None = Field(None, description="package: its terms.")
    percentage: Percentage | None = Field(None, description="percentage: its terms.")
    matrix: Matrix | None = Field(None, description="matrix: its cells.")
    flat_amount: Price | None = Field(None, description="flat: the amount, once per interval.")
    minimum: Price | None = Field(None, description="Least amount of a billing period.")
    maximum: Price | None = Field(None, description="Highest amount of a billing period.")

    @field_validator("tiers")
    @classmethod
    def _tiers_rise(cls, tiers: list[Tier] | None) -> list[Tier] | None:
        refuse_all(_tier_faults(tiers) if tiers is not None else [])
        return tiers

    @field_validator("intervals")
    @classmethod
    def _intervals_are_apart(cls, intervals: list[RateInterval] | None) -> list[RateInterval] | None:
        refuse_all(_interval_overlaps(intervals) if intervals is not None else [])
        return intervals

    @model_validator(mode="after")
    def _amounts_agree(self) -> "Amounts":
        faults = _per_alone(self.unit_amount, self.per)
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            message = f'minimum "{self.minimum}" is above maximum "{self.maximum}".'
            faults.append(Fault(("minimum",), "contradiction", message, "Swap them or drop one."))
        refuse_all(faults)
        return self


class Version(Amounts):
    """The terms of a price from some moment on. Never edited: a correction is a new version that supersedes."""

    effective_from: Moment | None = Field(
        None, description="A day (from that local day's start) or an instant with offset. Required but in overrides."
    )
    effective_to: Moment | None = Field(
        None, description="Optional control: the moment at which the next version begins. Half-open."
    )
    supersedes: Moment | None = Field(
        None, description="`effective_from` of the version that this one corrects, for that version's whole validity."
    )
    reason: Text | None = Field(None, description="Why it corrects; required with supersedes.")
    approved_by: Text | None = Field(None, description="Who approved; required with supersedes.")
    currencies: dict[Currency, Amounts] | None = Field(
        None, description="Amounts per currency, instead of amounts in the price's own."
    )
    rounding: Annotated[Literal["half_up", "half_even", "down", "up"], CHOICE] = Field(
        "half_up", description="Mode of the one rounding to the currency's minor unit."
    )
    round_at: Annotated[Literal["period", "event"], CHOICE] | None = Field(
        None, description="What is rounded once; event for percentage, period for the others."
    )
    free_units: Quantity | None = Field(None, description="Units of a billing period that are free.")
    unit_conversion: UnitConversion | None = Field(None, description="What happens to the quantity first.")
    flat_on_zero: Annotated[Literal["charge", "none"], CHOICE] = Field(
        "charge", description="Whether the flat of tier one is due without usage."
    )
    on_price_change: Annotated[Literal["restart", "continue"], CHOICE] = Field(
        "restart", description="Whether counters begin anew when this version takes over inside a billing period."
    )
    tier_period: Annotated[Literal["billing", "month", "quarter", "year", "term"], CHOICE] = Field(
        "billing", description="Period over which tiers count."
    )
    pool: Annotated[Literal["account", "payer"], CHOICE] = Field("account", description="Whose usage counts together.")
    recognise: Annotated[Literal["as_used", "straight_line"], CHOICE] | None = Field(
        None, description="When revenue is earned."
    )
    applies_to: Annotated[Literal["all", "new_contracts", "at_renewal"], CHOICE] = Field(
        "all", description="Which contracts the version reaches."
    )

    @model_validator(mode="after")
    def _correction_is_whole(self) -> "Version":
        refuse_all(_correction_faults(self))
        return self

    @field_validator("currencies")
    @classmethod
    def _some_currency(cls, currencies: dict[str, Amounts] | None) -> dict[str, Amounts] | None:
        if currencies is not None and not currencies:
            refuse("missing", "no currency.", 'Write e.g. {USD: {unit_amount: "0.25"}}.')
        return currencies

    @property
    def starts(self) -> date | datetime | None:
        """Day or instant (naive UTC) from which it holds: a correction takes its place from what it corrects."""
        return self.supersedes if self.supersedes is not None else self.effective_from


class PriceItem(Item):
    """What is charged for usage of a meter (or for time), under terms that change by version."""

    id: Id = Field(description="Id of the price.")
    name: Text | None = Field(None, description="For people.")
    description: Text | None = Field(None, description="For people.")
    product: Id = Field(description="Product that it sells.")
    meter: Text | None = Field(None, description="Meter that it rates; none for a price of time.")
    where: dict[Id, Text] = Field(default_factory=dict, description="Exact match on dimensions of the meter.")
    group_by: list[Id] = Field(default_factory=list, description="Counters and lines per value of these dimensions.")
    group_by_shared_tiers: Flag = Field(
        default=False,
        description="Whether the groups share counter, tiers and flats: their sum is rated and allocated to them.",
    )
    model: Model = Field(description="Charge model.")
    kind: Kind = Field("revenue", description="Revenue, or what the usage costs us.")
    additive: Flag = Field(
        default=False, description="Whether it may apply beside another revenue price of the same usage."
    )
    passes_through: Id | None = Field(
        None,
        description="Cost price whose cost is billed on as it is, with equal terms: its lines are pass-through, beside "
        "the prices of our own.",
    )
    fee_category: Text | None = Field(None, description="Heading under which reports of fees list it, e.g. Network.")
    currency: Currency | None = Field(None, description="ISO 4217 code of amounts; or `currencies` in each version.")
    convert: Annotated[Literal["service_date"], CHOICE] | None = Field(
        None,
        description="Sell it in every contract's currency: what its terms give is converted at the rate of the service "
        "date. Without it a contract in another currency has no price.",
    )
    interval: Interval | None = Field(None, description="Recurring: how often.")
    bill: Annotated[Literal["advance", "arrears"], CHOICE] | None = Field(None, description="Recurring: when.")
    prorate: Annotated[Literal["day", "second", "none"], CHOICE] | None = Field(None, description="Recurring: how.")
    versions: list[Version] = Field(default_factory=list, description="Terms over time.")
    versions_from: Text | None = Field(
        None, description="CSV beside the document: effective_from, unit_amount and optionally per, currency."
    )

    @property
    def may_stand_beside(self) -> bool:
        """Whether it may apply beside another revenue price of the same usage."""
        return self.additive or self.passes_through is not None

    @model_validator(mode="after")
    def _terms_fit_the_model(self) -> "PriceItem":
        faults = list(_price_faults(self))
        for number, version in enumerate(self.versions):
            faults.extend(version_faults(self.model, self.currency, version, ("versions", number)))
            if version.starts is None:
                message = "effective_from is missing."
                remedy = "Write the day from which it holds, e.g. effective_from: 2026-01-01."
                faults.append(Fault(("versions", number), "missing", message, remedy))
        refuse_all(faults)
        return self


def _plan_entry(value: Any) -> Any:
    return {"price": value} if isinstance(value, str) else value


class PlanPrice(Item):
    """A price in a plan, since when."""

    price: Id = Field(description="Id of the price.")
    effective_from: Day | None = Field(None, description="First local day of the price in the plan; always by default.")


class Plan(Item):
    """What a contract refers to: a set of prices."""

    id: Id = Field(description="Id of the plan.")
    name: Text | None = Field(None, description="For people.")
    description: Text | None = Field(None, description="For people.")
    prices: list[
        Annotated[
            PlanPrice,
            BeforeValidator(_plan_entry),
            WithJsonSchema(
                {
                    "anyOf": [
                        {"type": "string", "description": "Id of a price that always belonged to the plan."},
                        {
                            "type": "object",
                            "required": ["price"],
                            "additionalProperties": False,
                            "properties": {
                                "price": {"type": "string", "description": "Id of the price."},
                                "effective_from": {"type": "string", "format": "date"},
                            },
                        },
                    ]
                }
            ),
        ]
    ] = Field(description="Prices: an id, or {price: id, effective_from: day}.")

    @field_validator("prices")
    @classmethod
    def _prices_are_distinct(cls, prices: list[PlanPrice]) -> list[PlanPrice]:
        refuse_all(_repeated([entry.price for entry in prices], "price"))
        return prices


class Exclusion(Item):
    """A named rule by which usage is not billable."""

    id: Id = Field(description="Name of the rule.")
    kind: Kind = Field("revenue", description="Which kind of line it suppresses.")
    meter: Text | None = Field(None, description="Meter it is about; every meter when not given.")
    account: Text | None = Field(None, description="Account it is about; every account when not given.")
    effective_from: Day | None = Field(None, description="First local day of the rule; always when not given.")
    reason: Text = Field(description="Why, for a person.")

    @model_validator(mode="after")
    def _names_something(self) -> "Exclusion":
        if self.meter is None and self.account is None:
            refuse("too_wide", "it would exclude all usage.", "Name a meter, an account or both.")
        return self


class Tax(Item):
    """A tax rate. Not used yet."""

    id: Id = Field(description="Id of the tax.")
    name: Text | None = Field(None, description="For people.")
    country: Country = Field(description="ISO 3166 code.")
    region: Text | None = Field(None, description="Part of the country.")
    rate: Price = Field(description='Share: "0.19" is 19 %.')
    inclusive: Flag = Field(default=False, description="Whether prices hold it already.")
    effective_from: Day = Field(description="First day of the rate.")


class CostCondition(Item):
    """What a charge of a provider's bill must state: exact texts, all of those given."""

    provider: Text | None = Field(None, description="Provider, e.g. AWS.")
    billing_account: Text | None = Field(None, description="Account of ours that the provider bills.")
    sub_account: Text | None = Field(None, description="Part of it, e.g. a project.")
    service: Text | None = Field(None, description="Name of the service.")
    service_category: Text | None = Field(None, description="Kind of service, e.g. Compute.")
    sku: Text | None = Field(None, description="Article of the provider.")
    region: Text | None = Field(None, description="Region.")
    resource: Text | None = Field(None, description="Resource.")
    charge_category: Text | None = Field(None, description="Usage, Purchase, Tax, Credit, Adjustment or Refund.")
    tags: dict[Text, Text] = Field(default_factory=dict, description="Tags with their values.")

    @property
    def stated(self) -> dict[str, str]:
        """What must hold, by attribute; a tag is `tags.<key>`."""
        plain = {name: value for name in type(self).model_fields if isinstance(value := getattr(self, name), str)}
        return plain | {f"tags.{key}": value for key, value in self.tags.items()}


class CostMapping(Item):
    """To which product and account a provider's cost belongs. The mapping with the most conditions counts."""

    id: Id = Field(description="Id of the mapping.")
    where: CostCondition = Field(description="Which charges it is about.")
    product: Id = Field(description="Product whose cost it is.")
    account: Text | None = Field(None, description="Account that causes it.")
    account_from: Text | None = Field(
        None, description="Where the charge names the account: sub_account, or tags.<key>."
    )
    allocate_by: list[Text] = Field(
        default_factory=list, description="A shared cost: meters of one unit, by whose usage accounts share it."
    )

    @model_validator(mode="after")
    def _names_charges_and_one_way_to_the_accounts(self) -> "CostMapping":
        faults = []
        if not self.where.stated:
            faults.append(Fault(("where",), "too_wide", "it would map all cost.", "Name at least a provider."))
        ways = [name for name in ("account", "account_from", "allocate_by") if getattr(self, name)]
        if len(ways) != 1:
            message = f"it names {' and '.join(ways) or 'no way'} to the accounts."
            faults.append(Fault((), "contradiction", message, "Write one of account, account_from, allocate_by."))
        if self.account_from is not None and not re.fullmatch(r"sub_account|tags\.[^'\\]+", self.account_from):
            message = f'"{self.account_from}" names no attribute of a charge.'
            faults.append(Fault(("account_from",), "unknown_value", message, "Write sub_account or tags.<key>."))
        faults.extend(
            Fault(("allocate_by", *fault.at), fault.rule, fault.message, fault.remedy)
            for fault in _repeated(self.allocate_by, "meter")
        )
        refuse_all(faults)
        return self


class BookDocument(Item):
    """A document of the price book. All documents of one delivery are one book."""

    company: Company | None = Field(None, description="The company; in exactly one document of the book.")
    products: list[Product] = Field(default_factory=list, description="What is sold.")
    meters: list[Meter] = Field(default_factory=list, description="What is measured.")
    prices: list[PriceItem] = Field(default_factory=list, description="What is charged.")
    plans: list[Plan] = Field(default_factory=list, description="Which prices go together.")
    taxes: list[Tax] = Field(default_factory=list, description="Tax rates. Not used yet.")
    exclusions: list[Exclusion] = Field(default_factory=list, description="Usage that is not billable.")
    cost_mapping: list[CostMapping] = Field(default_factory=list, description="Whose cost a provider's charges are.")


# A first of January that falls on the weekday, so that months and years of a weekly contract are those of the calendar.
_FIRST_OF_JANUARY = {date(year, 1, 1).isoweekday(): date(year, 1, 1) for year in reversed(range(2000, 2012))}


class Billing(Item):
    """Rhythm and currency of a contract."""

    interval: Annotated[Literal["week", "month", "quarter", "year"], CHOICE] = Field(
        "month", description="Length of a billing period."
    )
    anchor: Anchor = Field(
        1,
        description="Day of the month on which a period starts, 1 to 31 (of a week its weekday, 1 is Monday); quarters "
        "and years start in January. Or a date on which one starts.",
    )
    currency: Currency | None = Field(None, description="ISO 4217 code; the account's when not given.")
    grace_days: Count | None = Field(None, description="Days after the period's end until it is billed.")

    @model_validator(mode="after")
    def _anchor_is_a_day(self) -> "Billing":
        last, what = (7, "week") if self.interval == "week" else (31, "month")
        if isinstance(self.anchor, int) and not 1 <= self.anchor <= last:
            fault = Fault(
                ("anchor",), "out_of_range", f"{self.anchor} is not a day of the {what}.", f"Write 1 to {last}."
            )
            refuse_all([fault])
        return self

    @property
    def anchor_date(self) -> date:
        """Return a day on which a period starts, from which all others count."""
        if isinstance(self.anchor, date):
            return self.anchor
        return _FIRST_OF_JANUARY[self.anchor] if self.interval == "week" else date(2000, 1, self.anchor)

    @property
    def anchor_day(self) -> int:
        """Return the day of the month, or of the week, on which a period starts."""
        return self.anchor_date.isoweekday() if self.interval == "week" else self.anchor_date.day


class Override(Item):
    """A price of the plan at the contract's own terms."""

    price: Id = Field(description="Id of the price.")
    model: Model | None = Field(None, description="Charge model; the price's own when not given.")
    versions: list[Version] = Field(min_length=1, description="Terms; from the contract's start when they do not say.")


class ContractQuantity(Item):
    """A contracted quantity, e.g. seats."""

    price: Id = Field(description="Id of the price.")
    quantity: Quantity = Field(description="How many.")
    effective_from: Day | None = Field(None, description="First day; the contract's start when not given.")


class Scope(Item):
    """What a discount, commitment or credit is about; everything when empty."""

    prices: list[Id] = Field(default_factory=list, description="Ids of prices.")
    products: list[Id] = Field(default_factory=list, description="Ids of products.")
    meters: list[Text] = Field(default_factory=list, description="Ids of meters.")


class Discount(Item):
    """A share or an amount off."""

    id: Id = Field(description="Id of the discount.")
    percent: Price | None = Field(None, description='Share off: "0.10" is 10 %.')
    amount: Price | None = Field(None, description="Amount off per billing period.")
    scope: Scope | None = Field(None, description="What it is about.")
    starts_on: Day | None = Field(None, description="First day.")
    ends_on: Day | None = Field(None, description="First day without it.")

    @model_validator(mode="after")
    def _one_way_and_at_most_all(self) -> "Discount":
        if (self.percent is None) == (self.amount is None):
            refuse("contradiction", "it needs percent or amount.", "Write exactly one of them.")
        if self.percent is not None and self.percent > 1:
            faults = [Fault(("percent",), "out_of_range", f'"{self.percent}" is more than all.', '"1" is 100 %.')]
            refuse_all(faults)
        refuse_all(_reversed_days(self.starts_on, self.ends_on))
        return self


class Minimum(Item):
    """What the contract bills at least."""

    amount: Price = Field(description="Least amount.")
    period: Annotated[Literal["billing", "year", "term"], CHOICE] = Field("billing", description="Per what.")


class Commitment(Item):
    """What the customer commits to spend."""

    amount: Price = Field(description="Committed amount.")
    period: Annotated[Literal["billing", "year", "term"], CHOICE] = Field("term", description="Per what.")
    basis: Annotated[Literal["post_discount", "pre_discount"], CHOICE] = Field(
        "post_discount", description="What counts towards it."
    )
    overage_factor: Price | None = Field(None, description="Factor on prices above the commitment.")
    true_up: Annotated[Literal["at_end", "proportional", "none"], CHOICE] = Field(
        "at_end", description="When what is missing is charged."
    )
    scope: Scope | None = Field(None, description="What counts.")


class CreditGrant(Item):
    """Prepaid or granted credit."""

    id: Id = Field(description="Id of the grant.")
    amount: Price = Field(description="Value of the credit.")
    cost_basis: Price | None = Field(None, description="What was paid for one unit of it; 0 is a gift.")
    priority: Count = Field(0, description="Lower is drawn first.")
    effective_on: Day | None = Field(None, description="First day; the contract's start when not given.")
    expires_on: Day | None = Field(None, description="First day on which it is gone.")
    expired_return: Annotated[Literal["balance", "forfeit"], CHOICE] = Field(
        "balance", description="Where a return to an expired grant goes."
    )
    scope: Scope | None = Field(None, description="What it pays for.")


class Contract(Item):
    """What one account agreed to."""

    contract_id: Id = Field(description="Id of the contract.")
    account_id: Text = Field(description="Account that signed.")
    name: Text | None = Field(None, description="For people.")
    plan: Id = Field(description="Plan whose prices apply.")
    starts_on: Day = Field(description="First local day that it covers.")
    ends_on: Day | None = Field(None, description="First local day that it no longer covers; open when not given.")
    valid_from: Day | None = Field(
        None, description="First local day of a changed state of a known contract; the delivery's date when not given."
    )
    billing: Billing = Field(default_factory=Billing, description="Rhythm and currency.")
    overrides: list[Override] = Field(default_factory=list, description="Prices at the contract's own terms.")
    price_lock: Lock | None = Field(
        None, description="true: the versions in force when it started; a day: those in force on it."
    )
    quantities: list[ContractQuantity] = Field(default_factory=list, description="Contracted quantities.")
    discounts: list[Discount] = Field(default_factory=list, description="What is taken off.")
    minimum: Minimum | None = Field(None, description="What is billed at least.")
    commitment: Commitment | None = Field(None, description="What the customer commits to.")
    credit_grants: list[CreditGrant] = Field(default_factory=list, description="Prepaid or granted credit.")
    renews: Id | None = Field(None, description="Contract that this one renews.")
    amends: Id | None = Field(None, description="Contract that this one amends.")

    @field_validator("contract_id")
    @classmethod
    def _id_is_not_reserved(cls, contract_id: str) -> str:
        if contract_id.startswith("default:"):
            refuse("reserved_id", f'"{contract_id}" is the name of a default plan.', "Choose another id.")
        return contract_id

    @model_validator(mode="after")
    def _is_possible(self) -> "Contract":
        faults = _reversed_days(self.starts_on, self.ends_on)
        faults.extend(
            Fault(("overrides", *fault.at), fault.rule, fault.message, fault.remedy)
            for fault in _repeated([override.price for override in self.overrides], "override of price")
        )
        refuse_all(faults)
        return self


class ContractsDocument(Item):
    """Several contracts in one document."""

    contracts: list[Contract] = Field(description="The contracts.")


def version_faults(model: str, currency: str | None, version: Version, at: tuple[str | int, ...]) -> list[Fault]:
    """List what a version says that its charge model does not know, or leaves out that it needs."""
    own = [name for name in MODEL_TERMS if getattr(version, name) is not None]
    faults = list(_unmeant_faults(model, version, at))
    if version.currencies is not None:
        for name in own:
            message = f"{name} stands beside `currencies`, so its currency is open."
            faults.append(Fault((*at, name), "contradiction", message, "Move it below its currency."))
        for code, amounts in version.currencies.items():
            faults.extend(_amount_faults(model, amounts, (*at, "currencies", code)))
        return faults
    if currency is None:
        message = "the amounts have no currency."
        faults.append(Fault(at, "missing", message, "Write currency at the price, or currencies in the version."))
    return [*faults, *_amount_faults(model, version, at)]


def _unmeant_faults(model: str, version: Version, at: tuple[str | int, ...]) -> Iterator[Fault]:
    """Yield a fault for each term that would say nothing about a price of this model."""
    said = {
        "free_units": (version.free_units is not None, MODELS_OF_UNITS, "it prices no units"),
        "unit_conversion": (
            version.unit_conversion is not None,
            (*MODELS_OF_UNITS, "percentage"),
            "it prices no quantity",
        ),
        "flat_on_zero": (version.flat_on_zero == "none", MODELS_OF_FLATS, "it has no flat amount"),
    }
    for name, (is_given, models, why) in said.items():
        if is_given and model not in models:
            remedy = (
                "Write free_amount or free_events." if (name, model) == ("free_units", "percentage") else "Drop it."
            )
            yield Fault((*at, name), "wrong_term", f"{name} is not a term of model {model}: {why}.", remedy)


def _amount_faults(model: str, amounts: Amounts, at: tuple[str | int, ...]) -> list[Fault]:
    required, optional = TERMS_OF_MODEL[model]
    faults = []
    for name in MODEL_TERMS:
        given = getattr(amounts, name) is not None
        if given and name not in required + optional:
            knows = ", ".join(required + optional) or "no amounts"
            message = f"{name} is not a term of model {model}."
            faults.append(Fault((*at, name), "wrong_term", message, f"Model {model} takes {knows}."))
        if not given and name in required:
            faults.append(Fault(at, "missing", f"{name} is missing.", f"Model {model} needs it."))
    for number, tier in enumerate(amounts.tiers or []):
        wrong = WRONG_IN_TIER.get(model)
        if wrong is not None and getattr(tier, wrong) is not None:
            message = f"tier {number + 1}: {wrong} is not a term of model {model}."
            other = "rate" if wrong == "unit_amount" else "unit_amount"
            faults.append(Fault((*at, "tiers", number, wrong), "wrong_term", message, f"Write {other}."))
    return faults


def _price_faults(price: PriceItem) -> list[Fault]:
    faults = []
    if not price.versions and price.versions_from is None:
        faults.append(Fault((), "missing", "the price has no versions.", "Write versions or versions_from."))
    if price.versions_from is not None and price.model != "per_unit":
        message = f"a series of unit amounts cannot be of model {price.model}."
        faults.append(Fault(("versions_from",), "wrong_term", message, "Use model per_unit, or write versions."))
    if price.meter is None and price.model != "flat":
        faults.append(Fault((), "missing", "meter is missing.", f"Model {price.model} rates usage of a meter."))
    for number, version in enumerate(price.versions):
        if price.meter is None and version.flat_on_zero == "none":
            fault = Fault(
                ("versions", number, "flat_on_zero"), "contradiction", "a price of time has no usage.", "Drop it."
            )
            faults.append(fault)
    if price.convert is not None:
        faults.extend(_conversion_faults(price))
    if price.passes_through is not None:
        faults.extend(_pass_through_faults(price))
    for name in ("where", "group_by"):
        if price.meter is None and getattr(price, name):
            fault = Fault((name,), "contradiction", f"{name} without a meter.", "Name the meter.")
            faults.append(fault)
    if price.group_by_shared_tiers:
        faults.extend(_shared_tiers_faults(price))
    faults.extend(
        Fault(("group_by", *fault.at), fault.rule, fault.message, fault.remedy)
        for fault in _repeated(price.group_by, "dimension")
    )
    return faults


def _shared_tiers_faults(price: PriceItem) -> Iterator[Fault]:
    at = ("group_by_shared_tiers",)
    if not price.group_by:
        yield Fault(at, "contradiction", "group_by_shared_tiers without group_by.", "Name the groups, or drop it.")
    if price.model not in MODELS_WITH_TIERS:
        message = f"model {price.model} has no tiers to share."
        yield Fault(at, "wrong_term", message, f"Drop it, or use one of {', '.join(MODELS_WITH_TIERS)}.")
    for number, version in enumerate(price.versions):
        if any(amounts.intervals is not None for amounts in (version, *(version.currencies or {}).values())):
            message = "the hours of a rate curve have prices and no tiers to share."
            yield Fault(("versions", number, "intervals"), "contradiction", message, "Drop group_by_shared_tiers.")


def _pass_through_faults(price: PriceItem) -> Iterator[Fault]:
    if price.kind == "cost":
        message = "a cost passes nothing through."
        yield Fault(("passes_through",), "contradiction", message, "Write it at the revenue price that bills it on.")
    for number, version in enumerate(price.versions):
        for amounts in (version, *(version.currencies or {}).values()):
            if amounts.minimum is not None or amounts.maximum is not None:
                message = "what is passed through is what it cost, no less and no more."
                remedy = "Write minimum and maximum at a price of your own."
                yield Fault(("versions", number), "wrong_term", message, remedy)


def _conversion_faults(price: PriceItem) -> Iterator[Fault]:
    rule, at = "contradiction", ("convert",)
    if price.kind == "cost":
        yield Fault(at, rule, "a cost is not converted.", "Leave it out: a cost keeps the currency that we pay it in.")
    if price.currency is None:
        yield Fault(at, rule, "convert without a currency of the price.", "Write currency: what it is converted from.")
    for number, version in enumerate(price.versions):
        if version.currencies is not None:
            message = "currencies stands beside convert, so what is converted is open."
            yield Fault(("versions", number, "currencies"), rule, message, "Write one currency at the price.")


def _tier_faults(tiers: list[Tier]) -> list[Fault]:
    if not tiers:
        return [Fault((), "missing", "there is no tier.", "Write at least one, with up_to: null.")]
    faults = []
    below: Decimal | None = Decimal(0)
    for number, tier in enumerate(tiers, start=1):
        at = (number - 1, "up_to")
        is_last = number == len(tiers)
        if tier.up_to is None and not is_last:
            message = f"tier {number} of {len(tiers)} has no upper bound, so tier {number + 1} is never reached."
            faults.append(Fault(at, "open_tier", message, "Only the last tier is open: put it last, or bound it."))
        elif tier.up_to is not None and is_last:
            message = f"tier {number} of {len(tiers)} is the last and ends at {tier.up_to}: above it there is no price."
            faults.append(Fault(at, "no_open_end", message, "Write up_to: null, or add a last tier with it."))
        if tier.up_to is not None and below is not None and tier.up_to <= below:
            faults.append(Fault(at, *_bound_fault(number, tier.up_to, below)))
        below = tier.up_to
    return faults


def _interval_overlaps(intervals: list[RateInterval]) -> list[Fault]:
    if not intervals:
        return [Fault((), "missing", "there is no interval.", "Write at least one, or drop intervals.")]
    faults = []
    for number, interval in enumerate(intervals):
        for place, other in enumerate(intervals[:number]):
            on_one_day = not interval.days or not other.days or not set(interval.days).isdisjoint(other.days)
            if on_one_day and interval.from_minute < other.to_minute and other.from_minute < interval.to_minute:
                message = f"{interval.starts_at} to {interval.ends_at} overlaps intervals.{place}, on the same days."
                faults.append(Fault((number,), "overlap", message, "Let each time have one price."))
    return faults


def _bound_fault(number: int, up_to: Decimal, below: Decimal) -> tuple[str, str, str]:
    if number == 1:
        return "empty_tier", "tier 1 ends at 0 and holds nothing.", "Begin with a bound above 0."
    if up_to == below:
        message = f"tier {number} ends at {up_to}, as tier {number - 1} does."
        return "duplicate_bound", message, "Drop one of them."
    message = f"tier {number} ends at {up_to}, below tier {number - 1}, which ends at {below}."
    return "unsorted_tiers", message, "Sort the tiers by up_to."


def _correction_faults(version: Version) -> list[Fault]:
    faults = []
    if version.supersedes is None:
        faults = [
            Fault((name,), "contradiction", f"{name} without supersedes.", "It belongs to a correction.")
            for name in ("reason", "approved_by")
            if getattr(version, name) is not None
        ]
    else:
        faults = [
            Fault((), "missing", f"{name} is missing.", "A correction says why and who approved it.")
            for name in ("reason", "approved_by")
            if getattr(version, name) is None
        ]
        if version.effective_from is not None and version.effective_from != version.supersedes:
            message = "a correction holds for the whole validity of what it corrects."
            faults.append(Fault(("effective_from",), "contradiction", message, "Drop effective_from."))
        if version.effective_to is not None:
            message = "a correction ends where what it corrects ends."
            faults.append(Fault(("effective_to",), "contradiction", message, "Drop effective_to."))
    return faults


def _per_alone(unit_amount: Decimal | None, per: Decimal | None) -> list[Fault]:
    if per is None or unit_amount is not None:
        return []
    return [Fault(("per",), "contradiction", "per without unit_amount.", "Write unit_amount, or drop per.")]


def _reversed_days(starts_on: date | None, ends_on: date | None) -> list[Fault]:
    if starts_on is None or ends_on is None or starts_on < ends_on:
        return []
    message = f"ends_on {ends_on} is not after starts_on {starts_on}."
    return [Fault(("ends_on",), "reversed_days", message, "ends_on is the first day that is no longer covered.")]


def _repeated(ids: list[str], what: str) -> list[Fault]:
    first: dict[str, int] = {}
    faults = []
    for number, found in enumerate(ids):
        if found in first:
            message = f"{what} {found} stands twice, also as number {first[found] + 1}."
            faults.append(Fault((number,), "duplicate", message, "Keep one of them."))
        first.setdefault(found, number)
    return faults
