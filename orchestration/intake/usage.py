"""Usage records as typed events, and the rules that a usage record must keep."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache

import polars as pl

from data_contracts.vocabulary import QUANTITY
from orchestration.intake import values
from orchestration.intake.judged import judge
from orchestration.intake.records import Layout
from orchestration.intake.values import Check, Fault

REQUIRED = ("event_id", "account_id", "meter", "occurred_at")
REVERSES, AMENDS = CORRECTIONS = ("reverses_event_id", "amends_event_id")
OPTIONAL = ("quantity", "amount", "currency", "source", "contract_id", *CORRECTIONS)
KEY = ("source", "event_id")
PAYLOAD = (
    "account_id",
    "meter",
    "occurred_at",
    "quantity",
    "amount",
    "value_currency",
    "contract_id",
    *CORRECTIONS,
    "dimensions",
)

AT, QUANTITY_VALUE, AMOUNT_VALUE = "value:occurred_at", "value:quantity", "value:amount"

Meters = Mapping[str, Sequence[str]]


def usage_layout(meters: Meters) -> Layout:
    """Return the columns of a usage file: ours, and whatever a meter declares as a dimension."""
    declared = frozenset(name for names in meters.values() for name in names)
    return Layout(REQUIRED, OPTIONAL, declared, takes_cloud_events=True)


def usage_events(
    records: pl.DataFrame, meters: Meters, delivery_date: date, *, signed: Collection[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the well-formed events of a batch, typed, and the records that break a rule.

    Grain: each record is in exactly one of the two. The events also hold `all_dimensions`: what `dimensions` would
    have been while the meter was unknown, so that a repetition is still recognised after the meter became known.
    `signed` are the meters whose events may be below 0; what an unknown meter may, the book will say.
    """
    further = sorted(
        name.removeprefix("raw:")
        for name in records.columns
        if name.startswith("raw:") and name.removeprefix("raw:") not in (*REQUIRED, *OPTIONAL)
    )
    raw = _raw
    parsed = records.with_columns(
        values.instants(records["raw:occurred_at"]).alias(AT) if AT not in records.columns else pl.col(AT),
        _decimal(records, "quantity").alias(QUANTITY_VALUE),
        _decimal(records, "amount").alias(AMOUNT_VALUE),
    )
    unsigned = [meter for meter in meters if meter not in signed]
    good, bad = judge(parsed, _checks(further, meters, unsigned, delivery_date))
    events = good.select(
        pl.col("line").alias("source_line"),
        raw("source").fill_null("").alias("source"),
        raw("event_id").alias("event_id"),
        raw("account_id").alias("account_id"),
        raw("meter").alias("meter"),
        pl.col(AT).alias("occurred_at"),
        pl.coalesce(QUANTITY_VALUE, _unstated_quantity()).alias("quantity"),
        pl.col(AMOUNT_VALUE).alias("amount"),
        raw("currency").alias("value_currency"),
        raw("contract_id").alias("contract_id"),
        *(raw(name).alias(name) for name in CORRECTIONS),
        *(raw(name) for name in further),
    )
    return with_account_bucket(_with_dimensions(events, further, meters)), bad


def readable_quantity(records: pl.DataFrame) -> pl.Expr:
    """The quantity of a raw record: 1 when none is given, of a reversal 0, null when the text cannot be read."""
    value = _decimal(records, "quantity")
    return pl.when(values.is_blank(_raw("quantity"))).then(_unstated_quantity()).otherwise(value)


def _unstated_quantity() -> pl.Expr:
    is_reversal = ~values.is_blank(_raw(REVERSES))
    return pl.when(is_reversal).then(pl.lit(0)).otherwise(pl.lit(1)).cast(QUANTITY)


def _decimal(records: pl.DataFrame, name: str) -> pl.Expr:
    """The number of a record: as a typed file gave it, which is the same as parsing its text, or parsed."""
    typed = f"value:{name}"
    return pl.col(typed) if typed in records.columns else values.decimal_value(_raw(name))


def _with_dimensions(events: pl.DataFrame, further: Sequence[str], meters: Meters) -> pl.DataFrame:
    """Put the further columns into `dimensions` and `all_dimensions`, written once per distinct combination."""
    given = [f"raw:{name}" for name in further]
    combinations = (
        events.select("meter", *given)
        .unique()
        .with_columns(_dimensions(further, meters).alias("dimensions"), canonical_json(further).alias("all_dimensions"))
    )
    return events.join(
        combinations, on=["meter", *given], how="left", validate="m:1", nulls_equal=True, maintain_order="left"
    ).drop(given)


def with_account_bucket(events: pl.DataFrame) -> pl.DataFrame:
    """Add `account_bucket`, the first two bytes of SHA-256 of the account id, computed once per distinct id."""
    ids = events["account_id"].unique()
    buckets = pl.Series(map(_account_bucket, ids.to_list()), dtype=pl.UInt16)
    known = pl.DataFrame({"account_id": ids, "account_bucket": buckets})
    return events.join(known, on="account_id", how="left", validate="m:1", maintain_order="left")


