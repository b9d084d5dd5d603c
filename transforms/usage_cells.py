"""From events to usage cells: which local day, slot, dimensions and contract an event belongs to.

A cell is account, stated contract, meter, priced dimensions, value currency, local day and slot. Within a cell no
price can change, so everything after aggregation decides on cells and never looks at events again, except for the
models that price each event.
"""

from datetime import date

import polars as pl

from data_contracts.vocabulary import BEGINNING_AT, FOREVER, FOREVER_AT, QUANTITY
from transforms import dimensions, periods
from transforms.codes import coded, spelled
from transforms.zone_days import FALLBACK_ZONE

CELL = ["account_id", "stated_contract_id", "meter", "dimensions", "value_currency", "service_date", "slot_at"]
# What of an event decides its cell; events alike in it are one moment, and can be added up before anything is decided.
OF_MOMENT = ["day_start_at", "changed_at", "is_settled"]
MOMENT = ["account_id", "contract_id", "meter", "dimensions", "value_currency", "service_date", *OF_MOMENT]
NAMES = ["account_id", "contract_id", "meter", "dimensions", "value_currency"]
ASKS = ["account_id", "stated_contract_id", "meter"]
ANSWER = ["contract_id", "rate_set_id", "time_zone", "suspense_rule", "suspense_detail"]


def with_cell(events: pl.LazyFrame, **reference: pl.LazyFrame) -> pl.LazyFrame:
    """Add the columns of the cell to each event, and `measured`: what its meter counts.

    `reference` are the tables that a cell depends on, by name: those of `with_moment` and of `cells_of_moments`.
    """
    tables = {name: coded(table) for name, table in reference.items()}
    moments = with_moment(
        coded(events, *NAMES).with_columns(pl.lit(1, pl.Int64).alias("event_count")),
        **{name: tables[name] for name in OF_WHICH_MOMENT},
    )
    return spelled(cells_of_moments(moments, **tables)).drop("event_count")


# The tables that decide the moment of an event.
OF_WHICH_MOMENT = ("accounts", "meters", "price_conditions", "price_versions", "usage_slots", "zone_days")


def with_moment(
    events: pl.LazyFrame,
    *,
    accounts: pl.LazyFrame,
    meters: pl.LazyFrame,
    price_conditions: pl.LazyFrame,
    price_versions: pl.LazyFrame,
    usage_slots: pl.LazyFrame,
    zone_days: pl.LazyFrame,
) -> pl.LazyFrame:
    """Reduce an event to what prices look at, and add what its instant decides: day and last price change before it.

    Shape: all texts are coded. Adds `service_date`, `day_start_at`, `changed_at` (null when no price of the meter
           changed in the day before the event, for anybody) and `is_settled` (nothing can change inside its day: no
           price of the meter ever does, and the account has one time zone). `dimensions` are those priced,
           `value_currency` is empty where no price rates amounts. No other step looks at instants, so millions of
           events can be added up first: that is most of the night's work saved.
    """
    dated = _with_service_date(_with_priced_only(events, meters, price_conditions, price_versions), accounts, zone_days)
    changes = usage_slots.select("meter", pl.col("slot_at").alias("changed_at")).unique().collect()
    if changes.is_empty():
        return dated.with_columns(
            pl.lit(None, pl.Datetime("us")).alias("changed_at"), (~pl.col("moves")).alias("is_settled")
        ).drop("moves")
    changing = changes.lazy().select("meter", pl.lit(value=True).alias("_changes")).unique()
    matters = pl.col("moves") | (pl.col("changed_at") > pl.col("day_start_at"))
    states = changes.with_columns(pl.col("changed_at").alias("_since"))
    return (
        periods.latest_of_few(dated, states, at="occurred_at", since="_since", by="meter")
        .join(changing, on="meter", how="left", validate="m:1")
        .with_columns(
            pl.when(matters).then("changed_at").alias("changed_at"),
            (~pl.col("moves") & pl.col("_changes").is_null()).alias("is_settled"),
        )
        .drop("_since", "_changes", "moves")
    )


def _with_priced_only(
    events: pl.LazyFrame, meters: pl.LazyFrame, price_conditions: pl.LazyFrame, price_versions: pl.LazyFrame
) -> pl.LazyFrame:
    """Leave of dimensions and value currency what some price looks at.

    Usage that a dynamic price may rate is kept apart by the currency of its amounts, as usage measured in amounts is.
    """
    of_amounts = price_versions.filter(pl.col("model") == "dynamic").select("meter")
    valued = pl.concat([of_amounts, meters.filter(pl.col("value") == "amount").select("meter")]).unique().collect()
    if valued.is_empty():
        return dimensions.projected(events, price_conditions).with_columns(
            value_currency=pl.lit("").cast(events.collect_schema()["value_currency"])
        )
    is_valued = pl.col("_is_valued").is_not_null()
    return (
        dimensions.projected(events, price_conditions)
        .join(valued.lazy().with_columns(_is_valued=True), on="meter", how="left", validate="m:1")
        .with_columns(pl.when(is_valued).then("value_currency").fill_null("").alias("value_currency"))
        .drop("_is_valued")
    )


