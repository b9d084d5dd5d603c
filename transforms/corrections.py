"""Builder of `corrections`."""

import polars as pl

from data_contracts import (
    Actions,
    AsOf,
    Corrections,
    Delivered,
    HeldAdjustments,
    LineInputs,
    LineItems,
    PriceVersions,
    Reversals,
    Sealed,
    SealedLineItems,
    SealedPeriods,
    SettledInputs,
    SettledLineItems,
    UsageStates,
)
from data_contracts.line_inputs import COMPONENTS
from data_contracts.vocabulary import AMOUNT, EXACT, QUANTITY
from transforms import periods
from transforms.closed_months import SEALED_AS_OF, closed_through, is_closed

KEY = [
    "legal_entity_id",
    "account_id",
    "contract_id",
    "price_id",
    "dimensions",
    "charge_kind",
    "currency",
    "billing_period_start",
    "billing_period_end",
    "service_month",
]
OF_LAST = ["payer_id", "product_id", "kind", "price_currency", "price_version_id"]
MEASURES = {"quantity": QUANTITY, "amount_exact": EXACT, "amount": AMOUNT, "list_amount": AMOUNT}
# What is compared, in the order in which the last line of a key is looked for: what is known now comes last.
SEALED, HELD, SETTLED, DESIRED = range(4)
RESTATE = "restate"
PERIOD = ["account_id", "payer_id", "billing_period_start"]


def corrections(
    line_items: AsOf[LineItems],
    line_inputs: AsOf[LineInputs],
    settled_line_items: AsOf[SettledLineItems],
    settled_inputs: AsOf[SettledInputs],
    sealed_line_items: Sealed[SealedLineItems],
    held_adjustments: Sealed[HeldAdjustments],
    sealed_periods: Sealed[SealedPeriods],
    usage_states: AsOf[UsageStates],
    reversals: Delivered[Reversals],
    price_versions: AsOf[PriceVersions],
    actions: Delivered[Actions],
) -> AsOf[Corrections]:
    """Compare what closed months hold with what they should hold by everything known now.

    Grain:   one row per key where sealed, settled and desired lines do not come to the same.
    Rule:    posted is desired - settled, what new inputs change under one code, and what was still held at the close;
             drift is settled - sealed without that, what the code alone changes. `restate` posts the drift, too.
             Example: sealed 90.00, settled 90.00, desired 84.00 -> -6.00; sealed 90.00, settled 90.01 -> drift 0.01.
    Source:  dbt_project/docs/decisions.md#corrections-of-closed-months
    """
    closed = closed_through(sealed_periods)
    lines = pl.concat(
        [
            _of_side(sealed_line_items, SEALED),
            _of_side(held_adjustments, HELD),
            _of_side(settled_line_items, SETTLED),
            _of_side(line_items, DESIRED),
        ]
    ).join(closed, on="legal_entity_id", how="inner", validate="m:1")
    # Collected, because causes are looked for only where something differs, which is almost nowhere.
    differing = _compared(lines.filter(is_closed("service_date")), actions).collect().lazy()
    return (
        _with_causes(differing, line_inputs, settled_inputs, usage_states, reversals, price_versions, held_adjustments)
        .select(Corrections.schema().keys())
        .sort(Corrections.keys)
    )


def _of_side(lines: pl.LazyFrame, side: int) -> pl.LazyFrame:
    if side == HELD:
        lines = lines.filter("is_held")
    month = periods.month_start(pl.col("service_date")).alias("service_month")
    return lines.with_columns(month).select(
        *KEY, *OF_LAST, "service_date", *MEASURES, pl.lit(side, dtype=pl.Int8).alias("_side")
    )


