"""Builder of `priced_usage`."""

import polars as pl

from data_contracts import AsOf, Exclusions, Meters, PriceConditions, PricedUsage, PriceVersions, Rates, UsageDays
from transforms import dimensions, periods
from transforms.usage_cells import CELL

CELL_KIND = [*CELL, "kind"]
KINDS = pl.LazyFrame({"kind": ["revenue", "cost"]})
NOT_COSTED = "not_costed"
# Quantities of one price version and month: what `quantity_limit` bounds.
BOUNDED = ["contract_id", "price_id", "price_version_id", "currency", "month"]


def priced_usage(
    usage_days: AsOf[UsageDays],
    rates: AsOf[Rates],
    price_versions: AsOf[PriceVersions],
    price_conditions: AsOf[PriceConditions],
    exclusions: AsOf[Exclusions],
    meters: AsOf[Meters],
) -> AsOf[PricedUsage]:
    """Give each cell of usage the version that prices it, once as revenue and once as cost, or the reason why not.

    Grain:   one row per cell, kind and price; `price_id` is empty when no price rates the cell. Nothing is dropped.
    Rule:    excluded by a named rule; else in suspense for want of contract, amount, price, the right currency or
             a sum below 10^13; else rated. Usage without a cost price is excluded as `not_costed`.
    """
    uses = usage_days.join(meters.select("meter", "value"), on="meter", how="left", validate="m:1").join(
        KINDS, how="cross"
    )
    excluded = _excluded(uses, exclusions)
    open_uses = uses.join(excluded.select(CELL_KIND), on=CELL_KIND, how="anti")
    waiting = _waiting(open_uses)
    clear = open_uses.join(waiting.select(CELL_KIND), on=CELL_KIND, how="anti")
    candidates = _candidates(clear, rates, price_conditions)
    refused = _refused(candidates, price_versions)
    rated = candidates.join(refused.select(CELL_KIND), on=CELL_KIND, how="anti").with_columns(
        pl.lit("rated").alias("outcome"),
        pl.lit(None, dtype=pl.String).alias("rule"),
        pl.lit(None, dtype=pl.String).alias("detail"),
    )
    unpriced = _unpriced(clear.join(candidates.select(CELL_KIND), on=CELL_KIND, how="anti"))
    wanted = list(PricedUsage.schema())
    unrated = pl.concat([part.pipe(_without_price) for part in (excluded, waiting, refused, unpriced)])
    return pl.concat([rated.select(wanted), unrated.select(wanted)]).sort(PricedUsage.keys)


def _excluded(uses: pl.LazyFrame, exclusions: pl.LazyFrame) -> pl.LazyFrame:
    """The first matching rule by name, so that the answer does not depend on the order of the book."""
    about = exclusions.select(
        "kind",
        "exclusion_id",
        "reason",
        "effective_from",
        pl.col("meter").alias("_meter"),
        pl.col("account_id").alias("_account"),
    )
    matching = (
        uses.select("kind", "account_id", "meter", "service_date")
        .unique()
        .join(about, on="kind", how="inner", validate="m:m")
        .filter(
            (pl.col("_meter").is_null() | (pl.col("_meter") == pl.col("meter")))
            & (pl.col("_account").is_null() | (pl.col("_account") == pl.col("account_id")))
            & (pl.col("service_date") >= pl.col("effective_from"))
        )
        .sort("exclusion_id")
        .group_by("kind", "account_id", "meter", "service_date", maintain_order=True)
        .agg(pl.col("exclusion_id").first().alias("rule"), pl.col("reason").first().alias("detail"))
    )
    return uses.join(
        matching, on=["kind", "account_id", "meter", "service_date"], how="inner", validate="m:1"
    ).with_columns(pl.lit("excluded").alias("outcome"))


def _waiting(uses: pl.LazyFrame) -> pl.LazyFrame:
    """What waits for a contract, or for the amount that its meter measures."""
    has_no_amount = (pl.col("value") == "amount") & (pl.col("value_currency") == "")
    rule = pl.coalesce("suspense_rule", pl.when(has_no_amount).then(pl.lit("no_amount")))
    detail = pl.coalesce(
        "suspense_detail",
        pl.when(has_no_amount).then(pl.format("meter {} measures amounts, the events bring none", "meter")),
    )
    return uses.with_columns(rule.alias("rule"), detail.alias("detail"), pl.lit("suspense").alias("outcome")).filter(
        pl.col("rule").is_not_null()
    )


def _candidates(uses: pl.LazyFrame, rates: pl.LazyFrame, price_conditions: pl.LazyFrame) -> pl.LazyFrame:
    """Every price whose conditions the cell meets, in the version in force at the start of the cell's slot."""
    matching = _matching_prices(uses.select("meter", "dimensions").unique(), rates, price_conditions)
    terms = rates.select(
        "rate_set_id",
        "price_id",
        "kind",
        "valid_from_at",
        "valid_to_at",
        "model",
        "product_id",
        "currency",
        "price_version_id",
        "list_price_version_id",
        "conditions",
        "is_additive",
    )
    # Equal keys first, then as-of: a range join of a half-hourly tariff would pair 17,520 versions with 17,376 slots.
    asked = uses.join(matching, on=["meter", "dimensions", "kind"], how="inner", validate="m:m")
    return periods.latest_at_or_before(
        asked, terms, at="slot_at", since="valid_from_at", by=["rate_set_id", "price_id", "kind"]
    ).filter(pl.col("slot_at") < pl.col("valid_to_at"))


