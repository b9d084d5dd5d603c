"""Closing a month, end to end: what is published of it never changes again, and what comes later is posted later."""

from datetime import date, datetime

import pytest

from orchestration import close, night, publish
from tests.orchestration.closing import DECISION, book, company, use

SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)
GRADUATED = book("graduated", 'tiers: [{up_to: "100", unit_amount: "0.03"}, {up_to: null, unit_amount: "0.01"}]')


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """October is published as of 2 November, closed, and 30 units of it come on the fourth."""
    settings = company(tmp_path_factory.mktemp("closed"), "2026-10-01", GRADUATED)
    use(settings, "2026-10-05", "a,ant,calls,2026-10-05T12:00:00Z,90")
    night.run(settings, date(2026, 11, 2))
    close.close(settings, OCTOBER, DECISION)
    use(settings, "2026-11-04", "b,ant,calls,2026-10-20T12:00:00Z,30", "c,ant,calls,2026-11-03T12:00:00Z,200")
    night.run(settings, date(2026, 11, 4))
    return settings


def ask(settings, question, number=None):
    import duckdb

    with duckdb.connect(str(publish.published_run(settings, number).database), read_only=True) as connection:
        return connection.execute(question).fetchall()


def test_the_month_stays_as_it_was_published_and_the_rest_is_posted_in_the_next(closed):
    by_month = "select accounting_period, is_period_closed, is_adjustment, sum(amount)::varchar from marts.fct_line_item group by all order by all"
    assert ask(closed, by_month, 1) == [("2026-10", False, False, "2.7000"), ("2026-11", False, False, "0.0000")]
    assert ask(closed, by_month) == [
        ("2026-10", True, False, "2.7000"),  # 90 * 0.03
        ("2026-11", False, False, "4.0000"),  # 100 * 0.03 + 100 * 0.01
        ("2026-11", False, True, "0.5000"),  # 100 * 0.03 + 20 * 0.01 - 2.70
    ]


def test_the_month_says_by_whom_it_was_closed(closed):
    assert ask(
        closed,
        "select accounting_period, is_period_closed, closed_by, approved_by, seal_number, line_count, locked_at "
        "from marts.dim_accounting_period order by 1",
    ) == [
        ("2026-10", True, "ada", "grace", 1, 1, datetime(2026, 11, 5, 9)),
        ("2026-11", False, None, None, None, None, None),
    ]