def _compared(lines: pl.LazyFrame, actions: pl.LazyFrame) -> pl.LazyFrame:
    """Add up each side of a key, and keep the keys in which any two differ."""
    last = pl.struct("_side", "service_date")
    in_order = [pl.col(name).sort_by(last).last() for name in OF_LAST]
    versions = [_of(side, "price_version_id").unique().sort().alias(f"_versions_{side}") for side in (SEALED, DESIRED)]
    sealed_version = _of(SEALED, "price_version_id").sort_by(_of(SEALED, "service_date")).last()
    summed = (
        lines.group_by(KEY)
        .agg(
            *[
                _of(side, name).sum().cast(dtype).alias(_total(side, name))
                for side in (SEALED, HELD, SETTLED, DESIRED)
                for name, dtype in MEASURES.items()
            ],
            *[(_of(side, "quantity").len() > 0).alias(f"_has_{side}") for side in (SEALED, SETTLED, DESIRED)],
            *in_order,
            *versions,
            sealed_version.alias("sealed_version_id"),
            pl.col(SEALED_AS_OF).first(),
        )
        .with_columns(month_name("legal_entity_id", "service_month").alias("_month_name"))
    )
    posted = {name: _side(DESIRED, name) - _side(SETTLED, name) + _side(HELD, name) for name in MEASURES}
    drift = {name: _side(SETTLED, name) - _side(SEALED, name) - _side(HELD, name) for name in MEASURES}
    # A restatement counts until the next close, which seals what it has posted.
    is_restated = (pl.col("_restated_on") > pl.col(SEALED_AS_OF)).fill_null(value=False)
    nothing = pl.lit(0)
    return (
        summed.join(_restated(actions), on="_month_name", how="left", validate="m:1")
        .with_columns(
            *[pl.col(_total(SEALED, name)).alias(f"sealed_{name}") for name in MEASURES],
            *[
                (posted[name] + pl.when(is_restated).then(drift[name]).otherwise(nothing)).cast(dtype).alias(name)
                for name, dtype in MEASURES.items()
            ],
            *[
                pl.when(is_restated).then(nothing).otherwise(drift[name]).cast(dtype).alias(f"drift_{name}")
                for name, dtype in MEASURES.items()
            ],
            pl.coalesce("sealed_version_id", "price_version_id").alias("sealed_version_id"),
            (
                pl.col(f"_has_{SEALED}")
                & pl.col(f"_has_{DESIRED}")
                & (pl.col(f"_versions_{SEALED}") != pl.col(f"_versions_{DESIRED}"))
            ).alias("is_other_terms"),
        )
        .filter(pl.any_horizontal(pl.col(name) != 0 for name in [*MEASURES, *(f"drift_{each}" for each in MEASURES)]))
    )


def _of(side: int, name: str) -> pl.Expr:
    return pl.col(name).filter(pl.col("_side") == side)


def _total(side: int, name: str) -> str:
    return f"_{name}_{side}"


def _side(side: int, name: str) -> pl.Expr:
    return pl.col(_total(side, name))


def month_name(legal_entity_id: str, month: str) -> pl.Expr:
    """What a person calls the month of a legal entity: `acme_us/2026-10`."""
    return pl.concat_str(legal_entity_id, pl.col(month).dt.strftime("%Y-%m"), separator="/")


def _restated(actions: pl.LazyFrame) -> pl.LazyFrame:
    """The last delivery date on which a month was asked to be restated."""
    return (
        actions.filter(pl.col("action") == RESTATE)
        .group_by(pl.col("target").alias("_month_name"))
        .agg(pl.col("delivery_date").max().alias("_restated_on"))
    )


def _with_causes(
    differing: pl.LazyFrame,
    line_inputs: pl.LazyFrame,
    settled_inputs: pl.LazyFrame,
    usage_states: pl.LazyFrame,
    reversals: pl.LazyFrame,
    price_versions: pl.LazyFrame,
    held_adjustments: pl.LazyFrame,
) -> pl.LazyFrame:
    """Name what changed: usage by the deliveries since the close, the rest by the fingerprints of the inputs."""
    prices = price_versions.group_by("price_id").agg(
        pl.col("meter").first(), pl.max_horizontal("recorded_on", "superseded_on").max().alias("_price_changed_on")
    )
    held = (
        held_adjustments.with_columns(pl.col("causes").alias("_held_causes"))
        .group_by(KEY)
        .agg(pl.col("_held_causes").first())
    )
    priced = differing.join(prices, on="price_id", how="left", validate="m:1").collect().lazy()
    found = (
        priced.join(_usage_since(priced, usage_states, reversals), on=KEY, how="left", validate="1:1")
        .join(_changed(line_inputs, settled_inputs), on=PERIOD, how="left", validate="m:1")
        .join(_known_at_close(settled_inputs), on=PERIOD, how="left", validate="m:1")
        .join(held, on=KEY, how="left", validate="1:1")
        .with_columns(pl.col([*SINCE, *(_is_changed(each) for each in COMPONENTS)]).fill_null(value=False))
    )
    is_new = pl.col("_was_known").is_null()
    is_posted = pl.any_horizontal(pl.col(name) != 0 for name in MEASURES)
    by_usage = pl.any_horizontal(SINCE)
    by_contract, by_account = pl.col(_is_changed("contracts")), pl.col(_is_changed("accounts"))
    # Usage that is rated now, was not at the close, and has not come since: it waited in suspense.
    is_unexplained = ~by_usage & (~by_contract | is_new) & (pl.col("quantity") != 0)
    is_released = pl.col(_is_changed("usage")) & is_unexplained
    rules = {
        "late_usage": pl.col("_is_late"),
        "reversal": pl.col("_is_reversed"),
        "amendment": pl.col("_is_amended"),
        "price_superseded": pl.col("is_other_terms") & (pl.col("_price_changed_on") > pl.col(SEALED_AS_OF)),
        "contract_change": by_contract & ~is_new,
        "account_change": by_account & ~is_new,
        "rate_corrected": pl.col(_is_changed("rates")) & (pl.col("price_currency") != pl.col("currency")),
        "suspense_released": is_released,
    }
    named = [pl.when(holds).then(pl.lit(cause)) for cause, holds in rules.items()]
    causes = pl.concat_str(*named, "_held_causes", separator="+", ignore_nulls=True)
    return found.with_columns(
        pl.when(is_posted & (causes != ""))
        .then(causes.str.split("+").list.unique(maintain_order=True).list.join("+"))
        .when(is_posted & pl.any_horizontal(_is_changed(each) for each in COMPONENTS))
        .then(pl.lit("other_input"))
        .otherwise(pl.lit("rule_change"))
        .alias("causes")
    )


