"""Usage records as typed events, and the rules that a usage record must keep."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import polars as pl

from data_contracts.vocabulary import QUANTITY
from orchestration.intake import values
from orchestration.intake.judged import judge
from orchestration.intake.records import Layout
from orchestration.intake.values import Fault

REQUIRED = ("event_id", "account_id", "meter", "occurred_at")
CORRECTIONS = ("reverses_event_id", "amends_event_id")
OPTIONAL = ("quantity", "amount", "currency", "source", "contract_id", *CORRECTIONS)
KEY = ("source", "event_id")
PAYLOAD = ("account_id", "meter", "occurred_at", "quantity", "amount", "value_currency", "contract_id", "dimensions")

Meters = Mapping[str, Sequence[str]]


def usage_layout(meters: Meters) -> Layout:
    """Return the columns of a usage file: ours, and whatever a meter declares as a dimension."""
    return Layout(REQUIRED, OPTIONAL, frozenset(name for names in meters.values() for name in names))


def usage_events(records: pl.DataFrame, meters: Meters, delivery_date: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the well-formed events of a batch, typed, and the records that break a rule.

    Grain: each record is in exactly one of the two. The events also hold `all_dimensions`: what `dimensions` would
    have been while the meter was unknown, so that a repetition is still recognised after the meter became known.
    """
    further = sorted(
        name.removeprefix("raw:")
        for name in records.columns
        if name.startswith("raw:") and name.removeprefix("raw:") not in (*REQUIRED, *OPTIONAL)
    )
    good, bad = judge(records, _faults(further, meters, delivery_date))
    raw = _raw
    events = good.select(
        pl.col("line").alias("source_line"),
        raw("source").fill_null("").alias("source"),
        raw("event_id").alias("event_id"),
        raw("account_id").alias("account_id"),
        raw("meter").alias("meter"),
        values.instant_value(raw("occurred_at")).alias("occurred_at"),
        readable_quantity().alias("quantity"),
        values.decimal_value(raw("amount")).alias("amount"),
        raw("currency").alias("value_currency"),
        raw("contract_id").alias("contract_id"),
        _dimensions(further, meters).alias("dimensions"),
        canonical_json(further).alias("all_dimensions"),
    )
    return with_account_bucket(events), bad


def readable_quantity() -> pl.Expr:
    """The quantity of a raw record: 1 when none is given, null when the text cannot be read."""
    text = _raw("quantity")
    return pl.when(values.is_blank(text)).then(pl.lit(1).cast(QUANTITY)).otherwise(values.decimal_value(text))


def with_account_bucket(events: pl.DataFrame) -> pl.DataFrame:
    """Add `account_bucket`, the first two bytes of SHA-256 of the account id, computed once per distinct id."""
    ids = events["account_id"].unique()
    buckets = [int.from_bytes(hashlib.sha256(account.encode()).digest()[:2]) for account in ids.to_list()]
    known = pl.DataFrame({"account_id": ids, "account_bucket": pl.Series(buckets, dtype=pl.UInt16)})
    return events.join(known, on="account_id", how="left", validate="m:1", maintain_order="left")


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
        pl.when(_raw("meter").is_in(sharing)).then(canonical_json(declared))
        for declared, sharing in _by_dimensions(further, meters).items()
    ]
    return pl.coalesce(*known, canonical_json(further))


def _by_dimensions(further: Sequence[str], meters: Meters) -> dict[tuple[str, ...], list[str]]:
    """Group the meters by the dimensions that this file can give them."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for meter, declared in sorted(meters.items()):
        groups.setdefault(tuple(sorted(set(declared) & set(further))), []).append(meter)
    return groups


def _faults(further: Sequence[str], meters: Meters, delivery_date: date) -> list[Fault]:
    raw = _raw
    faults: list[Fault] = []
    for name in ("event_id", "account_id", "meter"):
        faults += values.missing(raw(name), name) + values.name_faults(raw(name), name)
    faults += values.missing(raw("occurred_at"), "occurred_at")
    faults += values.instant_faults(raw("occurred_at"), "occurred_at")
    faults.append(
        Fault(
            "occurred_after_the_delivery",
            "occurred_at",
            values.instant_value(raw("occurred_at")) >= values.end_of_delivery(delivery_date),
            f"`occurred_at` lies after the end of {delivery_date} in every time zone.",
            "Look for a wrong clock or offset, or deliver the event on its own day.",
        )
    )
    for name in ("quantity", "amount"):
        faults += values.decimal_faults(raw(name), name)
        faults.append(values.negative(raw(name), name))
    faults.append(
        Fault(
            "amount_without_currency",
            "currency",
            ~values.is_blank(raw("amount")) & values.is_blank(raw("currency")),
            "`amount` is given and `currency` is not.",
            "Deliver both or neither.",
        )
    )
    faults.append(
        Fault(
            "currency_without_amount",
            "amount",
            values.is_blank(raw("amount")) & ~values.is_blank(raw("currency")),
            "`currency` is given and `amount` is not.",
            "Deliver both or neither.",
        )
    )
    faults += values.currency_faults(raw("currency"), "currency")
    for name in ("source", "contract_id"):
        faults += values.name_faults(raw(name), name)
    faults += [
        Fault(
            "reversals_not_supported_yet",
            name,
            ~values.is_blank(raw(name)),
            f"`{name}` is given: reversals and amendments cannot be rated yet.",
            "Hold the event back until they can.",
        )
        for name in CORRECTIONS
    ]
    for name in further:
        is_undeclared = pl.lit(False)
        silent = [meter for meter, declared in meters.items() if name not in declared]
        if silent:
            is_undeclared = raw("meter").is_in(silent)
        faults += [
            Fault(fault.rule, fault.column, ~is_undeclared & fault.condition, fault.message, fault.remedy)
            for fault in values.name_faults(raw(name), name)
        ]
    return faults
