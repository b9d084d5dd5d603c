"""LiteLLM's prices as a price book: its history, what a token cost at each instant, and snapshots as they come."""

import gzip
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from orchestration.book.documents import read_text
from orchestration.errors import RefusedInput

# The meter that a field of the history prices.
METERS = {"input_cost_per_token": "input_tokens", "output_cost_per_token": "output_tokens"}
PLACES = 24


def price_history(shared: Path) -> pl.DataFrame:
    """Read the history: one row per model, field and interval, `unit_price` as upstream wrote it."""
    return pl.read_parquet(shared / "data/prices/litellm_price_history.parquet")


def plain_prices(history: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows whose price is one number, as a plain decimal, and those whose price is a JSON list of tiers.

    Refuses: a number that 24 places do not hold exactly.
    """
    is_list = pl.col("unit_price").str.starts_with("json:[")
    lists, single = history.filter(is_list), history.filter(~is_list)
    # Upstream writes 1.5e-06 beside 0.0000015; both are the same price, and only the second is a plain decimal.
    plain = pl.Series("unit_price", [f"{Decimal(text):f}" for text in single["unit_price"]])
    too_long = plain.filter(plain.str.split(".").list.get(1, null_on_oob=True).str.len_chars() > PLACES)
    assert too_long.is_empty(), f"more than {PLACES} places: {too_long.to_list()}"
    return single.with_columns(plain), lists


def refusals(lists: pl.DataFrame) -> list[str]:
    """Name each price that is a list of tiers: a single price is asked for, and the first tier is not it."""
    names = lists.sort("model", "price_field", "valid_from").select("model", "price_field", "valid_from")
    return [
        f"{model}: {field} since {valid_from:%Y-%m-%dT%H:%M:%SZ} is a list of tiers"
        for model, field, valid_from in names.rows()
    ]


def snapshot_prices(path: Path) -> dict[tuple[str, str], str]:
    """Read a snapshot, JSON as upstream has it in git, strictly: (model, field) to the plain decimal of its price.

    Refuses: JSON that is none, by file, line and column; nothing of it is taken.
    """
    name = path.name.removesuffix(".gz")
    text = read_text(name, gzip.decompress(path.read_bytes()).decode("utf-8"))
    if text.problems:
        raise RefusedInput("\n".join(map(str, text.problems)))
    (models,) = text.roots
    return {(model, field): f"{Decimal(price):f}" for model, field, price in _single_prices(models)}


def _single_prices(models: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for model, said in models.items():
        for field in METERS:
            if isinstance(said.get(field), str):
                yield model, field, said[field]


def plan_id(model: str) -> str:
    """Name the plan of a model; a slash separates the parts of longer ids and cannot stand in one."""
    return model.replace("/", "-")


def price_book(shared: Path, models: Sequence[str], default: str | None = None) -> dict[str, Any]:
    """Make the book of some models: a plan each, with one price per meter and one version per `valid_from`."""
    wanted = price_history(shared).filter(pl.col("model").is_in(models), pl.col("price_field").is_in(list(METERS)))
    prices, lists = plain_prices(wanted)
    assert lists.is_empty()
    offered = [(model, field) for model in models for field in METERS]
    company = {"name": "LiteLLM list prices", "reporting_currency": "USD"}
    return {
        "company": company if default is None else {**company, "default_plan": plan_id(default)},
        "products": [{"id": "llm", "name": "Language models"}],
        "meters": [{"id": meter, "unit": "token", "aggregation": "sum"} for meter in METERS.values()],
        "prices": [_price(prices, model, field) for model, field in offered],
        "plans": [{"id": plan_id(model), "prices": [_price_id(model, field) for field in METERS]} for model in models],
    }


def _price_id(model: str, field: str) -> str:
    return f"{plan_id(model)}:{METERS[field]}"


def _price(prices: pl.DataFrame, model: str, field: str) -> dict[str, Any]:
    own = prices.filter(pl.col("model") == model, pl.col("price_field") == field).sort("valid_from")
    # A version holds until the next one; a price that upstream removed and brought back would need an end.
    ends = own["valid_to"].head(own.height - 1)
    assert ends.equals(own["valid_from"].tail(own.height - 1)), f"{model} {field}: the history has a gap"
    starts = own["valid_from"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "id": _price_id(model, field),
        "product": "llm",
        "meter": METERS[field],
        "model": "per_unit",
        "currency": "USD",
        "versions": [
            {"effective_from": start, "unit_amount": amount}
            for start, amount in zip(starts, own["unit_price"], strict=True)
        ],
    }
