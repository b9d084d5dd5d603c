"""Builder of `priced_usage`."""

from decimal import Decimal

import polars as pl

from data_contracts import (
    AccountContracts,
    AsOf,
    ExchangeRates,
    Exclusions,
    Meters,
    PriceCells,
    PriceConditions,
    PricedUsage,
    PriceVersions,
    RateCurves,
    Rates,
    UsageDays,
    UsageLevels,
)
from data_contracts.vocabulary import QUANTITY
from transforms import dimensions, exchange, periods
from transforms.billing_periods import with_billing_period
from transforms.charge_models import MODELS_OF_TOTALS
from transforms.codes import coded, on_codes, spelled
from transforms.counters import with_counter, with_shared_group
from transforms.levels import standing_cells, with_quantity
from transforms.matrix_prices import with_matrix_price
from transforms.rate_curves import with_curve_price
from transforms.usage_cells import CELL

CELL_KIND = [*CELL, "kind"]
KINDS = ("revenue", "cost")
UNKNOWN = ["unknown_account", "account_not_valid_yet", "unknown_meter"]
# Which prices apply is a question of these alone; a month of cells asks it a few thousand times, not per cell.
OFFER = ["rate_set_id", "meter", "dimensions", "value_currency", "slot_at"]
OVER, NONE = pl.lit(2).cast(QUANTITY), pl.lit(0).cast(QUANTITY)
# A column of quantities holds 10^26; what is summed up to here stays far below.
LARGEST_QUANTITY = pl.lit(Decimal(10) ** 20).cast(QUANTITY)
# What has one running total, and therefore one bound.
BOUNDED = ["counter_owner", "price_id", "currency", "counter_start"]
# What counts for itself: each version's part of a period, each group.
COUNTER = [*BOUNDED, "counter_version_id", "counted_group"]
WHY_HELD = {
    "no_exchange_rate": "the price is in another currency than the contract, and no rate of the day is known",
    "amount_bound": "the period's quantity would price above 10^13",
    "negative_total": "the period's quantity is below zero, which tiers, packages and free units cannot price",
}
OF_THE_PRICE = [
    "price_version_id",
    "list_price_version_id",
    "model",
    "product_id",
    "currency",
    "billing_currency",
    "line_dimensions",
    "unit_amount",
    "list_unit_amount",
]


@on_codes(*PricedUsage.keys)
def priced_usage(
    usage_days: AsOf[UsageDays],
    usage_levels: AsOf[UsageLevels],
    rates: AsOf[Rates],
    price_versions: AsOf[PriceVersions],
    price_cells: AsOf[PriceCells],
    price_conditions: AsOf[PriceConditions],
    exclusions: AsOf[Exclusions],
    meters: AsOf[Meters],
    exchange_rates: AsOf[ExchangeRates],
    account_contracts: AsOf[AccountContracts],
    rate_curves: AsOf[RateCurves],
) -> AsOf[PricedUsage]:
    """Give each cell of usage the version that prices it, once as revenue and once as cost, or the reason why not.

    Grain:   one row per cell, kind and price; `price_id` is empty when no price rates the cell. Nothing is dropped.
    Rule:    excluded by a named rule; else in suspense for want of contract, amount, price, matrix cell, the right
             currency, a sum below 10^13 or a total of zero or more where tiers need one; else rated. As cost, usage of
             a meter without any cost price has no row: half of all rows, in a company that has none.
    """
    # Collected here and below, where several steps go on from it: the plan would make it anew for each of them.
    uses = _with_named_rule(standing_cells(usage_days, usage_levels), exclusions, meters, rates).collect().lazy()
    asked = uses.filter(pl.col("named_rule").is_null()).select(*OFFER, "value").unique()
    found = offers(asked, rates, price_conditions, price_cells, account_contracts, rate_curves).collect().lazy()
    offered = uses.join(found, on=[*OFFER, "kind"], how="left", validate="m:m", nulls_equal=True)
    in_counters = (
        offered.with_columns(*_outcome(), pl.col("line_dimensions").alias("counted_group"))
        .pipe(with_shared_group, price_versions, group="counted_group")
        .pipe(with_billing_period, account_contracts)
        .pipe(with_counter, price_versions, account_contracts)
    )
    counted = with_quantity(in_counters.collect().lazy(), usage_levels)
    held = _held(counted, price_versions, exchange_rates)
    # Counted once more only where something is held after all, and has left its counter.
    judged = counted if held is counted else with_quantity(held, usage_levels)
    return _of_the_outcome(judged)


