"""What a cloud bill counts, as usage: each row is accounted for, against a reader of CSV that knows no feed.

No book knows these meters yet, so what is negative waits with the rest: whether it may be is the meter's to say.
"""

import csv
import gzip
from collections import Counter, defaultdict
from decimal import Decimal

import polars as pl
import pytest

from data_contracts import LandedFiles, RejectedRows, UsageEvents
from orchestration import intake
from orchestration.settings import Settings
from tests.real_data import focus
from tests.real_data.landing import land_for_feed


@pytest.fixture(scope="module")
def bill(shared) -> list[dict[str, str]]:
    text = gzip.decompress((shared / focus.SAMPLE).read_bytes()).decode()
    return list(csv.DictReader(text.splitlines()))


@pytest.fixture(scope="module")
def taken(shared, tmp_path_factory):
    """Read one table of the snapshot."""
    settings = Settings(home=tmp_path_factory.mktemp("focus_usage"))
    land_for_feed(shared / focus.SAMPLE, settings.home, "focus_usage", focus.DELIVERY)
    intake.snapshot_through(settings, focus.DELIVERY)
    return lambda table: pl.read_parquet(intake.delivered_paths(settings, table, focus.DELIVERY))


def rule(row: dict[str, str]) -> tuple[str, str] | None:
    """What a row breaks, by hand, in the order in which rules are looked at."""
    if row["ConsumedQuantity"] == "NULL":
        return "ConsumedQuantity", "required_value_missing"
    if {"NULL", ""} & {row["SkuPriceId"], row["PricingUnit"]}:
        return "SkuPriceId + PricingUnit", "required_value_missing"
    if len(row["ConsumedQuantity"].partition(".")[2].rstrip("0")) > 12:
        return "ConsumedQuantity", "quantity_has_too_many_decimals"
    return None


def test_every_row_is_accepted_or_rejected_by_name(taken, bill):
    found = taken(RejectedRows).group_by("column_name", "rule").len().rows()
    assert {(column, name): count for column, name, count in found} == Counter(filter(None, map(rule, bill)))
    counted = taken(LandedFiles).select("dataset", "landed_rows", "accepted_rows", "rejected_rows").rows()
    assert counted == [("usage_events", 1000, 985, 15)]


def test_each_sub_account_uses_what_the_bill_counts(taken, bill):
    events = taken(UsageEvents).group_by("account_id", "meter").agg(pl.col("quantity").sum())
    known: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in bill:
        if rule(row) is None:
            known[row["SubAccountId"], f"{row['SkuPriceId']}/{row['PricingUnit']}"] += Decimal(row["ConsumedQuantity"])
    assert {(account, meter): quantity for account, meter, quantity in events.rows()} == known
    # Of the 73 sub-accounts three have nothing but charges without a SKU.
    assert len({account for account, _ in known}) == 70


def test_usage_starts_when_its_charge_period_does(taken, bill):
    first = min(row["ChargePeriodStart"] for row in bill if rule(row) is None)
    assert f"{taken(UsageEvents)['occurred_at'].min()}" == first
