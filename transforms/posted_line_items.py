"""Builder of `posted_line_items`."""

import polars as pl

from data_contracts import Adjustments, AsOf, LineItems, PostedLineItems, Sealed, SealedLineItems, SealedPeriods
from transforms import periods
from transforms.closed_months import CLOSED_THROUGH, closed_through, is_closed

CLOSED_ANYWHERE = "_closed_anywhere"


def posted_line_items(
    line_items: AsOf[LineItems],
    adjustments: AsOf[Adjustments],
    sealed_line_items: Sealed[SealedLineItems],
    sealed_periods: Sealed[SealedPeriods],
) -> AsOf[PostedLineItems]:
    """Put together what counts in the accounts: closed months as sealed, open ones as known now, and the adjustments.

    Grain:   one row per line; of the desired lines those of open months, of the adjustments those that are not held.
    Rule:    a line that another legal entity has sealed under the same id, because the account has moved since, gets
             the name of its own legal entity behind it.
    Source:  dbt_project/docs/decisions.md#closed-months
    """
    columns = list(PostedLineItems.schema())
    closed = closed_through(sealed_periods)
    lines = line_items.join(closed, on="legal_entity_id", how="left", validate="m:1").filter(~is_closed("service_date"))
    return pl.concat(
        [
            sealed_line_items.select(columns),
            _apart_from_sealed(lines, closed, sealed_line_items).select(columns),
            adjustments.filter(~pl.col("is_held")).select(columns),
        ]
    ).sort("line_item_id")


def _apart_from_sealed(lines: pl.LazyFrame, closed: pl.LazyFrame, sealed_line_items: pl.LazyFrame) -> pl.LazyFrame:
    """Rename open lines whose id is sealed; looked for only in months that some legal entity has closed."""
    dated = lines.join(closed.select(pl.col(CLOSED_THROUGH).max().alias(CLOSED_ANYWHERE)), how="cross")
    is_elsewhere = (periods.month_start(pl.col("service_date")) <= pl.col(CLOSED_ANYWHERE)).fill_null(value=False)
    sealed_ids = sealed_line_items.select("line_item_id", pl.lit(value=True).alias("_is_sealed"))
    elsewhere = dated.filter(is_elsewhere).join(sealed_ids, on="line_item_id", how="left", validate="m:1")
    named = pl.concat_str("line_item_id", "legal_entity_id", separator="/")
    renamed = elsewhere.with_columns(
        pl.when(pl.col("_is_sealed").is_null()).then("line_item_id").otherwise(named).alias("line_item_id")
    ).drop("_is_sealed")
    return pl.concat([dated.filter(~is_elsewhere), renamed])
