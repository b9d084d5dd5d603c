"""Half-hourly electricity of two groups of real homes, at a tariff with a price for each half hour of the year."""

from datetime import date
from pathlib import Path

import polars as pl

from tests.real_data.landing import land_accounts, land_csv, land_text, read_text_csv

DELIVERY = date(2013, 7, 1)
BOOK = """\
company: {name: London, reporting_currency: GBP, default_plan: dynamic}
products: [{id: electricity, name: Electricity}]
meters:
  - {id: kwh, unit: kWh, aggregation: sum}
prices:
  - id: time_of_use
    product: electricity
    meter: kwh
    model: per_unit
    currency: GBP
    versions_from: time_of_use.csv
plans: [{id: dynamic, prices: [time_of_use]}]
"""


def usage(shared: Path, suffix: str) -> pl.DataFrame:
    """Turn the half hours into landed usage, one event each, of the accounts whose name ends in `suffix`."""
    half_hours = read_text_csv(shared / "data/usage/lcl_dtou_groups_2013h1.csv.gz")
    account = pl.concat_str("account_id", pl.lit(suffix))
    return half_hours.select(
        pl.format("{}-{}", account, "interval_start_utc").alias("event_id"),
        account.alias("account_id"),
        pl.lit("kwh").alias("meter"),
        # Whole seconds upstream; the landing rules want microseconds.
        pl.col("interval_start_utc").str.replace("Z", ".000000Z", literal=True).alias("occurred_at"),
        pl.col("kwh").alias("quantity"),
    )


def tariff(shared: Path) -> pl.DataFrame:
    """Turn the tariff into a series of versions: 17,520 instants with a price each."""
    return read_text_csv(shared / "data/prices/lcl_dtou_2013_halfhourly.csv.gz").select(
        pl.col("interval_start_utc").alias("effective_from"), pl.col("price_gbp_per_kwh").alias("unit_amount")
    )


def land(shared: Path, landing: Path, time_zones: dict[str, str]) -> None:
    """Write both groups and their tariff as one delivery, once per time zone, with that zone's suffix to each name."""
    for suffix, time_zone in time_zones.items():
        events = usage(shared, suffix)
        name = f"lcl_dtou{suffix}.csv"
        land_csv(events, landing, "usage_events", DELIVERY, name)
        accounts = events["account_id"].unique().to_list()
        land_accounts(accounts, landing, DELIVERY, currency="GBP", time_zone=time_zone, name=name)
    land_text(BOOK, landing, "price_book", DELIVERY, "london.yaml")
    land_csv(tariff(shared), landing, "price_book", DELIVERY, "time_of_use.csv")
