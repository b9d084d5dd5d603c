"""On which days documents are issued by rule: a calendar of the contracts' billing periods, whatever was used."""

from datetime import date, timedelta

import polars as pl

from transforms import periods


def days_of_issue(contracts: pl.LazyFrame, companies: pl.LazyFrame, *, after: date | None, through: date) -> list[date]:
    """Return the days of issue after one day and up to another, ascending; none if the book does not say since when.

    Rule: the end of each billing period that a contract has, with its days of grace; for the default plan, and for
    corrections, the first of each month with the company's.
    Example: anchored on the 15th with 3 days of grace: the 18th of each month.
    """
    (company,) = companies.select("issues_from", "grace_days").collect().rows()
    issues_from, company_grace = company
    if issues_from is None:
        return []
    first = issues_from if after is None else max(issues_from, after + timedelta(days=1))
    if first > through:
        return []
    by_contract = contracts.select(
        pl.col("billing_interval").alias("interval"),
        pl.col("billing_anchor_date").alias("anchor"),
        pl.col("grace_days").fill_null(company_grace).alias("grace"),
    )
    of_company = {"interval": ["month"], "anchor": [date(2000, 1, 1)], "grace": [company_grace]}
    rhythms = pl.concat([by_contract, pl.LazyFrame(of_company, schema=by_contract.collect_schema())]).unique()
    days = pl.LazyFrame({"day": pl.date_range(first, through, eager=True)})
    period_end = pl.col("day") - pl.duration(days=pl.col("grace"))
    rhythm = [pl.col("interval"), pl.col("anchor")]
    starts_then = periods.start(periods.number(pl.col("end"), *rhythm), *rhythm) == pl.col("end")
    found = days.join(rhythms, how="cross").with_columns(period_end.alias("end")).filter(starts_then)
    return found.select(pl.col("day").unique().sort()).collect().to_series().to_list()