def _matching_prices(cells: pl.LazyFrame, rates: pl.LazyFrame, price_conditions: pl.LazyFrame) -> pl.LazyFrame:
    asked = price_conditions.group_by("price_id").len("_asked")
    met = (
        dimensions.exploded(cells)
        .join(
            price_conditions.select("meter", "dimension", "value", "price_id"),
            on=["meter", "dimension", "value"],
            how="inner",
            validate="m:m",
        )
        .group_by("meter", "dimensions", "price_id")
        .len("_met")
    )
    return (
        cells.join(rates.select("meter", "price_id", "kind").unique(), on="meter", how="inner", validate="m:m")
        .join(asked, on="price_id", how="left", validate="m:1")
        .join(met, on=["meter", "dimensions", "price_id"], how="left", validate="m:1")
        # A price without conditions, or a cell that meets none, has no row to count: that is zero, not unknown.
        .filter(pl.col("_asked").fill_null(0) == pl.col("_met").fill_null(0))
        .select("meter", "dimensions", "price_id", "kind")
    )


def _refused(candidates: pl.LazyFrame, price_versions: pl.LazyFrame) -> pl.LazyFrame:
    """Cells that a price matches and that must not be rated all the same; one row per cell and kind."""
    is_other_currency = (pl.col("value") == "amount") & (pl.col("value_currency") != pl.col("currency"))
    month = periods.month_start(pl.col("service_date")).alias("month")
    limits = price_versions.select("price_version_id", "currency", "quantity_limit")
    over_limit = (
        candidates.group_by(*BOUNDED[:-1], month)
        .agg(pl.col("quantity").sum().alias("_period_quantity"))
        .join(limits, on=["price_version_id", "currency"], how="left", validate="m:1")
        .filter(pl.col("_period_quantity") > pl.col("quantity_limit"))
        .select(*BOUNDED, pl.lit(value=True).alias("_is_over_limit"))
    )
    exclusive = (pl.col("kind") == "revenue") & ~pl.col("is_additive")
    judged = candidates.with_columns(month).join(over_limit, on=BOUNDED, how="left", validate="m:1")
    per_cell = judged.group_by(CELL_KIND).agg(
        exclusive.sum().alias("_exclusive_count"),
        pl.col("price_id").filter(exclusive).sort().str.join(", ").alias("_prices"),
        is_other_currency.any().alias("_is_other_currency"),
        pl.col("currency").min().alias("_price_currency"),
        pl.col("_is_over_limit").any().alias("_is_over_limit"),
        *[pl.col(name).first() for name in CARRIED],
    )
    rule = (
        pl.when(pl.col("_exclusive_count") > 1)
        .then(pl.lit("two_prices"))
        .when("_is_other_currency")
        .then(pl.lit("currency_mismatch"))
        .when("_is_over_limit")
        .then(pl.lit("amount_bound"))
    )
    detail = (
        pl.when(pl.col("rule") == "two_prices")
        .then(pl.format("prices {} both apply", "_prices"))
        .when(pl.col("rule") == "currency_mismatch")
        .then(pl.format("amounts in {}, price in {}", "value_currency", "_price_currency"))
        .when(pl.col("rule") == "amount_bound")
        .then(pl.lit("the month's quantity would price above 10^13"))
    )
    return (
        per_cell.with_columns(rule.alias("rule"))
        .filter(pl.col("rule").is_not_null())
        .with_columns(detail.alias("detail"), pl.lit("suspense").alias("outcome"))
    )


def _unpriced(uses: pl.LazyFrame) -> pl.LazyFrame:
    is_revenue = pl.col("kind") == "revenue"
    return uses.with_columns(
        pl.when(is_revenue).then(pl.lit("suspense")).otherwise(pl.lit("excluded")).alias("outcome"),
        pl.when(is_revenue).then(pl.lit("no_price")).otherwise(pl.lit(NOT_COSTED)).alias("rule"),
        pl.when(is_revenue)
        .then(pl.format("no price in force for meter {} {} in rate set {}", "meter", "dimensions", "rate_set_id"))
        .otherwise(pl.format("no cost price for meter {}", "meter"))
        .alias("detail"),
    )


# What a row without a price still carries from its cell.
CARRIED = ["contract_id", "event_count", "quantity", "landed_quantity", "first_delivery_date"]
OF_THE_PRICE = ["price_version_id", "list_price_version_id", "model", "product_id", "currency", "conditions"]


def _without_price(part: pl.LazyFrame) -> pl.LazyFrame:
    return (
        part.select(*CELL_KIND, *CARRIED, "outcome", "rule", "detail")
        .with_columns(
            pl.lit("").alias("price_id"), *[pl.lit(None, dtype=pl.String).alias(name) for name in OF_THE_PRICE]
        )
        .select(PricedUsage.schema().keys())
    )
