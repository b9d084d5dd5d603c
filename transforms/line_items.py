"""Builder of `line_items`."""

from datetime import date
from functools import partial

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
from transforms import counters, exchange, money, periods, running
from transforms.active_prices import active_prices
from transforms.billing_periods import BILLING_PERIOD, DUE, with_billing_period, with_due_period
from transforms.billing_quantity import QUANTITY_TERMS, billed
from transforms.charge_models import CELL_MODELS, CUMULATIVE_MODELS, EVENT_MODELS, MODELS_OF_CELLS, amount_of
from transforms.charge_models.matrix import matrix
from transforms.charge_models.volume import volume
from transforms.codes import on_codes
from transforms.counters import COUNTER
from transforms.price_bounds import bound_lines, has_bounds, rounded_bounds
from transforms.shared_counters import is_shared, merged, split

# Raised when a rule of rating changes; stands on every line, so that a difference has a cause.
RULE_VERSION = "1"

LINE = ["account_id", "contract_id", "price_id", "price_version_id", "dimensions", "currency", "service_date"]
# A counter of usage cells, and the order in which those of a matrix use up what is free.
CELL_COUNTER = [name if name != "dimensions" else "line_dimensions" for name in COUNTER]
CELL_ORDER = ["service_date", "slot_at", "account_id", "contract_id", "price_version_id", "dimensions"]
# What a flat price is due once for, whatever its versions are: its own interval, or the billing period.
FLAT_SCOPE = ["contract_id", "price_id", "dimensions", DUE]
# The running total that is rounded: it runs on when the price changes, so that a period sums to one rounded total.
# Its owner is the contract, or the payer of a pool.
ROUNDING_SCOPE = ["rounding_owner", "price_id", "dimensions", "billing_period_start"]
AMOUNTS = ["amount_exact", "list_exact", "fees", "list_fees"]
RATED = [*LINE, *BILLING_PERIOD, "rounding_owner", "charge_kind", "started_at", "quantity", "quantity_before", *AMOUNTS]
ROW = "_row"  # number of a point
NOTHING = pl.lit(0).cast(EXACT)
NO_FEES = [pl.lit(None, dtype=AMOUNT).alias("fees"), pl.lit(None, dtype=AMOUNT).alias("list_fees")]


# What a line's id is made of: by these parts lines stand in the order of their ids, or nearly.
OF_THE_ID = ["contract_id", "price_version_id", "dimensions", "charge_kind", "service_date"]


