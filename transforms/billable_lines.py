"""Builder of `billable_lines`."""

import polars as pl

from data_contracts import AsOf, BillableLines, PostedLineItems, PriceVersions


def billable_lines(
    posted_line_items: AsOf[PostedLineItems], price_versions: AsOf[PriceVersions]
) -> AsOf[BillableLines]:
    """Add up line items of revenue to what an invoice says of them.

    Grain:   one row per line of an invoice: the line items of a billing period at one price, versions with equal terms
             together, so that a tariff with a price per half-hour has as many lines as it has prices.
    Refuses: a line item without a version; its terms are null, which the contract stops.
    """
    terms = price_versions.select(
        "price_version_id",
        pl.col("currency").alias("price_currency"),
        "terms_id",
        pl.col("unit_amount").alias("unit_price"),
    )
    return (
        posted_line_items.filter(pl.col("kind") == "revenue")
        .join(terms, on=["price_version_id", "price_currency"], how="left", validate="m:1")
        .group_by(BillableLines.keys)
        .agg(
            pl.col("service_date").min().alias("service_period_start"),
            pl.col("service_date").max().dt.offset_by("1d").alias("service_period_end"),
            pl.col("quantity").sum(),
            pl.col("unit_price").first(),
            pl.col("amount").cast(BillableLines.schema()["amount"]).sum(),
            known_sum("amount_reporting"),
            pl.len().alias("rated_line_count"),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in BillableLines.schema().items())
        .sort(BillableLines.keys)
    )


def known_sum(column: str) -> pl.Expr:
    """The sum, unknown as soon as one of its parts is."""
    return pl.when(pl.col(column).is_not_null().all()).then(pl.col(column).sum()).alias(column)
