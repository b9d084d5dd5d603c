"""A real shop's invoices: a row is a line with its quantity and unit price, and credit notes are rows below zero."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from tests.real_data.landing import land_accounts, land_for_feed, land_text

DELIVERY = date(2011, 8, 31)
FILE = "data/transactions/uci_online_retail_2010-12_2011-08.parquet"
GUEST = "guest"
# The shop says `negative: allow`: a credit note is usage below zero, and the amounts are its own.
BOOK = """\
company: {name: Shop, reporting_currency: GBP, default_plan: sales}
products: [{id: goods, name: Goods}]
meters:
  - {id: retail, unit: piece, aggregation: sum, dimensions: [stock_code, country], negative: allow}
prices:
  - id: sold
    product: goods
    meter: retail
    model: dynamic
    currency: GBP
    versions: [{effective_from: 2009-01-01}]
plans: [{id: sales, prices: [sold]}]
"""


def land(shared: Path, home: Path, feed: str) -> None:
    """Land the file as it was downloaded for a feed, its customers, and a price that takes the amounts as they are."""
    customers = pl.read_parquet(shared / FILE, columns=["CustomerID"])["CustomerID"].drop_nulls().unique()
    land_for_feed(shared / FILE, home, feed, DELIVERY)
    land_accounts([*customers, GUEST], home / "landing", DELIVERY, currency="GBP")
    land_text(BOOK, home / "landing", "price_book", DELIVERY, "sales.yaml")


def rows(shared: Path) -> list[dict[str, Any]]:
    """Return the rows of the file, as Python reads them."""
    return pl.read_parquet(shared / FILE).to_dicts()


def distinct(rows_: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what stands there again, word for word."""
    return list({tuple(row.values()): row for row in rows_}.values())


def by_month(rows_: Iterable[dict[str, Any]]) -> dict[str, Decimal]:
    """Add up quantity times unit price by calendar month, row by row."""
    totals: Counter[str] = Counter()
    for row in rows_:
        totals[f"{row['InvoiceDate']:%Y-%m}"] += Decimal(row["Quantity"]) * row["UnitPrice"]  # type: ignore[assignment]
    return dict(sorted(totals.items()))  # type: ignore[arg-type]
