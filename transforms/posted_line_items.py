"""Builder of `posted_line_items`."""

import polars as pl

from data_contracts import Adjustments, AsOf, LineItems, PostedLineItems, Sealed, SealedLineItems, SealedPeriods
from transforms.closed_months import closed_through, is_closed


def posted_line_items(
    line_items: AsOf[LineItems],
    adjustments: AsOf[Adjustments],
    sealed_line_items: Sealed[SealedLineItems],
    sealed_periods: Sealed[SealedPeriods],
) -> AsOf[PostedLineItems]:
    """Put together what counts in the accounts: closed months as sealed, open ones as known now, and the adjustments.

    Grain:   one row per line; of the desired lines those of open months, of the adjustments those that are not held.
    Source:  dbt_project/docs/decisions.md#closed-months
    """
    columns = list(PostedLineItems.schema())
    posted = line_items.join(closed_through(sealed_periods), on="legal_entity_id", how="left", validate="m:1")
    return pl.concat(
        [
            sealed_line_items.select(columns),
            posted.filter(~is_closed("service_date")).select(columns),
            adjustments.filter(~pl.col("is_held")).select(columns),
        ]
    ).sort("line_item_id")