def cells_of_moments(
    moments: pl.LazyFrame,
    *,
    accounts: pl.LazyFrame,
    account_contracts: pl.LazyFrame,
    meters: pl.LazyFrame,
    plan_prices: pl.LazyFrame,
    price_versions: pl.LazyFrame,
    usage_slots: pl.LazyFrame,
    zone_days: pl.LazyFrame,
    **_: pl.LazyFrame,
) -> pl.LazyFrame:
    """Turn the columns of `MOMENT` into those of `CELL`; adds `measured`, what the meter counts of the row.

    `event_count`, `quantity` and `amount` of a row may be sums over its events: what is measured is linear in them.
    Rule: count measures the events, `value: amount` the amount in its currency, anything else the quantity; an unknown
    meter is taken as a sum of quantities over no dimension until the book knows it.
    """
    measured = (
        moments.join(meters.select("meter", "aggregation", "value"), on="meter", how="left", validate="m:1")
        .with_columns(
            pl.col("contract_id").fill_null("").alias("stated_contract_id"),
            what_counts(pl.col("event_count")).alias("measured"),
        )
        .drop("aggregation", "value", "contract_id")
    )
    at_day_start = pl.col("day_start_at").alias("slot_at")
    if usage_slots.collect().is_empty() and _zone_spans(accounts, zone_days).filter("moves").collect().is_empty():
        return measured.with_columns(at_day_start).drop(OF_MOMENT)
    # Only where a price changes inside the day, or an account moves, does the slot depend on the contract.
    measured = measured.collect().lazy()
    settled = measured.filter("is_settled").with_columns(at_day_start).drop(OF_MOMENT)
    resolved = with_contract(
        measured.filter(~pl.col("is_settled")),
        accounts=accounts,
        account_contracts=account_contracts,
        meters=meters,
        plan_prices=plan_prices,
        price_versions=price_versions,
    )
    return pl.concat([settled, _with_slot(resolved, usage_slots, zone_days).select(settled.collect_schema().names())])


def what_counts(event_count: pl.Expr) -> pl.Expr:
    """What a meter counts of a row of so many events: the events, the amount, or the quantity."""
    return (
        pl.when(pl.col("aggregation") == "count")
        .then(event_count.cast(QUANTITY))
        .when(pl.col("value") == "amount")
        # An event without amount measures nothing; it is held by name in `usage_days`, never priced as zero.
        .then(pl.col("amount").fill_null(pl.lit(0).cast(QUANTITY)))
        .otherwise("quantity")
    )


def _with_service_date(events: pl.LazyFrame, accounts: pl.LazyFrame, zone_days: pl.LazyFrame) -> pl.LazyFrame:
    """Usage belongs to the local day of its instant in the account's zone; in UTC while the account is unknown."""
    days = zone_days.select(
        "time_zone",
        "day_start_at",
        pl.col("day_start_at").alias("_starts_at"),
        pl.col("local_date").alias("service_date"),
    ).collect()
    spans = _zone_spans(accounts, zone_days).collect()
    placed = events.join(spans.lazy(), on="account_id", how="left", validate="m:m" if spans["moves"].any() else "m:1")
    if spans["moves"].any():
        is_in_span = pl.col("_since").is_null() | periods.covers(pl.col("occurred_at"), "_since", "_until")
        placed = placed.filter(is_in_span)
    zoned = placed.with_columns(
        pl.col("time_zone").fill_null(FALLBACK_ZONE), pl.col("moves").fill_null(value=False)
    ).drop("_since", "_until")
    return periods.latest_of_few(zoned, days, at="occurred_at", since="_starts_at", by="time_zone").drop(
        "time_zone", "_starts_at"
    )


