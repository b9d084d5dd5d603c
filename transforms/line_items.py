"""Builder of `line_items`."""

from datetime import date

import polars as pl

from data_contracts import (
    AccountContracts,
    AsOf,
    Companies,
    Currencies,
    ExchangeRates,
    LineItems,
    PlanPrices,
    PricedUsage,
    PriceTiers,
    PriceVersions,
    RatedEvents,
    Rates,
    ZoneDays,
)
from data_contracts.vocabulary import AMOUNT, EXACT, QUANTITY
from transforms import exchange, money, periods
from transforms.active_prices import active_prices
from transforms.charge_models import CUMULATIVE_MODELS, EVENT_MODELS, cumulative_amount

# Raised when a rule of rating changes; stands on every line, so that a difference has a cause.
RULE_VERSION = "1"

LINE = ["account_id", "contract_id", "price_id", "price_version_id", "currency", "service_date"]
# The running total that is rounded: it runs on when the price changes, so that a month sums to one rounded total.
ROUNDING_SCOPE = ["contract_id", "price_id", "billing_period_start"]
NOTHING = pl.lit(0).cast(EXACT)


def line_items(
    priced_usage: AsOf[PricedUsage],
    rated_events: AsOf[RatedEvents],
    price_versions: AsOf[PriceVersions],
    price_tiers: AsOf[PriceTiers],
    rates: AsOf[Rates],
    account_contracts: AsOf[AccountContracts],
    plan_prices: AsOf[PlanPrices],
    companies: AsOf[Companies],
    currencies: AsOf[Currencies],
    exchange_rates: AsOf[ExchangeRates],
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
        account_contracts=account_contracts,
        plan_prices=plan_prices,
        price_versions=price_versions,
        rates=rates,
        companies=companies,
        zone_days=zone_days,
        as_of=as_of,
    )
    used = priced_usage.filter(pl.col("outcome") == "rated")
    unused = _without_usage(active, used)
    counted = pl.concat([_counted_usage(used), unused])
    by_quantity = _rated_by_quantity(counted, price_versions, price_tiers)
    rated = pl.concat([by_quantity, _rated_by_event(rated_events), _without_event(unused, price_versions)])
    lines = _with_attributes(rated, price_versions, account_contracts, currencies)
    reported = exchange.with_reporting(
        _rounded(lines).pipe(_named),
        exchange_rates,
        companies,
        currencies,
        day="posting_date",
        amount_reporting=exchange.converted("amount"),
    )
    return reported.select(LineItems.schema().keys()).sort("line_item_id")


