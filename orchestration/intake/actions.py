"""Decisions of people as records: the rules that each must keep, and what became of those of one delivery."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from data_contracts import Actions, RejectedRows
from data_contracts.actions import ACTIONS
from orchestration.intake import values
from orchestration.intake.judged import judge, rejected_rows
from orchestration.intake.lake import Lake
from orchestration.intake.landing import ACTIONS as DATASET
from orchestration.intake.outcomes import FileOutcome, count_into
from orchestration.intake.records import Layout
from orchestration.intake.reference_delivery import read_files
from orchestration.intake.values import Check, Fault
from orchestration.settings import Settings

DECIDED = ("action", "target", "reason", "requested_by", "approved_by")
LAYOUT = Layout(("action_id", *DECIDED, "requested_at"), ())


def take_actions(
    outcomes: Sequence[FileOutcome], *, settings: Settings, lake: Lake, delivery_date: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the new decisions of the delivery, and its rejected records.

    Rule: a decision that is known already is a duplicate and no row. What says something else under a known id is
    rejected, and so are two contents of one id within the delivery: neither is known to be right.
    """
    raw = read_files(outcomes, LAYOUT, settings)
    if raw is None:
        return Actions.empty(), RejectedRows.empty()
    standing = lake.actions()
    judged = raw.with_columns(
        values.instants(raw["raw:requested_at"]).alias("value:requested_at"),
        _contradicts(raw, standing).alias("is_contradicted"),
    )
    good, bad = judge(judged, _checks())
    rows = good.select(
        pl.lit(delivery_date).alias("delivery_date"),
        *(pl.col(f"raw:{name}").alias(name) for name in ("action_id", *DECIDED)),
        pl.col("value:requested_at").alias("requested_at"),
        "source_file",
        pl.col("line").alias("source_line"),
    ).select(pl.col(name).cast(dtype) for name, dtype in Actions.schema().items())
    is_new = pl.col("action_id").is_first_distinct() & ~pl.col("action_id").is_in(standing["action_id"].implode())
    by_file = {outcome.file.source_file: outcome for outcome in outcomes}
    count_into(by_file, rows.filter(is_new), "accepted", None)
    count_into(by_file, rows.filter(~is_new), "duplicate", None)
    count_into(by_file, bad, "rejected", None)
    rejected = [
        rejected_rows(part, pl.lit(None), delivery_date=delivery_date, source_file=source_file, dataset=DATASET)
        for (source_file,), part in bad.group_by("source_file")
    ]
    return rows.filter(is_new).sort("action_id"), pl.concat([RejectedRows.empty(), *rejected])


def _contradicts(raw: pl.DataFrame, standing: pl.DataFrame) -> pl.Series:
    """Say of each record whether another content stands under its id."""
    ours = raw.select("raw:action_id", *(f"raw:{name}" for name in DECIDED))
    theirs = standing.select(pl.col(name).alias(f"raw:{name}") for name in ("action_id", *DECIDED))
    contents = pl.concat([ours, theirs]).select(
        (pl.struct(f"raw:{name}" for name in DECIDED).n_unique().over("raw:action_id") > 1).alias("is_contradicted")
    )
    return contents.to_series().head(raw.height)


def _checks() -> list[Check]:
    raw = {name: pl.col(f"raw:{name}") for name in LAYOUT.required}
    return [
        *(values.name_check(raw[name], name, required=True) for name in ("action_id", *DECIDED)),
        values.holds(
            Fault(
                "action_unknown",
                "action",
                ~raw["action"].is_in(ACTIONS),
                "`action` is none that can be decided.",
                f"Write one of {', '.join(ACTIONS)}.",
            )
        ),
        values.holds(
            Fault(
                "approved_by_the_same_person",
                "approved_by",
                raw["requested_by"].str.to_lowercase() == raw["approved_by"].str.to_lowercase(),
                "`approved_by` is who decided it.",
                "Let somebody else approve it.",
            )
        ),
        values.instant_check(raw["requested_at"], pl.col("value:requested_at"), "requested_at"),
        values.holds(
            Fault(
                "action_id_twice",
                "action_id",
                pl.col("is_contradicted"),
                "Another decision has this id.",
                "Give each decision an id of its own; none of this delivery was taken under it.",
            )
        ),
    ]