def _of_the_outcome(judged: pl.LazyFrame) -> pl.LazyFrame:
    """Leave the price to rated cells only; several offers of a cell that is not rated become one and the same row."""
    is_rated = pl.col("outcome") == "rated"
    of_rated = [pl.when(is_rated).then(name).alias(name) for name in OF_THE_PRICE]
    is_repeated = ~is_rated & pl.col("price_id").is_not_null()
    outcomes = judged.with_columns(
        is_repeated.alias("_is_repeated"),
        *of_rated,
        pl.when(is_rated).then("price_id").otherwise(pl.lit("").cast(judged.collect_schema()["price_id"])),
    )
    outcomes = outcomes.select(*PricedUsage.schema(), "_is_repeated").collect().lazy()
    if outcomes.select(~pl.col("_is_repeated").any()).collect().item():
        return outcomes.drop("_is_repeated")
    once = outcomes.filter("_is_repeated").drop("_is_repeated").unique()
    return pl.concat([outcomes.filter(~pl.col("_is_repeated")).drop("_is_repeated"), once])


def _with_named_rule(
    standing: pl.LazyFrame, exclusions: pl.LazyFrame, meters: pl.LazyFrame, rates: pl.LazyFrame
) -> pl.LazyFrame:
    """Take each cell once per kind; name why it is excluded, or what it waits for before any price is asked.

    As cost only where some cost price or some rule may have a say: without one, `usage_outcomes` says `not_costed`.
    """
    known = standing.join(meters.select("meter", "value"), on="meter", how="left", validate="m:1").join(
        costed(rates), on=["rate_set_id", "meter"], how="left", validate="m:1"
    )
    has_no_amount = (pl.col("value") == "amount") & (pl.col("value_currency") == "")
    waits = pl.coalesce("suspense_rule", pl.when(has_no_amount).then(pl.lit("no_amount")))
    has_rules = not exclusions.filter(pl.col("kind") == "cost").head(1).collect().is_empty()
    has_say = pl.col("is_costed").is_not_null() | waits.is_not_null() | pl.lit(has_rules)
    revenue, cost = (pl.lit(kind).cast(rates.collect_schema()["kind"]).alias("kind") for kind in KINDS)
    uses = pl.concat([known.with_columns(revenue), known.filter(has_say).with_columns(cost)])
    about = ["kind", "account_id", "meter", "service_date"]
    # What an unknown account or meter is, nobody knows yet: it waits, and no rule of the book speaks about it.
    is_known = ~pl.col("suspense_rule").is_in(UNKNOWN).fill_null(value=False)
    excluded = _excluded(uses.filter(is_known).select(about).unique(), exclusions)
    missing = pl.concat_str(pl.lit("meter "), "meter", pl.lit(" measures amounts, the events bring none"))
    is_revenue = pl.col("kind") == "revenue"
    return (
        uses.join(excluded, on=about, how="left", validate="m:1")
        .with_columns(
            pl.col("_exclusion").is_not_null().alias("is_excluded"),
            pl.coalesce("_exclusion", waits).alias("named_rule"),
            pl.coalesce("_reason", "suspense_detail", pl.when(has_no_amount).then(missing)).alias("named_detail"),
        )
        .filter(is_revenue | pl.col("is_costed").is_not_null() | pl.col("named_rule").is_not_null())
    )


def costed(rates: pl.LazyFrame) -> pl.LazyFrame:
    """List the meters of each rate set that have a cost price, whenever it is in force: `is_costed` is true."""
    of_cost = rates.filter(pl.col("kind") == "cost").select("rate_set_id", "meter").unique()
    return of_cost.with_columns(pl.lit(value=True).alias("is_costed"))


def _excluded(about: pl.LazyFrame, exclusions: pl.LazyFrame) -> pl.LazyFrame:
    """The first matching rule by name, so that the answer does not depend on the order of the book."""
    rules = exclusions.rename({"meter": "_meter", "account_id": "_account"})
    return (
        about.join(rules, on="kind", how="inner", validate="m:m")
        .filter(
            (pl.col("_meter").is_null() | (pl.col("_meter") == pl.col("meter")))
            & (pl.col("_account").is_null() | (pl.col("_account") == pl.col("account_id")))
            & (pl.col("service_date") >= pl.col("effective_from"))
        )
        .group_by("kind", "account_id", "meter", "service_date")
        .agg(
            pl.col("exclusion_id").min().alias("_exclusion"),
            pl.col("reason").sort_by("exclusion_id").first().alias("_reason"),
        )
    )


