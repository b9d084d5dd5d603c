"""Builder of `rates`."""

import polars as pl

from data_contracts import AccountContracts, AsOf, PlanPrices, PriceVersions, Rates, ZoneDays
from data_contracts.vocabulary import BEGINNING_AT, FOREVER_AT
from transforms import periods

PRICE = ["rate_set_id", "price_id"]
ADDED_LAST = ("currency", "billing_currency", "is_sold")
CHOSEN = [*(name for name in Rates.schema() if name not in ADDED_LAST), "is_converted", "_own_currency", "_billed_in"]


def rates(
    account_contracts: AsOf[AccountContracts],
    plan_prices: AsOf[PlanPrices],
    price_versions: AsOf[PriceVersions],
    zone_days: AsOf[ZoneDays],
) -> AsOf[Rates]:
    """Say which version of which price each rate set applies between which instants.

    Grain:   one row per rate set, price and `valid_from_at`; half-open, no overlap within a price.
    Rule:    the contract's override, else the plan's version. A date starts at that day's first instant in the
             account's zone, so one version starts at different instants in different zones; superseded versions
             are left out.
    """
    rate_sets = account_contracts.select("rate_set_id", "plan_id", "time_zone", pl.col("currency").alias("_billed_in"))
    standing = _versions(price_versions)
    of_plans = (
        rate_sets.unique()
        .join(plan_prices, on="plan_id", how="inner", validate="m:m")
        .join(standing.filter(pl.col("contract_id").is_null()), on="price_id", how="inner", validate="m:m")
    )
    listed = _clipped_to_plan(_intervals(of_plans, zone_days), zone_days)
    # Only where the rate set is the contract's own: the state of a contract without overrides shares its rate set with
    # every other customer of the plan, and an override must not reach them.
    own = pl.concat_str("plan_id", "currency", "time_zone", "contract_id", separator="|")
    signed = account_contracts.filter(pl.col("rate_set_id") == own).select(
        "rate_set_id", "contract_id", "plan_id", "time_zone", pl.col("currency").alias("_billed_in")
    )
    of_contracts = (
        signed.unique()
        .join(standing, on="contract_id", how="inner", validate="m:m")
        .join(plan_prices, on=["plan_id", "price_id"], how="left", validate="m:1")
    )
    overriding = _clipped_to_plan(_intervals(of_contracts, zone_days), zone_days)
    chosen = pl.concat([_not_overridden(listed, overriding), _beside_list_price(overriding, listed)])
    return _in_currency(chosen, price_versions).select(Rates.schema().keys()).sort(Rates.keys)


def _versions(price_versions: pl.LazyFrame) -> pl.LazyFrame:
    """The versions that stand, once each: which currencies a version has amounts in is asked at the end."""
    return (
        price_versions.filter(pl.col("superseded_on").is_null())
        .sort("currency")
        .unique("price_version_id", keep="first", maintain_order=True)
        .rename({"currency": "_own_currency"})
    )


def _in_currency(chosen: pl.LazyFrame, price_versions: pl.LazyFrame) -> pl.LazyFrame:
    """Add the currency, and whether the version is sold in it.

    A version without amounts in the customer's currency still ends the version before it: it is not sold from then on,
    unless its price says that it is converted. A cost is in the currency that we pay it in, whatever the customer is
    billed in.
    """
    is_cost = pl.col("kind") == "cost"
    sold = price_versions.select("price_version_id", "currency", pl.lit(value=True).alias("_is_own"))
    billed = pl.when(is_cost).then("_own_currency").otherwise("_billed_in").alias("billing_currency")
    is_own = pl.col("_is_own").fill_null(value=False)
    return (
        chosen.with_columns(billed)
        .join(
            sold,
            left_on=["price_version_id", "billing_currency"],
            right_on=["price_version_id", "currency"],
            how="left",
            validate="m:1",
        )
        .with_columns(
            pl.when(is_own | ~pl.col("is_converted"))
            .then("billing_currency")
            .otherwise("_own_currency")
            .alias("currency"),
            (is_own | pl.col("is_converted")).alias("is_sold"),
        )
    )


