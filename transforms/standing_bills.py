"""Builder of `standing_bills`."""

import polars as pl

from data_contracts import AsOf, CostRows, Delivered, StandingBills

BILL = ["provider_name", "billing_account_id", "billing_period_start"]


def standing_bills(cost_rows: Delivered[CostRows]) -> AsOf[StandingBills]:
    """Say which delivery of each bill stands.

    Grain:   one row per provider, billing account and billing period.
    Rule:    a later delivery replaces the bill whole; of two folders in one delivery, the later one stands.
    Source:  dbt_project/docs/decisions.md#a-bill-is-replaced-by-scope
    """
    by_delivery = cost_rows.group_by(*BILL, "delivery_date").agg(pl.col("landed_on").max())
    latest = by_delivery.group_by(BILL).agg(
        pl.col("delivery_date").max(), pl.col("landed_on").sort_by("delivery_date").last()
    )
    return latest.sort(BILL)
