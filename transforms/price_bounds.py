"""Minimum and maximum of a price: what a billing period of it costs at least and at most, over all its groups."""

from datetime import date

import polars as pl

from data_contracts.vocabulary import AMOUNT, EXACT, QUANTITY
from transforms import money
from transforms.active_prices import covered_periods
from transforms.billing_periods import BILLING_PERIOD

PRICE_PERIOD = ["account_id", "contract_id", "price_id", "currency", *BILLING_PERIOD]
BOUND_KINDS = ("maximum", "minimum_true_up")
BOUNDS = ["minimum_amount", "maximum_amount"]
NOTHING = pl.lit(0).cast(EXACT)


def bound_lines(
    rated: pl.LazyFrame,
    *,
    price_versions: pl.LazyFrame,
    account_contracts: pl.LazyFrame,
    plan_prices: pl.LazyFrame,
    rates: pl.LazyFrame,
    companies: pl.LazyFrame,
    zone_days: pl.LazyFrame,
    as_of: date,
) -> pl.LazyFrame:
    """Add what takes a price down to its maximum, day by day, and up to its minimum, when its period has ended.

    Grain: one row per contract, price, day and bound where it changes anything; columns of rated lines, unrounded.
    Rule:  bounds are those of the version in force at the period's end (of D while it is open). With a maximum of 100
           and 60 a day, the second day has a line of -20, the third one of -60. The minimum is prorated by the covered
           days, and its true-up is what is missing after the maximum, on the last covered day.
    """
    bounded = _bounded(price_versions).select("price_id").unique()
    daily = _daily(rated.join(bounded, on="price_id", how="semi"), price_versions)
    ends = covered_periods(
        daily.select(PRICE_PERIOD).unique(),
        account_contracts=account_contracts,
        plan_prices=plan_prices,
        price_versions=price_versions,
        rates=rates,
        companies=companies,
        zone_days=zone_days,
        as_of=as_of,
    )
    ruled = _with_bounds(ends, price_versions)
    # Collected, because both kinds of bound start from it, and it is as small as the prices that have bounds.
    capped = _capped(daily.join(ruled, on=PRICE_PERIOD, how="inner", validate="m:1")).collect().lazy()
    return pl.concat([_maxima(capped), _minima(capped, companies, as_of)])


def has_bounds(price_versions: pl.LazyFrame) -> bool:
    """Whether any price has a minimum or a maximum; without any, no line has to be looked at again."""
    # Collected, because it decides what is built, and the book is small.
    return not _bounded(price_versions).select("price_id").head(1).collect().is_empty()


def _bounded(price_versions: pl.LazyFrame) -> pl.LazyFrame:
    return price_versions.filter(pl.any_horizontal(pl.col(name).is_not_null() for name in BOUNDS))


def _daily(rated: pl.LazyFrame, price_versions: pl.LazyFrame) -> pl.LazyFrame:
    """What each day of a price costs before its bounds; of fees that are rounded one by one, the rounded ones."""
    rounding = price_versions.select("price_version_id", "currency", "round_at")
    return (
        rated.join(rounding, on=["price_version_id", "currency"], how="inner", validate="m:1")
        .group_by(*PRICE_PERIOD, "service_date")
        .agg(
            charged("amount_exact", "fees").sum().alias("charge"),
            charged("list_exact", "list_fees").sum().alias("list_charge"),
            pl.col("started_at").max(),
        )
    )


def charged(exact: str, fees: str) -> pl.Expr:
    """What a line counts for: its exact amount, or the sum of its fees where each of them is rounded by itself."""
    by_event = (pl.col("round_at") == "event") & pl.col(fees).is_not_null()
    return pl.when(by_event).then(pl.col(fees).cast(EXACT)).otherwise(exact)


def _with_bounds(ends: pl.LazyFrame, price_versions: pl.LazyFrame) -> pl.LazyFrame:
    """Add the bounds of the version in force at the end, and of the plan's own version beside it."""
    own = price_versions.select("price_version_id", "currency", "conditions", *BOUNDS)
    listed = price_versions.select(
        pl.col("price_version_id").alias("list_price_version_id"),
        "currency",
        *[pl.col(name).alias(f"list_{name}") for name in BOUNDS],
    )
    return ends.join(own, on=["price_version_id", "currency"], how="inner", validate="m:1").join(
        listed, on=["list_price_version_id", "currency"], how="left", validate="m:1"
    )


def _capped(daily: pl.LazyFrame) -> pl.LazyFrame:
    """Add what is charged through each day, and what the maximum has taken off through it (below zero)."""

    def through(charge: str) -> pl.Expr:
        return pl.col(charge).cum_sum().over(PRICE_PERIOD, order_by="service_date")

    def off(total: str, maximum: str) -> pl.Expr:
        above = pl.col(total) > pl.col(maximum)
        return pl.when(above).then(pl.col(maximum) - pl.col(total)).otherwise(NOTHING)

    return daily.with_columns(
        through("charge").alias("total"), through("list_charge").alias("list_total")
    ).with_columns(
        off("total", "maximum_amount").alias("off"), off("list_total", "list_maximum_amount").alias("list_off")
    )


