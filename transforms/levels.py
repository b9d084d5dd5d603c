"""What levels are as quantities: a row's quantity is what it adds to the counter that its price has for it."""

import polars as pl

from data_contracts.vocabulary import QUANTITY
from transforms.aggregations import IN_TIME, LEVELS, SCOPE
from transforms.charge_models import CELL_MODELS
from transforms.usage_cells import CELL

ROW = [*CELL, "kind", "price_id"]
OF_THE_CONTRACT = ["contract_id", "rate_set_id"]
OF_SUSPENSE = ["suspense_rule", "suspense_detail"]
COUNTED = ["event_count", "landed_quantity", "amount"]
NOTHING = pl.lit(0).cast(QUANTITY)
# Rated, the cells of a counter merge; what waits or is excluded counts by itself, cell by cell.
OF_THE_COUNTER = ["counter_owner", "price_id", "counter_version_id", "currency"]
OF_THE_CELL = ["account_id", "stated_contract_id", "dimensions", "value_currency"]


def standing_cells(usage_days: pl.LazyFrame, usage_levels: pl.LazyFrame) -> pl.LazyFrame:
    """List the cells that there is something to price of: with events that stand, or with a level that lasts.

    Grain: one row per cell. A day on which a level was only held has no events, and nothing landed.
    """
    used = usage_days.filter(pl.col("event_count") > 0)
    if has_none(usage_levels):
        return used
    held = usage_levels.group_by(CELL).agg(
        *[pl.col(name).first() for name in (*OF_THE_CONTRACT, *OF_SUSPENSE)], pl.col("first_delivery_date").min()
    )
    landed = used.select(*CELL, *COUNTED, *[pl.col(name).alias(f"_{name}") for name in OF_SUSPENSE])
    is_clear = pl.col("_suspense_rule").is_null()
    levels = held.join(landed, on=CELL, how="left", validate="1:1").with_columns(
        pl.coalesce("_suspense_rule", "suspense_rule").alias("suspense_rule"),
        pl.coalesce("_suspense_detail", "suspense_detail").alias("suspense_detail"),
        *[pl.when(is_clear).then(name).alias(name) for name in OF_THE_CONTRACT],
        *[pl.col(name).fill_null(0) for name in COUNTED],
        NOTHING.alias("quantity"),
    )
    wanted = [*CELL, *OF_THE_CONTRACT, *OF_SUSPENSE, *COUNTED, "quantity", "first_delivery_date"]
    others = used.join(held, on=CELL, how="anti")
    return pl.concat([others.select(wanted), levels.select(wanted)])


def has_none(usage_levels: pl.LazyFrame) -> bool:
    """Whether every meter adds up."""
    return usage_levels.select("meter").head(1).collect().is_empty()


def with_quantity(priced: pl.LazyFrame, usage_levels: pl.LazyFrame) -> pl.LazyFrame:
    """Set the quantity of each row of a level: what its counter holds through it, less what it held before.

    So the quantities of a counter add up to what it holds in the end, and prices see a running total as they always do.
    Example: cells a and b of one counter of max, on Monday 5 and 7, on Tuesday 9 and 6: 5, 2, 2 and 0, in all 9.
    """
    if has_none(usage_levels):
        return priced
    is_rated = pl.col("outcome") == "rated"
    # A price of cells has no counter over several of them.
    merges = is_rated & ~pl.col("model").is_in(list(CELL_MODELS)).fill_null(value=False)
    scope = pl.struct(
        "kind",
        "meter",
        "billing_period_start",
        *[pl.when(is_rated).then(name).alias(name) for name in OF_THE_COUNTER],
        pl.when(is_rated).then("line_dimensions").alias("_group"),
        *[pl.when(~merges).then(name).alias(name) for name in OF_THE_CELL],
    )
    is_timed = pl.col("aggregation").is_in([name for name, each in LEVELS.items() if each.is_timed])
    rows = (
        priced.select(*ROW, scope.rank("dense").alias(SCOPE))
        .join(usage_levels, on=CELL, how="inner", validate="m:m")
        # What is weighed by time adds up, and accounts that pool may have periods of different length.
        .with_columns(pl.struct(SCOPE, pl.when(is_timed).then("account_id")).rank("dense").alias(SCOPE))
        .sort(SCOPE, *IN_TIME)
        .collect()
        .lazy()
    )
    through = pl.col("_through")
    gained = [
        rows.filter(pl.col("aggregation") == name)
        .with_columns(aggregation.merge.alias("_through"))
        .select(*ROW, (through - through.shift(1, fill_value=NOTHING).over(SCOPE)).cast(QUANTITY).alias("_gained"))
        for name, aggregation in LEVELS.items()
    ]
    per_row = pl.concat(gained).group_by(ROW).agg(pl.col("_gained").sum())
    return (
        priced.join(per_row, on=ROW, how="left", validate="1:1", nulls_equal=True)
        .with_columns(pl.coalesce("_gained", "quantity").alias("quantity"))
        .drop("_gained")
    )