@on_codes(*OF_THE_ID)
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
    """Turn priced usage into money, one line per price version, group and day, each explained by what stands on it.

    Grain:   one row per contract, price version, dimensions and service date; an active price without usage in a
             billing period has one row of quantity 0 on its first active day.
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
    used = (
        priced_usage.filter(pl.col("outcome") == "rated")
        .pipe(with_billing_period, account_contracts)
        .pipe(with_due_period, price_versions, account_contracts)
    )
    # Collected, because several steps go on from here: the plan would make it anew for each (20 s instead of 9).
    unused = _without_usage(active, used).collect().lazy()
    counted_by = partial(counters.with_counter, price_versions=price_versions, account_contracts=account_contracts)
    cells = _with_charged(used.filter(~is_by_event("model")), price_versions, account_contracts)
    points = counted_by(pl.concat([_points(cells), unused.filter(~is_by_event("model"))]))
    parts = None
    if is_shared(price_versions):
        points, parts = merged(points, price_versions)
    else:
        points = points.with_columns(pl.col("contract_id").alias("rounding_owner"))
    rated = pl.concat(
        [
            _rated_by_quantity(points, price_versions, price_tiers),
            _rated_by_event(
                counted_by(_fees(rated_events).pipe(with_billing_period, account_contracts)), price_versions
            ),
            _without_event(unused.filter(is_by_event("model"))),
        ]
    )
    described = partial(
        _described,
        price_versions=price_versions,
        account_contracts=account_contracts,
        exchange_rates=exchange_rates,
        currencies=currencies,
    )
    rounded = partial(_rounded_lines, parts=parts, account_contracts=account_contracts)
    if has_bounds(price_versions):
        # Collected, because it is used in several places; as one plan it made the engine wait for itself for ever.
        rated = rated.collect().lazy()
        bounds = bound_lines(
            rated,
            price_versions=price_versions,
            account_contracts=account_contracts,
            plan_prices=plan_prices,
            rates=rates,
            companies=companies,
            zone_days=zone_days,
            as_of=as_of,
        )
        usage = rounded(described(rated)).collect().lazy()
        lines = pl.concat([usage, rounded_bounds(described(bounds).collect().lazy(), usage)])
    else:
        lines = rounded(described(rated))
    reported = exchange.with_reporting(
        lines, exchange_rates, companies, currencies, day="posting_date", amount_reporting=exchange.converted("amount")
    )
    return reported.select(LineItems.schema().keys())


def is_by_event(model: str) -> pl.Expr:
    """Whether a model prices each event by itself."""
    return pl.col(model).is_in(list(EVENT_MODELS))


def _with_charged(cells: pl.LazyFrame, price_versions: pl.LazyFrame, account_contracts: pl.LazyFrame) -> pl.LazyFrame:
    """Add how many units of each cell are priced, by its version (`charged`) and by the plan's (`list_charged`).

    Cells of a matrix, and hours of a rate curve, have one counter: they use up what is free, and fill up what is
    rounded, in the order of days, and within a day of their slots and dimensions. What other cells have counts in the
    total of their line.
    """
    versions = {"charged": "price_version_id", "list_charged": "list_price_version_id"}
    terms = price_versions.filter(pl.col("model").is_in(MODELS_OF_CELLS)).select(
        "price_version_id", "currency", *QUANTITY_TERMS
    )
    # Collected, because it decides what is built, and the book is small.
    if terms.filter(pl.any_horizontal(pl.col(QUANTITY_TERMS).is_not_null())).collect().is_empty():
        return cells.with_columns(pl.col("quantity").alias(name) for name in versions)
    of_counters = counters.with_counter(cells, price_versions, account_contracts)
    counted = (
        running.in_order(of_counters, CELL_COUNTER, CELL_ORDER)
        .with_columns(running.total("quantity", QUANTITY).alias("_through"))
        .drop(running.STARTS)
    )
    before = pl.col("_through") - pl.col("quantity")
    for name, version in versions.items():
        of_version = terms.rename({"price_version_id": version})
        counted = (
            counted.join(of_version, on=[version, "currency"], how="left", validate="m:1")
            .with_columns((billed(pl.col("_through")) - billed(before)).alias(name))
            .drop(QUANTITY_TERMS)
        )
    return counted.drop("_through")


def _points(cells: pl.LazyFrame) -> pl.LazyFrame:
    """Add up the cells of each line: their units, and what those cost that are priced by the cell."""
    listed = matrix(pl.col("list_charged"), pl.col("list_unit_amount"))
    return (
        cells.drop("dimensions")
        .rename({"line_dimensions": "dimensions"})
        .group_by(*LINE, *BILLING_PERIOD, DUE, "model")
        .agg(
            pl.lit("usage").alias("charge_kind"),
            pl.col("list_price_version_id").sort_by("slot_at").first(),
            pl.col("quantity").sum(),
            pl.col("slot_at").min().alias("started_at"),
            amount_of(CELL_MODELS, pl.col("model"), pl.col("charged")).cast(EXACT).sum().alias("cell_exact"),
            # A cell that the plan's own matrix does not know has no list price: then the line has none, either.
            pl.when(pl.col("list_unit_amount").is_not_null().all()).then(listed.sum()).alias("list_cell_exact"),
        )
    )


def _without_usage(active: pl.LazyFrame, used: pl.LazyFrame) -> pl.LazyFrame:
    """Active prices of a billing period in which nothing of theirs was used: one point of quantity 0 each."""
    used_in = used.select("contract_id", "price_id", "billing_period_start", DUE).unique()
    is_of_time = pl.col("meter") == ""
    return active.join(used_in, on=used_in.collect_schema().names(), how="anti").select(
        *[pl.col("conditions").alias("dimensions") if name == "dimensions" else pl.col(name) for name in LINE],
        *BILLING_PERIOD,
        DUE,
        "model",
        pl.when(is_of_time).then(pl.lit("recurring")).otherwise(pl.lit("usage")).alias("charge_kind"),
        "list_price_version_id",
        pl.lit(0).cast(QUANTITY).alias("quantity"),
        pl.col("active_at").alias("started_at"),
        NOTHING.alias("cell_exact"),
        pl.lit(None, dtype=EXACT).alias("list_cell_exact"),
    )


def _rated_by_quantity(points: pl.LazyFrame, price_versions: pl.LazyFrame, price_tiers: pl.LazyFrame) -> pl.LazyFrame:
    """Rate each point by its own version, and beside it by the plan's.

    A cumulative model as R(cumulative) - R(cumulative before); before the first point R is 0, not R(0): tier one's flat
    is due with the first point, even one of quantity 0. A flat price is due with the first point of the period only, or
    with the first one that has used something. A cell model brings the amount with it.
    """
    started, of_use = pl.col("started_at"), pl.col("quantity") > 0
    # One look at all groups at once, which a book without flat prices is spared.
    due = (
        [
            (started == started.min().over(FLAT_SCOPE)).alias("is_due"),
            (started == started.filter(of_use).min().over(FLAT_SCOPE)).fill_null(value=False).alias("is_due_if_used"),
        ]
        if _has_flat_prices(price_versions)
        else [pl.lit(value=True).alias(name) for name in ("is_due", "is_due_if_used")]
    )
    counted = (
        running.in_order(points, COUNTER, counters.order(price_versions))
        .with_columns(
            running.total("quantity", QUANTITY).alias("through"),
            pl.col(running.STARTS).alias("is_first"),
            *due,
        )
        .with_columns((pl.col("through") - pl.col("quantity")).alias("quantity_before"))
        .drop(running.STARTS)
        .collect()
        .with_row_index(ROW)
        .lazy()
    )
    own = _with_terms(counted, price_versions, "price_version_id").collect()
    is_flat = pl.col("model") == "flat"
    before = pl.when(pl.col("is_first") | is_flat).then(NOTHING).otherwise("total_before")
    of_total = pl.when(is_flat & ~_is_flat_due()).then(NOTHING).otherwise(pl.col("total") - before)
    of_cell = pl.col("model").is_in(list(CELL_MODELS))
    rated = (
        _with_totals(own, price_tiers)
        .with_columns(pl.when(of_cell).then("cell_exact").otherwise(of_total).alias("amount_exact"))
        # Without a tier in its currency a point disappears.
        .filter(pl.col("amount_exact").is_not_null())
        .join(_list_amounts(counted, price_versions, price_tiers), on=ROW, how="left", validate="1:1")
        .with_columns(pl.coalesce("list_exact", "amount_exact").alias("list_exact"), *NO_FEES)
        .select(RATED)
    )
    running_on = _continued_volume(own.lazy(), price_versions, price_tiers)
    if running_on is None:
        return rated
    return pl.concat([rated.join(running_on, on=LINE, how="anti"), running_on.select(RATED)])


def _continued_volume(
    own: pl.LazyFrame, price_versions: pl.LazyFrame, price_tiers: pl.LazyFrame
) -> pl.LazyFrame | None:
    """Rate the points of volume counters that go on from one version to the next; None where there are none."""
    is_of_another = (pl.col("model") == "volume") & (pl.col("price_version_id") != pl.col("counter_version_id"))
    shared = own.filter(is_of_another).select(COUNTER).unique().collect()
    if shared.is_empty():
        return None
    points = own.join(shared.lazy(), on=COUNTER, how="semi").collect().lazy()
    amounts = [
        _blended(points, price_versions, price_tiers, version=version, into=into)
        for version, into in (("price_version_id", "amount_exact"), ("list_price_version_id", "list_exact"))
    ]
    rated = points.with_columns(*NO_FEES)
    for amount in amounts:
        rated = rated.join(amount, on=LINE, how="left", validate="1:1")
    return rated.with_columns(pl.coalesce("list_exact", "amount_exact").alias("list_exact")).collect().lazy()


def _blended(
    points: pl.LazyFrame, price_versions: pl.LazyFrame, price_tiers: pl.LazyFrame, *, version: str, into: str
) -> pl.LazyFrame:
    """What each point adds to a volume counter of several versions.

    Grain: one row per point whose versions have tiers in its currency.
    Rule:  the counter's total selects the tier in the table of every version; each prices its own units there, and the
           last one so far adds its flat. 600 at 0.010 and 600 more at 0.012, each cheaper above 1,000 (0.008, 0.009),
           are 600 * 0.008 + 600 * 0.009 = 10.20.
    """
    order = counters.order(price_versions)
    terms = price_versions.select(pl.col("price_version_id").alias("_of"), "currency", *QUANTITY_TERMS)
    in_order = running.in_order(points, COUNTER, order).with_columns(
        pl.when(running.STARTS).then(None).otherwise(pl.col(version).shift(1)).alias("_last_before"),
        (billed(pl.col("through")) - billed(pl.col("quantity_before"))).alias("_charged"),
    )
    versions = points.select(*COUNTER, pl.col(version).alias("_of")).unique()
    nothing = pl.lit(0).cast(QUANTITY)
    is_own = pl.col(version) == pl.col("_of")
    each = (
        running.in_order(
            in_order.drop(running.STARTS)
            .join(versions, on=COUNTER, how="inner", validate="m:m")
            .with_columns(pl.when(is_own).then("_charged").otherwise(nothing).alias("_own")),
            [*COUNTER, "_of"],
            order,
        )
        .with_columns(running.total("_own", QUANTITY).alias("_units"))
        .with_columns((pl.col("_units") - pl.col("_own")).alias("_units_before"))
        .drop(running.STARTS, *QUANTITY_TERMS)
        .join(terms, on=["_of", "currency"], how="left", validate="m:1")
        .collect()
        .lazy()
    )

    def priced(at: str, units: str, last: pl.Expr) -> pl.LazyFrame:
        at_total = each.with_columns(billed(pl.col(at)).alias("_billed"))
        flat = pl.when(last == pl.col("_of")).then("flat_amount").otherwise(NOTHING)
        amount = volume(pl.col(units), flat, pl.col("unit_amount")).cast(EXACT)
        return _in_tier(at_total, price_tiers, version="_of").group_by(LINE).agg(amount.sum().alias(f"_{at}"))

    through = priced("through", "_units", pl.col(version))
    before = priced("quantity_before", "_units_before", pl.col("_last_before"))
    earlier = pl.when("is_first").then(NOTHING).otherwise("_quantity_before")
    return (
        in_order.select(*LINE, "is_first")
        .join(through, on=LINE, how="inner", validate="1:1")
        .join(before, on=LINE, how="inner", validate="1:1")
        .select(*LINE, (pl.col("_through") - earlier).alias(into))
    )


def _list_amounts(counted: pl.LazyFrame, price_versions: pl.LazyFrame, price_tiers: pl.LazyFrame) -> pl.LazyFrame:
    """What the overridden points would cost at the plan's own version, at the same positions of the counter.

    Of plan versions that are sold in the currency and price quantities; null where its matrix lacks a cell.
    """
    version = "list_price_version_id"
    overridden = counted.filter(pl.col(version) != pl.col("price_version_id"))
    listed = _with_terms(overridden, price_versions, version)
    opens = pl.when(pl.col("model") == "flat").then(_is_flat_due()).otherwise("is_first")
    earlier = pl.when(opens).then(NOTHING).otherwise("list_before")
    totals = {at: _totals(listed, price_tiers, version=version, at=at) for at in ("through", "quantity_before")}
    of_totals = (
        totals["through"]
        .rename({"_total": "_through"})
        .join(totals["quantity_before"].rename({"_total": "list_before"}), on=ROW, how="inner", validate="1:1")
    )
    of_cells = listed.filter(pl.col("model").is_in(MODELS_OF_CELLS))
    return pl.concat(
        [
            listed.join(of_totals, on=ROW, how="inner", validate="1:1").select(
                ROW, (pl.col("_through") - earlier).alias("list_exact")
            ),
            of_cells.select(ROW, pl.col("list_cell_exact").alias("list_exact")),
        ]
    )


def _is_flat_due() -> pl.Expr:
    return pl.when(pl.col("flat_on_zero") == "none").then("is_due_if_used").otherwise("is_due")


def _has_flat_prices(price_versions: pl.LazyFrame) -> bool:
    return not price_versions.filter(pl.col("model") == "flat").select("model").collect().is_empty()


def _with_terms(points: pl.LazyFrame, price_versions: pl.LazyFrame, version: str) -> pl.LazyFrame:
    """Give each point the model, and what decides its billing quantity, of the version that the column `version` names.

    A point whose version has no terms in the currency disappears.
    """
    terms = price_versions.select(
        pl.col("price_version_id").alias(version), "currency", "model", "flat_on_zero", *QUANTITY_TERMS
    )
    return points.drop("model").join(
        terms, on=[version, "currency"], how="inner", validate="m:1", maintain_order="left"
    )


def _with_totals(points: pl.DataFrame, price_tiers: pl.LazyFrame) -> pl.LazyFrame:
    """Add R at the running total through each point, and before it; null for other than cumulative models.

    Before a point is through the one that stands above it, if both have the same version: it is not looked up again.
    """
    totals = _totals(points.lazy(), price_tiers, version="price_version_id", at="through")
    is_same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in ("price_version_id", "currency"))
    known = (
        points.lazy()
        .join(totals.rename({"_total": "total"}), on=ROW, how="left", validate="1:1", maintain_order="left")
        .with_columns(pl.when(is_same).then(pl.col("total").shift(1)).alias("total_before"))
    )
    others = points.filter(~pl.col("is_first") & ~is_same)
    if others.is_empty():
        return known
    looked_up = _totals(others.lazy(), price_tiers, version="price_version_id", at="quantity_before")
    return known.join(looked_up, on=ROW, how="left", validate="1:1").with_columns(
        pl.coalesce("_total", "total_before").alias("total_before")
    )


def _totals(points: pl.LazyFrame, price_tiers: pl.LazyFrame, *, version: str, at: str) -> pl.LazyFrame:
    """R at a running total: what of it is billed, priced by the model in the tier that holds it.

    Grain: one row per point of a cumulative model with tiers in its currency, known by its number only, because a
           point has thirty columns and a version several tiers.
    """
    cumulative = points.filter(pl.col("model").is_in(list(CUMULATIVE_MODELS)))
    asked = cumulative.select(ROW, version, "currency", "model", billed(pl.col(at)).alias("_billed"))
    amount = amount_of(CUMULATIVE_MODELS, pl.col("model"), pl.col("_billed"))
    return _in_tier(asked, price_tiers, version=version).select(ROW, amount.cast(EXACT).alias("_total"))


def _in_tier(points: pl.LazyFrame, price_tiers: pl.LazyFrame, *, version: str) -> pl.LazyFrame:
    """Add the tier of the version that holds `_billed`; points of versions without tiers disappear."""
    tiers = price_tiers.rename({"price_version_id": version})
    quantity = pl.col("_billed")
    # On its way a running total may be below zero: the first line goes on there, and the period's total is what counts.
    is_in_tier = ((quantity > pl.col("lower_bound")) | (pl.col("lower_bound") < 0)) & (
        pl.col("up_to").is_null() | (quantity <= pl.col("up_to"))
    )
    return points.join(tiers, on=[version, "currency"], how="left", validate="m:m").filter(is_in_tier)


def _fees(rated_events: pl.LazyFrame) -> pl.LazyFrame:
    """Sum the fees of a day: the line's amount is the sum of the fees rounded per event."""
    return (
        rated_events.rename({"line_dimensions": "dimensions"})
        .group_by(LINE)
        .agg(
            pl.lit("usage").alias("charge_kind"),
            pl.col("quantity").sum(),
            pl.col("occurred_at").min().alias("started_at"),
            pl.col("amount_exact").sum(),
            pl.col("list_exact").sum(),
            pl.col("amount").sum().cast(AMOUNT).alias("fees"),
            pl.col("list_amount").sum().cast(AMOUNT).alias("list_fees"),
        )
    )