def _maxima(capped: pl.LazyFrame) -> pl.LazyFrame:
    """One line per day on which the maximum takes off more, or gives back, than it did the day before."""

    def of_day(off: str) -> pl.Expr:
        before = pl.col(off).shift(1).over(PRICE_PERIOD, order_by="service_date").fill_null(NOTHING)
        return pl.col(off) - before

    daily = capped.with_columns(of_day("off").alias("amount_exact"), of_day("list_off").alias("list_exact"))
    return _lines(daily, "maximum")


def _minima(capped: pl.LazyFrame, companies: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """One line per ended period whose charges stay below the minimum's share of the covered days."""
    days = (pl.col("billing_period_end") - pl.col("billing_period_start")).dt.total_days()

    def missing(minimum: str, total: str, off: str) -> pl.Expr:
        due = money.prorated(pl.col(minimum), pl.col("covered_days"), days)
        short = due - pl.col(total) - pl.col(off)
        return pl.when(short > 0).then(short).otherwise(NOTHING)

    last = pl.col("service_date") == pl.col("service_date").max().over(PRICE_PERIOD)
    ended = (
        # West of Greenwich the period's last day lasts into the first day after it, so that day must have come.
        capped.filter(last & (pl.col("billing_period_end") <= as_of))
        .join(companies.select("billing_starts_on"), how="cross")
        .filter(pl.col("billing_period_end") > pl.col("billing_starts_on"))
    )
    return _lines(
        ended.with_columns(
            missing("minimum_amount", "total", "off").alias("amount_exact"),
            missing("list_minimum_amount", "list_total", "list_off").alias("list_exact"),
            pl.col("last_day").alias("service_date"),
        ),
        "minimum_true_up",
    )


def _lines(bounded: pl.LazyFrame, charge_kind: str) -> pl.LazyFrame:
    """Give bounds the columns of rated lines; a bound of the list price alone has a line of amount 0."""
    nothing = pl.lit(0).cast(QUANTITY)
    return bounded.filter((pl.col("amount_exact") != 0) | (pl.col("list_exact") != 0)).select(
        "account_id",
        "contract_id",
        "price_id",
        "price_version_id",
        pl.col("conditions").alias("dimensions"),
        "currency",
        "service_date",
        *BILLING_PERIOD,
        pl.lit(charge_kind).alias("charge_kind"),
        "started_at",
        nothing.alias("quantity"),
        nothing.alias("quantity_before"),
        "amount_exact",
        "list_exact",
        pl.lit(None, dtype=AMOUNT).alias("fees"),
        pl.lit(None, dtype=AMOUNT).alias("list_fees"),
    )


def rounded_bounds(bounds: pl.LazyFrame, usage: pl.LazyFrame) -> pl.LazyFrame:
    """Round each bound so that all lines of the price through it add up to the rounded total of what they charge.

    `usage` is rounded by group already. Groups of 33.335, rounded 33.34 each, come to 100.02; with a maximum of 100
    (exactly 100.005 - 100 = 0.005 above) the bound is -0.02, and 100.00 is billed.
    """
    scope = ["contract_id", "price_id", "currency", "billing_period_start"]
    step = pl.when(pl.col("charge_kind") == "minimum_true_up").then(2).when(is_bound()).then(1).otherwise(0)
    order = ["service_date", "_step", "started_at", "price_version_id", "dimensions"]
    columns = usage.collect_schema().names()
    unrounded = bounds.with_columns(
        pl.lit(0).cast(AMOUNT).alias("amount"),
        pl.lit(0).cast(AMOUNT).alias("list_amount"),
        NOTHING.alias("amount_exact_before"),
    )
    together = pl.concat(
        [usage.join(bounds.select(scope).unique(), on=scope, how="semi"), unrounded.select(columns)]
    ).with_columns(step.alias("_step"))

    def so_far(amount: pl.Expr) -> pl.Expr:
        return amount.cum_sum().over(scope, order_by=order)

    def rest(exact: str, fees: str, amount: str) -> pl.Expr:
        """What the bounds have changed so far: nothing where the maximum has given back all that it took off."""
        taken_off = so_far(pl.when(is_bound()).then(exact).otherwise(NOTHING))
        total = money.round_to_minor(so_far(charged(exact, fees)), pl.col("minor_units"), pl.col("rounding"))
        return pl.when(taken_off == 0).then(0).otherwise(total - so_far(pl.col(amount))).cast(AMOUNT)

    of_usage = pl.when(~is_bound()).then("line_item_id")
    totals = together.with_columns(
        rest("amount_exact", "fees", "amount").alias("_rest"),
        rest("list_exact", "list_fees", "list_amount").alias("_list_rest"),
        (so_far(charged("amount_exact", "fees")) - pl.col("amount_exact")).alias("amount_exact_before"),
        of_usage.forward_fill().over(scope, order_by=order).alias("applies_to_line_item_id"),
    ).filter(is_bound())

    def difference(rest: str) -> pl.Expr:
        before = pl.col(rest).shift(1).over(scope, order_by=order).fill_null(pl.lit(0).cast(AMOUNT))
        return (pl.col(rest) - before).cast(AMOUNT)

    return totals.with_columns(
        difference("_rest").alias("amount"), difference("_list_rest").alias("list_amount")
    ).select(columns)


def is_bound() -> pl.Expr:
    """Whether a line is a minimum or a maximum."""
    return pl.col("charge_kind").is_in(BOUND_KINDS)
