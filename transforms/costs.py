"""Builder of `costs`."""

from datetime import timedelta

import polars as pl

from data_contracts import AsOf, CostConditions, CostMappings, CostRows, Costs, Delivered, StandingBills
from data_contracts.costs import UNMAPPED

# What a mapping may ask for, by its name in the book, beside the tags.
ATTRIBUTES = {
    "provider": "provider_name",
    "billing_account": "billing_account_id",
    "sub_account": "sub_account_id",
    "service": "service_name",
    "service_category": "service_category",
    "sku": "sku_id",
    "region": "region_id",
    "resource": "resource_id",
    "charge_category": "charge_category",
}
STATED = [*ATTRIBUTES.values(), "tags"]
TAG = "tags."
# A member of canonical JSON: a quote inside a text is always escaped, so this finds members and nothing else.
MEMBER = r'"(?:[^"\\]|\\.)*":"(?:[^"\\]|\\.)*"'


def costs(
    cost_rows: Delivered[CostRows],
    standing_bills: AsOf[StandingBills],
    cost_mappings: AsOf[CostMappings],
    cost_conditions: AsOf[CostConditions],
) -> AsOf[Costs]:
    """Keep the bills that stand, and find for each charge the product and the account that it belongs to.

    Grain:   one row per charge of a bill that stands; a charge that no mapping claims stays, by rule.
    Rule:    of the mappings whose conditions a charge keeps, the one with the most conditions counts; two of them
             leave it unmapped.
    Source:  dbt_project/docs/decisions.md#whose-cost-a-charge-is
    """
    standing = cost_rows.join(standing_bills, on=list(StandingBills.schema()), how="semi")
    claimed = _claimed(standing.select(STATED).unique(), cost_mappings, cost_conditions)
    end = pl.col("charge_period_end_at") - timedelta(microseconds=1)
    return (
        standing.join(claimed, on=STATED, how="left", validate="m:1", nulls_equal=True)
        .join(cost_mappings.drop("condition_count", "document"), on="mapping_id", how="left", validate="m:1")
        .with_columns(
            pl.col("charge_period_start_at").dt.date().alias("charge_date"),
            end.dt.date().dt.offset_by("1d").alias("charge_end_date"),
            pl.coalesce("account_id", _stated_account()).alias("account_id"),
        )
        .with_columns(_unmapped_rule().alias("unmapped_rule"))
        .with_columns(
            pl.col("mapping_id").fill_null(""),
            pl.col("product_id").fill_null(UNMAPPED),
            pl.when(pl.col("unmapped_rule").is_null())
            .then("account_id")
            .otherwise(pl.lit(UNMAPPED))
            .alias("account_id"),
            pl.when(pl.col("unmapped_rule").is_null())
            .then("allocation_method")
            .otherwise(pl.lit("unmapped"))
            .alias("allocation_method"),
        )
        .select(Costs.schema().keys())
        .sort(Costs.keys)
    )


def _claimed(stated: pl.LazyFrame, mappings: pl.LazyFrame, conditions: pl.LazyFrame) -> pl.LazyFrame:
    """Return for each combination of attributes that some mapping claims `mapping_id`, or `rivals` when several do."""
    facts = [
        pl.when(pl.col(column).is_not_null()).then(_fact(pl.lit(name), pl.col(column)))
        for name, column in ATTRIBUTES.items()
    ]
    tags = pl.col("tags").str.extract_all(MEMBER).fill_null([])
    attribute, value = pl.col("attribute"), pl.col("required_value")
    member = pl.format('"{}":"{}"', _in_json(attribute.str.strip_prefix(TAG)), _in_json(value))
    required = conditions.select(
        "mapping_id",
        pl.when(attribute.str.starts_with(TAG)).then(member).otherwise(_fact(attribute, value)).alias("fact"),
    )
    kept = (
        stated.with_columns(pl.concat_list(*facts, tags).alias("fact"))
        .explode("fact")
        .join(required, on="fact", how="inner", validate="m:m")
        .group_by(*STATED, "mapping_id")
        .agg(pl.len().cast(pl.Int64).alias("condition_count"))
        .join(mappings.select("mapping_id", "condition_count"), on=["mapping_id", "condition_count"], how="semi")
    )
    best = kept.filter(pl.col("condition_count") == pl.col("condition_count").max().over(STATED))
    alone = pl.len() == 1
    return best.group_by(STATED).agg(
        pl.when(alone).then(pl.col("mapping_id").first()).alias("mapping_id"),
        pl.when(~alone).then(pl.col("mapping_id").sort().str.join(", ")).alias("unmapped_detail"),
    )


def _fact(attribute: pl.Expr, value: pl.Expr) -> pl.Expr:
    return pl.format("{}={}", attribute, value)


def _in_json(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)


def _stated_account() -> pl.Expr:
    """The account that the charge itself names, where its mapping says by what."""
    source = pl.col("account_from")
    tag = pl.col("tags").str.json_path_match(pl.format("$['{}']", source.str.strip_prefix(TAG)))
    return pl.when(source == "sub_account").then("sub_account_id").when(source.str.starts_with(TAG)).then(tag)


def _unmapped_rule() -> pl.Expr:
    is_nameless = (pl.col("allocation_method") == "direct") & pl.col("account_id").is_null()
    return (
        pl.when(pl.col("unmapped_detail").is_not_null())
        .then(pl.lit("ambiguous_mapping"))
        .when(pl.col("mapping_id").is_null())
        .then(pl.lit("no_mapping"))
        .when(is_nameless)
        .then(pl.lit("account_not_stated"))
    )
