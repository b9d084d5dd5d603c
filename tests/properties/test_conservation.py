"""Nothing is lost and nothing is made: events, quantities and money add up over the whole chain."""

import os
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal

import polars as pl
from hypothesis import given, settings

from tests.properties.companies import Company, companies

EXAMPLES = int(os.environ.get("RATEBOOK_PROPERTY_COMPANIES", "4"))
MODES = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "down": ROUND_DOWN, "up": ROUND_UP}
MINOR_UNITS = {"USD": 2, "JPY": 0}
WIDE = Context(prec=80)

several = settings(max_examples=EXAMPLES, deadline=None, print_blob=True)


@several
@given(companies())
def test_all_of_the_books_add_up(company: Company):
    """One night for all of it: each rule is a function below, named by what it says."""
    night = company.night()
    every_event_has_an_outcome_as_revenue_and_as_cost(company, night)
    rated_quantities_are_those_of_the_lines(night)
    amounts_of_a_rounding_scope_sum_to_the_rounded_exact_total(company, night)
    totals_before_a_line_are_the_sums_of_the_lines_before(night)
    fees_of_a_day_are_its_line(company, night)


def every_event_has_an_outcome_as_revenue_and_as_cost(company: Company, night: dict[str, pl.DataFrame]) -> None:
    landed = sum(row["quantity"] for row in company.events)
    for kind in ("revenue", "cost"):
        outcomes = night["usage_outcomes"].filter(kind=kind)
        assert outcomes["event_count"].sum() == len(company.events)
        assert outcomes["landed_quantity"].sum() == landed


def rated_quantities_are_those_of_the_lines(night: dict[str, pl.DataFrame]) -> None:
    of_the_line = ["contract_id", "price_version_id", "service_date"]
    rated = night["priced_usage"].filter(outcome="rated").group_by(of_the_line).agg(pl.col("quantity").sum())
    lines = night["line_items"].select(*of_the_line, "quantity")
    unused = lines.join(rated, on=of_the_line, how="anti")
    assert unused["quantity"].sum() == 0, "a line without usage is a line of nothing"
    assert rated.sort(of_the_line).equals(lines.join(rated, on=of_the_line, how="semi").sort(of_the_line))


def amounts_of_a_rounding_scope_sum_to_the_rounded_exact_total(
    company: Company, night: dict[str, pl.DataFrame]
) -> None:
    modes = {row["price_version_id"]: MODES[row["rounding"]] for row in company.versions}
    by_event = {row["price_version_id"] for row in company.versions if row["round_at"] == "event"}
    scopes = (
        night["line_items"]
        .sort("service_date", "quantity_before")
        .partition_by("contract_id", "price_id", "billing_period_start", "currency")
    )
    for lines in scopes:
        last = lines["price_version_id"][-1]
        if last in by_event:
            continue
        unit = Decimal(1).scaleb(-MINOR_UNITS[lines["currency"][0]])
        assert lines["amount"].sum() == lines["amount_exact"].sum().quantize(unit, modes[last], WIDE)


def totals_before_a_line_are_the_sums_of_the_lines_before(night: dict[str, pl.DataFrame]) -> None:
    # Of two versions on one day the earlier one has the smaller name here.
    lines = night["line_items"].sort("service_date", "price_version_id")
    scope = ["contract_id", "price_id", "billing_period_start", "currency"]
    counter = ["contract_id", "price_version_id", "billing_period_start"]
    for names, before, added in (
        (scope, "amount_exact_before", "amount_exact"),
        (counter, "quantity_before", "quantity"),
    ):
        for of_one in lines.partition_by(names, maintain_order=True):
            through = Decimal(0)
            for found, more in of_one.select(before, added).rows():
                assert found == through
                through = WIDE.add(through, more)


def fees_of_a_day_are_its_line(company: Company, night: dict[str, pl.DataFrame]) -> None:
    of_the_line = ["contract_id", "price_version_id", "service_date"]
    sums = [pl.col("amount_exact").sum(), pl.col("amount").sum(), pl.len().alias("events")]
    fees = night["rated_events"].group_by(of_the_line).agg(sums).sort(of_the_line)
    lines = night["line_items"].join(fees.select(of_the_line), on=of_the_line, how="semi").sort(of_the_line)
    assert lines["amount_exact"].to_list() == fees["amount_exact"].to_list()
    if all(row["round_at"] == "event" for row in company.versions if row["model"] == "percentage"):
        assert lines["amount"].to_list() == fees["amount"].to_list()
