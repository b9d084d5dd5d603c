"""Builder of `rated_events`."""

import polars as pl

from data_contracts import (
    AccountContracts,
    Accounts,
    AsOf,
    Currencies,
    Delivered,
    ExchangeRates,
    Meters,
    PlanPrices,
    PriceConditions,
    PricedUsage,
    PriceVersions,
    RatedEvents,
    Reversals,
    UsageEvents,
    UsageSlots,
    ZoneDays,
)
from data_contracts.vocabulary import EXACT, QUANTITY
from transforms import exchange, money
from transforms.billing_periods import with_billing_period
from transforms.billing_quantity import converted
from transforms.charge_models import EVENT_MODELS
from transforms.charge_models.percentage import charged_value, is_free, percentage
from transforms.counters import COUNTER, with_counter
from transforms.reversed_usage import standing
from transforms.usage_cells import CELL, with_cell

CONVERSION = ["quantity_factor", "quantity_divisor", "quantity_round"]
# Allowances are used up per counter, as units are.
ALLOWANCE = [name if name != "dimensions" else "line_dimensions" for name in COUNTER]
FEE_TERMS = ["rate", "fixed_amount", "minimum_fee", "maximum_fee"]
FREE_TERMS = ["free_events", "free_amount", "free_rule"]
TERMS = [*FEE_TERMS, *FREE_TERMS, "rounding"]
OF_THE_PRICE = [
    "price_id",
    "price_version_id",
    "list_price_version_id",
    "line_dimensions",
    "currency",
    "billing_currency",
]


def rated_events(
    usage_events: Delivered[UsageEvents],
    reversals: Delivered[Reversals],
    priced_usage: AsOf[PricedUsage],
    price_versions: AsOf[PriceVersions],
    currencies: AsOf[Currencies],
    accounts: AsOf[Accounts],
    account_contracts: AsOf[AccountContracts],
    meters: AsOf[Meters],
    plan_prices: AsOf[PlanPrices],
    price_conditions: AsOf[PriceConditions],
    usage_slots: AsOf[UsageSlots],
    zone_days: AsOf[ZoneDays],
    exchange_rates: AsOf[ExchangeRates],
) -> AsOf[RatedEvents]:
    """Price each event whose price is per event.

    Grain:   one row per event and price; only cells that `priced_usage` rates by an event model.
    Rule:    events of a billing period in order of instant and id use up the allowance; each fee is rounded by itself.
             An event that was taken back is not there, so its allowance is left to the others.
    """
    by_event = priced_usage.filter(pl.col("model").is_in(list(EVENT_MODELS)))
    meters_by_event = by_event.select("meter").unique().collect().lazy()
    if meters_by_event.collect().is_empty():
        return RatedEvents.empty().lazy()
    cells = by_event.select(*CELL, *OF_THE_PRICE, pl.col("contract_id").alias("_contract_id"))
    events = with_cell(
        standing(usage_events.join(meters_by_event, on="meter", how="semi"), reversals),
        accounts=accounts,
        account_contracts=account_contracts,
        meters=meters,
        plan_prices=plan_prices,
        price_conditions=price_conditions,
        price_versions=price_versions,
        usage_slots=usage_slots,
        zone_days=zone_days,
    )
    priced = events.join(cells, on=CELL, how="inner", validate="m:m").with_columns(
        pl.col("_contract_id").alias("contract_id"),
        pl.col("measured").alias("quantity"),
    )
    valued = _with_value(with_billing_period(priced, account_contracts), price_versions)
    in_order = _with_position(valued, price_versions, account_contracts)
    # Collected: the few events whose list price is another one are looked at once more.
    charged = _with_fee(in_order, price_versions, "price_version_id", "value", "amount_exact").collect().lazy()
    is_listed = pl.col("list_price_version_id") == pl.col("price_version_id")
    others = charged.filter(~is_listed)
    overridden = _with_fee(others, price_versions, "list_price_version_id", "list_value", "list_exact")
    as_listed = charged.filter(is_listed).with_columns(
        pl.col("amount_exact").alias("list_exact"), pl.col("_amount_exact_rounding").alias("_list_exact_rounding")
    )
    listed = pl.concat([as_listed, overridden.select(as_listed.collect_schema().names())])
    rounded = _rounded(listed, exchange_rates, price_versions, currencies).with_columns(
        # A list version that prices quantities, or not in this currency, says nothing about an event.
        pl.coalesce("list_exact", "amount_exact").alias("list_exact"),
        pl.coalesce("list_amount", "amount").alias("list_amount"),
    )
    return rounded.select(RatedEvents.schema().keys())


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
    allowances = price_versions.filter(pl.any_horizontal(pl.col("free_events", "free_amount").is_not_null()))
    if allowances.select("price_version_id").head(1).collect().is_empty():
        return events.with_columns(
            pl.lit(None, pl.Int64).alias("_ordinal"),
            *[pl.lit(None, QUANTITY).alias(f"{value}_through") for value in ("value", "list_value")],
        )
    order = ["occurred_at", "event_id", "source"]
    counted = with_counter(events, price_versions, account_contracts)
    # Counted over a column: the running sum of a literal is 1 in every row.
    ordinal = pl.col("event_id").is_not_null().cast(pl.Int64).cum_sum()
    return counted.with_columns(
        ordinal.over(ALLOWANCE, order_by=order).alias("_ordinal"),
        *[
            pl.col(value).cum_sum().over(ALLOWANCE, order_by=order).alias(f"{value}_through")
            for value in ("value", "list_value")
        ],
    )


def _with_fee(events: pl.LazyFrame, price_versions: pl.LazyFrame, version: str, value: str, exact: str) -> pl.LazyFrame:
    """Add the exact fee by the version that the column `version` names, and its rounding; null if it has no rate."""
    terms = price_versions.select(pl.col("price_version_id").alias(version), "currency", *TERMS)
    used = [pl.col("_ordinal"), pl.col(f"{value}_through"), *[pl.col(name) for name in FREE_TERMS]]
    fee = percentage(
        charged_value(pl.col(value), *used), is_free(pl.col(value), *used), *[pl.col(name) for name in FEE_TERMS]
    )
    fee = pl.when(pl.col("rate").is_not_null()).then(fee)
    return (
        events.join(terms, on=[version, "currency"], how="left", validate="m:1")
        .with_columns(fee.cast(EXACT).alias(exact), pl.col("rounding").alias(f"_{exact}_rounding"))
        .drop(TERMS)
    )


def _rounded(
    fees: pl.LazyFrame, exchange_rates: pl.LazyFrame, price_versions: pl.LazyFrame, currencies: pl.LazyFrame
) -> pl.LazyFrame:
    """Round each fee once, in the currency that it is billed in."""
    of_billing = currencies.select(pl.col("currency").alias("billing_currency"), "minor_units")

    def once(billed: str, of: str) -> pl.Expr:
        return money.round_to_minor(pl.col(billed), pl.col("minor_units"), pl.col(f"_{of}_rounding"))

    return (
        exchange.with_billed(fees, exchange_rates, price_versions, _billed="amount_exact", _list_billed="list_exact")
        .join(of_billing, on="billing_currency", how="left", validate="m:1")
        .with_columns(
            once("_billed", "amount_exact").alias("amount"), once("_list_billed", "list_exact").alias("list_amount")
        )
    )
