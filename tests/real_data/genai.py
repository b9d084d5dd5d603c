"""Real responses of language models with the price that upstream computed: a line per response and kind of token."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from tests.real_data.landing import land_accounts, land_csv, land_json

DELIVERY = date(2025, 11, 6)
AT = "2025-11-06T12:00:00.000000Z"
# Upstream calls a kind of token a meter; in an event that name is taken.
KIND = "token_kind"
PRICED_BY = ["provider_id", "model_id", KIND, "side", "price_per_mtok_usd"]


def priced_lines(shared: Path) -> pl.DataFrame:
    """Read upstream's lines: what was used, at which price, and what that came to."""
    return pl.read_parquet(shared / "data/billed/genai_priced_lines.parquet").rename({"meter": KIND})


def requests(shared: Path) -> pl.DataFrame:
    """Read the responses, with what upstream says that each costs."""
    return pl.read_parquet(shared / "data/billed/genai_priced_requests.parquet")


def searches(shared: Path) -> pl.DataFrame:
    """Read the responses that cost something beside their tokens: searches of the web, priced by upstream."""
    return requests(shared).filter(pl.col("other_usd").cast(pl.Decimal(38, 12)) > 0)


def token_events(lines: pl.DataFrame) -> pl.DataFrame:
    """Turn lines into landed usage; the response is a dimension, so that its lines stay apart."""
    ordinal = pl.int_range(pl.len()).over("case_id").cast(pl.String)
    return lines.select(
        pl.format("{}-{}", "case_id", ordinal).alias("event_id"),
        "account_id",
        pl.lit("tokens").alias("meter"),
        pl.lit(AT).alias("occurred_at"),
        pl.col("quantity_tokens").cast(pl.String).alias("quantity"),
        *PRICED_BY,
        "case_id",
    )


def search_events(searched: pl.DataFrame) -> pl.DataFrame:
    """Turn searches into landed usage with the amount that they bring."""
    return searched.select(
        pl.format("{}-search", "case_id").alias("event_id"),
        "account_id",
        pl.lit("web_search").alias("meter"),
        pl.lit(AT).alias("occurred_at"),
        pl.col("web_searches").cast(pl.String).alias("quantity"),
        pl.col("other_usd").alias("amount"),
        pl.lit("USD").alias("currency"),
        "case_id",
    )


def price_book(lines: pl.DataFrame) -> dict[str, Any]:
    """Make a price of each distinct tuple of dimensions, and one that takes the amounts that searches bring."""
    tuples = lines.select(PRICED_BY).unique().sort(PRICED_BY).to_dicts()
    prices = [
        {
            "id": f"tokens:{number:03d}",
            "product": "llm",
            "meter": "tokens",
            "where": priced_by,
            "group_by": ["case_id"],
            "model": "per_unit",
            "currency": "USD",
            "versions": [
                {"effective_from": "2009-01-01", "unit_amount": priced_by["price_per_mtok_usd"], "per": "1000000"}
            ],
        }
        for number, priced_by in enumerate(tuples)
    ]
    search = {
        "id": "web_search",
        "product": "llm",
        "meter": "web_search",
        "model": "dynamic",
        "group_by": ["case_id"],
        "currency": "USD",
        "versions": [{"effective_from": "2009-01-01"}],
    }
    meters = [
        {"id": "tokens", "unit": "token", "aggregation": "sum", "dimensions": [*PRICED_BY, "case_id"]},
        {"id": "web_search", "unit": "USD", "aggregation": "sum", "value": "amount", "dimensions": ["case_id"]},
    ]
    return {
        "company": {"name": "GenAI responses", "reporting_currency": "USD", "default_plan": "list"},
        "products": [{"id": "llm", "name": "Language models"}],
        "meters": meters,
        "prices": [*prices, search],
        "plans": [{"id": "list", "prices": [price["id"] for price in (*prices, search)]}],
    }


def land(shared: Path, landing: Path) -> None:
    """Write the responses, their accounts and the prices as one delivery."""
    lines = priced_lines(shared)
    land_csv(token_events(lines), landing, "usage_events", DELIVERY, "tokens.csv")
    land_csv(search_events(searches(shared)), landing, "usage_events", DELIVERY, "searches.csv")
    land_accounts(lines["account_id"].unique().to_list(), landing, DELIVERY, currency="USD")
    land_json(price_book(lines), landing, "price_book", DELIVERY, "genai.json")