def offers(
    asked: pl.LazyFrame,
    rates: pl.LazyFrame,
    price_conditions: pl.LazyFrame,
    price_cells: pl.LazyFrame,
    account_contracts: pl.LazyFrame,
    rate_curves: pl.LazyFrame,
) -> pl.LazyFrame:
    """Every price whose conditions are met, in the version in force at the start of the slot, judged once.

    Grain: one row per `asked` row, kind and price.
    """
    matching = _matching_prices(asked.select("meter", "dimensions").unique(), rates, price_conditions)
    terms = rates.drop("meter", "kind", strict=True)
    # Equal keys first, then as-of: a range join of a half-hourly tariff would pair 17,520 versions with 17,376 slots.
    candidates = periods.latest_at_or_before(
        asked.join(matching, on=["meter", "dimensions"], how="inner", validate="m:m"),
        terms,
        at="slot_at",
        since="valid_from_at",
        by=["rate_set_id", "price_id"],
    ).filter(pl.col("slot_at") < pl.col("valid_to_at"))
    candidates = candidates.pipe(with_matrix_price, price_cells, version="price_version_id", into="unit_amount").pipe(
        with_matrix_price, price_cells, version="list_price_version_id", into="list_unit_amount"
    )
    for version, into in (("price_version_id", "unit_amount"), ("list_price_version_id", "list_unit_amount")):
        candidates = with_curve_price(candidates, account_contracts, rate_curves, version=version, into=into)
    candidates = candidates.collect().lazy()
    exclusive = (pl.col("kind") == "revenue") & ~pl.col("is_additive")
    is_unsold = ~pl.col("is_sold")
    is_dynamic = pl.col("model") == "dynamic"
    has_no_amount = is_dynamic & (pl.col("value_currency") == "")
    is_of_amounts = is_dynamic | (pl.col("value") == "amount")
    is_other_currency = is_of_amounts & (pl.col("value_currency") != pl.col("currency"))
    is_celless = (pl.col("model") == "matrix") & pl.col("unit_amount").is_null()
    verdicts = candidates.group_by(*OFFER, "kind").agg(
        exclusive.sum().alias("_exclusive_count"),
        pl.col("price_id").sort().str.join(", ").alias("_prices"),
        pl.col("price_version_id").filter(is_unsold).min().alias("_unsold"),
        is_other_currency.any().alias("_is_other_currency"),
        pl.col("currency").min().alias("_price_currency"),
        pl.col("price_id").filter(has_no_amount).min().alias("_without_amount"),
        pl.col("price_version_id").filter(is_celless).min().alias("_celless"),
    )
    several = pl.col("_exclusive_count") > 1
    unsold = pl.col("_unsold").is_not_null()
    valueless = pl.col("_without_amount").is_not_null()
    mixed = pl.col("_is_other_currency")
    celless = pl.col("_celless").is_not_null()
    return candidates.join(verdicts, on=[*OFFER, "kind"], how="left", validate="m:1").select(
        *OFFER,
        "kind",
        "price_id",
        *OF_THE_PRICE,
        pl.when(several)
        .then(pl.lit("two_prices"))
        .when(unsold)
        .then(pl.lit("no_price_in_currency"))
        .when(valueless)
        .then(pl.lit("no_amount"))
        .when(mixed)
        .then(pl.lit("currency_mismatch"))
        .when(celless)
        .then(pl.lit("no_matrix_cell"))
        .alias("rule"),
        pl.when(several)
        .then(pl.concat_str(pl.lit("prices "), "_prices", pl.lit(" all apply")))
        .when(unsold)
        .then(pl.concat_str("_unsold", pl.lit(" has no amounts in "), "currency"))
        .when(valueless)
        .then(pl.concat_str(pl.lit("price "), "_without_amount", pl.lit(" takes the events' amounts, they bring none")))
        .when(mixed)
        .then(pl.concat_str(pl.lit("amounts in "), "value_currency", pl.lit(", price in "), "_price_currency"))
        .when(celless)
        .then(pl.concat_str("_celless", pl.lit(" has no cell for "), "dimensions", pl.lit(", and no default")))
        .alias("detail"),
    )


