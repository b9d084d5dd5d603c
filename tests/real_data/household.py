"""Half-hourly electricity of one real household, as the network published it: duplicates, a literal Null, its own dates."""

from datetime import date
from pathlib import Path

from tests.real_data.landing import land_accounts, land_for_feed, land_text

DELIVERY = date(2013, 10, 17)
ACCOUNT = "MAC003718"
# 14.228 pence a kilowatt hour is the flat rate that homes outside the trial paid.
BOOK = """\
company: {name: London, reporting_currency: GBP, default_plan: standard}
products: [{id: electricity, name: Electricity}]
meters:
  - {id: kwh, unit: kWh, aggregation: sum}
prices:
  - id: flat_rate
    product: electricity
    meter: kwh
    model: per_unit
    currency: GBP
    versions: [{effective_from: 2009-01-01, unit_amount: "0.14228"}]
plans: [{id: standard, prices: [flat_rate]}]
"""


def land(shared: Path, home: Path) -> None:
    """Write the file as it was downloaded, its feed, its account, and the flat rate."""
    land_for_feed(shared / "data/usage/lcl_household_MAC003718.csv.gz", home, "household", DELIVERY)
    land_accounts([ACCOUNT], home / "landing", DELIVERY, currency="GBP")
    land_text(BOOK, home / "landing", "price_book", DELIVERY, "standard.yaml")
