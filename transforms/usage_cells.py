"""From events to usage cells: which local day, slot, dimensions and contract an event belongs to.

A cell is account, stated contract, meter, priced dimensions, value currency, local day and slot. Within a cell no
price can change, so everything after aggregation decides on cells and never looks at events again, except for the
models that price each event.
"""

import polars as pl

from data_contracts.vocabulary import BEGINNING_AT, QUANTITY
from transforms import dimensions, periods
from transforms.zone_days import FALLBACK_ZONE

CELL = ["account_id", "stated_contract_id", "meter", "dimensions", "value_currency", "service_date", "slot_at"]
USE = ["account_id", "stated_contract_id", "meter", "service_date"]


def with_cell(
    events: pl.LazyFrame,
    *,
    accounts: pl.LazyFrame,
    account_contracts: pl.LazyFrame,
    meters: pl.LazyFrame,
    plan_prices: pl.LazyFrame,
    price_conditions: pl.LazyFrame,
    price_versions: pl.LazyFrame,
    usage_slots: pl.LazyFrame,
    zone_days: pl.LazyFrame,
) -> pl.LazyFrame:
    """Add the columns of the cell to each event, and `measured`: what its meter counts.

    Rule: count measures 1, `value: amount` the amount in its currency, anything else the quantity; an unknown meter
    is taken as a sum of quantities over no dimension until the book knows it. Usage that a dynamic price may rate is
    kept apart by the currency of its amounts, too.
    """
    of_amounts = price_versions.filter(pl.col("model") == "dynamic").select("meter").unique()
    asked = meters.select("meter", "aggregation", "value").join(
        of_amounts.with_columns(pl.lit(value=True).alias("_is_dynamic")), on="meter", how="left", validate="1:1"
    )
    is_valued = (pl.col("value") == "amount") | pl.col("_is_dynamic").fill_null(value=False)
    measured = (
        events.join(asked, on="meter", how="left", validate="m:1")
        .with_columns(
            pl.col("contract_id").fill_null("").alias("stated_contract_id"),
            pl.when(pl.col("aggregation") == "count")
            .then(pl.lit(1).cast(QUANTITY))
            .when(pl.col("value") == "amount")
            # An event without amount measures nothing; it is held by name in `usage_days`, never priced as zero.
            .then(pl.col("amount").fill_null(pl.lit(0).cast(QUANTITY)))
            .otherwise("quantity")
            .alias("measured"),
            pl.when(is_valued).then("value_currency").otherwise(pl.lit("")).fill_null("").alias("value_currency"),
        )
        .drop("aggregation", "value", "_is_dynamic")
    )
    priced = dimensions.projected(measured, price_conditions)
    dated = _with_service_date(priced, accounts, zone_days)
    uses = dated.select(USE).unique()
    resolved = resolved_contracts(
        uses,
        accounts=accounts,
        account_contracts=account_contracts,
        meters=meters,
        plan_prices=plan_prices,
        price_versions=price_versions,
    )
    return _with_slot(dated, resolved, usage_slots, zone_days)


def _with_service_date(events: pl.LazyFrame, accounts: pl.LazyFrame, zone_days: pl.LazyFrame) -> pl.LazyFrame:
    """Usage belongs to the local day of its instant in the account's zone; in UTC while the account is unknown."""
    first_state = pl.col("valid_from") == pl.col("valid_from").min().over("account_id")
    states = periods.with_day_start(accounts, zone_days, "valid_from", "_since").select(
        "account_id",
        "time_zone",
        "valid_from",
        pl.when(first_state).then(BEGINNING_AT).otherwise("_since").alias("_since"),
    )
    # Of the states before the calendar only the last can matter.
    states = states.sort("valid_from").unique(["account_id", "_since"], keep="last", maintain_order=True)
    zoned = periods.latest_at_or_before(
        events, states.drop("valid_from"), at="occurred_at", since="_since", by=["account_id"]
    )
    days = zone_days.select("time_zone", pl.col("local_date").alias("service_date"), "day_start_at")
    return periods.latest_at_or_before(
        zoned.with_columns(pl.col("time_zone").fill_null(FALLBACK_ZONE)),
        days,
        at="occurred_at",
        since="day_start_at",
        by=["time_zone"],
    ).drop("_since", "time_zone")


