"""Builder of `line_items`."""

from datetime import date

import polars as pl

from data_contracts import (
    AccountContracts,
    AsOf,
    Companies,
    Currencies,
    LineItems,
    PricedUsage,
    PriceTiers,
    PriceVersions,
    RatedEvents,
    Rates,
    ZoneDays,
)
from data_contracts.vocabulary import AMOUNT, EXACT, QUANTITY
from transforms import money, periods
from transforms.active_prices import active_prices
from transforms.charge_models import CUMULATIVE_MODELS, cumulative_amount

# Raised when a rule of rating changes; stands on every line, so that a difference has a cause.
RULE_VERSION = "1"

LINE = ["account_id", "contract_id", "price_id", "price_version_id", "currency", "service_date"]
# The running total that is rounded: it runs on when the price changes, so that a month sums to one rounded total.
ROUNDING_SCOPE = ["contract_id", "price_id", "billing_period_start"]


def line_items(
    priced_usage: AsOf[PricedUsage],
    rated_events: AsOf[RatedEvents],
    price_versions: AsOf[PriceVersions],
    price_tiers: AsOf[PriceTiers],
    rates: AsOf[Rates],
    account_contracts: AsOf[AccountContracts],
    companies: AsOf[Companies],
    currencies: AsOf[Currencies],
    zone_days: AsOf[ZoneDays],
    *,
    as_of: date,
) -> AsOf[LineItems]:
    """Turn priced usage into money, one line per price version and day, each explained by what stands on it.

    Grain:   one row per contract, price version and service date; an active price without usage in a billing period
             has one row of quantity 0 on its first active day.
    Rule:    a day's amount is R(cumulative) - R(cumulative before), rounded as the difference of rounded running
             totals. Example: 10 and 20 units at 0.0049 give 0.049 and 0.098; running 0.05 and 0.15: lines 0.05, 0.10.
    Source:  dbt_project/docs/semantics.md#line-items
    """
    active = active_prices(
        account_contracts=account_contracts, rates=rates, companies=companies, zone_days=zone_days, as_of=as_of
    )
    used = priced_usage.filter(pl.col("outcome") == "rated")
    unused = _without_usage(active, used)
    counted = pl.concat([_counted_usage(used), unused])
    by_quantity = _rated_by_quantity(counted, price_versions, price_tiers)
    by_event = _rated_by_event(rated_events)
    lines = _with_attributes(pl.concat([by_quantity, by_event]), price_versions, account_contracts, currencies)
    return _rounded(lines).pipe(_named).select(LineItems.schema().keys()).sort("line_item_id")


def _counted_usage(used: pl.LazyFrame) -> pl.LazyFrame:
    return (
        used.filter(pl.col("model").is_in(list(CUMULATIVE_MODELS)))
        .group_by(*LINE, "list_price_version_id")
        .agg(pl.col("quantity").sum(), pl.col("slot_at").min().alias("started_at"))
    )


def _without_usage(active: pl.LazyFrame, used: pl.LazyFrame) -> pl.LazyFrame:
    """Active prices of a billing period in which nothing of theirs was used: one point of quantity 0 each."""
    used_in = used.select(
        "contract_id", "price_id", periods.month_start(pl.col("service_date")).alias("billing_month")
    ).unique()
    return active.join(used_in, on=["contract_id", "price_id", "billing_month"], how="anti").select(
        *LINE,
        "list_price_version_id",
        pl.lit(0).cast(QUANTITY).alias("quantity"),
        pl.col("active_at").alias("started_at"),
    )


def _rated_by_quantity(counted: pl.LazyFrame, price_versions: pl.LazyFrame, price_tiers: pl.LazyFrame) -> pl.LazyFrame:
    """Rate the points by their own version and, beside it, by the plan's: most of the time that is the same one."""
    points = counted.group_by(LINE).agg(pl.col("quantity").sum(), pl.col("started_at").min())
    charged = _with_exact_amount(points, price_versions, price_tiers, version="price_version_id")
    is_own_list = pl.col("list_price_version_id") == pl.col("price_version_id")
    overridden = _with_exact_amount(
        counted.filter(~is_own_list), price_versions, price_tiers, version="list_price_version_id"
    )
    listed = overridden.group_by(LINE).agg(pl.col("amount_exact").sum().alias("_list_exact"))
    return charged.join(listed, on=LINE, how="left", validate="1:1").select(
        *LINE,
        "started_at",
        "quantity",
        "quantity_before",
        "amount_exact",
        pl.coalesce("_list_exact", "amount_exact").alias("list_exact"),
        pl.lit(None, dtype=AMOUNT).alias("fees"),
        pl.lit(None, dtype=AMOUNT).alias("list_fees"),
    )


