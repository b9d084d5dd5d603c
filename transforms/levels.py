"""What levels are as quantities: a row's quantity is what it adds to the counter that its price has for it."""

import polars as pl

from data_contracts.vocabulary import QUANTITY
from transforms.aggregations import IN_TIME, LEVELS, SCOPE
from transforms.charge_models import CELL_MODELS
from transforms.usage_cells import CELL

OF_THE_CONTRACT = ["contract_id", "rate_set_id"]
OF_SUSPENSE = ["suspense_rule", "suspense_detail"]
COUNTED = ["event_count", "landed_quantity", "amount"]
NOTHING = pl.lit(0).cast(QUANTITY)
# Rated, the cells of a counter merge; what waits or is excluded counts by itself, cell by cell.
OF_THE_COUNTER = ["counter_owner", "price_id", "counter_version_id", "currency"]
OF_ALL = ["kind", "meter", "billing_period_start"]
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
    scope = {
        **{name: pl.col(name) for name in OF_ALL},
        **{f"_{name}": pl.when(is_rated).then(name) for name in (*OF_THE_COUNTER, "line_dimensions")},
        **{f"_own_{name}": pl.when(~merges).then(name) for name in OF_THE_CELL},
    }
    is_timed = pl.col("aggregation").is_in([name for name, each in LEVELS.items() if each.is_timed])
    # By numbers from here on: cells, counters and places in time are texts, and there is a row for each day and value.
    levels = usage_levels.sort(IN_TIME).collect().with_row_index("_place").lazy()
    cells = levels.select(CELL).unique().collect().with_row_index("_cell").lazy()
    counted = priced.join(cells, on=CELL, how="inner", validate="m:1").select("_cell", "price_id", **scope)
    scopes = counted.select(list(scope)).unique().collect().with_row_index("_counter").lazy()
    rows = (
        counted.join(scopes, on=list(scope), how="inner", validate="m:1", nulls_equal=True)
        .select("_cell", "kind", "price_id", "_counter")
        .join(levels.join(cells, on=CELL, how="inner", validate="m:1"), on="_cell", how="inner", validate="m:m")
        # What is weighed by time adds up, and accounts that pool may have periods of different length.
        .with_columns(pl.when(is_timed).then("account_id").rank("dense").fill_null(0).alias("_of_account"))
        .sort("_counter", "_of_account", "_place")
        .with_columns(pl.struct("_counter", "_of_account").rle_id().alias(SCOPE))
        .collect()
        .lazy()
    )
    row, through = ["_cell", "kind", "price_id"], pl.col("_through")
    gained = [
        rows.filter(pl.col("aggregation") == name)
        .with_columns(aggregation.merge.alias("_through"))
        .select(*row, (through - through.shift(1, fill_value=NOTHING).over(SCOPE)).cast(QUANTITY).alias("_gained"))
        for name, aggregation in LEVELS.items()
    ]
    per_row = pl.concat(gained).group_by(row).agg(pl.col("_gained").sum())
    return (
        priced.join(cells, on=CELL, how="left", validate="m:1")
        .join(per_row, on=row, how="left", validate="m:1", nulls_equal=True)
        .with_columns(pl.coalesce("_gained", "quantity").alias("quantity"))
        .drop("_gained", "_cell")
        # Several steps go on from here, and the plan would make it anew for each of them.
        .collect()
        .lazy()
    )
