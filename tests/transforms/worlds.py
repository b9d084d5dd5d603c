"""Small tables that tests of the rating chain share: one account, one plan, prices by their tiers."""

import polars as pl

from data_contracts import (
    AccountRows,
    Companies,
    Contracts,
    Meters,
    PlanPrices,
    PriceConditions,
    PriceTiers,
    PriceVersions,
    UsageEvents,
)
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
        "flat_on_zero": "charge",
        "quantity_limit": "1000000000000",
        **columns,
    }
    return _rows(PriceVersions, text, neutral)


def tiers(text: str, **columns: str) -> pl.LazyFrame:
    """Tiers in USD; per_unit prices have one from -1, without base."""
    return _rows(PriceTiers, text, {"currency": "USD", **columns})


def events(text: str, **columns: str) -> pl.LazyFrame:
    """Usage of `acme` on meter `tokens`, delivered on the day it is about unless said otherwise."""
    neutral = {"account_id": "acme", "meter": "tokens", "dimensions": "{}", "source": "", **columns}
    return _rows(UsageEvents, text, neutral)


def accounts(text: str, **columns: str) -> pl.LazyFrame:
    """Accounts as delivered on 1 August, in USD and UTC, valid for long, unless said otherwise."""
    neutral = {"delivery_date": "2026-08-01", "currency": "USD", "time_zone": "UTC", "valid_from": "2020-01-01"}
    return _rows(AccountRows, text, {**neutral, **columns})


def contracts(text: str, **columns: str) -> pl.LazyFrame:
    """Contracts of the plan `payg` in USD, in force for long, without prices of their own unless said otherwise."""
    neutral = {
        "plan_id": "payg",
        "currency": "USD",
        "starts_on": "2020-01-01",
        "valid_from": "2020-01-01",
        "has_overrides": "false",
        "billing_interval": "month",
        "billing_anchor": "1",
    }
    return _rows(Contracts, text, {**neutral, **columns})


def company(**columns: str | None) -> pl.LazyFrame:
    """The company: default plan `payg`, billing since 1 August 2026."""
    neutral = {"default_plan_id": "payg", "time_zone": "UTC", "billing_starts_on": "2026-08-01"}
    return rows(Companies, **{**neutral, **columns})


def meters(*names: str, **columns: str) -> pl.LazyFrame:
    """Meters that sum quantities unless said otherwise."""
    neutral = {"aggregation": "sum", "value": "quantity", "dimensions": "[]", **columns}
    return rows(Meters, "meter\n" + "\n".join(names), **neutral)


def conditions(text: str, **columns: str) -> pl.LazyFrame:
    """Conditions of prices on dimensions of the meter `tokens`."""
    return _rows(PriceConditions, text, {"meter": "tokens", "is_on_line": "true", **columns})


def unit_prices(**columns: str) -> pl.LazyFrame:
    """One open tier per price version: `unit_prices(**{"p@1": "0.10"})`."""
    lines = "\n".join(f"{version} | {unit_amount}" for version, unit_amount in columns.items())
    neutral = {"tier": "1", "lower_bound": "-1", "offset": "0", "flat_amount": "0", "base_amount": "0"}
    return rows(PriceTiers, f"price_version_id | unit_amount\n{lines}", currency="USD", **neutral)


def _rows(table, text: str, neutral: dict[str, str]) -> pl.LazyFrame:
    header, *lines = text.strip().split("\n")
    named = [name.strip() for name in header.split("|")]
    # Without a line the neutral values would be a row of their own.
    return (
        table.empty().lazy()
        if not lines
        else rows(table, text, **{name: value for name, value in neutral.items() if name not in named})
    )