def _intervals(candidates: pl.LazyFrame, zone_days: pl.LazyFrame) -> pl.LazyFrame:
    """Let each version hold until the next one of its price; a version overtaken at once disappears."""
    # Everything older than the calendar starts with it; what was written first stays first.
    order = ["valid_from_at", "_written"]
    calendar = zone_days.group_by("time_zone").agg(pl.col("day_start_at").min().alias("_calendar_from"))
    is_older = pl.col("effective_from_at") < pl.col("_calendar_from")
    started = (
        periods.with_day_start(candidates, zone_days, "effective_from_date", "_day_start_at")
        .join(calendar, on="time_zone", how="left", validate="m:1")
        .with_columns(
            pl.when(is_older)
            .then(BEGINNING_AT)
            .otherwise(pl.coalesce("effective_from_at", "_day_start_at"))
            .alias("valid_from_at"),
            pl.coalesce("effective_from_at", pl.col("effective_from_date").cast(pl.Datetime("us"))).alias("_written"),
        )
    )
    following = pl.col("valid_from_at").shift(-1).over(PRICE, order_by=order)
    return started.with_columns(following.fill_null(FOREVER_AT).alias("valid_to_at")).filter(
        pl.col("valid_from_at") < pl.col("valid_to_at")
    )


def _clipped_to_plan(versions: pl.LazyFrame, zone_days: pl.LazyFrame) -> pl.LazyFrame:
    """A price is sold from the day on which it entered the plan; an override of a price outside of it at once."""
    with_entry = periods.with_day_start(versions, zone_days, "effective_from", "_in_plan_since")
    return with_entry.with_columns(pl.max_horizontal("valid_from_at", "_in_plan_since").alias("valid_from_at")).filter(
        pl.col("valid_from_at") < pl.col("valid_to_at")
    )


def _not_overridden(listed: pl.LazyFrame, overriding: pl.LazyFrame) -> pl.LazyFrame:
    """The plan's own versions, up to the first override of the contract."""
    first_override = overriding.group_by(PRICE).agg(pl.col("valid_from_at").min().alias("_overridden_from"))
    return (
        listed.join(first_override, on=PRICE, how="left", validate="m:1")
        .with_columns(
            pl.min_horizontal("valid_to_at", "_overridden_from").alias("valid_to_at"),
            pl.col("price_version_id").alias("list_price_version_id"),
        )
        .filter(pl.col("valid_from_at") < pl.col("valid_to_at"))
        .select(CHOSEN)
    )


def _beside_list_price(overriding: pl.LazyFrame, listed: pl.LazyFrame) -> pl.LazyFrame:
    """Cut each override where the plan's own version changes, so that the list amount is by the right one.

    Where the plan has no such price (yet), the override is its own list price.
    """
    plan_version = listed.select(
        *PRICE, pl.col("valid_from_at").alias("_list_from"), pl.col("price_version_id").alias("_list_version")
    )
    starts = overriding.select(*PRICE, "valid_from_at", "valid_to_at")
    cuts = (
        starts.join(plan_version, on=PRICE, how="inner", validate="m:m")
        .filter(periods.covers(pl.col("_list_from"), "valid_from_at", "valid_to_at"))
        .filter(pl.col("_list_from") > pl.col("valid_from_at"))
        .select(*PRICE, "valid_from_at", pl.col("_list_from").alias("_piece_from"))
    )
    pieces = pl.concat([starts.select(*PRICE, "valid_from_at", pl.col("valid_from_at").alias("_piece_from")), cuts])
    following = pl.col("_piece_from").shift(-1).over([*PRICE, "valid_from_at"], order_by="_piece_from")
    cut = (
        pieces.with_columns(following.alias("_piece_to"))
        .join(overriding, on=[*PRICE, "valid_from_at"], how="inner", validate="m:1")
        .with_columns(
            pl.col("_piece_from").alias("valid_from_at"), pl.coalesce("_piece_to", "valid_to_at").alias("valid_to_at")
        )
    )
    return (
        periods.latest_at_or_before(cut, plan_version, at="valid_from_at", since="_list_from", by=PRICE)
        .with_columns(pl.coalesce("_list_version", "price_version_id").alias("list_price_version_id"))
        .select(CHOSEN)
    )