SINCE = ["_is_late", "_is_reversed", "_is_amended"]


def _usage_since(keys: pl.LazyFrame, usage_states: pl.LazyFrame, reversals: pl.LazyFrame) -> pl.LazyFrame:
    """What deliveries since the close brought for the meter within the billing period: usage, reversals, amendments.

    Grain: one row per key of which any was brought.
    """
    asked = keys.select(*KEY, "meter", SEALED_AS_OF).filter(pl.col("meter") != "")
    states = usage_states.select(
        "account_id",
        "meter",
        "delivery_date",
        pl.col("service_date").alias("_day"),
        # An event that came and was taken back counts, what only takes back does not.
        (pl.col("event_count") + pl.col("reversed_count")).alias("_brought"),
        *[pl.lit(0, dtype=pl.Int64).alias(name) for name in ("_reversals", "_amendments")],
    )
    is_amendment = pl.col("correction") == "amendment"
    taken_back = reversals.filter(pl.col("outcome") == "applied").select(
        pl.col("reversed_account_id").alias("account_id"),
        pl.col("reversed_meter").alias("meter"),
        "delivery_date",
        pl.col("reversed_occurred_at").dt.date().alias("_day"),
        pl.lit(0, dtype=pl.Int64).alias("_brought"),
        (~is_amendment).cast(pl.Int64).alias("_reversals"),
        is_amendment.cast(pl.Int64).alias("_amendments"),
    )
    return (
        asked.join(pl.concat([states, taken_back]), on=["account_id", "meter"], how="inner", validate="m:m")
        .filter(
            pl.col("delivery_date") > pl.col(SEALED_AS_OF),
            # The day of what was taken back is UTC's, which may be the neighbour of the local one.
            pl.col("_day") >= pl.col("billing_period_start").dt.offset_by("-1d"),
            pl.col("_day") <= pl.col("billing_period_end"),
        )
        .group_by(KEY)
        .agg(pl.col("_brought", "_reversals", "_amendments").sum())
        .select(
            *KEY,
            (pl.col("_brought") > pl.col("_amendments")).alias("_is_late"),
            (pl.col("_reversals") > 0).alias("_is_reversed"),
            (pl.col("_amendments") > 0).alias("_is_amended"),
        )
    )


def _changed(line_inputs: pl.LazyFrame, settled_inputs: pl.LazyFrame) -> pl.LazyFrame:
    """Which components of a billing period have another fingerprint than at the close, or are new, or gone.

    Grain: one row per account, payer and billing period of which any has.
    """
    both = pl.concat([line_inputs, settled_inputs])
    differing = (
        both.group_by(*PERIOD, "component")
        .agg(pl.len().alias("_sides"), pl.col("fingerprint").n_unique().alias("_contents"))
        .filter((pl.col("_sides") == 1) | (pl.col("_contents") > 1))
    )
    return differing.group_by(PERIOD).agg(
        (pl.col("component") == component).any().alias(_is_changed(component)) for component in COMPONENTS
    )


def _known_at_close(settled_inputs: pl.LazyFrame) -> pl.LazyFrame:
    """The billing periods of accounts that had any line at the close."""
    return settled_inputs.select(PERIOD).unique().with_columns(pl.lit(value=True).alias("_was_known"))


def _is_changed(component: str) -> str:
    return f"_{component}_changed"
