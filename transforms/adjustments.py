"""Builder of `adjustments`."""

from decimal import Decimal

import polars as pl

from data_contracts import (
    Actions,
    Adjustments,
    AsOf,
    Companies,
    Corrections,
    Currencies,
    Delivered,
    ExchangeRates,
    Sealed,
    SealedLineItems,
    SealedPeriods,
)
from data_contracts.vocabulary import AMOUNT, EXACT, QUANTITY
from transforms import exchange, periods
from transforms.closed_months import CLOSED_THROUGH, SEALED_AS_OF, closed_through, first_open_day
from transforms.corrections import MEASURES, month_name
from transforms.line_items import RULE_VERSION

MONTH = ["legal_entity_id", "service_month", "currency", "kind"]
ACCOUNT = [*MONTH, "account_id"]
RELEASE = "release"
NAMED = [
    "legal_entity_id",
    "account_id",
    "contract_id",
    "price_version_id",
    "dimensions",
    "charge_kind",
    "_day",
    "currency",
    "_posted",
    "_part",
]


def adjustments(
    corrections: AsOf[Corrections],
    sealed_line_items: Sealed[SealedLineItems],
    sealed_periods: Sealed[SealedPeriods],
    actions: Delivered[Actions],
    companies: AsOf[Companies],
    currencies: AsOf[Currencies],
    exchange_rates: AsOf[ExchangeRates],
    *,
    adjustment_month_bound: Decimal,
    adjustment_account_bound: Decimal,
) -> AsOf[Adjustments]:
    """Turn what closed months lack into lines of the first open month, and hold what is larger than a bound allows.

    Grain:   one row per correction with something to post; two where other versions rate it now.
    Rule:    one line of the difference, or what was sealed reversed and what is desired posted anew. Example: posted
             15 at 10, now 16 at 5: -150 and 80. Held is what brings a month, or an account's month, over its bound, in
             sum of what is added and taken off, until `release` names the bound.
    Source:  dbt_project/docs/decisions.md#corrections-of-closed-months
    """
    closed = closed_through(sealed_periods)
    posted = corrections.filter(pl.any_horizontal(pl.col(name) != 0 for name in MEASURES)).join(
        closed, on="legal_entity_id", how="inner", validate="m:1"
    )
    lines = exchange.with_reporting(
        _lines(posted),
        exchange_rates,
        companies,
        currencies,
        day="posting_date",
        amount_reporting=exchange.converted("amount"),
    )
    bounds = pl.concat(
        [
            _over_bound(posted, sealed_line_items, MONTH, adjustment_month_bound, actions),
            _over_bound(posted, sealed_line_items, ACCOUNT, adjustment_account_bound, actions),
        ]
    )
    held = bounds.group_by(ACCOUNT).agg(pl.col("_bound").sort().str.join(", ").alias("held_as"))
    return (
        lines.join(held, on=ACCOUNT, how="left", validate="m:1")
        .with_columns(pl.col("held_as").is_not_null().alias("is_held"))
        .select(Adjustments.schema().keys())
        .sort(Adjustments.keys)
    )


def _lines(posted: pl.LazyFrame) -> pl.LazyFrame:
    """Write a correction as one line, or as two; what the sealed lines held stands before it."""
    sealed = {name: pl.col(f"sealed_{name}") for name in MEASURES}
    taken_off = {name: -sealed[name] for name in MEASURES}
    anew = {name: sealed[name] + pl.col(name) for name in MEASURES}
    zero = {name: sealed[name] * 0 for name in MEASURES}
    same_terms, other_terms = posted.filter(~pl.col("is_other_terms")), posted.filter("is_other_terms")
    parts = [
        _part(same_terms, "adjustment", "price_version_id", {name: pl.col(name) for name in MEASURES}, sealed),
        _part(other_terms, "reversal", "sealed_version_id", taken_off, sealed),
        _part(other_terms, "adjustment", "price_version_id", anew, zero),
    ]
    last_day = pl.min_horizontal(
        periods.next_month_start(pl.col("service_month")), pl.col("billing_period_end")
    ).dt.offset_by("-1d")
    return (
        pl.concat(parts)
        .with_columns(last_day.alias("service_date"), first_open_day().alias("posting_date"))
        .with_columns(
            pl.col("service_date").dt.to_string("iso").alias("_day"),
            pl.col("posting_date").dt.strftime("%Y-%m").alias("_posted"),
        )
        .with_columns(
            pl.concat_str(NAMED, separator="/").alias("line_item_id"),
            pl.lit(value=True).alias("is_adjustment"),
            pl.lit(None, dtype=pl.Date).alias("price_rate_date"),
            pl.lit(None, dtype=pl.String).alias("applies_to_line_item_id"),
            pl.lit(RULE_VERSION).alias("rule_version"),
        )
    )


def _part(
    posted: pl.LazyFrame, part: str, version: str, amounts: dict[str, pl.Expr], before: dict[str, pl.Expr]
) -> pl.LazyFrame:
    return posted.with_columns(
        pl.lit(part).alias("_part"),
        pl.col(version).alias("price_version_id"),
        amounts["quantity"].cast(QUANTITY).alias("quantity"),
        before["quantity"].cast(QUANTITY).alias("quantity_before"),
        amounts["amount_exact"].cast(EXACT).alias("amount_exact"),
        before["amount_exact"].cast(EXACT).alias("amount_exact_before"),
        amounts["amount"].cast(AMOUNT).alias("amount"),
        amounts["list_amount"].cast(AMOUNT).alias("list_amount"),
    )


def _over_bound(
    posted: pl.LazyFrame, sealed_line_items: pl.LazyFrame, scope: list[str], share: Decimal, actions: pl.LazyFrame
) -> pl.LazyFrame:
    """The bounds that are broken and not released, by name, for each account that they hold."""
    sealed = (
        sealed_line_items.with_columns(periods.month_start(pl.col("service_date")).alias("service_month"))
        .group_by(scope)
        .agg(pl.col("amount").sum().abs().alias("_sealed"))
    )
    size = posted.group_by(scope).agg(
        pl.col("amount").abs().sum().alias("_size"), pl.col(SEALED_AS_OF).first(), pl.col(CLOSED_THROUGH).first()
    )
    released = (
        actions.filter(pl.col("action") == RELEASE)
        .group_by(pl.col("target").alias("_bound"))
        .agg(pl.col("delivery_date").max().alias("_released_on"))
    )
    allowed = pl.col("_sealed").fill_null(0) * pl.lit(share)
    # A release counts until the next close, which seals what it has let pass.
    is_released = (pl.col("_released_on") > pl.col(SEALED_AS_OF)).fill_null(value=False)
    names = ["account_id"] if "account_id" in scope else []
    return (
        size.join(sealed, on=scope, how="left", validate="1:1")
        .filter(pl.col("_size") > allowed)
        .with_columns(
            pl.concat_str(
                pl.lit("adjustments"),
                month_name("legal_entity_id", "service_month"),
                "currency",
                "kind",
                *names,
                separator="/",
            ).alias("_bound")
        )
        .join(released, on="_bound", how="left", validate="m:1")
        .filter(~is_released)
        .select(*scope, "_bound")
        .join(posted.select(ACCOUNT).unique(), on=scope, how="inner", validate="1:m")
        .select(*ACCOUNT, "_bound")
    )
