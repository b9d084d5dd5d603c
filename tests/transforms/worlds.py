"""Small tables that tests of the rating chain share: one account, one plan, prices by their tiers."""

import polars as pl

from data_contracts import AccountRows, Meters, PlanPrices, PriceTiers, PriceVersions, UsageEvents
from tests.tables import rows


def account(**columns: str) -> pl.LazyFrame:
    """One account on the default plan, in USD and UTC unless said otherwise."""
    given = {"account_id": "acme", "currency": "USD", "time_zone": "UTC", "valid_from": "2020-01-01", **columns}
    return rows(AccountRows, delivery_date="2026-08-01", **given)


def meter(**columns: str) -> pl.LazyFrame:
    """One meter that sums quantities."""
    return rows(Meters, **{"meter": "tokens", "aggregation": "sum", "value": "quantity", "dimensions": "[]", **columns})


def on_plan(*price_ids: str) -> pl.LazyFrame:
    """Prices of the plan `payg`, in it for ever."""
    return rows(PlanPrices, "price_id\n" + "\n".join(price_ids), plan_id="payg")


def versions(text: str, **columns: str) -> pl.LazyFrame:
    """Versions of prices of the meter `tokens`, in USD, rounded half up."""
    neutral = {
        "meter": "tokens",
        "currency": "USD",
        "kind": "revenue",
        "conditions": "{}",
        "product_id": "llm",
        "rounding": "half_up",
        "round_at": "period",
        "free_rule": "first_exhausted",
        "quantity_limit": "1000000000000",
        **columns,
    }
    named = {name: value for name, value in neutral.items() if name not in text.split("\n")[1]}
    return rows(PriceVersions, text, **named)


def tiers(text: str, **columns: str) -> pl.LazyFrame:
    """Tiers in USD; per_unit prices have one from -1, without base."""
    named = {name: value for name, value in {"currency": "USD", **columns}.items() if name not in text.split("\n")[1]}
    return rows(PriceTiers, text, **named)


def events(text: str, **columns: str) -> pl.LazyFrame:
    """Usage of `acme` on meter `tokens`, delivered on the day it is about unless said otherwise."""
    neutral = {"account_id": "acme", "meter": "tokens", "dimensions": "{}", "source": "", **columns}
    header = text.strip().split("\n")[0]
    return rows(UsageEvents, text, **{name: value for name, value in neutral.items() if name not in header})