def _with_slot(
    events: pl.LazyFrame, resolved: pl.LazyFrame, usage_slots: pl.LazyFrame, zone_days: pl.LazyFrame
) -> pl.LazyFrame:
    """Add `slot_at`: the latest price change of the day at or before the event, else the day's first instant.

    The day is the billed one. On the day on which an account moves west its first hours lie before that day begins in
    the new zone; a price that holds from that date holds for them, too.
    """
    days = zone_days.select("time_zone", pl.col("local_date").alias("service_date"), "day_start_at")
    billed = (
        resolved.join(days, on=["time_zone", "service_date"], how="left", validate="m:1")
        .rename({"day_start_at": "_billed_day_start_at"})
        .select(*USE, "rate_set_id", "_billed_day_start_at")
    )
    known = events.join(billed, on=USE, how="left", validate="m:1")
    slots = usage_slots.with_columns(pl.col("slot_at").alias("_since"))
    day_start = pl.coalesce("_billed_day_start_at", "day_start_at")
    return (
        periods.latest_at_or_before(known, slots, at="occurred_at", since="_since", by=["rate_set_id", "meter"])
        .with_columns(pl.max_horizontal(day_start, "slot_at").alias("slot_at"))
        .drop("_since", "rate_set_id", "day_start_at", "_billed_day_start_at")
    )


def covered_meters(
    account_contracts: pl.LazyFrame, plan_prices: pl.LazyFrame, price_versions: pl.LazyFrame
) -> pl.LazyFrame:
    """List the meters that each contract covers: those with any price in its plan, or in its own overrides.

    Grain: one row per contract, plan and meter. Currency, dates and dimensions do not matter: usage that the plan
    names but cannot price waits under that contract, it does not slip to the next one. Prices of time have the meter
    "", and every contract covers time: the default plan's are due where no contract is in force.
    """
    meters_of_prices = price_versions.select("price_id", "meter").unique()
    of_plans = plan_prices.join(meters_of_prices, on="price_id", how="inner", validate="m:1").select("plan_id", "meter")
    contracts = account_contracts.select("contract_id", "plan_id").unique()
    by_plan = contracts.join(of_plans.unique(), on="plan_id", how="inner", validate="m:m")
    own = price_versions.filter(pl.col("contract_id").is_not_null()).select("contract_id", "meter").unique()
    by_override = contracts.join(own, on="contract_id", how="inner", validate="m:m")
    of_time = contracts.select("contract_id", "plan_id", pl.lit("").alias("meter"))
    return pl.concat([by_plan, by_override, of_time]).unique()


