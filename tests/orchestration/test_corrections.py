"""What comes to light about a closed month is posted in the first open one, and the closed month stays as it was."""

from decimal import Decimal

import polars as pl
import pytest

from data_contracts import Adjustments, Corrections, SealedLineItems
from tests.orchestration.closing import book, company, known, posted, sealed, totals, use

VOLUME = book("volume", 'tiers: [{up_to: "1000", unit_amount: "0.10"}, {up_to: null, unit_amount: "0.08"}]')


@pytest.fixture(scope="module")
def late(tmp_path_factory):
    """900 units of October, closed; then 150 more of October, which bring all units to the cheaper tier."""
    settings = company(tmp_path_factory.mktemp("late"), "2026-10-01", VOLUME)
    use(settings, "2026-10-05", "a,ant,calls,2026-10-05T12:00:00Z,900")
    sealed(settings, "2026-11-02", "2026-10")
    use(settings, "2026-11-04", "b,ant,calls,2026-10-20T12:00:00Z,150", "c,ant,calls,2026-11-03T12:00:00Z,200")
    return settings


def test_late_usage_is_posted_as_the_difference_in_the_first_open_month(late):
    build = known(late, "2026-11-04")
    # 1050 · 0.08 - 900 · 0.10
    assert totals(build) == {
        ("2026-10", False): Decimal("90.0000"),
        ("2026-11", True): Decimal("-6.0000"),
        ("2026-11", False): Decimal("20.0000"),  # 200 · 0.10: the billing period is the month
    }
    (line,) = build.frame(Adjustments).collect().to_dicts()
    assert (line["causes"], line["is_held"]) == ("late_usage", False)
    assert (str(line["service_date"]), str(line["posting_date"])) == ("2026-10-31", "2026-11-01")
    assert (line["quantity_before"], line["quantity"]) == (900, 150)


def test_a_run_of_the_close_or_of_an_earlier_day_sees_the_month_open(late):
    assert known(late, "2026-11-02").seals == ()
    assert posted(known(late, "2026-11-02"))[0][:2] == ("2026-10", False)
    assert known(late, "2026-11-02").frame(Corrections).collect().is_empty()
    assert len(known(late, "2026-11-03").seals) == 1


def test_the_sealed_lines_are_those_of_the_run_that_was_closed(late):
    then = known(late, "2026-11-02").frame(SealedLineItems)
    now = known(late, "2026-11-04").frame(SealedLineItems).collect()
    assert then.collect().is_empty()
    assert now.select(pl.col("amount").sum()).item() == Decimal("90.0000")


def test_an_adjustment_becomes_a_fact_with_the_next_close_and_is_not_posted_again(late):
    sealed(late, "2026-12-02", "2026-11")
    after = known(late, "2026-12-05")
    assert totals(after)["2026-11", True] == Decimal("-6.0000")
    assert ("2026-12", True) not in totals(after)