def _rated_by_event(daily: pl.LazyFrame, price_versions: pl.LazyFrame) -> pl.LazyFrame:
    """Say where each day's fees stand in their counter."""
    through = running.total("quantity", QUANTITY)
    return (
        running.in_order(daily, COUNTER, counters.order(price_versions))
        .with_columns(
            (through - pl.col("quantity")).alias("quantity_before"), pl.col("contract_id").alias("rounding_owner")
        )
        .select(RATED)
    )


def _without_event(unused: pl.LazyFrame) -> pl.LazyFrame:
    """A price per event that had none: no events, no charge, and a line that says so."""
    return unused.with_columns(
        pl.col("quantity").alias("quantity_before"),
        pl.col("contract_id").alias("rounding_owner"),
        NOTHING.alias("amount_exact"),
        NOTHING.alias("list_exact"),
        pl.lit(0).cast(AMOUNT).alias("fees"),
        pl.lit(0).cast(AMOUNT).alias("list_fees"),
    ).select(RATED)


def _described(
    lines: pl.LazyFrame,
    *,
    price_versions: pl.LazyFrame,
    account_contracts: pl.LazyFrame,
    exchange_rates: pl.LazyFrame,
    currencies: pl.LazyFrame,
) -> pl.LazyFrame:
    versions = price_versions.select(
        "price_version_id",
        "currency",
        "product_id",
        "kind",
        "rounding",
        "round_at",
        pl.col("passes_through").is_not_null().alias("_is_passed_through"),
    )
    billed = account_contracts.select(
        "account_id",
        "contract_id",
        "valid_from",
        "valid_to",
        "payer_id",
        "legal_entity_id",
        pl.col("currency").alias("_billed_in"),
    )
    is_cost = pl.col("kind") == "cost"
    return (
        lines.join(versions, on=["price_version_id", "currency"], how="inner", validate="m:1")
        .with_columns(
            pl.when("_is_passed_through").then(pl.lit("pass_through")).otherwise("charge_kind").alias("charge_kind")
        )
        .drop("_is_passed_through")
        .join(billed, on=["account_id", "contract_id"], how="inner", validate="m:m")
        .filter(periods.covers(pl.col("service_date"), "valid_from", "valid_to"))
        .with_columns(pl.when(is_cost).then("currency").otherwise("_billed_in").alias("billing_currency"))
        .pipe(exchange.into_billing_currency, exchange_rates, price_versions)
        .join(currencies.select("currency", "minor_units"), on="currency", how="left", validate="m:1")
        .pipe(_named)
    )


