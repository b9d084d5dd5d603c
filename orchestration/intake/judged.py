"""Records split into those that keep every rule and those that break one, named by the first that they break."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import polars as pl

from data_contracts import RejectedRows
from orchestration.intake.findings import SHOWN_CHARACTERS
from orchestration.intake.values import Check, Fault, first_fault

# What the readers find about a record as a whole.
RECORD_FAULTS = {
    "ragged_record": (
        "The record has another number of fields than the header.",
        "Deliver as many fields as the header names; quote fields that hold a comma.",
    ),
    "quote_not_closed": (
        "A quote opens in this line and does not close where a field ends.",
        "Close it, and double every quote inside a quoted field.",
    ),
    "quote_inside_field": (
        "A quote stands inside a field or behind its end.",
        "Quote the whole field and double every quote inside it.",
    ),
    "field_too_long": ("A field is longer than 64 KiB.", "Cut it at the source."),
    "not_a_json_object": ("The line is not one valid JSON object.", "Write one object a line."),
    "nested_value": (
        "A value is itself an object or a list.",
        "Write plain values.",
    ),
    "duplicate_key": ("A key stands twice in the object.", "Write each key once."),
    "unusable_key": ("A key is written with escapes or begins with a colon.", "Name keys in plain words."),
}

EXPLANATION = ("rule", "column_name", "message", "remedy")
# Columns beside `fault` and `found` in which whoever finds a fault of a record may tell the rest of it.
TOLD = ("fault_column", "fault_message", "fault_remedy")


def judge(
    records: pl.DataFrame, checks: Sequence[Check], with_texts: Callable[[pl.DataFrame], pl.DataFrame] | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the records without a fault; and the others with `rule, column_name, found, message, remedy`.

    Grain: every record is in exactly one of the two. `with_texts` adds the texts that the faults look at, where not
    all records have them.
    """
    with_texts = with_texts or (lambda doubtful: doubtful)
    faults = [fault for check in checks for fault in check.faults]
    is_clear = pl.all_horizontal(
        pl.col("fault").is_null(), *(check.is_clear.fill_null(value=False) for check in checks)
    )
    clear = records.select(is_clear).to_series()
    if clear.all():
        # Most files hold nothing else, and looking at every fault of no record takes as long as reading them.
        nothing = with_texts(records.clear()).with_columns(pl.lit(None, pl.String).alias(name) for name in EXPLANATION)
        return records.drop("fault", "found"), nothing.drop("fault", *TOLD, strict=False)
    doubtful = with_texts(records.filter(~clear)).with_columns(first_fault(faults).alias("fault_number"))
    is_good = pl.col("fault").is_null() & pl.col("fault_number").is_null()
    good = pl.concat([records.filter(clear), doubtful.filter(is_good).select(records.columns)])
    return good.drop("fault", "found"), _explained(doubtful.filter(~is_good), faults)


def _explained(bad: pl.DataFrame, faults: Sequence[Fault]) -> pl.DataFrame:
    names = {
        "rule": [fault.rule for fault in faults],
        "column_name": [fault.column for fault in faults],
        "message": [fault.message for fault in faults],
        "remedy": [fault.remedy for fault in faults],
    }
    of_value = pl.DataFrame(
        {"fault_number": range(len(faults)), **names},
        schema={"fault_number": pl.Int32, **dict.fromkeys(names, pl.String)},
    )
    of_record = pl.DataFrame(
        {
            "fault": list(RECORD_FAULTS),
            "record_message": [message for message, _ in RECORD_FAULTS.values()],
            "record_remedy": [remedy for _, remedy in RECORD_FAULTS.values()],
        }
    )
    value = pl.lit(None, pl.String)
    for column in dict.fromkeys(fault.column for fault in faults if fault.column is not None):
        value = pl.when(pl.col("column_name") == column).then(f"raw:{column}").otherwise(value)
    is_record = pl.col("fault").is_not_null()
    # What a feed cannot map is told in its own words; the faults of the readers are those above.
    told = bad.with_columns(pl.lit(None, pl.String).alias(name) for name in TOLD if name not in bad.columns)
    return (
        told.lazy()
        .join(of_value.lazy(), on="fault_number", how="left", validate="m:1", maintain_order="left")
        .join(of_record.lazy(), on="fault", how="left", validate="m:1", maintain_order="left")
        .with_columns(
            pl.when(is_record).then("fault").otherwise("rule").alias("rule"),
            pl.when(is_record).then("fault_column").otherwise("column_name").alias("column_name"),
            pl.coalesce("fault_message", "record_message", "message").alias("message"),
            pl.coalesce("fault_remedy", "record_remedy", "remedy").alias("remedy"),
            _printable(pl.when(is_record).then("found").otherwise(value)).alias("found"),
        )
        .drop("fault", "fault_number", "record_message", "record_remedy", *TOLD)
        .collect()
    )


def _printable(text: pl.Expr) -> pl.Expr:
    """Escape what could act on a terminal or hide, then cut: the same as `findings.printable`, on a column."""
    hidden = [*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010), *range(0x2028, 0x202F)]
    hidden += [*range(0x2060, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFE)]
    short = text.str.head(SHOWN_CHARACTERS + 1)
    escaped = short.str.replace_many([chr(code) for code in hidden], [f"\\u{code:04x}" for code in hidden])
    return (
        pl.when(escaped.str.len_chars() > SHOWN_CHARACTERS)
        .then(pl.format("{}…", escaped.str.head(SHOWN_CHARACTERS - 1)))
        .otherwise(escaped)
    )


def rejected_rows(
    bad: pl.DataFrame,
    quantity: pl.Expr,
    *,
    delivery_date: date,
    source_file: str,
    dataset: str,
    own_names: Sequence[Mapping[str, str]] = (),
) -> pl.DataFrame:
    """Return the bad records of one file as rows of `rejected_rows`.

    `own_names`: what the file itself calls columns that are ours by a feed, for each part of a row.
    """
    known = {
        "delivery_date": pl.lit(delivery_date),
        "source_file": pl.lit(source_file),
        "source_line": pl.col("line"),
        "source_part": pl.col("part") if "part" in bad.columns else pl.lit(1),
        "dataset": pl.lit(dataset),
        "quantity": quantity.cast(RejectedRows.schema()["quantity"]),
    }
    named = [_renamed(bad.filter(part=part), names) for part, names in enumerate(own_names, start=1)]
    return (pl.concat(named) if named else bad).select(
        known.get(name, pl.col(name)).cast(dtype).alias(name) for name, dtype in RejectedRows.schema().items()
    )


def _renamed(bad: pl.DataFrame, own_names: Mapping[str, str]) -> pl.DataFrame:
    quoted = {f"`{name}`": f"`{own}`" for name, own in own_names.items()}
    return bad.with_columns(
        pl.col("column_name").replace(dict(own_names)), pl.col("message", "remedy").str.replace_many(quoted)
    )
