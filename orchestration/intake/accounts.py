"""Account records as rows of `account_rows`, and the rules that an account record must keep."""

from datetime import date

import polars as pl

from data_contracts import AccountRows
from orchestration.intake import values
from orchestration.intake.judged import judge
from orchestration.intake.records import Layout
from orchestration.intake.values import Check, Fault

NAMES = ("parent_account_id", "legal_entity_id", "segment", "region")
LAYOUT = Layout(
    ("account_id", "name", "currency"),
    ("country", "time_zone", "tax_exempt", "net_terms_days", "valid_from", *NAMES),
)
DEFAULT_NET_TERMS_DAYS = 30


def account_rows(records: pl.DataFrame, delivery_date: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the well-formed accounts of a snapshot, and the records that break a rule.

    Grain: each record is in exactly one of the two. `records` are those of all files of the snapshot, with
    `source_file`, because an account that stands in it twice is rejected both times: neither is known to be right.
    """
    good, bad = judge(records.with_columns(pl.col("raw:account_id").is_duplicated().alias("is_repeated")), _checks())
    rows = good.select(
        pl.lit(delivery_date).alias("delivery_date"),
        pl.col("raw:account_id").alias("account_id"),
        pl.col("raw:name").alias("account_name"),
        pl.col("raw:currency").alias("currency"),
        pl.col("raw:country").alias("country"),
        pl.col("raw:time_zone").fill_null("UTC").alias("time_zone"),
        *(pl.col(f"raw:{name}").alias(name) for name in NAMES),
        (pl.col("raw:tax_exempt").fill_null("false") == "true").alias("is_tax_exempt"),
        pl.col("raw:net_terms_days").cast(pl.Int64).fill_null(DEFAULT_NET_TERMS_DAYS).alias("net_terms_days"),
        values.day_value(pl.col("raw:valid_from")).fill_null(pl.lit(delivery_date)).alias("valid_from"),
        "source_file",
        pl.col("line").alias("source_line"),
    )
    return rows.select(pl.col(name).cast(dtype) for name, dtype in AccountRows.schema().items()), bad


def _checks() -> list[Check]:
    raw = {name: pl.col(f"raw:{name}") for name in (*LAYOUT.required, *LAYOUT.optional)}
    return [
        *(values.name_check(raw[name], name, required=True) for name in ("account_id", "name")),
        values.holds(
            Fault(
                "account_twice_in_the_snapshot",
                "account_id",
                raw["account_id"].is_not_null() & pl.col("is_repeated"),
                "The account stands in this snapshot more than once.",
                "Deliver one row per account; none of them was taken.",
            )
        ),
        values.currency_check(raw["currency"], "currency", required=True),
        values.holds(
            Fault(
                "country_not_two_letters",
                "country",
                ~values.is_blank(raw["country"]) & ~raw["country"].str.contains("^[A-Z]{2}$"),
                "`country` is not an ISO 3166 code of two upper-case letters.",
                "Write it like DE.",
            )
        ),
        values.holds(
            Fault(
                "time_zone_unknown",
                "time_zone",
                ~values.is_blank(raw["time_zone"]) & ~raw["time_zone"].is_in(values.time_zones()),
                "`time_zone` is not a zone of the IANA database.",
                "Write it like Europe/Berlin, exactly.",
            )
        ),
        values.holds(
            Fault(
                "tax_exempt_not_true_or_false",
                "tax_exempt",
                ~values.is_blank(raw["tax_exempt"]) & ~raw["tax_exempt"].is_in(["true", "false"]),
                "`tax_exempt` is neither true nor false.",
                "Write true or false.",
            )
        ),
        values.holds(
            Fault(
                "net_terms_days_not_a_count",
                "net_terms_days",
                ~values.is_blank(raw["net_terms_days"]) & ~raw["net_terms_days"].str.contains("^[0-9]{1,4}$"),
                "`net_terms_days` is not a whole number of days.",
                "Write it like 30.",
            )
        ),
        values.day_check(raw["valid_from"], "valid_from"),
        *(values.name_check(raw[name], name) for name in NAMES),
    ]