def _rounded_lines(lines: pl.LazyFrame, *, parts: pl.LazyFrame | None, account_contracts: pl.LazyFrame) -> pl.LazyFrame:
    rounded = _rounded(lines).drop("rounding_owner")
    return rounded if parts is None else split(rounded, parts, account_contracts)


def _rounded(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Round the running total of each scope, and let each line be the difference: sum(amount) = round(sum(exact))."""
    in_order = running.in_order(
        lines, [*ROUNDING_SCOPE, "currency"], ["service_date", "started_at", "price_version_id"]
    )
    totals = in_order.with_columns(
        running.total("amount_exact", EXACT).alias("_through"),
        running.total("list_exact", EXACT).alias("_list_through"),
    )
    rounded = totals.with_columns(
        (pl.col("_through") - pl.col("amount_exact")).alias("amount_exact_before"),
        _booked("_through").alias("_booked"),
        _booked("_list_through").alias("_list_booked"),
    )
    by_event = (pl.col("round_at") == "event") & pl.col("fees").is_not_null()
    return rounded.with_columns(
        pl.when(by_event).then("fees").otherwise(_difference("_booked")).alias("amount"),
        pl.when(by_event).then("list_fees").otherwise(_difference("_list_booked")).alias("list_amount"),
    ).drop("_through", "_list_through", "_booked", "_list_booked", running.STARTS)


def _booked(through: str) -> pl.Expr:
    return money.round_to_minor(pl.col(through), pl.col("minor_units"), pl.col("rounding"))


def _difference(booked: str) -> pl.Expr:
    """The rounded running total less what it was with the line before: so the lines sum to the last of them."""
    total = pl.col(booked)
    return (total - running.before(total, at_start=pl.lit(0).cast(AMOUNT))).cast(AMOUNT)


def _named(lines: pl.LazyFrame) -> pl.LazyFrame:
    parts = [pl.col(name).dt.to_string("iso") if name == "service_date" else name for name in OF_THE_ID]
    return lines.with_columns(
        pl.concat_str(parts, separator="/").alias("line_item_id"),
        pl.lit(value=False).alias("is_adjustment"),
        pl.col("service_date").alias("posting_date"),
        pl.lit(None, dtype=pl.String).alias("applies_to_line_item_id"),
        pl.lit(RULE_VERSION).alias("rule_version"),
    )
