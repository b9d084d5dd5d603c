"""A tariff with 17,520 half-hourly prices: each month to the last digit, and invoices that a person can read.

Both groups of homes land twice in one delivery: as they are, in UTC, and as twins whose days are those of London.
"""

from datetime import date
from decimal import Decimal

import pytest

from tests.real_data import london
from tests.real_data.london import GROUPS, TWIN
from tests.real_data.nights import assert_all_accepted, assert_everything_ties_out, run_night

HALF_HOURS = 17_376
LINES = "from marts.fct_line_item where kind = 'revenue'"
IN_UTC = f"not ends_with(account_id, '{TWIN}')"
IN_LONDON = f"ends_with(account_id, '{TWIN}')"
# The price stands in the list without usage too: July of the accounts in UTC is one line of nothing.
USED = "quantity > 0"


@pytest.fixture(scope="module")
def published(shared, tmp_path_factory):
    home = tmp_path_factory.mktemp("london")
    london.land(shared, home)
    return run_night(home, london.DELIVERY)


@pytest.fixture(scope="module")
def monthly(truths):
    """Energy and money per group and month, by UTC."""
    return {
        tuple(month.split(" ")): (Decimal(truth["kwh"]), Decimal(truth["gbp"]))
        for month, truth in truths["lcl_dtou"]["monthly"].items()
    }


def _total(monthly, group: str) -> tuple[Decimal, Decimal]:
    of_group = [figures for (name, _), figures in monthly.items() if name == group]
    return sum(kwh for kwh, _ in of_group), sum(gbp for _, gbp in of_group)


def _by_month(published, where: str) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    found = published.rows(
        f"select replace(account_id, '{TWIN}', ''), strftime(billing_period_start, '%Y-%m'), "
        f"sum(quantity), sum(amount_exact) {LINES} and {USED} and {where} group by 1, 2"
    )
    return {(group, month): (quantity, exact) for group, month, quantity, exact in found}


def test_the_night_ties_out(published):
    assert_everything_ties_out(published)
    assert_all_accepted(published, 2 * HALF_HOURS)


def test_every_half_hour_of_the_tariff_is_a_version(published, truths):
    versions, terms = published.row("select count(*), count(distinct terms_id) from marts.dim_price")
    assert versions == truths["lcl_dtou"]["tariff_rows"] == 17_520
    assert terms == len(truths["lcl_dtou"]["bands"]) == 3


def test_each_month_of_both_groups_comes_to_the_known_total(published, monthly):
    assert len(monthly) == 12
    assert _by_month(published, IN_UTC) == monthly


def test_the_half_year_is_booked_as_six_rounded_months(published):
    found = published.rows(f"select account_id, sum(amount) {LINES} and {IN_UTC} group by 1 order by 1")
    assert found == [("lcl_flex", Decimal("11317.71")), ("lcl_noflex", Decimal("106053.66"))]


def test_a_month_has_a_line_per_half_hour_and_three_on_its_invoice(published):
    half_hours = published.rows(
        f"select account_id, billing_period_start, count(*) {LINES} and {USED} and {IN_UTC} group by 1, 2 order by 1, 2"
    )
    days = {1: 31, 2: 28, 3: 31, 4: 30, 5: 31, 6: 30}
    assert half_hours == [
        (group, date(2013, month, 1), count * 48) for group in GROUPS for month, count in days.items()
    ]
    invoiced = published.rows(
        "select account_id, billing_period_start, count(*), count(distinct unit_price), sum(amount) "
        f"from marts.fct_invoice_line where {IN_UTC} and {USED} group by 1, 2 order by 1, 2"
    )
    assert [(account, month) for account, month, *_ in invoiced] == [
        (account, month) for account, month, _ in half_hours
    ]
    assert {(lines, prices) for _, _, lines, prices, _ in invoiced} == {(3, 3)}
    assert sum(amount for *_, amount in invoiced) == Decimal("11317.71") + Decimal("106053.66")


def test_local_days_move_money_between_months_and_lose_none(published, monthly):
    local = _by_month(published, IN_LONDON)
    months = [f"2013-0{month}" for month in range(1, 8)]
    assert sorted(local) == [(group, month) for group in GROUPS for month in months]
    for group in GROUPS:
        assert _total(local, group) == _total(monthly, group)
        # London keeps UTC until the last day of March, then an hour of each month's last evening is the next month's.
        for month in ("2013-01", "2013-02"):
            assert local[group, month] == monthly[group, month]
        for month in months[2:6]:
            assert local[group, month] != monthly[group, month]
        assert Decimal(0) < local[group, "2013-07"][0] < local[group, "2013-06"][0]


def test_the_days_on_which_the_clocks_change_have_23_hours(published):
    found = published.rows(
        f"select service_date, count(*) {LINES} and account_id = 'lcl_flex{TWIN}' and {USED} "
        "group by 1 having count(*) != 48 order by 1"
    )
    assert found == [(date(2013, 3, 31), 46), (date(2013, 7, 1), 2)]


def test_a_half_hour_is_explained_by_its_one_event(published):
    statement = f"select line_item_id {LINES} and {IN_LONDON} and service_date = date '2013-07-01' order by 1 limit 1"
    assert published.explain(*published.row(statement)).agrees