def _matching_prices(cells: pl.LazyFrame, rates: pl.LazyFrame, price_conditions: pl.LazyFrame) -> pl.LazyFrame:
    """Every price whose conditions the dimensions meet, with those of the dimensions that stand on its lines."""
    # On texts, because it looks into the dimensions; there are a few hundred of them.
    are_coded = isinstance(cells.collect_schema()["dimensions"], pl.Categorical)
    cells, rates, price_conditions = spelled(cells), spelled(rates), spelled(price_conditions)
    required = price_conditions.filter(pl.col("value").is_not_null())
    asked = required.group_by("price_id").len("_asked")
    values = dimensions.exploded(cells)
    met = (
        values.join(
            required.select("meter", "dimension", "value", "price_id"),
            on=["meter", "dimension", "value"],
            how="inner",
            validate="m:m",
        )
        .group_by("meter", "dimensions", "price_id")
        .len("_met")
    )
    on_line = (
        values.join(
            price_conditions.filter("is_on_line").select("meter", "dimension", "price_id"),
            on=["meter", "dimension"],
            how="inner",
            validate="m:m",
        )
        .group_by("meter", "dimensions", "price_id")
        .agg(dimensions.canonical(pl.col("pair")).alias("line_dimensions"))
    )
    found = (
        cells.join(rates.select("meter", "price_id", "kind").unique(), on="meter", how="inner", validate="m:m")
        .join(asked, on="price_id", how="left", validate="m:1")
        .join(met, on=["meter", "dimensions", "price_id"], how="left", validate="m:1")
        # A price without conditions, or a cell that meets none, has no row to count: that is zero, not unknown.
        .filter(pl.col("_asked").fill_null(0) == pl.col("_met").fill_null(0))
        .join(on_line, on=["meter", "dimensions", "price_id"], how="left", validate="m:1")
        .select("meter", "dimensions", "price_id", "kind", pl.col("line_dimensions").fill_null("{}"))
    )
    return coded(found) if are_coded else found


def _outcome() -> list[pl.Expr]:
    """What a cell with an offer is: excluded or waiting by name, refused with its offer, without a price, or rated."""
    named = pl.col("named_rule").is_not_null()
    refused = pl.col("rule").is_not_null()
    no_price = pl.col("price_id").is_null()
    what = pl.concat_str(pl.lit("meter "), "meter", pl.lit(" "), "dimensions", pl.lit(" in rate set "), "rate_set_id")
    outcome = (
        pl.when(named & pl.col("is_excluded"))
        .then(pl.lit("excluded"))
        .when(named | refused)
        .then(pl.lit("suspense"))
        .when(no_price)
        .then(pl.lit("suspense"))
        .otherwise(pl.lit("rated"))
    )
    rule = pl.when(no_price).then(pl.lit("no_price"))
    detail = pl.when(no_price).then(pl.concat_str(pl.lit("no price in force for "), what))
    return [
        outcome.alias("outcome"),
        pl.coalesce("named_rule", "rule", rule).alias("rule"),
        pl.coalesce("named_detail", "detail", detail).alias("detail"),
    ]


def _held(dated: pl.LazyFrame, price_versions: pl.LazyFrame, exchange_rates: pl.LazyFrame) -> pl.LazyFrame:
    """Hold by name what has no amount: above 10^13, below zero where tiers need a total, without an exchange rate.

    A cell with one price that cannot be rated waits as a whole, or its usage would be both rated and held.
    """
    totals = _totals(dated.filter(pl.col("outcome") == "rated"), price_versions).collect().lazy()
    too_large = _too_large(totals).with_columns(pl.lit("amount_bound").alias("_held"))
    below_zero = _below_zero(totals).with_columns(pl.lit("negative_total").alias("_held"))
    parts = [
        dated.join(too_large, on=BOUNDED, how="inner", validate="m:1").select(*CELL_KIND, "_held"),
        dated.join(below_zero, on=COUNTER, how="inner", validate="m:1").select(*CELL_KIND, "_held"),
    ]
    if exchange.has_conversions(price_versions):
        parts.append(_without_amount_billed(dated, price_versions, exchange_rates))
    held = pl.concat(parts).group_by(CELL_KIND).agg(pl.col("_held").min()).collect()
    if held.is_empty():
        return dated
    is_held = pl.col("_held").is_not_null()
    why = pl.col("_held").replace_strict(WHY_HELD, default=None)
    return dated.join(held.lazy(), on=CELL_KIND, how="left", validate="m:1").with_columns(
        pl.when(is_held).then(pl.lit("suspense")).otherwise("outcome").alias("outcome"),
        pl.coalesce("_held", "rule").alias("rule"),
        pl.when(is_held).then(why).otherwise("detail").alias("detail"),
    )


