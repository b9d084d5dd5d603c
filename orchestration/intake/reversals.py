"""Reversals and amendments of a delivery: which take an event back, which wait for theirs, and which come second.

They are few among many, so nothing here is asked of a delivery that has none.
"""

from datetime import date
from pathlib import Path

import polars as pl

from data_contracts import Reversals, UsageEvents
from orchestration.intake.decisions import PLACE, STANDING
from orchestration.intake.lake import STANDING_EVENT, Lake
from orchestration.intake.usage import AMENDS, KEY, PAYLOAD, REVERSES
from orchestration.storage import scan

NAMED = ["source", "reversed_event_id"]
CONTENT = [name for name in PAYLOAD if name not in (REVERSES, AMENDS)]
# What is kept of the correction itself, and, as `reversed_*`, of the event that it takes back.
OWN = [*KEY, "correction", "reversed_event_id", "landed_on", *PLACE, *CONTENT]
TAKEN_BACK = {
    "delivery_date": "reversed_delivery_date",
    "source_file": "reversed_file",
    "source_line": "reversed_line",
    **{name: f"reversed_{name}" for name in CONTENT},
}
# The event may still come. Of the other rules nothing can change any more: the correction stays where it is.
UNKNOWN = "reversed_event_unknown"
# These said what they cannot mean; somebody else may reverse the event.
MISTAKEN = (
    "reverses_a_reversal",
    "reversed_event_of_another_account",
    "reversed_event_of_another_meter",
    "reversed_event_differs",
)


def is_correction() -> pl.Expr:
    """Whether an event takes back another."""
    return pl.col(REVERSES).is_not_null() | pl.col(AMENDS).is_not_null()


