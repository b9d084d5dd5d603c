"""What reversals and amendments change about usage: what to add to sums, and which events to leave out of a list.

`usage_events` holds every accepted row, reversals and amendments among them, and is never searched for either: whoever
reads it puts right what `reversals` says, which is nothing on most days.
"""

import polars as pl

from data_contracts.vocabulary import QUANTITY

CONTENT = ["account_id", "meter", "occurred_at", "quantity", "amount", "value_currency", "contract_id", "dimensions"]
EVENT_KEY = ["source", "event_id", "delivery_date"]
NOTHING = pl.lit(0).cast(QUANTITY)


def is_empty(reversals: pl.LazyFrame) -> bool:
    """Whether there is nothing to put right."""
    # Collected, because asking costs a look at a small table, and joining nothing would cost something per event.
    return reversals.select("event_id").head(1).collect().is_empty()


def is_negative() -> pl.Expr:
    """Whether an event is below 0."""
    return (pl.col("quantity") < 0) | (pl.col("amount") < 0).fill_null(value=False)


def corrections(reversals: pl.LazyFrame) -> pl.LazyFrame:
    """List what reversals and amendments add to the sums of the delivery that decided about them.

    Grain:   up to three rows per row of `reversals`.
    Shape:   the content of an event with what it adds to the sums: `event_count` of -1, 0 or 1, and quantity and amount
             with that sign; `negative_count`, `reversed_count`, `reversal_count`, `reversed_quantity`.
    Rule:    a correction that is not in force on landing is taken off again; an amendment that comes into force later
             is added then. The event is taken back in its own cell, and there its reversal is counted, too.
    """
    takes_back = pl.col("reversed_delivery_date").is_not_null()
    of_event = [pl.col(f"reversed_{name}").alias(name) for name in CONTENT]
    is_news = pl.col("landed_on") == pl.col("delivery_date")
    own = reversals.select(
        "delivery_date",
        *CONTENT,
        *_counts(event_count=pl.col("is_in_force").cast(pl.Int64) - is_news.cast(pl.Int64)),
        NOTHING.alias("reversed_quantity"),
    )
    taken_back = reversals.filter(takes_back).select(
        "delivery_date",
        *of_event,
        *_counts(event_count=pl.lit(-1), reversed_count=pl.lit(1)),
        pl.col("reversed_quantity"),
    )
    is_spent = (pl.col("outcome") != "waiting") & ~pl.col("is_in_force")
    has_no_cell = takes_back & (pl.col("correction") == "reversal")
    spent = reversals.filter(is_spent).select(
        "delivery_date",
        *[pl.when(has_no_cell).then(f"reversed_{name}").otherwise(name).alias(name) for name in CONTENT],
        *_counts(reversal_count=pl.lit(1)),
        pl.col("quantity").alias("reversed_quantity"),
    )
    return _signed(pl.concat([own, taken_back, spent]))


def _counts(**given: pl.Expr) -> list[pl.Expr]:
    names = ("event_count", "reversed_count", "reversal_count")
    return [given.get(name, pl.lit(0)).cast(pl.Int64).alias(name) for name in names]


def _signed(rows: pl.LazyFrame) -> pl.LazyFrame:
    sign = pl.col("event_count")

    def signed(value: pl.Expr) -> pl.Expr:
        return pl.when(sign == 1).then(value).when(sign == -1).then(-value).otherwise(NOTHING)

    return rows.with_columns(
        signed(pl.col("quantity")).alias("quantity"),
        signed(pl.col("amount")).alias("amount"),
        pl.when(is_negative()).then(sign).otherwise(0).alias("negative_count"),
    )


def standing(usage_events: pl.LazyFrame, reversals: pl.LazyFrame) -> pl.LazyFrame:
    """Leave out of the events what was taken back, what takes back, and what waits: the rest is usage."""
    if is_empty(reversals):
        return usage_events
    in_force = reversals.filter("is_in_force").select("source", "event_id")
    idle = reversals.select("source", "event_id", pl.col("landed_on").alias("delivery_date")).join(
        in_force, on=["source", "event_id"], how="anti"
    )
    gone = reversals.filter(pl.col("reversed_delivery_date").is_not_null()).select(
        "source",
        pl.col("reversed_event_id").alias("event_id"),
        pl.col("reversed_delivery_date").alias("delivery_date"),
    )
    return usage_events.join(pl.concat([idle, gone]), on=EVENT_KEY, how="anti")
