"""Usage records as typed events, and the rules that a usage record must keep."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache, partial

import polars as pl

from data_contracts.vocabulary import QUANTITY
from orchestration.intake import values
from orchestration.intake.judged import judge
from orchestration.intake.parquet_records import with_texts
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
NUMBERS = {"quantity": pl.col(QUANTITY_VALUE), "amount": pl.col(AMOUNT_VALUE)}
# Numbers and times that are read as a typed file holds them; their text is made for the records that break a rule.
TYPED = frozenset({"occurred_at", "quantity", "amount"})

Meters = Mapping[str, Sequence[str]]


def usage_layout(meters: Meters) -> Layout:
    """Return the columns of a usage file: ours, and whatever a meter declares as a dimension."""
    declared = frozenset(name for names in meters.values() for name in names)
    return Layout(REQUIRED, OPTIONAL, declared, takes_cloud_events=True, typed=TYPED)


def usage_events(
    records: pl.DataFrame, meters: Meters, delivery_date: date, *, signed: Collection[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the well-formed events of a batch `with_numbers`, typed, and the records that break a rule.

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
    # The same few accounts, and meters with dimensions, stand in many records: they are looked at once each.
    accounts, account_numbers = distinct(records, ["raw:account_id"])
    measures, measure_numbers = distinct(records, ["raw:meter", *(f"raw:{name}" for name in further)])
    accounts, measures = _with_bucket(accounts), _with_dimensions(measures, further, meters)
    parsed = records.with_columns(
        values.instants(records["raw:occurred_at"]).alias(AT) if AT not in records.columns else pl.col(AT),
        *_of_each(accounts, account_numbers, "is_clear_account", "account_bucket"),
        *_of_each(measures, measure_numbers, "is_clear_measure", "dimensions", "all_dimensions"),
    )
    unsigned = [meter for meter in meters if meter not in signed]
    good, bad = judge(parsed, _checks(records, further, meters, unsigned, delivery_date), with_texts)
    return good.select(
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
        "dimensions",
        "all_dimensions",
        "account_bucket",
    ), bad


def with_numbers(records: pl.DataFrame) -> pl.DataFrame:
    """Add the numbers of the records, as a typed file gave them, which is the same as parsing their text, or parsed.

    Shape: adds `value:quantity`, `value:amount` and `readable`, the quantity of a raw record: 1 when none is given, 0
           of a reversal, null when the text cannot be read.
    """
    absent = [name for name in NUMBERS if f"value:{name}" not in records.columns]
    parsed = [values.decimal_value(_raw(name)).alias(f"value:{name}") for name in absent]
    given = pl.col("fault").is_null() | ~_is_blank(records, "quantity")
    value = pl.when(_is_blank(records, "quantity")).then(_unstated_quantity()).otherwise(QUANTITY_VALUE)
    return records.with_columns(parsed).with_columns(pl.when(given).then(value).alias("readable"))


def _unstated_quantity() -> pl.Expr:
    is_reversal = ~values.is_blank(_raw(REVERSES))
    return pl.when(is_reversal).then(pl.lit(0)).otherwise(pl.lit(1)).cast(QUANTITY)


def _is_blank(records: pl.DataFrame, name: str) -> pl.Expr:
    typed = f"typed:{name}"
    return pl.col(typed).is_null() if typed in records.columns else values.is_blank(_raw(name))


def distinct(records: pl.DataFrame, names: Sequence[str]) -> tuple[pl.DataFrame, pl.Series]:
    """Return the different contents of some columns, and for each record the number of its own.

    Records are told apart by their hash, which takes a fifth of the time of comparing texts; then every record is
    compared with the one that stands for it, so two contents of one hash are found, and told apart the long way.
    """
    keys = records.select(pl.struct(names).hash().alias("key"))
    firsts = keys.with_row_index("first").unique("key", keep="first").with_row_index("number")
    numbers = keys.join(firsts, on="key", how="left", maintain_order="left")["number"]
    contents = records.select(pl.col(names).gather(firsts["first"]))
    stands_for = contents.select(pl.all().gather(numbers).name.prefix("its:"))
    is_same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"its:{name}")) for name in names)
    if pl.concat([records.select(names), stands_for], how="horizontal").select(is_same.all()).item():
        return contents, numbers
    contents = records.select(names).unique()
    numbered = contents.with_row_index("number")
    return contents, records.join(numbered, on=names, how="left", nulls_equal=True, maintain_order="left")["number"]


def _of_each(contents: pl.DataFrame, numbers: pl.Series, *names: str) -> list[pl.Series]:
    """Return what was found out about the contents for each record."""
    return [contents[name].gather(numbers) for name in names]


def _with_dimensions(measures: pl.DataFrame, further: Sequence[str], meters: Meters) -> pl.DataFrame:
    """Add `dimensions`, `all_dimensions`, and whether meter and further columns are written as names should be."""
    clear = [values.name_check(_raw("meter"), "meter", required=True).is_clear]
    clear += [values.name_check(_raw(name), name).is_clear for name in further]
    return measures.with_columns(
        _dimensions(further, meters).alias("dimensions"),
        canonical_json(further).alias("all_dimensions"),
        pl.all_horizontal(clear).fill_null(value=False).alias("is_clear_measure"),
    )


def _with_bucket(accounts: pl.DataFrame) -> pl.DataFrame:
    """Add `account_bucket`, the first two bytes of SHA-256 of the account id, and whether the id is a proper one."""
    is_clear = values.name_check(_raw("account_id"), "account_id", required=True).is_clear
    ids = accounts["raw:account_id"].fill_null("").to_list()
    return accounts.with_columns(
        pl.Series("account_bucket", list(map(_account_bucket, ids)), dtype=pl.UInt16),
        is_clear.fill_null(value=False).alias("is_clear_account"),
    )


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


def _checks(
    records: pl.DataFrame, further: Sequence[str], meters: Meters, unsigned: Sequence[str], delivery_date: date
) -> list[Check]:
    """Rules of a record, in the order in which they are named. What a typed file leaves no room for is not asked."""
    raw, is_blank = _raw, partial(_is_blank, records)
    instant = values.instant_check(raw("occurred_at"), pl.col(AT), "occurred_at")
    if "typed:occurred_at" in records.columns:
        instant = replace(instant, is_clear=values.is_in_range(pl.col(AT)))
    return [
        values.name_check(raw("event_id"), "event_id", required=True),
        replace(values.name_check(raw("account_id"), "account_id", required=True), is_clear=pl.col("is_clear_account")),
        replace(values.name_check(raw("meter"), "meter", required=True), is_clear=pl.col("is_clear_measure")),
        instant,
        values.holds(
            Fault(
                "occurred_after_the_delivery",
                "occurred_at",
                pl.col(AT) >= values.end_of_delivery(delivery_date),
                f"`occurred_at` lies after the end of {delivery_date} in every time zone.",
                "Look for a wrong clock or offset, or deliver the event on its own day.",
            )
        ),
        *(
            replace(
                values.decimal_check(raw(name), pl.col(f"value:{name}"), name),
                is_clear=is_blank(name) | pl.col(f"value:{name}").is_not_null(),
            )
            for name in ("quantity", "amount")
        ),
        _sign_check("quantity", pl.col(QUANTITY_VALUE), unsigned),
        _sign_check("amount", pl.col(AMOUNT_VALUE), unsigned),
        values.holds(
            Fault(
                "amount_without_currency",
                "currency",
                ~is_blank("amount") & is_blank("currency"),
                "`amount` is given and `currency` is not.",
                "Deliver both or neither.",
            )
        ),
        values.holds(
            Fault(
                "currency_without_amount",
                "amount",
                is_blank("amount") & ~is_blank("currency"),
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
    faults = values.name_check(_raw(name), name).faults
    silent = [meter for meter, declared in meters.items() if name not in declared]
    counts = ~_raw("meter").is_in(silent).fill_null(value=False)
    is_clear = pl.col("is_clear_measure")
    return Check(is_clear, tuple(replace(fault, condition=counts & fault.condition) for fault in faults))