def _zone_spans(accounts: pl.LazyFrame, zone_days: pl.LazyFrame) -> pl.LazyFrame:
    """Say from which instant to which an account lives in a zone: all of time, in one row, for almost every account.

    Grain: one row per account and stay, gapless from BEGINNING_AT to FOREVER_AT; `moves`: it has several.
    """
    account, zone = pl.col("account_id"), pl.col("time_zone")
    is_first = account.ne_missing(account.shift(1))
    stays = (
        periods.with_day_start(
            accounts.select("account_id", "time_zone", "valid_from"), zone_days, "valid_from", "_since"
        )
        .sort("account_id", "valid_from")
        .with_columns(pl.when(is_first).then(BEGINNING_AT).otherwise("_since").alias("_since"))
        .filter(is_first | zone.ne_missing(zone.shift(1)))
    )
    is_last, is_only_one = account.ne_missing(account.shift(-1)), is_first & account.ne_missing(account.shift(-1))
    return stays.select(
        "account_id",
        "time_zone",
        "_since",
        pl.when(is_last).then(FOREVER_AT).otherwise(pl.col("_since").shift(-1)).alias("_until"),
        (~is_only_one).alias("moves"),
    )


def _with_slot(cells: pl.LazyFrame, usage_slots: pl.LazyFrame, zone_days: pl.LazyFrame) -> pl.LazyFrame:
    """Add `slot_at`: the latest price change of the day at or before the event, else the day's first instant.

    The day is the billed one. On the day on which an account moves west its first hours lie before that day begins in
    the new zone; a price that holds from that date holds for them, too.
    """
    days = zone_days.select("time_zone", pl.col("local_date").alias("service_date"), "day_start_at")
    billed = days.rename({"day_start_at": "_billed_day_start_at"})
    known = cells.join(billed, on=["time_zone", "service_date"], how="left", validate="m:1").with_columns(
        pl.col("changed_at").fill_null(BEGINNING_AT)
    )
    slots = usage_slots.with_columns(pl.col("slot_at").alias("_since"))
    day_start = pl.coalesce("_billed_day_start_at", "day_start_at")
    return periods.latest_at_or_before(
        known, slots, at="changed_at", since="_since", by=["rate_set_id", "meter"]
    ).with_columns(pl.max_horizontal(day_start, "slot_at").alias("slot_at"))


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
    of_time = contracts.select(
        "contract_id", "plan_id", pl.lit("").cast(price_versions.collect_schema()["meter"]).alias("meter")
    )
    return pl.concat([by_plan, by_override, of_time]).unique()


def with_contract(
    usage: pl.LazyFrame,
    *,
    accounts: pl.LazyFrame,
    account_contracts: pl.LazyFrame,
    meters: pl.LazyFrame,
    plan_prices: pl.LazyFrame,
    price_versions: pl.LazyFrame,
) -> pl.LazyFrame:
    """Add under which contract each row of usage falls, or by which rule it waits.

    Shape: adds `contract_id`, `rate_set_id`, `time_zone`, `suspense_rule`, `suspense_detail`; no row added or dropped.
    Rule: the stated contract if it covers the day; else the one signed contract that has a price for the meter; else
    the default plan; else suspense. Two signed contracts are suspense with both named.

    What holds can change only where a contract or the account begins or ends, so it is decided once for each span of
    days between two such dates, not for each day.
    """
    answers = contract_spans(
        usage,
        accounts=accounts,
        account_contracts=account_contracts,
        meters=meters,
        plan_prices=plan_prices,
        price_versions=price_versions,
    )
    return (
        usage.join(answers, on=ASKS, how="inner", validate="m:m")
        .filter(periods.covers(pl.col("service_date"), "_span_from", "_span_to"))
        .drop("_span_from", "_span_to")
    )


def contract_spans(
    usage: pl.LazyFrame,
    *,
    accounts: pl.LazyFrame,
    account_contracts: pl.LazyFrame,
    meters: pl.LazyFrame,
    plan_prices: pl.LazyFrame,
    price_versions: pl.LazyFrame,
) -> pl.LazyFrame:
    """Answer `with_contract` for whoever is in `usage`, over all of its days.

    Grain: one row per `ASKS` and span of days, `_span_from` (in) to `_span_to` (out); the spans leave no day out.
    """
    first_day, last_day = (
        usage.select(pl.col("service_date").min().alias("first"), pl.col("service_date").max().alias("last"))
        .collect()
        .row(0)
    )
    asks = usage.select(ASKS).unique()
    if first_day is None:
        first_day = last_day = FOREVER
    spans = _spans(asks.select("account_id").unique(), accounts, account_contracts, first_day, last_day)
    return _answers(
        asks.join(spans, on="account_id", how="inner", validate="m:m"),
        accounts=accounts,
        account_contracts=account_contracts,
        meters=meters,
        plan_prices=plan_prices,
        price_versions=price_versions,
    )


