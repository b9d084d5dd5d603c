"""Builder of `billing_documents`."""

from datetime import date

import polars as pl

from data_contracts import (
    Accounts,
    Actions,
    AsOf,
    BillingDocumentLines,
    BillingDocuments,
    Companies,
    Contracts,
    Delivered,
    Issued,
    IssuedDocuments,
    Issues,
    LegalEntities,
    UsageOutcomes,
)
from transforms import periods
from transforms.billable_lines import known_sum
from transforms.billing_document_lines import ACCOUNT, CREDIT_NOTE

# Usage that waits for one of these is not billed beside the rest of its payer's: the invoice would be wrong.
PARKING_RULES = ("amount_bound", "negative_total", "no_exchange_rate")
NO_REPORTING_RATE = "no_reporting_rate"
SERIES = ["legal_entity_id", "document_kind", "_year"]


def billing_documents(
    billing_document_lines: AsOf[BillingDocumentLines],
    issued_documents: Issued[IssuedDocuments],
    issues: Issued[Issues],
    usage_outcomes: AsOf[UsageOutcomes],
    accounts: AsOf[Accounts],
    contracts: AsOf[Contracts],
    companies: AsOf[Companies],
    legal_entities: AsOf[LegalEntities],
    actions: Delivered[Actions],
    *,
    as_of: date,
    issues_all: bool,
) -> AsOf[BillingDocuments]:
    """Head the lines with their documents, and say which of them are issued tonight, with their numbers.

    Grain:   one row per document.
    Rule:    a payer's documents are issued on its days of issue: the end of each of its billing periods and the first
             of each month, each with the days of grace behind it; in the first night that gets that far. What is due
             by then and has an amount is issued, unless it is parked. `issues_all`: what is due is issued tonight.
    Source:  dbt_project/docs/decisions.md#when-a-document-is-issued
    """
    open_lines = billing_document_lines.join(issued_documents, on="document_id", how="anti")
    due = _heads(open_lines).pipe(_with_due_date, open_lines, contracts, companies, as_of)
    parked = due.pipe(_with_parking, usage_outcomes, accounts, actions)
    decided = parked.pipe(_with_status, issues, companies, as_of=as_of, issues_all=issues_all)
    numbered = decided.pipe(_with_numbers, issued_documents, legal_entities).pipe(_with_net_terms, accounts)
    columns = list(BillingDocuments.schema())
    return pl.concat([issued_documents.select(columns), numbered.select(columns)]).sort("document_id")


def _heads(lines: pl.LazyFrame) -> pl.LazyFrame:
    is_own = pl.col("corrects_document_id").is_null()
    only_corrects = ~is_own.any()
    return lines.group_by("document_id", "document_kind", *ACCOUNT).agg(
        *(
            pl.coalesce(pl.col(name).filter(is_own).first(), pl.col(name).first()).alias(name)
            for name in ("billing_period_start", "billing_period_end")
        ),
        pl.when(only_corrects).then(pl.col("corrects_document_id").first()).alias("corrects_document_id"),
        pl.len().cast(pl.Int64).alias("line_count"),
        pl.col("amount").sum(),
        known_sum("amount_reporting"),
        (pl.col("amount") != 0).any().alias("_has_amount"),
    )


def _with_due_date(
    documents: pl.LazyFrame, lines: pl.LazyFrame, contracts: pl.LazyFrame, companies: pl.LazyFrame, as_of: date
) -> pl.LazyFrame:
    """Add `_due_on`: the day on which it is due; of a correction by itself the last first of a month, with its grace.

    The grace of a contract is that of its last state in the period; of an invoice of several the longest.
    """
    own = lines.filter(pl.col("corrects_document_id").is_null())
    states = own.select("document_id", "contract_id", "billing_period_end").unique()
    grace = (
        states.join(contracts.select("contract_id", "valid_from", "grace_days"), on="contract_id", how="inner")
        .filter(pl.col("valid_from") < pl.col("billing_period_end"))
        .sort("valid_from")
        .group_by("document_id", "contract_id")
        .agg(pl.col("grace_days").last())
    )
    of_company = companies.select(pl.col("grace_days").alias("_company_grace"))
    longest = (
        states.join(grace, on=["document_id", "contract_id"], how="left", validate="1:1")
        .join(of_company, how="cross")
        .group_by("document_id")
        .agg(pl.coalesce("grace_days", "_company_grace").max().alias("_grace"))
    )
    of_period = pl.col("billing_period_end") + pl.duration(days=pl.col("_grace"))
    return (
        documents.join(longest, on="document_id", how="left", validate="1:1")
        .join(of_company, how="cross")
        .with_columns(
            pl.when(pl.col("corrects_document_id").is_null()).then(of_period).otherwise(_first(as_of)).alias("_due_on")
        )
    )


def _first(as_of: date, *, is_next: bool = False) -> pl.Expr:
    """The last first of a month, with the company's grace behind it, up to D; or the next one after D."""
    grace = pl.duration(days=pl.col("_company_grace"))
    month = pl.lit(as_of) - grace
    return (periods.next_month_start(month) if is_next else periods.month_start(month)) + grace