@lru_cache(maxsize=1 << 18)  # the same accounts use something every day
def _account_bucket(account_id: str) -> int:
    return int.from_bytes(hashlib.sha256(account_id.encode()).digest()[:2])


def canonical_json(names: Iterable[str]) -> pl.Expr:
    """A JSON object of the given columns' text, keys sorted, absent values left out, no blanks."""
    members = [
        pl.when(_raw(name).is_not_null()).then(
            pl.concat_str(pl.lit(f'"{_escaped(name)}":"'), _escaped_values(_raw(name)), pl.lit('"'))
        )
        for name in sorted(names)
    ]
    if not members:
        return pl.lit("{}")
    return pl.concat_str(pl.lit("{"), pl.concat_str(members, separator=",", ignore_nulls=True), pl.lit("}"))


def _raw(name: str) -> pl.Expr:
    return pl.col(f"raw:{name}")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _escaped_values(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)


def _dimensions(further: Sequence[str], meters: Meters) -> pl.Expr:
    known = [
        pl.when(pl.col("meter").is_in(sharing)).then(canonical_json(declared))
        for declared, sharing in _by_dimensions(further, meters).items()
    ]
    return pl.coalesce(*known, canonical_json(further))


def _by_dimensions(further: Sequence[str], meters: Meters) -> dict[tuple[str, ...], list[str]]:
    """Group the meters by the dimensions that this file can give them."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for meter, declared in sorted(meters.items()):
        groups.setdefault(tuple(sorted(set(declared) & set(further))), []).append(meter)
    return groups


def _checks(further: Sequence[str], meters: Meters, unsigned: Sequence[str], delivery_date: date) -> list[Check]:
    raw = _raw
    return [
        *(values.name_check(raw(name), name, required=True) for name in ("event_id", "account_id", "meter")),
        values.instant_check(raw("occurred_at"), pl.col(AT), "occurred_at"),
        values.holds(
            Fault(
                "occurred_after_the_delivery",
                "occurred_at",
                pl.col(AT) >= values.end_of_delivery(delivery_date),
                f"`occurred_at` lies after the end of {delivery_date} in every time zone.",
                "Look for a wrong clock or offset, or deliver the event on its own day.",
            )
        ),
        values.decimal_check(raw("quantity"), pl.col(QUANTITY_VALUE), "quantity"),
        values.decimal_check(raw("amount"), pl.col(AMOUNT_VALUE), "amount"),
        _sign_check("quantity", pl.col(QUANTITY_VALUE), unsigned),
        _sign_check("amount", pl.col(AMOUNT_VALUE), unsigned),
        values.holds(
            Fault(
                "amount_without_currency",
                "currency",
                ~values.is_blank(raw("amount")) & values.is_blank(raw("currency")),
                "`amount` is given and `currency` is not.",
                "Deliver both or neither.",
            )
        ),
        values.holds(
            Fault(
                "currency_without_amount",
                "amount",
                values.is_blank(raw("amount")) & ~values.is_blank(raw("currency")),
                "`currency` is given and `amount` is not.",
                "Deliver both or neither.",
            )
        ),
        values.currency_check(raw("currency"), "currency"),
        *(values.name_check(raw(name), name) for name in ("source", "contract_id", *CORRECTIONS)),
        *_correction_checks(),
        *(_dimension_check(name, meters) for name in further),
    ]


def _sign_check(column: str, value: pl.Expr, unsigned: Sequence[str]) -> Check:
    """Check that usage is zero or above where the meter asks for it; the number of a reversal only repeats another."""
    is_usage = values.is_blank(_raw(REVERSES))
    fault = Fault(
        f"{column}_negative",
        column,
        (value < 0) & is_usage & _raw("meter").is_in(unsigned),
        f"`{column}` is negative.",
        "Reverse or amend the event that was wrong; where less than nothing makes sense, its meter says so: "
        "`negative: allow`.",
    )
    return Check(value.is_null() | (value >= 0), (fault,))


def _correction_checks() -> Iterator[Check]:
    """Check that a row takes back one event, and not itself."""
    reverses, amends = _raw(REVERSES), _raw(AMENDS)
    both = Fault(
        "reverses_and_amends",
        AMENDS,
        ~values.is_blank(reverses) & ~values.is_blank(amends),
        f"`{REVERSES}` and `{AMENDS}` are both given.",
        "An amendment takes the event back by itself: give one of them.",
    )
    yield Check(reverses.is_null() | amends.is_null(), (both,))
    for name in CORRECTIONS:
        itself = Fault(
            "names_itself",
            name,
            _raw(name) == _raw("event_id"),
            f"`{name}` is the event's own id.",
            "Give the reversal or amendment an id of its own.",
        )
        yield Check(_raw(name).is_null(), (itself,))


def _dimension_check(name: str, meters: Meters) -> Check:
    """Check a further column where it is a dimension: a known meter that does not declare it ignores what it holds."""
    check = values.name_check(_raw(name), name)
    silent = [meter for meter, declared in meters.items() if name not in declared]
    counts = ~_raw("meter").is_in(silent).fill_null(value=False)
    return Check(check.is_clear, tuple(replace(fault, condition=counts & fault.condition) for fault in check.faults))
