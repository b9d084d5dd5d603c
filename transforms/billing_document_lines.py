"""Builder of `billing_document_lines`."""

import polars as pl

from data_contracts import AsOf, BillableLines, BillingDocumentLines, Issued, IssuedDocuments, IssuedLines
from transforms.billable_lines import known_sum

ACCOUNT = ["legal_entity_id", "payer_id", "currency"]
PERIOD = [*ACCOUNT, "billing_period_start", "billing_period_end"]
LINE = list(BillableLines.keys)
ORDER = ["corrects_document_id", "billing_period_start", *LINE[len(PERIOD) :]]
MEASURES = ["quantity", "amount", "rated_line_count"]
INVOICE, CREDIT_NOTE = "invoice", "credit_note"


def billing_document_lines(
    billable_lines: AsOf[BillableLines],
    issued_lines: Issued[IssuedLines],
    issued_documents: Issued[IssuedDocuments],
) -> AsOf[BillingDocumentLines]:
    """Put what is earned on invoices and credit notes: issued ones as they are, and what they lack on the others.

    Grain:   one row per document and line.
    Rule:    of each line what is issued is taken off what is earned. What is left of a period without an invoice is its
             invoice. What is left of an invoiced period is a correction: below zero in sum a credit note of its own,
             else lines of the payer's next invoice, which is a document of its own when no other is open. Example: 100
             issued, then 90 earned: a credit note of -10; then 105: a line of 15 on the next invoice.
    Source:  dbt_project/docs/decisions.md#later-differences-of-issued-documents
    """
    left = _left(billable_lines, issued_lines)
    invoiced = issued_documents.filter(pl.col("corrects_document_id").is_null()).select(
        *PERIOD, pl.col("document_id").alias("corrects_document_id")
    )
    judged = left.join(invoiced, on=PERIOD, how="left", validate="m:1")
    fresh = judged.filter(pl.col("corrects_document_id").is_null()).with_columns(
        _period_id().alias("document_id"),
        pl.lit(INVOICE).alias("document_kind"),
        pl.lit(None, pl.Int64).alias("corrects_line_no"),
    )
    corrections = _corrections(judged.filter(pl.col("corrects_document_id").is_not_null()), fresh, issued_documents)
    # One line of an invoice has one key, so a correction finds at most one.
    corrected = issued_lines.filter(pl.col("corrects_document_id").is_null()).select(
        *LINE, pl.col("document_id").alias("corrects_document_id"), pl.col("line_no").alias("corrects_line_no")
    )
    corrections = corrections.join(corrected, on=[*LINE, "corrects_document_id"], how="left", validate="m:1")
    columns = list(BillingDocumentLines.schema())
    of_tonight = (
        pl.concat([fresh, corrections], how="diagonal")
        .sort("document_id", *ORDER, nulls_last=False)
        .with_columns((pl.int_range(pl.len()).over("document_id") + 1).alias("line_no"))
    )
    return pl.concat([issued_lines.select(columns), of_tonight.select(columns)]).sort("document_id", "line_no")


def _left(earned: pl.LazyFrame, issued_lines: pl.LazyFrame) -> pl.LazyFrame:
    """What is earned and on no issued document, by line; below zero where more was issued than is earned now."""
    columns = [*LINE, "service_period_start", "service_period_end", "unit_price", *MEASURES, "amount_reporting"]
    taken_off = issued_lines.select(columns).with_columns(-pl.col(*MEASURES, "amount_reporting"))
    both = pl.concat(
        [
            earned.select(columns).with_columns(pl.lit(value=False).alias("_is_issued")),
            taken_off.with_columns(pl.lit(value=True).alias("_is_issued")),
        ],
        how="vertical_relaxed",
    )
    left = both.group_by(LINE).agg(
        pl.col("service_period_start").min(),
        pl.col("service_period_end").max(),
        pl.col("unit_price").drop_nulls().first(),
        *(pl.col(name).sum() for name in MEASURES),
        known_sum("amount_reporting"),
        pl.col("_is_issued").any(),
    )
    # What is issued as it is earned needs no line; what was never issued has one, also of nothing: it says so.
    has_rest = pl.any_horizontal(pl.col(*MEASURES, "amount_reporting").ne_missing(0))
    return left.filter(~pl.col("_is_issued") | has_rest).cast(
        {name: BillingDocumentLines.schema()[name] for name in (*MEASURES, "amount_reporting")}
    )


def _corrections(rows: pl.LazyFrame, fresh: pl.LazyFrame, issued_documents: pl.LazyFrame) -> pl.LazyFrame:
    """Give each correction its document: a credit note, the payer's next invoice, or an invoice of its own."""
    earlier = (
        issued_documents.filter(pl.col("corrects_document_id").is_not_null())
        .group_by("corrects_document_id", "document_kind")
        .agg(pl.len().alias("_earlier"))
    )
    next_open = (
        fresh.sort("billing_period_end", "billing_period_start")
        .group_by(ACCOUNT, maintain_order=True)
        .agg(pl.col("document_id").first().alias("_next"))
    )
    is_credit = pl.col("amount").sum().over("corrects_document_id") < 0
    number = pl.col("_earlier").fill_null(0) + 1
    own_id = pl.format("{}:{}:{}", "corrects_document_id", "document_kind", number)
    return (
        rows.with_columns(
            pl.when(is_credit).then(pl.lit(CREDIT_NOTE)).otherwise(pl.lit(INVOICE)).alias("document_kind")
        )
        .join(earlier, on=["corrects_document_id", "document_kind"], how="left", validate="m:1")
        .join(next_open, on=ACCOUNT, how="left", validate="m:1")
        .with_columns(
            pl.when(pl.col("document_kind") == CREDIT_NOTE)
            .then(own_id)
            .otherwise(pl.coalesce("_next", own_id))
            .alias("document_id")
        )
    )


def _period_id() -> pl.Expr:
    start, end = pl.col("billing_period_start"), pl.col("billing_period_end")
    is_month = end == start.dt.offset_by("1mo")
    behind = pl.when(is_month).then(pl.lit("")).otherwise(pl.format("/{}", end.dt.to_string("iso")))
    return pl.concat_str([*ACCOUNT, start.dt.to_string("iso")], separator=":") + behind
