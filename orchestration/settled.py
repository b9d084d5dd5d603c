"""What closed months come to by the code of tonight from what was known at the close: the deliveries up to D_c, rated.

A correction is the difference of two results of one code; what the code alone changes is told apart from it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from data_contracts import LineInputs, LineItems, SettledInputs, SettledLineItems
from data_contracts.vocabulary import Table
from orchestration import seals
from orchestration.storage import atomic_directory, write_parquet

if TYPE_CHECKING:
    from orchestration.build import Build

TABLES: tuple[type[Table], ...] = (SettledLineItems, SettledInputs)


def builds(build: "Build") -> "Mapping[date, Build]":
    """Return the builds as of what the latest seals know: one build, unless entities close by themselves."""
    known = {seal.as_of for seal in seals.latest(build.seals).values()}
    return {day: replace(build, as_of=day, deliveries=_up_to(build, day), folder_name=None) for day in sorted(known)}


def make(build: "Build") -> None:
    """Make the settled tables of a build: lines of closed months and what they were made of, as of the latest seals."""
    lines, inputs = [SettledLineItems.empty().lazy()], [SettledInputs.empty().lazy()]
    closed = seals.latest(build.seals)
    for day, then in builds(build).items():
        then.require(LineInputs)
        of_day = pl.concat([_closed_lines(then, seal) for seal in closed.values() if seal.as_of == day])
        lines.append(of_day)
        # An entity that has closed by itself has its accounts' inputs from its own close.
        inputs.append(then.frame(LineInputs).join(of_day.select("account_id").unique(), on="account_id", how="semi"))
    frames = {SettledLineItems: pl.concat(lines), SettledInputs: pl.concat(inputs).unique(SettledInputs.keys)}
    for table, frame in frames.items():
        if not build.has(table):
            with atomic_directory(build.path / table.table_name) as folder:
                write_parquet(table, frame.sort(table.keys).collect(), folder / "whole.parquet")


def _closed_lines(then: "Build", seal: seals.Seal) -> pl.LazyFrame:
    is_closed = pl.col("service_date").dt.truncate("1mo") <= seal.month
    return (
        then.frame(LineItems)
        .filter(pl.col("legal_entity_id") == seal.legal_entity_id, is_closed)
        .with_columns(pl.lit(seal.as_of).alias("sealed_as_of"))
        .select(SettledLineItems.schema().keys())
    )


def _up_to(build: "Build", day: date) -> tuple[date, ...]:
    return tuple(each for each in build.deliveries if each <= day)