def _with_parking(
    documents: pl.LazyFrame, usage_outcomes: pl.LazyFrame, accounts: pl.LazyFrame, actions: pl.LazyFrame
) -> pl.LazyFrame:
    """Add `parked_rule`: why the document may not go out, unless it was released by name."""
    released = actions.filter(pl.col("action") == "release").select(pl.col("target").alias("_target")).unique()
    waiting = (
        usage_outcomes.filter(pl.col("kind") == "revenue", pl.col("rule").is_in(PARKING_RULES))
        .select("account_id", "service_date", "rule")
        .unique()
        .join(accounts.select("account_id", "payer_id", "valid_from", "valid_to"), on="account_id", how="inner")
        .filter(periods.covers(pl.col("service_date"), "valid_from", "valid_to"))
        .select("payer_id", "service_date", "rule")
    )
    of_usage = (
        documents.join(waiting, on="payer_id", how="inner")
        .filter(periods.covers(pl.col("service_date"), "billing_period_start", "billing_period_end"))
        .group_by("document_id")
        .agg(pl.col("rule").min().alias("_of_usage"))
    )
    rule = pl.when(pl.col("amount_reporting").is_null()).then(pl.lit(NO_REPORTING_RATE)).otherwise("_of_usage")
    return (
        documents.join(of_usage, on="document_id", how="left", validate="1:1")
        .with_columns(parked_target(pl.col("document_id")).alias("_target"), rule.alias("_rule"))
        .join(released.with_columns(pl.lit(value=True).alias("_is_released")), on="_target", how="left", validate="1:1")
        # An unknown amount cannot be released: there is nothing to book in the company's books.
        .with_columns(
            pl.when(pl.col("_is_released").is_null() | (pl.col("_rule") == NO_REPORTING_RATE))
            .then("_rule")
            .alias("parked_rule")
        )
    )


def parked_target(document_id: pl.Expr) -> pl.Expr:
    """Name of a parked document, as `ratebook release` takes it."""
    return pl.concat_str(pl.lit("parked/"), document_id)


def _with_status(
    documents: pl.LazyFrame, issues: pl.LazyFrame, companies: pl.LazyFrame, *, as_of: date, issues_all: bool
) -> pl.LazyFrame:
    """Add `status`."""
    today = pl.lit(as_of)
    since = issues.select(pl.col("issued_as_of").max().alias("_issued_through"))
    known = documents.join(since, how="cross").join(companies.select("issues_from"), how="cross")
    issued_through = pl.max_horizontal("_issued_through", pl.col("issues_from").dt.offset_by("-1d"))
    is_since = pl.col("_due_on") > issued_through
    # The first of a month with the company's grace is a day of issue of every payer.
    is_day_of_issue = (is_since & (pl.col("_due_on") <= today)).any().over(ACCOUNT) | (_first(as_of) > issued_through)
    by_rule = pl.col("issues_from").is_not_null() & (pl.col("_due_on") >= pl.col("issues_from")) & is_day_of_issue
    # Numbers ascend with the days that they are of.
    is_latest = pl.col("_issued_through").is_null() | (pl.col("_issued_through") <= today)
    is_due = (pl.col("_due_on") <= today) & pl.col("_has_amount") & is_latest
    if not issues_all:
        is_due = is_due & by_rule.fill_null(value=False)
    is_overdue = pl.col("_due_on") <= today
    is_correction = pl.col("corrects_document_id").is_not_null()
    expected = pl.when(is_correction).then(_first(as_of, is_next=True)).otherwise("_due_on")
    is_parked = pl.col("parked_rule").is_not_null()
    return known.with_columns(
        pl.when(is_overdue & is_parked)
        .then(pl.lit("parked"))
        .when(is_due)
        .then(pl.lit("issued"))
        .otherwise(pl.lit("draft"))
        .alias("status")
    ).with_columns(
        pl.when(pl.col("status") == "parked").then("parked_rule").alias("parked_rule"),
        pl.when(pl.col("status") == "issued").then(today).otherwise(expected).alias("document_date"),
    )


def _with_numbers(
    documents: pl.LazyFrame, issued_documents: pl.LazyFrame, legal_entities: pl.LazyFrame
) -> pl.LazyFrame:
    """Number what is issued tonight: on from the last one of its legal entity, kind and year, without a gap."""
    year = pl.col("document_date").dt.year().alias("_year")
    numbers = issued_documents.with_columns(year).group_by(SERIES).agg(pl.len().cast(pl.Int64).alias("_issued"))
    prefixes = legal_entities.select("legal_entity_id", "invoice_prefix")
    place = pl.int_range(pl.len()).over(SERIES) + 1 + pl.col("_issued").fill_null(0)
    letter = pl.when(pl.col("document_kind") == CREDIT_NOTE).then(pl.lit("-C")).otherwise(pl.lit(""))
    number = pl.format("{}{}-{}-{}", "invoice_prefix", letter, "_year", place.cast(pl.String).str.zfill(6))
    is_issued = pl.col("status") == "issued"
    numbered = (
        documents.filter(is_issued)
        .with_columns(year)
        .join(numbers, on=SERIES, how="left", validate="m:1")
        .join(prefixes, on="legal_entity_id", how="left", validate="m:1")
        .sort(*SERIES, "payer_id", "currency", "billing_period_start", "billing_period_end", "document_id")
        .select("document_id", number.alias("document_number"))
    )
    return documents.join(numbered, on="document_id", how="left", validate="1:1")


def _with_net_terms(documents: pl.LazyFrame, accounts: pl.LazyFrame) -> pl.LazyFrame:
    """Add `due_date`; null where the payer has no state on the day, which the contract stops."""
    terms = (
        documents.select("document_id", "payer_id", "document_date")
        .join(accounts, left_on="payer_id", right_on="account_id", how="inner")
        .filter(periods.covers(pl.col("document_date"), "valid_from", "valid_to"))
        .select(
            "document_id",
            (pl.col("document_date") + pl.duration(days=pl.col("net_terms_days"))).alias("due_date"),
        )
    )
    return documents.join(terms, on="document_id", how="left", validate="1:1")
