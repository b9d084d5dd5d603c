"""The conversation trace once more, spread evenly over November 2024: the price of its model halves on the way."""

from datetime import date, datetime
from pathlib import Path

import polars as pl

from tests.real_data import azure, litellm
from tests.real_data.landing import land_accounts, land_csv, land_json

DELIVERY = date(2024, 12, 1)
MODEL = "gpt-4o"
START = datetime(2024, 11, 1)
SECONDS = 30 * 86_400


def land(shared: Path, landing: Path) -> None:
    """Write the spread trace, its accounts and the price history of the model as one delivery."""
    made = azure.requests(shared, "azure_conv")
    # i * 2592000 / rows seconds into the month, cut to a whole second.
    second = pl.col("row").cast(pl.Int64) * SECONDS // made.height
    spread = made.with_columns((pl.lit(START, pl.Datetime("us")) + pl.duration(seconds=second)).alias("occurred_at"))
    land_csv(azure.events(spread, "nov2024"), landing, "usage_events", DELIVERY, "nov2024.csv")
    land_accounts(made["account_id"].unique().to_list(), landing, DELIVERY, currency="USD")
    land_json(litellm.price_book(shared, [MODEL], default=MODEL), landing, "price_book", DELIVERY, "litellm.json")
