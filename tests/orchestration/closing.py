"""A company small enough to close by hand: one account, one price, months that are rated without dbt."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from data_contracts import PostedLineItems
from orchestration import close, seals
from orchestration.build import Build, code_hash
from orchestration.settings import Settings
from tests.orchestration import tiny

DECISION = close.Decision("October is complete", "ada", "grace", datetime(2026, 11, 5, 9))
ACCOUNTS = """\
account_id,name,currency,country,time_zone,legal_entity_id,valid_from
ant,Ant Ltd.,USD,US,UTC,tiny,2026-09-01
"""
HEADER = "event_id,account_id,meter,occurred_at,quantity"
# Adjustments of a few units are far more than a bound allows of such months: nothing is held unless a test asks.
WIDE = {"adjustment_month_bound": Decimal(100), "adjustment_account_bound": Decimal(100)}


def book(model: str, terms: str, *, more: str = "") -> str:
    """Return a book with one metered price of the given model and terms, in force from January on."""
    return f"""\
company:
  name: Tiny
  time_zone: UTC
  reporting_currency: USD
  default_plan: payg
  legal_entities: [{{id: tiny, name: Tiny Inc., country: US, currency: USD, invoice_prefix: T}}]
products: [{{id: api, name: API}}]
meters: [{{id: calls, unit: call, aggregation: sum}}]
prices:
  - id: calls
    product: api
    meter: calls
    model: {model}
    currency: USD
    versions:
      - effective_from: 2026-01-01
{_indented(terms, 8)}{more}
plans: [{{id: payg, prices: [calls]}}]
"""


def _indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.strip().splitlines())


def company(home: Path, day: str, book_text: str, accounts: str = ACCOUNTS, **settings: Any) -> Settings:
    """Land book and accounts under the first delivery date."""
    tiny.put(home, f"price_book/{day}/book.yaml", book_text)
    tiny.put(home, f"accounts/{day}/accounts.csv", accounts)
    return Settings(home=home, **{**WIDE, **settings})


def use(settings: Settings, day: str, *rows: str, header: str = HEADER) -> None:
    """Land usage under a delivery date."""
    tiny.put(settings.home, f"usage_events/{day}/usage.csv", "\n".join((header, *rows)) + "\n")


def known(settings: Settings, day: str) -> Build:
    """Rate everything delivered up to a day."""
    return tiny.tables_only(settings, date.fromisoformat(day))


def sealed(settings: Settings, day: str, month: str, entity: str = "tiny") -> seals.Seal:
    """Close a month as known on a day, without publishing it."""
    build = known(settings, day)
    said = facts(seals.CLOSE, build, date.fromisoformat(f"{month}-01"), entity)
    return close.seal_month(settings, build, said, DECISION, {})


def facts(event: str, build: Build, month: date, entity: str = "tiny") -> dict[str, Any]:
    """Return what an entry of the chain says of itself, where no run was published."""
    return {
        "event": event,
        "legal_entity_id": entity,
        "month": month,
        "as_of": build.as_of,
        "run_number": 1,
        "code_hash": code_hash(),
        "rule_version": "1",
    }


def posted(build: Build, *columns: str) -> list[tuple[Any, ...]]:
    """Return what is posted, in the order of posting: month, whether it is an adjustment, amount, and more if asked."""
    month = pl.col("posting_date").dt.strftime("%Y-%m").alias("month")
    lines = build.frame(PostedLineItems).sort("posting_date", "is_adjustment", "line_item_id").collect()
    return lines.select(month, "is_adjustment", "amount", *columns).rows()


def totals(build: Build) -> Mapping[tuple[str, bool], Decimal]:
    """Return the sum posted per month, adjustments apart."""
    found: dict[tuple[str, bool], Decimal] = {}
    for month, is_adjustment, amount in posted(build):
        found[month, is_adjustment] = found.get((month, is_adjustment), Decimal(0)) + amount
    return found


def amounts(*values: str) -> Sequence[Decimal]:
    """Return decimals of texts."""
    return [Decimal(value) for value in values]
