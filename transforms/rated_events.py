"""Builder of `rated_events`."""

import polars as pl

from data_contracts import (
    AccountContracts,
    Accounts,
    AsOf,
    Currencies,
    Delivered,
    ExchangeRates,
    Exclusions,
    Meters,
    PlanPrices,
    PriceCells,
    PriceConditions,
    PriceVersions,
    RateCurves,
    RatedEvents,
    Rates,
    Reversals,
    UsageEvents,
    UsageLevels,
    UsageSlots,
    ZoneDays,
)
from data_contracts.vocabulary import EXACT, QUANTITY
from transforms import exchange, money
from transforms.billing_periods import with_billing_period
from transforms.billing_quantity import converted
from transforms.charge_models import EVENT_MODELS, amount_of
from transforms.charge_models.percentage import charged_value, is_free
from transforms.codes import coded, spelled
from transforms.counters import COUNTER, with_counter
from transforms.event_prices import with_price
from transforms.reversed_usage import standing

CONVERSION = ["quantity_factor", "quantity_divisor", "quantity_round"]
# Allowances are used up per counter, as units are.
ALLOWANCE = [name if name != "dimensions" else "line_dimensions" for name in COUNTER]
FEE_TERMS = ["rate", "fixed_amount", "minimum_fee", "maximum_fee"]
FREE_TERMS = ["free_events", "free_amount", "free_rule"]
TERMS = ["model", *FEE_TERMS, *FREE_TERMS, "rounding"]
EVENT = [
    "delivery_date",
    "source",
    "event_id",
    "account_id",
    "meter",
    "occurred_at",
    "quantity",
    "amount",
    "value_currency",
    "contract_id",
    "dimensions",
    "source_file",
    "source_line",
]


def rated_events(
    usage_events: Delivered[UsageEvents],
    reversals: Delivered[Reversals],
    usage_levels: AsOf[UsageLevels],
    rates: AsOf[Rates],
    price_versions: AsOf[PriceVersions],
    price_cells: AsOf[PriceCells],
    rate_curves: AsOf[RateCurves],
    price_conditions: AsOf[PriceConditions],
    plan_prices: AsOf[PlanPrices],
    exclusions: AsOf[Exclusions],
    currencies: AsOf[Currencies],
    accounts: AsOf[Accounts],
    account_contracts: AsOf[AccountContracts],
    meters: AsOf[Meters],
    usage_slots: AsOf[UsageSlots],
    zone_days: AsOf[ZoneDays],
    exchange_rates: AsOf[ExchangeRates],
) -> AsOf[RatedEvents]:
    """Price each event whose price is per event.

    Grain:   one row per event and price; only events whose cell `priced_usage` rates by an event model.
    Rule:    events of a billing period in order of instant and id use up the allowance; each fee is rounded by itself.
             An event that was taken back is not there, so its allowance is left to the others.
    """
    by_event = price_versions.filter(pl.col("model").is_in(list(EVENT_MODELS)))
    # Collected: most companies have no such price, and events are read for these meters only.
    meters_by_event = by_event.select("meter").unique().collect().to_series()
    of_meters = usage_events.filter(pl.col("meter").is_in(meters_by_event.implode())) if len(meters_by_event) else None
    events = RatedEvents.empty() if of_meters is None else standing(of_meters, reversals).select(EVENT).collect()
    if events.is_empty():
        return RatedEvents.empty().lazy()
    priced = with_price(
        events,
        {
            "usage_levels": usage_levels,
            "rates": rates,
            "price_versions": price_versions,
            "price_cells": price_cells,
            "rate_curves": rate_curves,
            "price_conditions": price_conditions,
            "plan_prices": plan_prices,
            "exclusions": exclusions,
            "accounts": accounts,
            "account_contracts": account_contracts,
            "meters": meters,
            "usage_slots": usage_slots,
            "zone_days": zone_days,
            "exchange_rates": exchange_rates,
        },
    )
    versions = coded(price_versions)
    of_fees = {
        "price_versions": versions,
        "exchange_rates": coded(exchange_rates),
        "currencies": coded(currencies),
    }
    del events  # names are codes by now, and the texts of millions of events take memory
    valued = _with_value(priced, versions)
    # Collected: the few events whose list price is another one are looked at twice.
    in_order = _with_position(valued, versions, coded(account_contracts)).collect().with_row_index("row").lazy()
    others = in_order.filter(pl.col("list_price_version_id") != pl.col("price_version_id"))
    overridden = _with_fee(others, "list_price_version_id", "list_value", "list_exact", "list_amount", **of_fees)
    listed = overridden.select("row", "list_exact", "list_amount").collect().lazy()
    rated = (
        _with_fee(in_order, "price_version_id", "value", "amount_exact", "amount", **of_fees)
        .join(listed, on="row", how="left", validate="1:1", maintain_order="left")
        .with_columns(
            # A list version that prices quantities, or not in this currency, says nothing about an event.
            pl.coalesce("list_exact", "amount_exact").alias("list_exact"),
            pl.coalesce("list_amount", "amount").alias("list_amount"),
        )
        .select(RatedEvents.schema().keys())
    )
    # By the morsel: what is in between never stands in memory as a whole.
    return spelled(rated).collect(engine="streaming").lazy()


