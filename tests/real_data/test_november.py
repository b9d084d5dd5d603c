"""A price that halves at an instant within a day, within a month: each request at the price of its own second."""

from datetime import date
from decimal import Decimal

import pytest

from tests.real_data import november
from tests.real_data.nights import assert_all_accepted, assert_everything_ties_out, run_night

CHANGE = "timestamp '2024-11-13 02:40:52'"
# Without the lines of nothing that December has on its first day: a price stands in the list without usage too.
LINES = """
    from marts.fct_line_item as line
    join marts.dim_price as price using (price_version_id, currency)
    where line.kind = 'revenue' and line.quantity > 0
"""


@pytest.fixture(scope="module")
def published(shared, tmp_path_factory):
    home = tmp_path_factory.mktemp("november")
    november.land(shared, home / "landing")
    return run_night(home, november.DELIVERY)


def test_the_night_ties_out(published):
    assert_everything_ties_out(published)
    assert_all_accepted(published, 2 * 19_366)


def test_usage_before_and_after_the_change_comes_to_the_known_totals(published, truths):
    found = published.rows(
        f"select price.valid_from >= {CHANGE}, sum(line.amount_exact), max(price.valid_from) = {CHANGE} "
        f"{LINES} group by 1 order by 1"
    )
    assert found == [(False, Decimal("74.433780"), False), (True, Decimal("54.9033775"), True)]
    segments = truths["azure_conv_spread_nov2024_gpt4o"]["segments"]
    assert [exact for _, exact, _ in found] == [Decimal(segment[-1]) for segment in segments.values()]


def test_each_version_rates_the_tokens_of_its_own_time(published, truths):
    found = published.rows(
        f"select price.valid_from >= {CHANGE}, price.meter, sum(line.quantity) {LINES} group by 1, 2 order by 1, 2"
    )
    before, after = truths["azure_conv_spread_nov2024_gpt4o"]["segments"].values()
    assert found == [
        (False, "input_tokens", before[1]),
        (False, "output_tokens", before[2]),
        (True, "input_tokens", after[1]),
        (True, "output_tokens", after[2]),
    ]


def test_the_day_of_the_change_has_a_line_at_each_price(published):
    found = published.rows(
        f"select account_id, line.price_id, count(distinct price_version_id) {LINES} "
        "and service_date = date '2024-11-13' group by 1, 2"
    )
    assert len(found) == 40
    assert {versions for *_, versions in found} == {2}


def test_the_month_is_rounded_once_across_the_change(published):
    booked, first, last = published.row(f"select sum(line.amount), min(service_date), max(service_date) {LINES}")
    assert booked == Decimal("129.32")
    assert (first, last) == (date(2024, 11, 1), date(2024, 11, 30))
    (exact,) = published.row(f"select sum(line.amount_exact) {LINES}")
    assert exact == Decimal("129.3371575")
    # 40 running totals (20 accounts, two prices), each half a cent off at most.
    assert abs(booked - exact) <= 40 * Decimal("0.005")