def resolved_contracts(
    uses: pl.LazyFrame,
    *,
    accounts: pl.LazyFrame,
    account_contracts: pl.LazyFrame,
    meters: pl.LazyFrame,
    plan_prices: pl.LazyFrame,
    price_versions: pl.LazyFrame,
) -> pl.LazyFrame:
    """Decide under which contract each use falls, or by which rule it waits.

    Grain: one row per row of `uses` (account, stated contract, meter, local day). Adds `contract_id`, `rate_set_id`,
    `time_zone`, `suspense_rule`, `suspense_detail`.
    Rule: the stated contract if it covers the day; else the one signed contract that has a price for the meter; else
    the default plan; else suspense. Two signed contracts are suspense with both named.
    """
    covered = covered_meters(account_contracts, plan_prices, price_versions).with_columns(
        pl.lit(value=True).alias("_has_price")
    )
    in_force = (
        uses.join(account_contracts, on="account_id", how="inner", validate="m:m")
        .filter(periods.covers(pl.col("service_date"), "valid_from", "valid_to"))
        .join(covered, on=["contract_id", "plan_id", "meter"], how="left", validate="m:1")
    )
    states = pl.col("stated_contract_id") != ""
    is_stated = states & (pl.col("contract_id") == pl.col("stated_contract_id"))
    is_covering = ~states & ~pl.col("is_default") & pl.col("_has_price").fill_null(value=False)
    is_fallback = ~states & pl.col("is_default")
    chosen = in_force.group_by(USE).agg(
        _only(is_stated | is_covering, "contract_id").alias("_signed"),
        _only(is_stated | is_covering, "rate_set_id").alias("_signed_rate_set"),
        _only(is_stated | is_covering, "time_zone").alias("_signed_zone"),
        pl.col("contract_id").filter(is_stated | is_covering).sort().str.join(", ").alias("_covering"),
        (is_stated | is_covering).sum().alias("_covering_count"),
        _only(is_fallback, "contract_id").alias("_default"),
        _only(is_fallback, "rate_set_id").alias("_default_rate_set"),
        _only(is_fallback, "time_zone").alias("_default_zone"),
    )
    known_accounts = accounts.group_by("account_id").agg(pl.col("valid_from").min().alias("_account_since"))
    known_meters = meters.select("meter", pl.lit(value=True).alias("_is_meter"))
    found = (
        uses.join(chosen, on=USE, how="left", validate="1:1")
        .join(known_accounts, on="account_id", how="left", validate="m:1")
        .join(known_meters, on="meter", how="left", validate="m:1")
    )
    rule = (
        pl.when(pl.col("_account_since").is_null())
        .then(pl.lit("unknown_account"))
        .when(pl.col("service_date") < pl.col("_account_since"))
        .then(pl.lit("account_not_valid_yet"))
        .when(pl.col("_is_meter").is_null())
        .then(pl.lit("unknown_meter"))
        .when(pl.col("_covering_count") > 1)
        .then(pl.lit("two_contracts"))
        .when(states & (pl.col("_covering_count").fill_null(0) == 0))
        .then(pl.lit("stated_contract_not_in_force"))
        .when((pl.col("_covering_count").fill_null(0) == 0) & pl.col("_default").is_null())
        .then(pl.lit("no_contract"))
    )
    detail = (
        pl.when(pl.col("suspense_rule") == "unknown_account")
        .then(pl.concat_str(pl.lit("account "), "account_id", pl.lit(" was never delivered")))
        .when(pl.col("suspense_rule") == "account_not_valid_yet")
        .then(
            pl.concat_str(
                pl.lit("account "),
                "account_id",
                pl.lit(" is valid from "),
                pl.col("_account_since").dt.to_string("iso"),
            )
        )
        .when(pl.col("suspense_rule") == "unknown_meter")
        .then(pl.concat_str(pl.lit("no meter "), "meter", pl.lit(" in the price book")))
        .when(pl.col("suspense_rule") == "two_contracts")
        .then(pl.concat_str(pl.lit("contracts "), "_covering", pl.lit(" both cover it")))
        .when(pl.col("suspense_rule") == "stated_contract_not_in_force")
        .then(
            pl.concat_str(
                pl.lit("contract "),
                "stated_contract_id",
                pl.lit(" does not cover account "),
                "account_id",
                pl.lit(" on the day"),
            )
        )
        .when(pl.col("suspense_rule") == "no_contract")
        .then(
            pl.concat_str(pl.lit("no signed contract covers meter "), "meter", pl.lit(", and there is no default plan"))
        )
    )
    is_clear = pl.col("suspense_rule").is_null()
    return (
        found.with_columns(rule.alias("suspense_rule"))
        .with_columns(detail.alias("suspense_detail"))
        .select(
            *USE,
            pl.when(is_clear).then(pl.coalesce("_signed", "_default")).alias("contract_id"),
            pl.when(is_clear).then(pl.coalesce("_signed_rate_set", "_default_rate_set")).alias("rate_set_id"),
            pl.when(is_clear).then(pl.coalesce("_signed_zone", "_default_zone")).alias("time_zone"),
            "suspense_rule",
            "suspense_detail",
        )
    )


def _only(condition: pl.Expr, name: str) -> pl.Expr:
    # `min` over at most one value where it counts: two covering contracts are suspense, whatever this returns.
    return pl.col(name).filter(condition).min()
