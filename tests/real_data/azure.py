"""An hour of real requests to language models: each row is one request, and becomes one event per meter."""

from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path

import polars as pl

from tests.real_data import litellm
from tests.real_data.landing import INSTANT, KNOWN_SINCE, land_accounts, land_csv, land_json, read_text_csv

ACCOUNTS = 20
DELIVERY = date(2023, 11, 17)
TRACES = ("azure_code", "azure_conv")


def requests(shared: Path, trace: str) -> pl.DataFrame:
    """Read a trace.

    Grain: one row per request, with `row`, `account_id`, `occurred_at` and the tokens of both meters as text.
    """
    name = trace.replace("azure_", "azure_llm_2023_")
    rows = read_text_csv(shared / f"data/usage/{name}.csv.gz").with_row_index("row")
    # No engine has SHA-256 over a column; the source has no account id, so this is the rule that gives it one.
    numbers = [int(sha256(f"{trace}:{row}".encode()).hexdigest(), 16) % ACCOUNTS for row in range(rows.height)]
    number = pl.Series("number", numbers).cast(pl.String).str.zfill(3)
    # Seven decimals upstream: the seventh is cut, not rounded.
    instant = pl.col("TIMESTAMP").str.head(26).str.to_datetime("%Y-%m-%d %H:%M:%S%.6f", time_unit="us")
    return rows.select(
        "row",
        pl.concat_str(pl.lit(f"{trace}_acct_"), number).alias("account_id"),
        instant.alias("occurred_at"),
        pl.col("ContextTokens").alias("input_tokens"),
        pl.col("GeneratedTokens").alias("output_tokens"),
    )


def events(made: pl.DataFrame, prefix: str) -> pl.DataFrame:
    """Turn requests into landed usage: two events each, `<prefix>-<row>-in` and `-out`."""
    ends = pl.DataFrame({"meter": list(litellm.METERS.values()), "end": ["in", "out"]})
    long = made.unpivot(
        on=list(litellm.METERS.values()),
        index=["row", "account_id", "occurred_at"],
        variable_name="meter",
        value_name="quantity",
    )
    return (
        long.join(ends, on="meter", how="inner", validate="m:1")
        .sort("row", "end")
        .select(
            pl.format("{}-{}-{}", pl.lit(prefix), "row", "end").alias("event_id"),
            "account_id",
            "meter",
            pl.col("occurred_at").dt.strftime(INSTANT),
            "quantity",
        )
    )


def land(shared: Path, landing: Path, models: Mapping[str, str]) -> None:
    """Write both traces as one delivery; `models` says at whose list prices the accounts of a trace are billed."""
    account_plans: dict[str, str] = {}
    for trace in TRACES:
        made = requests(shared, trace)
        land_csv(events(made, trace), landing, "usage_events", DELIVERY, f"{trace}.csv")
        account_plans |= dict.fromkeys(made["account_id"].unique(), litellm.plan_id(models[trace]))
    land_accounts(list(account_plans), landing, DELIVERY, currency="USD")
    land_json(litellm.price_book(shared, list(models.values())), landing, "price_book", DELIVERY, "litellm.json")
    contracts = [
        {"contract_id": f"{account}:contract", "account_id": account, "plan": plan, "starts_on": KNOWN_SINCE}
        for account, plan in sorted(account_plans.items())
    ]
    land_json({"contracts": contracts}, landing, "contracts", DELIVERY, "contracts.json")
