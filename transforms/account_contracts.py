"""Builder of `account_contracts`."""

from datetime import date

import polars as pl

from data_contracts import AccountContracts, Accounts, AsOf, Companies, Contracts

DEFAULT_PREFIX = "default:"
# The default plan bills by the calendar month; only a contract can say otherwise.
FIRST_OF_MONTH = date(2000, 1, 1)


def account_contracts(
    accounts: AsOf[Accounts], contracts: AsOf[Contracts], companies: AsOf[Companies]
) -> AsOf[AccountContracts]:
    """Say under what each account is billed on each local day: its signed contracts, and the default plan.

    Grain:   one row per account, contract and `valid_from`; two contracts of an account may overlap, and which of
             them covers a meter is decided where usage is resolved.
    Rule:    the default plan spans the whole life of an account; it counts only where no signed contract covers.
    Source:  dbt_project/docs/decisions.md#which-contract-covers-usage
    """
    states = accounts.select(
        "account_id",
        pl.col("valid_from").alias("_account_from"),
        pl.col("valid_to").alias("_account_to"),
        pl.col("currency").alias("_account_currency"),
        "time_zone",
        "payer_id",
        "legal_entity_id",
    )
    signed = (
        contracts.join(states, on="account_id", how="inner", validate="m:m")
        .with_columns(
            pl.max_horizontal("valid_from", "starts_on", "_account_from").alias("valid_from"),
            pl.min_horizontal("valid_to", "ends_on", "_account_to").alias("valid_to"),
            pl.coalesce("currency", "_account_currency").alias("currency"),
            pl.lit(value=False).alias("is_default"),
        )
        .filter(pl.col("valid_from") < pl.col("valid_to"))
        .with_columns(_rate_set(pl.when("has_overrides").then(pl.format("|{}", "contract_id")).otherwise(pl.lit(""))))
    )
    default_plan = companies.select(pl.col("default_plan_id").alias("plan_id")).filter(pl.col("plan_id").is_not_null())
    unsigned = (
        states.join(default_plan, how="cross")
        .with_columns(
            pl.format(DEFAULT_PREFIX + "{}", "account_id").alias("contract_id"),
            pl.col("_account_from").alias("valid_from"),
            pl.col("_account_to").alias("valid_to"),
            pl.col("_account_currency").alias("currency"),
            pl.lit(value=True).alias("is_default"),
            pl.lit("month").alias("billing_interval"),
            pl.lit(FIRST_OF_MONTH).alias("billing_anchor_date"),
        )
        .with_columns(_rate_set(pl.lit("")))
    )
    wanted = list(AccountContracts.schema())
    return pl.concat([signed.select(wanted), unsigned.select(wanted)]).sort(AccountContracts.keys)


def _rate_set(overrides: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.format("{}|{}|{}", "plan_id", "currency", "time_zone"), overrides).alias("rate_set_id")
