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


def corrections(reversals: pl.LazyFrame) -> pl.LazyFrame:
    """List what reversals and amendments add to the sums of the delivery that decided about them.

    Grain:   up to three rows per row of `reversals`.
    Shape:   the content of an event, and `sign`: how often it counts beside its row in `usage_events`, -1, 0 or 1;
             `event_count`, `reversed_count`, `reversal_count` and `taken_quantity`: what to add to each.
    Rule:    a correction that is not in force on landing is taken off again; an amendment that comes into force later
             is added then. The event is taken back in its own cell, and there its reversal is counted, too.
    """
    own_sign = pl.col("is_in_force").cast(pl.Int64) - (pl.col("landed_on") == pl.col("delivery_date")).cast(pl.Int64)
    takes_back = pl.col("reversed_delivery_date").is_not_null()
    reversed_content = [pl.col(f"reversed_{name}").alias(name) for name in CONTENT]
    own = reversals.select(*_added(sign=own_sign, event_count=own_sign), *CONTENT).filter(pl.col("sign") != 0)
    taken_back = reversals.filter(takes_back).select(
        *_added(sign=pl.lit(-1), reversed_count=pl.lit(1), taken_quantity=pl.col("reversed_quantity")),
        *reversed_content,
    )
    is_spent = (pl.col("outcome") != "waiting") & ~pl.col("is_in_force")
    has_no_cell = takes_back & (pl.col("correction") == "reversal")
    spent = reversals.filter(is_spent).select(
        *_added(reversal_count=pl.lit(1), taken_quantity=pl.col("quantity")),
        *[pl.when(has_no_cell).then(f"reversed_{name}").otherwise(name).alias(name) for name in CONTENT],
    )
    return pl.concat([own, taken_back, spent])


def _added(**given: pl.Expr) -> list[pl.Expr]:
    counts = {name: given.get(name, pl.lit(0)) for name in ("sign", "event_count", "reversed_count", "reversal_count")}
    quantity = given.get("taken_quantity", NOTHING)
    return [
        pl.col("delivery_date"),
        *[count.cast(pl.Int64).alias(name) for name, count in counts.items()],
        quantity.cast(QUANTITY).alias("taken_quantity"),
    ]


def signed(value: pl.Expr) -> pl.Expr:
    """The value of a row of `corrections` times its sign."""
    return pl.when(pl.col("sign") == 1).then(value).when(pl.col("sign") == -1).then(-value).otherwise(NOTHING)


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