def _with_exact_amount(
    points: pl.LazyFrame, price_versions: pl.LazyFrame, price_tiers: pl.LazyFrame, *, version: str
) -> pl.LazyFrame:
    """Add `quantity_before` and `amount_exact` = R(cumulative) - R(before); R before the first point is 0, not R(0).

    Counters begin anew with each version and billing period (`on_price_change: restart`).
    """
    models = price_versions.select(pl.col("price_version_id").alias(version), "currency", "model")
    tiers = price_tiers.rename({"price_version_id": version})
    counter = ["contract_id", "price_id", version, "billing_month"]
    running = (
        points.with_columns(periods.month_start(pl.col("service_date")).alias("billing_month"))
        .with_columns(pl.col("quantity").cum_sum().over(counter, order_by="service_date").alias("through"))
        .join(models, on=[version, "currency"], how="inner", validate="m:1")
        .filter(pl.col("model").is_in(list(CUMULATIVE_MODELS)))
        .join(tiers, on=[version, "currency"], how="left", validate="m:m")
        .filter(
            (pl.col("through") > pl.col("lower_bound"))
            & (pl.col("up_to").is_null() | (pl.col("through") <= pl.col("up_to")))
        )
        .with_columns(cumulative_amount(pl.col("model"), pl.col("through")).cast(EXACT).alias("_total"))
    )
    before = pl.col("_total").shift(1).over(counter, order_by="service_date").fill_null(pl.lit(0).cast(EXACT))
    return running.with_columns(
        (pl.col("_total") - before).alias("amount_exact"),
        (pl.col("through") - pl.col("quantity")).alias("quantity_before"),
    )


def _rated_by_event(rated_events: pl.LazyFrame) -> pl.LazyFrame:
    """Sum the fees of a day: the line's amount is the sum of the fees rounded per event."""
    daily = (
        rated_events.group_by(LINE)
        .agg(
            pl.col("quantity").sum(),
            pl.col("occurred_at").min().alias("started_at"),
            pl.col("amount_exact").sum(),
            pl.col("list_exact").sum(),
            pl.col("amount").sum().cast(AMOUNT).alias("fees"),
            pl.col("list_amount").sum().cast(AMOUNT).alias("list_fees"),
        )
        .with_columns(periods.month_start(pl.col("service_date")).alias("_month"))
    )
    counter = ["contract_id", "price_id", "price_version_id", "_month"]
    through = pl.col("quantity").cum_sum().over(counter, order_by="service_date")
    return daily.with_columns((through - pl.col("quantity")).alias("quantity_before")).select(
        *LINE, "started_at", "quantity", "quantity_before", "amount_exact", "list_exact", "fees", "list_fees"
    )


def _with_attributes(
    lines: pl.LazyFrame,
    price_versions: pl.LazyFrame,
    account_contracts: pl.LazyFrame,
    currencies: pl.LazyFrame,
) -> pl.LazyFrame:
    versions = price_versions.select(
        "price_version_id",
        "currency",
        "product_id",
        "kind",
        pl.col("conditions").alias("dimensions"),
        "rounding",
        "round_at",
    )
    billed = account_contracts.select(
        "account_id", "contract_id", "valid_from", "valid_to", "payer_id", "legal_entity_id"
    )
    return (
        lines.join(versions, on=["price_version_id", "currency"], how="inner", validate="m:1")
        .join(currencies.select("currency", "minor_units"), on="currency", how="left", validate="m:1")
        .join(billed, on=["account_id", "contract_id"], how="inner", validate="m:m")
        .filter(periods.covers(pl.col("service_date"), "valid_from", "valid_to"))
        .with_columns(
            periods.month_start(pl.col("service_date")).alias("billing_period_start"),
            periods.next_month_start(pl.col("service_date")).alias("billing_period_end"),
        )
    )


def _rounded(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Round the running total of the scope, and let each line be the difference: sum(amount) = round(sum(exact))."""
    order = ["service_date", "started_at", "price_version_id"]
    scope = [*ROUNDING_SCOPE, "currency"]
    through = pl.col("amount_exact").cum_sum().over(scope, order_by=order)
    list_through = pl.col("list_exact").cum_sum().over(scope, order_by=order)
    # One mode for the whole scope, that of its last version, or the differences would not add up to the total.
    mode = pl.col("rounding").last().over(scope, order_by=order)
    totals = lines.with_columns(
        (through - pl.col("amount_exact")).alias("amount_exact_before"),
        (list_through - pl.col("list_exact")).alias("list_exact_before"),
        mode.alias("rounding"),
    )
    by_event = (pl.col("round_at") == "event") & pl.col("fees").is_not_null()
    return totals.with_columns(
        pl.when(by_event).then("fees").otherwise(_difference("amount_exact_before", "amount_exact")).alias("amount"),
        pl.when(by_event)
        .then("list_fees")
        .otherwise(_difference("list_exact_before", "list_exact"))
        .alias("list_amount"),
    )


def _difference(before: str, exact: str) -> pl.Expr:
    units, mode = pl.col("minor_units"), pl.col("rounding")
    through = money.round_to_minor(pl.col(before) + pl.col(exact), units, mode)
    return (through - money.round_to_minor(pl.col(before), units, mode)).cast(AMOUNT)


def _named(lines: pl.LazyFrame) -> pl.LazyFrame:
    usage = pl.lit("usage")
    parts = ["contract_id", "price_version_id", "dimensions", usage, pl.col("service_date").dt.to_string("iso")]
    return lines.with_columns(
        pl.concat_str(parts, separator="/").alias("line_item_id"),
        usage.alias("charge_kind"),
        pl.lit(value=False).alias("is_adjustment"),
        pl.col("service_date").alias("posting_date"),
        pl.lit(None, dtype=AMOUNT).alias("amount_reporting"),
        pl.lit(None, dtype=pl.Date).alias("fx_rate_date"),
        pl.lit(None, dtype=pl.String).alias("applies_to_line_item_id"),
        pl.lit(RULE_VERSION).alias("rule_version"),
    )