def first_of_each(corrections: pl.DataFrame, lake: Lake) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the corrections that name an event first, and those that come second, with `outcome` and the first.

    Grain: each row is in exactly one of the two. First means (delivery date, file, line).
    Rule: a second reversal is a duplicate, for its event is taken back already. A second amendment is a conflict: it
    says something else of the same event. An earlier one that waits by a mistake of its own counts for nothing.
    """
    if corrections.is_empty():
        nothing = corrections.with_columns(pl.lit(None, pl.String).alias("outcome"))
        return corrections, nothing.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in STANDING.items())
    known = (
        _last(lake.reversals())
        .filter(~pl.col("rule").is_in(MISTAKEN).fill_null(value=False))
        .select(
            *NAMED,
            pl.col("landed_on").alias("standing_delivery_date"),
            pl.col("source_file").alias("standing_file"),
            pl.col("source_line").alias("standing_line"),
        )
    )
    ordered = corrections.with_columns(_named()).sort(*PLACE, *KEY)
    is_new = ordered.join(known, on=NAMED, how="anti")
    is_first = pl.struct(NAMED).is_first_distinct()
    accepted = is_new.filter(is_first)
    first = accepted.select(
        *NAMED,
        pl.col("delivery_date").alias("standing_delivery_date"),
        pl.col("source_file").alias("standing_file"),
        pl.col("source_line").alias("standing_line"),
    )
    second = ordered.join(accepted, on=[*PLACE, *KEY], how="anti").join(
        pl.concat([known, first]), on=NAMED, how="left", validate="m:1"
    )
    outcome = pl.when(pl.col(AMENDS).is_null()).then(pl.lit("duplicate")).otherwise(pl.lit("conflict"))
    repeated = second.with_columns(outcome.alias("outcome")).select(*corrections.columns, "outcome", *STANDING)
    return accepted.select(corrections.columns), repeated


def reversals_of(
    corrections: pl.DataFrame, *, usage: Path, torn: pl.DataFrame, lake: Lake, delivery_date: date
) -> pl.DataFrame:
    """Return what a delivery decides about its own reversals and amendments, and about those that waited for it.

    `usage` is the file of the delivery's accepted events, `torn` the keys of which it brought several contents.
    """
    known = lake.reversals()
    waiting = _last(known).filter(pl.col("rule") == UNKNOWN)
    asking = pl.concat([_own(corrections), waiting.select(OWN)])
    if asking.is_empty():
        return Reversals.empty()
    keys = _keys(asking)
    tonight = scan(UsageEvents, [usage]).select(STANDING_EVENT.keys()).join(keys.lazy(), on=KEY, how="semi").collect()
    # A reversal does not say when its event happened, so every delivery is asked; few nights have to.
    new_keys = _keys(corrections.with_columns(_named()))
    earlier, held = lake.earlier_events(new_keys, [snapshot.delivery_date for snapshot in lake.snapshots])
    targets = pl.concat([earlier, tonight])
    held_keys = pl.concat([held, torn.select(KEY)]).unique()
    judged = _judged(asking, targets, held_keys)
    decided = _in_effect(judged, known).with_columns(pl.lit(delivery_date).alias("delivery_date"))
    is_news = (pl.col("landed_on") == delivery_date) | pl.col("rule").ne_missing(UNKNOWN)
    return (
        decided.filter(is_news).select(pl.col(name).cast(dtype) for name, dtype in Reversals.schema().items()).sort(KEY)
    )


def _named() -> pl.Expr:
    return pl.coalesce(REVERSES, AMENDS).alias("reversed_event_id")


def _keys(asking: pl.DataFrame) -> pl.DataFrame:
    return asking.select("source", pl.col("reversed_event_id").alias("event_id")).unique()


def _last(known: pl.DataFrame) -> pl.DataFrame:
    return known.sort("delivery_date").unique(KEY, keep="last", maintain_order=True)


def _own(corrections: pl.DataFrame) -> pl.DataFrame:
    correction = pl.when(pl.col(AMENDS).is_null()).then(pl.lit("reversal")).otherwise(pl.lit("amendment"))
    return corrections.with_columns(
        correction.alias("correction"), _named(), pl.col("delivery_date").alias("landed_on")
    ).select(OWN)


def _judged(asking: pl.DataFrame, targets: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """Add `outcome`, `rule`, the event as `reversed_*`, and `is_plain`: whether it is no correction itself."""
    # An id that was reused on a far day names several events; the last one is meant.
    events = targets.sort("delivery_date").unique(KEY, keep="last").rename(TAKEN_BACK)
    named = events.select(
        "source",
        pl.col("event_id").alias("reversed_event_id"),
        *TAKEN_BACK.values(),
        pl.col(REVERSES).is_not_null().alias("_is_reversal"),
        (~is_correction()).alias("is_plain"),
    )
    is_held = held.select("source", pl.col("event_id").alias("reversed_event_id"), pl.lit(value=True).alias("_is_held"))
    found = asking.join(named, on=NAMED, how="left", validate="1:1").join(is_held, on=NAMED, how="left", validate="1:1")
    is_absent = pl.col("reversed_delivery_date").is_null()
    is_held_only = is_absent & pl.col("_is_held").fill_null(value=False)
    is_amendment = pl.col("correction") == "amendment"
    rule = (
        pl.when(is_held_only & ~is_amendment)
        .then(pl.lit("reversed_event_held"))
        .when(is_absent & ~is_held_only)
        .then(pl.lit(UNKNOWN))
        .when("_is_reversal")
        .then(pl.lit("reverses_a_reversal"))
        .when(pl.col("account_id") != pl.col("reversed_account_id"))
        .then(pl.lit("reversed_event_of_another_account"))
        .when(~is_amendment & (pl.col("meter") != pl.col("reversed_meter")))
        .then(pl.lit("reversed_event_of_another_meter"))
        .when(~is_amendment & _says_another_number())
        .then(pl.lit("reversed_event_differs"))
    )
    return found.with_columns(rule.alias("rule")).with_columns(
        pl.when(pl.col("rule").is_not_null())
        .then(pl.lit("waiting"))
        .when(is_held_only)
        .then(pl.lit("settled"))
        .otherwise(pl.lit("applied"))
        .alias("outcome")
    )


def _says_another_number() -> pl.Expr:
    """Whether a reversal states a number that is neither its event's nor the opposite: it may mean a part of it."""
    quantity = (pl.col("quantity") != 0) & (pl.col("quantity").abs() != pl.col("reversed_quantity").abs())
    amount = pl.col("amount").abs().ne_missing(pl.col("reversed_amount").abs())
    currency = pl.col("value_currency").ne_missing(pl.col("reversed_value_currency"))
    return quantity | (pl.col("amount").is_not_null() & (amount | currency))


def _in_effect(judged: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Add `is_in_force`, and take nothing back that does not count.

    An amendment counts once it is in effect, unless it has been reversed or amended by then; so whoever takes back an
    amendment that did not count yet takes back nothing, and it never will count.
    """
    in_effect = pl.col("outcome") != "waiting"
    named = pl.concat([frame.filter(in_effect).select(NAMED) for frame in (known, judged)])
    gone = named.select("source", pl.col("reversed_event_id").alias("event_id"), pl.lit(value=True).alias("_is_gone"))
    counting = known.filter("is_in_force").select(
        "source", pl.col("event_id").alias("reversed_event_id"), pl.lit(value=True).alias("_counts")
    )
    takes_back = (pl.col("outcome") == "applied") & (pl.col("is_plain") | pl.col("_counts").fill_null(value=False))
    return (
        judged.join(gone, on=KEY, how="left", validate="1:1")
        .join(counting, on=NAMED, how="left", validate="1:1")
        .with_columns(
            (in_effect & (pl.col("correction") == "amendment") & pl.col("_is_gone").is_null()).alias("is_in_force"),
            *(pl.when(takes_back).then(name).alias(name) for name in TAKEN_BACK.values()),
        )
    )
