"""Builder of `line_inputs`."""

import polars as pl

from data_contracts import (
    AccountContracts,
    Accounts,
    AsOf,
    ExchangeRates,
    LineInputs,
    LineItems,
    PricedUsage,
    RatedEvents,
)
from transforms import exchange

PERIOD = ["account_id", "payer_id", "billing_period_start"]
SPAN = [*PERIOD, "billing_period_end"]
LINE_DAY = ["account_id", "contract_id", "service_date"]
CELL = ["meter", "dimensions", "value_currency", "slot_at", "kind", "price_id", "event_count", "quantity", "amount"]
EVENT = ["source", "event_id", "occurred_at", "price_id", "quantity"]
# Two hashes of 64 bits each: two different inputs of an account agree in both once in 10^38.
SEEDS = (1, 2)


def line_inputs(
    line_items: AsOf[LineItems],
    priced_usage: AsOf[PricedUsage],
    rated_events: AsOf[RatedEvents],
    account_contracts: AsOf[AccountContracts],
    accounts: AsOf[Accounts],
    exchange_rates: AsOf[ExchangeRates],
) -> AsOf[LineInputs]:
    """Fingerprint what the lines of each account and billing period were made of, kind by kind.

    Grain:   one row per account, payer, billing period and component that has any row.
    Rule:    usage is its rated cells and events; prices are the versions on the lines; signed contracts and accounts
             are their states cut to the billing period, so that what begins later changes nothing; rates are those
             that converted prices. Equal rows in any order, equal fingerprint.
    """
    days = line_items.select(*SPAN, "contract_id", "service_date").unique()
    spans = days.select(SPAN).unique()
    signed = account_contracts.filter(~pl.col("is_default"))
    cells = priced_usage.filter(pl.col("outcome") == "rated").select(*LINE_DAY, *CELL)
    events = rated_events.select(*LINE_DAY, *EVENT)
    components = [
        ("usage", days.join(cells, on=LINE_DAY, how="inner", validate="m:m"), [*LINE_DAY, *CELL]),
        ("usage", days.join(events, on=LINE_DAY, how="inner", validate="m:m"), [*LINE_DAY, *EVENT]),
        ("prices", line_items.select(*PERIOD, *_PRICE).unique(), _PRICE),
        ("contracts", _within(spans, signed), _CONTRACT),
        ("accounts", _within(spans, accounts), _ACCOUNT),
        ("rates", _rates(line_items, exchange_rates), _RATE),
    ]
    hashed = pl.concat([_hashed(rows, component, columns) for component, rows, columns in components])
    return (
        hashed.group_by(*PERIOD, "component")
        .agg(pl.len().alias("row_count").cast(pl.Int64), *[pl.col(_seed(seed)).sum() for seed in SEEDS])
        .with_columns(pl.concat_str([_seed(seed) for seed in SEEDS], separator=":").alias("fingerprint"))
        .select(LineInputs.schema().keys())
        .sort(LineInputs.keys)
    )


_PRICE = ["price_id", "price_version_id", "price_currency"]
_CONTRACT = ["contract_id", "valid_from", "valid_to", "plan_id", "currency"]
_ACCOUNT = ["valid_from", "valid_to", "currency", "time_zone", "legal_entity_id", "parent_account_id"]
_RATE = ["price_currency", "currency", "service_date", "numerator", "denominator"]


def _within(spans: pl.LazyFrame, states: pl.LazyFrame) -> pl.LazyFrame:
    """States of the account that touch the billing period, cut to it."""
    return (
        # The payer of a state is the one of the lines, or they would be another period's.
        spans.join(states.drop("payer_id"), on="account_id", how="inner", validate="m:m")
        .with_columns(
            pl.max_horizontal("valid_from", "billing_period_start").alias("valid_from"),
            pl.min_horizontal("valid_to", "billing_period_end").alias("valid_to"),
        )
        .filter(pl.col("valid_from") < pl.col("valid_to"))
    )


def _rates(line_items: pl.LazyFrame, exchange_rates: pl.LazyFrame) -> pl.LazyFrame:
    converted = line_items.filter(pl.col("price_currency") != pl.col("currency"))
    used = converted.select(*PERIOD, "price_currency", "currency", "service_date").unique()
    return exchange.with_rate(
        used, exchange_rates, currency="price_currency", target="currency", day="service_date"
    ).filter(pl.col("numerator").is_not_null())


def _hashed(rows: pl.LazyFrame, component: str, columns: list[str]) -> pl.LazyFrame:
    content = pl.struct([pl.col(name).cast(pl.String) for name in columns])
    # Summed in 128 bits, where 2^64 hashes do not overflow; a sum does not ask for the order of the rows.
    hashes = [content.hash(seed).cast(pl.Int128).alias(_seed(seed)) for seed in SEEDS]
    return rows.select(*PERIOD, pl.lit(component).alias("component"), *hashes)


def _seed(seed: int) -> str:
    return f"_hash_{seed}"
