"""Half-hourly electricity of two groups of real homes, at a tariff with a price for each half hour of the year."""

from datetime import date
from pathlib import Path

import polars as pl

from tests.real_data.landing import land_accounts, land_csv, land_for_feed, land_text, read_text_csv

DELIVERY = date(2013, 7, 1)
GROUPS = ("lcl_flex", "lcl_noflex")
TWIN = "_in_london"
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


def tariff(shared: Path) -> pl.DataFrame:
    """Turn the tariff into a series of versions: 17,520 instants with a price each."""
    return read_text_csv(shared / "data/prices/lcl_dtou_2013_halfhourly.csv.gz").select(
        pl.col("interval_start_utc").alias("effective_from"), pl.col("price_gbp_per_kwh").alias("unit_amount")
    )


def land(shared: Path, home: Path) -> None:
    """Write both groups and their tariff as one delivery: as they are, in UTC, and as twins with the days of London."""
    half_hours = shared / "data/usage/lcl_dtou_groups_2013h1.csv.gz"
    for feed, suffix, time_zone in (("london", "", "UTC"), ("london_twins", TWIN, "Europe/London")):
        land_for_feed(half_hours, home, feed, DELIVERY)
        accounts = [f"{group}{suffix}" for group in GROUPS]
        name = f"{feed}.csv"
        land_accounts(accounts, home / "landing", DELIVERY, currency="GBP", time_zone=time_zone, name=name)
    land_text(BOOK, home / "landing", "price_book", DELIVERY, "london.yaml")
    land_csv(tariff(shared), home / "landing", "price_book", DELIVERY, "time_of_use.csv")
