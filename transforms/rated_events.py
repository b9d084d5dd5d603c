"""Builder of `rated_events`."""

import polars as pl

from data_contracts import (
    AccountContracts,
    Accounts,
    AsOf,
    Currencies,
    Delivered,
    Meters,
    PriceConditions,
    PricedUsage,
    PriceVersions,
    RatedEvents,
    Rates,
    UsageEvents,
    UsageSlots,
    ZoneDays,
)
from data_contracts.vocabulary import EXACT
from transforms import money, periods
from transforms.charge_models import EVENT_MODELS
from transforms.charge_models import percentage as percentage_model
from transforms.usage_cells import CELL, with_cell

# Allowances begin anew with each version and each billing period (`on_price_change: restart`).
ALLOWANCE = ["contract_id", "price_id", "billing_month"]


def rated_events(
    usage_events: Delivered[UsageEvents],
    priced_usage: AsOf[PricedUsage],
    price_versions: AsOf[PriceVersions],
    currencies: AsOf[Currencies],
    accounts: AsOf[Accounts],
    account_contracts: AsOf[AccountContracts],
    meters: AsOf[Meters],
    price_conditions: AsOf[PriceConditions],
    rates: AsOf[Rates],
    usage_slots: AsOf[UsageSlots],
    zone_days: AsOf[ZoneDays],
) -> AsOf[RatedEvents]:
    """Price each event whose price is per event.

    Grain:   one row per event and price; only cells that `priced_usage` rates by an event model.
    Rule:    events of a billing period in order of instant and id use up the allowance; each fee is rounded by itself.
    """
    by_event = priced_usage.filter(pl.col("model").is_in(list(EVENT_MODELS)))
    meters_by_event = by_event.select("meter").unique()
    cells = by_event.select(
        *CELL, "contract_id", "price_id", "price_version_id", "list_price_version_id", "currency"
    ).rename({"contract_id": "_contract_id"})
    events = with_cell(
        usage_events.join(meters_by_event, on="meter", how="semi"),
        accounts=accounts,
        account_contracts=account_contracts,
        meters=meters,
        price_conditions=price_conditions,
        rates=rates,
        usage_slots=usage_slots,
        zone_days=zone_days,
    )
    priced = (
        events.join(cells, on=CELL, how="inner", validate="m:m")
        .with_columns(
            pl.col("_contract_id").alias("contract_id"),
            pl.col("measured").alias("quantity"),
            periods.month_start(pl.col("service_date")).alias("billing_month"),
        )
        .join(currencies.select("currency", "minor_units"), on="currency", how="left", validate="m:1")
    )
    charged = _with_fee(priced, price_versions, "price_version_id", "amount_exact", "amount")
    listed = _with_fee(charged, price_versions, "list_price_version_id", "list_exact", "list_amount")
    return listed.select(RatedEvents.schema().keys()).sort(RatedEvents.keys)


def _with_fee(
    events: pl.LazyFrame, price_versions: pl.LazyFrame, version: str, exact: str, rounded: str
) -> pl.LazyFrame:
    """Add the exact and the rounded fee by the version that the column `version` names."""
    terms = price_versions.select(
        pl.col("price_version_id").alias(version),
        "currency",
        "rate",
        "fixed_amount",
        "minimum_fee",
        "maximum_fee",
        "free_events",
        "free_amount",
        "free_rule",
        "rounding",
        "round_at",
    )
    order = ["occurred_at", "source", "event_id"]
    scope = [*ALLOWANCE, version]
    allowance = [pl.col(name) for name in ("free_events", "free_amount", "free_rule")]
    ordinal = pl.col("_ordinal")
    through = pl.col("_value_through")
    left_to_charge = percentage_model.charged_value(pl.col("quantity"), ordinal, through, *allowance)
    fee = percentage_model.percentage(
        left_to_charge,
        percentage_model.is_free(ordinal, through, *allowance),
        *[pl.col(name) for name in ("rate", "fixed_amount", "minimum_fee", "maximum_fee")],
    )
    per_event = money.round_to_minor(pl.col(exact), pl.col("minor_units"), pl.col("rounding"))
    return (
        (events.drop("amount", strict=False) if rounded == "amount" else events)
        .join(terms, on=[version, "currency"], how="left", validate="m:1")
        .with_columns(
            pl.lit(1).cast(pl.Int64).cum_sum().over(scope, order_by=order).alias("_ordinal"),
            pl.col("quantity").cum_sum().over(scope, order_by=order).alias("_value_through"),
        )
        .with_columns(fee.cast(EXACT).alias(exact))
        .with_columns(per_event.alias(rounded))
        .drop(
            "rate",
            "fixed_amount",
            "minimum_fee",
            "maximum_fee",
            "free_events",
            "free_amount",
            "free_rule",
            "rounding",
            "round_at",
            "_ordinal",
            "_value_through",
        )
    )
