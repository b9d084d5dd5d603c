"""CloudEvents 1.0 as records: one event a line, its envelope and its data under our names, digits as they stand.

A line with `specversion` is a CloudEvent, every other line is a record of our own, in one file or in several.
"""

import polars as pl

from orchestration.intake.judged import TOLD
from orchestration.intake.ndjson_records import STRING, flat_records

# What the envelope says, whatever the data may hold under these names.
ATTRIBUTES = {"event_id": "id", "source": "source", "meter": "type", "account_id": "subject", "occurred_at": "time"}
VERSION = "1.0"
IS_EVENT = r'"specversion"\s*:'
# The data is the only value that may have members, and those have none; a key cannot match inside a string.
DATA = rf'"data"\s*:\s*(\{{(?:[^{{}}\[\]"]|{STRING})*\}})'
JSON = r"(?i)^\s*(?:application|text)/(?:[a-z0-9.!#$&^_-]+\+)?json\s*(?:;.*)?$"


def cloud_event_records(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the lines' records, `line`, `fault`, `found`, `raw:<name>`, whatever they are written as.

    Rule: `id source type subject time` become `event_id source meter account_id occurred_at`; every member of `data`
    keeps its name. Other attributes of the envelope, extensions among them, say nothing about usage and are left out.
    """
    is_event = pl.col("text").str.contains(IS_EVENT)
    events = lines.filter(is_event)
    if events.is_empty():
        return flat_records(lines)
    return pl.concat([flat_records(lines.filter(~is_event)), _events(events)], how="diagonal").sort("line")


def _events(lines: pl.DataFrame) -> pl.DataFrame:
    text = pl.col("text")
    data = flat_records(lines.select("line", text.str.extract(DATA, 1).fill_null("{}")))
    envelope = flat_records(lines.select("line", text.str.replace(DATA, '"data":null'))).rename(_of_envelope)
    attributes = [f"envelope:{name}" for name in (*ATTRIBUTES.values(), *OTHERS)]
    whole = envelope.with_columns(pl.lit(None, pl.String).alias(name) for name in attributes if name not in envelope)
    joined = whole.join(
        data.rename({"fault": "data_fault", "found": "data_found"}), on="line", how="left", validate="1:1"
    )
    rule, *told = _faults()
    judged = joined.with_columns(
        pl.coalesce("fault", "data_fault", rule).alias("fault"),
        pl.coalesce("found", "data_found").alias("found"),
        *(
            pl.when(pl.coalesce("fault", "data_fault").is_null()).then(words).alias(name)
            for words, name in zip(told, TOLD, strict=True)
        ),
    )
    members = [name for name in data.columns if name.startswith("raw:") and name.removeprefix("raw:") not in ATTRIBUTES]
    return judged.select(
        "line",
        "fault",
        pl.when(pl.col("fault").is_not_null()).then(pl.coalesce("found", _value_at_fault())).alias("found"),
        *TOLD,
        *(pl.col(f"envelope:{attribute}").alias(f"raw:{name}") for name, attribute in ATTRIBUTES.items()),
        *members,
    )


def _of_envelope(name: str) -> str:
    return name.replace("raw:", "envelope:", 1)


def _attribute(name: str) -> pl.Expr:
    return pl.col(f"envelope:{name}")


OTHERS = ("specversion", "datacontenttype", "data_base64", "data")
# Attribute, when it is wrong, the rule, what is wrong, what to do; the first that holds is named.
FAULTS = (
    (
        "specversion",
        _attribute("specversion").ne_missing(VERSION),
        "cloud_event_version",
        f"`specversion` is not {VERSION}.",
        "Have it sent as CloudEvents 1.0.",
    ),
    *(
        (
            attribute,
            _attribute(attribute).is_null(),
            "cloud_event_attribute_missing",
            f"The CloudEvent has no `{attribute}`, which is our `{name}`.",
            "Have the producer set it.",
        )
        for name, attribute in ATTRIBUTES.items()
    ),
    (
        "data_base64",
        _attribute("data_base64").is_not_null(),
        "cloud_event_binary",
        "The data is binary (`data_base64`).",
        "Have it sent as JSON in `data`.",
    ),
    (
        "datacontenttype",
        ~_attribute("datacontenttype").fill_null("application/json").str.contains(JSON),
        "cloud_event_content_type",
        "`datacontenttype` is not JSON.",
        "Have the data sent as a JSON object.",
    ),
    (
        "data",
        _attribute("data").is_not_null(),
        "cloud_event_data",
        "`data` is not a JSON object.",
        "Have quantity, amount and dimensions sent as its members.",
    ),
)


def _faults() -> tuple[pl.Expr, pl.Expr, pl.Expr, pl.Expr]:
    """Rule, attribute, message and remedy of the first fault; null for an event without one."""

    def first(words: int) -> pl.Expr:
        return pl.coalesce(pl.when(fault[1]).then(pl.lit(fault[words])) for fault in FAULTS)

    return first(2), first(0), first(3), first(4)


def _value_at_fault() -> pl.Expr:
    return pl.coalesce(pl.when(pl.col("fault_column") == name).then(_attribute(name)) for name in OTHERS)
