"""The other half of an explanation: what would have been on the line, had no reversal or amendment taken it back."""

import json
from typing import Any

import polars as pl

from data_contracts import Reversals
from orchestration.build import Build
from transforms.reversed_usage import CONTENT
from transforms.usage_cells import with_cell

Row = dict[str, Any]


def taken_back(build: Build, line: Row, meter: str, reference: dict[str, pl.LazyFrame]) -> list[Row]:
    """Return the events of a line's day that were taken back, each with what took it back, in order of instant.

    `reference` are the tables by which an event finds its cell, by name.
    """
    is_here = (pl.col("reversed_account_id") == line["account_id"]) & (pl.col("reversed_meter") == meter)
    events = (
        build.delivered(Reversals)
        .filter(is_here)
        .select(
            *[pl.col(f"reversed_{name}").alias(name) for name in CONTENT],
            pl.col("reversed_event_id").alias("event_id"),
            pl.col("reversed_file").alias("source_file"),
            pl.col("reversed_line").alias("source_line"),
            "source",
            "correction",
            pl.col("event_id").alias("by_event_id"),
            pl.col("source_file").alias("by_file"),
            pl.col("source_line").alias("by_line"),
        )
    )
    columns = ["occurred_at", "source", "event_id", "measured", "source_file", "source_line"]
    columns += ["correction", "by_event_id", "by_file", "by_line", "dimensions"]
    of_day = with_cell(events, **reference).filter(pl.col("service_date") == line["service_date"])
    rows = of_day.select(columns).sort("occurred_at", "event_id", "source").collect().to_dicts()
    wanted = json.loads(line["dimensions"]).items()
    return [row for row in rows if wanted <= json.loads(row.pop("dimensions")).items()]


def described(rows: list[Row]) -> list[str]:
    """Return the lines that tell a person what was taken back; none when nothing was."""
    if not rows:
        return []
    told = [
        f"  {row['event_id']}  {row['source_file']}:{row['source_line']}, by {row['correction']} {row['by_event_id']}  "
        f"{row['by_file']}:{row['by_line']}"
        for row in rows
    ]
    return [f"Taken back ({len(rows):,}; id, file:line, by what)", *told, ""]