def _without_amount_billed(
    dated: pl.LazyFrame, price_versions: pl.LazyFrame, exchange_rates: pl.LazyFrame
) -> pl.LazyFrame:
    """Cells of converted prices that have no rate on their day, or that come to 10^13 or more in what is billed."""
    is_converted = (pl.col("outcome") == "rated") & (pl.col("currency") != pl.col("billing_currency"))
    converted = dated.filter(is_converted).pipe(
        exchange.with_rate, exchange_rates, currency="currency", target="billing_currency", day="service_date"
    )
    growth = (pl.col("numerator") / pl.col("denominator")).cast(QUANTITY)
    grown = converted.with_columns(
        (pl.col(name) * growth).cast(QUANTITY).alias(name) for name in ("quantity", "amount")
    )
    too_large = _too_large(_totals(grown, price_versions)).with_columns(pl.lit("amount_bound").alias("_held"))
    rateless = converted.filter(pl.col("numerator").is_null()).select(
        *CELL_KIND, pl.lit("no_exchange_rate").alias("_held")
    )
    held = converted.join(too_large, on=BOUNDED, how="inner", validate="m:1")
    return pl.concat([rateless, held.select(*CELL_KIND, "_held")])


def _totals(rated: pl.LazyFrame, price_versions: pl.LazyFrame) -> pl.LazyFrame:
    """What each counter of a billing period holds, beside the limits of its version and of the list version.

    Grain: one row per counter and list version. `size` is without signs: what bounds the running total on its way.
    """
    limits = price_versions.select("price_version_id", "currency", "quantity_limit", "group_limit", "free_units")
    listed = price_versions.select(
        pl.col("price_version_id").alias("list_price_version_id"),
        "currency",
        pl.col("quantity_limit").alias("_list_limit"),
        pl.col("model").alias("_list_model"),
    )
    return (
        rated.group_by(*COUNTER, "price_version_id", "list_price_version_id", "model")
        .agg(
            pl.col("quantity").sum(),
            pl.col("quantity").abs().sum().alias("size"),
            pl.col("amount").abs().sum().alias("amount_size"),
        )
        .join(limits, on=["price_version_id", "currency"], how="left", validate="m:1")
        .join(listed, on=["list_price_version_id", "currency"], how="left", validate="m:1")
    )


def _too_large(totals: pl.LazyFrame) -> pl.LazyFrame:
    """The periods of a price that would come to 10^13 or more, so that nothing overflows.

    Each counter takes the share of the bound that its quantity is of its version's limit, or of the limit of the list
    version beside it; the shares of a period add up, because its running total does. Where groups have flat amounts of
    their own, each takes its share of them, too.
    """
    share = pl.max_horizontal(
        _share(pl.col("size"), LARGEST_QUANTITY),
        _share(_measure("model"), pl.col("quantity_limit")),
        _share(_measure("_list_model"), pl.col("_list_limit")),
    )
    of_groups = _share(pl.lit(1), pl.col("group_limit").cast(QUANTITY))
    return (
        totals.group_by(BOUNDED)
        .agg((share + of_groups).sum().alias("_share"))
        .filter(pl.col("_share") > 1)
        .select(BOUNDED)
    )


def _measure(model: str) -> pl.Expr:
    return pl.when(pl.col(model) == "dynamic").then("amount_size").otherwise("size")


def _share(size: pl.Expr, limit: pl.Expr) -> pl.Expr:
    # A limit of 0 bounds nothing but 0: any quantity is over it, and nothing is divided by it. No limit, no share.
    # Divided by null where the limit is 0: a branch that is not taken may still be computed.
    divided = size.cast(QUANTITY) / pl.when(limit > 0).then(limit)
    share = pl.when(limit > 0).then(divided).when(size > 0).then(OVER).otherwise(NONE)
    return pl.when(limit.is_null()).then(NONE).otherwise(share)


def _below_zero(totals: pl.LazyFrame) -> pl.LazyFrame:
    """The counters below zero at the end of their part of the period, where what is due depends on the total."""
    needs_total = pl.col("model").is_in(MODELS_OF_TOTALS) | pl.col("free_units").is_not_null()
    return (
        totals.filter(needs_total)
        .group_by(COUNTER)
        .agg(pl.col("quantity").sum())
        .filter(pl.col("quantity") < 0)
        .select(COUNTER)
    )