def _counted_usage(used: pl.LazyFrame) -> pl.LazyFrame:
    return (
        used.filter(pl.col("model").is_in(list(CUMULATIVE_MODELS)))
        .group_by(LINE)
        .agg(
            pl.col("list_price_version_id").sort_by("slot_at").first(),
            pl.col("quantity").sum(),
            pl.col("slot_at").min().alias("started_at"),
        )
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


def _rated_by_quantity(points: pl.LazyFrame, price_versions: pl.LazyFrame, price_tiers: pl.LazyFrame) -> pl.LazyFrame:
    """Rate each point as R(cumulative) - R(cumulative before), and so beside it by the plan's own version.

    Counters begin anew with each version and billing period (`on_price_change: restart`). Before the first point R is
    0, not R(0): tier one's flat is due with the first point, even one of quantity 0.
    """
    counter = ["contract_id", "price_id", "price_version_id", "billing_month"]
    counted = (
        points.with_columns(periods.month_start(pl.col("service_date")).alias("billing_month"))
        .with_columns(pl.col("quantity").cum_sum().over(counter, order_by="service_date").alias("through"))
        .with_columns(
            (pl.col("through") - pl.col("quantity")).alias("quantity_before"),
            pl.col("service_date").min().over(counter).alias("_opened_on"),
        )
    )
    total = _with_total(counted, price_versions, price_tiers, version="price_version_id", at="through", into="_total")
    before = pl.col("_total").shift(1).over(counter, order_by="service_date").fill_null(NOTHING)
    listed = _list_amounts(counted, price_versions, price_tiers)
    return (
        total.with_columns((pl.col("_total") - before).alias("amount_exact"))
        .join(listed, on=LINE, how="left", validate="1:1")
        .select(
            *LINE,
            "started_at",
            "quantity",
            "quantity_before",
            "amount_exact",
            pl.coalesce("list_exact", "amount_exact").alias("list_exact"),
            pl.lit(None, dtype=AMOUNT).alias("fees"),
            pl.lit(None, dtype=AMOUNT).alias("list_fees"),
        )
    )


def _list_amounts(counted: pl.LazyFrame, price_versions: pl.LazyFrame, price_tiers: pl.LazyFrame) -> pl.LazyFrame:
    """What the overridden points would cost at the plan's own version, at the same positions of the counter.

    A plan version that is not sold in the currency, or that prices each event, has no total of a quantity: the
    line's own amount is its list amount then.
    """
    overridden = counted.filter(pl.col("list_price_version_id") != pl.col("price_version_id"))
    through = {"version": "list_price_version_id", "at": "through", "into": "_through"}
    before = {"version": "list_price_version_id", "at": "quantity_before", "into": "_before"}
    rated = overridden.pipe(_with_total, price_versions, price_tiers, **through)
    rated = rated.pipe(_with_total, price_versions, price_tiers, **before)
    is_first = pl.col("service_date") == pl.col("_opened_on")
    earlier = pl.when(is_first).then(NOTHING).otherwise("_before")
    return rated.select(*LINE, (pl.col("_through") - earlier).alias("list_exact"))


def _with_total(
    points: pl.LazyFrame,
    price_versions: pl.LazyFrame,
    price_tiers: pl.LazyFrame,
    *,
    version: str,
    at: str,
    into: str,
) -> pl.LazyFrame:
    """Add R at a running total: the one tier that holds it, priced by the version's model."""
    models = price_versions.select(pl.col("price_version_id").alias(version), "currency", "model")
    tiers = price_tiers.rename({"price_version_id": version})
    added = [*tiers.collect_schema().names(), "model"]
    return (
        points.join(models, on=[version, "currency"], how="inner", validate="m:1")
        .filter(pl.col("model").is_in(list(CUMULATIVE_MODELS)))
        .join(tiers, on=[version, "currency"], how="left", validate="m:m")
        .filter((pl.col(at) > pl.col("lower_bound")) & (pl.col("up_to").is_null() | (pl.col(at) <= pl.col("up_to"))))
        .with_columns(cumulative_amount(pl.col("model"), pl.col(at)).cast(EXACT).alias(into))
        .drop(name for name in added if name not in (version, "currency"))
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


def _without_event(unused: pl.LazyFrame, price_versions: pl.LazyFrame) -> pl.LazyFrame:
    """A price per event that had none: no events, no charge, and a line that says so."""
    by_event = price_versions.filter(pl.col("model").is_in(list(EVENT_MODELS))).select("price_version_id", "currency")
    return unused.join(by_event, on=["price_version_id", "currency"], how="semi").select(
        *LINE,
        "started_at",
        "quantity",
        pl.col("quantity").alias("quantity_before"),
        NOTHING.alias("amount_exact"),
        NOTHING.alias("list_exact"),
        pl.lit(0).cast(AMOUNT).alias("fees"),
        pl.lit(0).cast(AMOUNT).alias("list_fees"),
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
    totals = lines.with_columns(
        pl.col("amount_exact").cum_sum().over(scope, order_by=order).alias("_through"),
        pl.col("list_exact").cum_sum().over(scope, order_by=order).alias("_list_through"),
    ).with_columns((pl.col("_through") - pl.col("amount_exact")).alias("amount_exact_before"))
    by_event = (pl.col("round_at") == "event") & pl.col("fees").is_not_null()
    return totals.with_columns(
        pl.when(by_event).then("fees").otherwise(_difference("_through", scope, order)).alias("amount"),
        pl.when(by_event).then("list_fees").otherwise(_difference("_list_through", scope, order)).alias("list_amount"),
    )


def _difference(through: str, scope: list[str], order: list[str]) -> pl.Expr:
    """The rounded running total less what it was with the line before: so the lines sum to the last of them."""
    total = money.round_to_minor(pl.col(through), pl.col("minor_units"), pl.col("rounding"))
    before = total.shift(1).over(scope, order_by=order).fill_null(pl.lit(0).cast(AMOUNT))
    return (total - before).cast(AMOUNT)


def _named(lines: pl.LazyFrame) -> pl.LazyFrame:
    usage = pl.lit("usage")
    parts = ["contract_id", "price_version_id", "dimensions", usage, pl.col("service_date").dt.to_string("iso")]
    return lines.with_columns(
        pl.concat_str(parts, separator="/").alias("line_item_id"),
        usage.alias("charge_kind"),
        pl.lit(value=False).alias("is_adjustment"),
        pl.col("service_date").alias("posting_date"),
        pl.lit(None, dtype=pl.String).alias("applies_to_line_item_id"),
        pl.lit(RULE_VERSION).alias("rule_version"),
    )