def _with_value(events: pl.LazyFrame, price_versions: pl.LazyFrame) -> pl.LazyFrame:
    """Add the value of each event as its version converts it (`value`), and as the plan's does (`list_value`)."""
    versions = {"value": "price_version_id", "list_value": "list_price_version_id"}
    terms = price_versions.filter(pl.col("model").is_in(list(EVENT_MODELS))).select(
        "price_version_id", "currency", *CONVERSION
    )
    # Collected, because it decides what is built, and the book is small.
    if terms.filter(pl.col("quantity_factor").is_not_null()).collect().is_empty():
        return events.with_columns(pl.col("quantity").alias(name) for name in versions)
    for name, version in versions.items():
        events = (
            events.join(
                terms.rename({"price_version_id": version}), on=[version, "currency"], how="left", validate="m:1"
            )
            .with_columns(converted(pl.col("quantity"), *[pl.col(each) for each in CONVERSION]).alias(name))
            .drop(CONVERSION)
        )
    return events


def _with_position(events: pl.LazyFrame, price_versions: pl.LazyFrame, account_contracts: pl.LazyFrame) -> pl.LazyFrame:
    """Add where each event stands in its allowance: its number, and the values up to and including it.

    Where no price has an allowance nobody asks, and nothing need be put in order.
    """
    if not _has_allowances(price_versions):
        return events.with_columns(
            pl.lit(None, pl.Int64).alias("_ordinal"),
            *[pl.lit(None, QUANTITY).alias(f"{value}_through") for value in ("value", "list_value")],
        )
    order = ["occurred_at", "event_id", "source"]
    counted = with_counter(with_billing_period(events, account_contracts), price_versions, account_contracts)
    # Counted over a column: the running sum of a literal is 1 in every row.
    ordinal = pl.col("event_id").is_not_null().cast(pl.Int64).cum_sum()
    return counted.with_columns(
        ordinal.over(ALLOWANCE, order_by=order).alias("_ordinal"),
        *[
            pl.col(value).cum_sum().over(ALLOWANCE, order_by=order).alias(f"{value}_through")
            for value in ("value", "list_value")
        ],
    )


def _has_allowances(price_versions: pl.LazyFrame) -> bool:
    """Whether any event is free; where none is, none of ten million is asked."""
    allowances = price_versions.filter(pl.any_horizontal(pl.col("free_events", "free_amount").is_not_null()))
    return not allowances.select("price_version_id").head(1).collect().is_empty()


def _with_fee(
    events: pl.LazyFrame,
    version: str,
    value: str,
    exact: str,
    amount: str,
    *,
    price_versions: pl.LazyFrame,
    exchange_rates: pl.LazyFrame,
    currencies: pl.LazyFrame,
) -> pl.LazyFrame:
    """Add the fee by the version that the column `version` names, exact and rounded once in the currency billed.

    Both are null where the version has no rate.
    """
    terms = price_versions.select(pl.col("price_version_id").alias(version), "currency", *TERMS)
    charged, free = pl.col(value), pl.lit(value=False)
    if _has_allowances(price_versions):
        used = [pl.col("_ordinal"), pl.col(f"{value}_through"), *[pl.col(name) for name in FREE_TERMS]]
        charged, free = charged_value(pl.col(value), *used), is_free(pl.col(value), *used)
    # Each model is computed for every row: only those that somebody uses.
    in_use = price_versions.select(pl.col("model").cast(pl.String).unique()).collect().to_series()
    fee = amount_of({name: EVENT_MODELS[name] for name in EVENT_MODELS if name in in_use}, pl.col("model"), charged)
    fees = (
        events.join(terms, on=[version, "currency"], how="left", validate="m:1", maintain_order="left")
        .with_columns(free.alias("is_free"))
        .with_columns(fee.cast(EXACT).alias(exact))
        .drop("is_free")
    )
    minor_units = currencies.select(pl.col("currency").alias("billing_currency"), "minor_units")
    billed = events.select("billing_currency").unique().join(minor_units, on="billing_currency", how="inner")
    among = billed.select(pl.col("minor_units").unique().sort()).collect().to_series().to_list()
    modes = price_versions.select(pl.col("rounding").cast(pl.String).unique().sort()).collect().to_series().to_list()
    rounded = money.round_to_minor(
        pl.col("_billed"), pl.col("minor_units"), pl.col("rounding"), among=among, modes=modes
    )
    return (
        exchange.with_billed(fees, exchange_rates, price_versions, _billed=exact)
        .join(minor_units, on="billing_currency", how="left", validate="m:1", maintain_order="left")
        .with_columns(rounded.alias(amount))
        .drop(*TERMS, "_billed", "minor_units", "price_rate_date")
    )