def _spans(
    used: pl.LazyFrame, accounts: pl.LazyFrame, account_contracts: pl.LazyFrame, first_day: date, last_day: date
) -> pl.LazyFrame:
    """Cut the days of usage of each account where something begins or ends. Grain: one row per account and span."""
    cuts = pl.concat(
        [
            used.select("account_id", pl.lit(first_day).alias("_span_from")),
            *[
                of.select("account_id", pl.col(name).alias("_span_from")).filter(
                    pl.col("_span_from").is_between(first_day, last_day, closed="right")
                )
                for of, name in (
                    (account_contracts, "valid_from"),
                    (account_contracts, "valid_to"),
                    (accounts, "valid_from"),
                )
            ],
        ]
    )
    account = pl.col("account_id")
    is_last = account.ne_missing(account.shift(-1))
    return (
        cuts.unique()
        .sort("account_id", "_span_from")
        .with_columns(pl.when(is_last).then(FOREVER).otherwise(pl.col("_span_from").shift(-1)).alias("_span_to"))
    )


def _answers(
    uses: pl.LazyFrame,
    *,
    accounts: pl.LazyFrame,
    account_contracts: pl.LazyFrame,
    meters: pl.LazyFrame,
    plan_prices: pl.LazyFrame,
    price_versions: pl.LazyFrame,
) -> pl.LazyFrame:
    """Decide for the first day of each span, which stands for all of it. Grain: as `uses`."""
    use = [*ASKS, "_span_from", "_span_to"]
    covered = covered_meters(account_contracts, plan_prices, price_versions)
    in_force = pl.col("_span_from").is_between("valid_from", "valid_to", closed="left")
    states = pl.col("stated_contract_id") != ""
    of_contract = ["contract_id", "rate_set_id", "time_zone"]
    agreed = account_contracts.select("account_id", "plan_id", "valid_from", "valid_to", *of_contract, "is_default")
    stated = (
        uses.filter(states)
        .join(
            agreed,
            left_on=["account_id", "stated_contract_id"],
            right_on=["account_id", "contract_id"],
            how="inner",
            validate="m:m",
            coalesce=False,
        )
        .filter(in_force)
        .select(*use, *of_contract)
    )
    signed = (
        uses.filter(~states)
        .join(agreed.filter(~pl.col("is_default")), on="account_id", how="inner", validate="m:m")
        .filter(in_force)
        .join(covered, on=["contract_id", "plan_id", "meter"], how="semi")
        .select(*use, *of_contract)
    )
    covering = (
        pl.concat([stated, signed])
        .group_by(use)
        # The least of several is as good as any: two covering contracts are suspense, whatever stands here.
        .agg(
            *[pl.col(name).min().alias(f"_signed_{name}") for name in of_contract],
            pl.col("contract_id").sort().str.join(", ").alias("_covering"),
            pl.len().alias("_covering_count"),
        )
    )
    fallback = agreed.filter("is_default").select(
        "account_id", "valid_from", "valid_to", *[pl.col(name).alias(f"_default_{name}") for name in of_contract]
    )
    defaults = (
        uses.filter(~states)
        .select("account_id", "_span_from")
        .unique()
        .join(fallback, on="account_id", how="inner", validate="m:m")
        .filter(in_force)
        .drop("valid_from", "valid_to")
    )
    known_accounts = accounts.group_by("account_id").agg(pl.col("valid_from").min().alias("_account_since"))
    known_meters = meters.select("meter", pl.lit(value=True).alias("_is_meter"))
    found = (
        uses.join(covering, on=use, how="left", validate="1:1")
        .join(defaults, on=["account_id", "_span_from"], how="left", validate="m:1")
        .join(known_accounts, on="account_id", how="left", validate="m:1")
        .join(known_meters, on="meter", how="left", validate="m:1")
    )
    count = pl.col("_covering_count").fill_null(0)
    has_default = ~states & pl.col("_default_contract_id").is_not_null()
    rule = (
        pl.when(pl.col("_account_since").is_null())
        .then(pl.lit("unknown_account"))
        .when(pl.col("_span_from") < pl.col("_account_since"))
        .then(pl.lit("account_not_valid_yet"))
        .when(pl.col("_is_meter").is_null())
        .then(pl.lit("unknown_meter"))
        .when(count > 1)
        .then(pl.lit("two_contracts"))
        .when(states & (count == 0))
        .then(pl.lit("stated_contract_not_in_force"))
        .when((count == 0) & ~has_default)
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
            *use,
            *[
                pl.when(is_clear).then(pl.coalesce(f"_signed_{name}", f"_default_{name}")).alias(name)
                for name in of_contract
            ],
            "suspense_rule",
            "suspense_detail",
        )
    )
