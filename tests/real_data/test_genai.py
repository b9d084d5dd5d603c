"""1,730 real responses at upstream's own price, line by line."""

from decimal import Decimal

import pytest

from tests.real_data import genai
from tests.real_data.nights import assert_all_accepted, assert_everything_ties_out, run_night

LINES = 3_564
SEARCHES = 5
# A price stands in the list without usage, too: what nobody used is a line of nothing.
USED = "from marts.fct_line_item where quantity > 0"
CASE = "dimensions ->> '$.case_id'"


@pytest.fixture(scope="module")
def published(shared, tmp_path_factory):
    home = tmp_path_factory.mktemp("genai")
    genai.land(shared, home / "landing")
    return run_night(home, genai.DELIVERY)


def test_the_night_ties_out(published):
    assert_everything_ties_out(published)
    assert_all_accepted(published, LINES + SEARCHES)


def test_every_line_is_the_amount_that_upstream_computed(published, shared):
    found = published.rows(
        f"select {CASE}, dimensions ->> '$.provider_id', dimensions ->> '$.model_id', "
        f"dimensions ->> '$.{genai.KIND}', quantity, amount_exact {USED} and price_id <> 'web_search'"
    )
    columns = ["case_id", "provider_id", "model_id", genai.KIND, "quantity_tokens", "amount_usd"]
    known = [
        (*names, Decimal(quantity), Decimal(amount))
        for *names, quantity, amount in genai.priced_lines(shared).select(columns).rows()
        if quantity > 0
    ]
    assert sorted(found) == sorted(known)


def test_every_search_is_the_amount_that_it_brings(published, shared):
    found = dict(published.rows(f"select {CASE}, amount_exact {USED} and price_id = 'web_search'"))
    known = genai.searches(shared).select("case_id", "other_usd").rows()
    assert found == {case: Decimal(amount) for case, amount in known}
    assert len(found) == SEARCHES


def test_the_totals_are_those_of_upstream(published, truths):
    tokens, searched, together = published.row(
        "select sum(amount_exact) filter (price_id <> 'web_search'), "
        "sum(amount_exact) filter (price_id = 'web_search'), sum(amount_exact) from marts.fct_line_item"
    )
    assert (tokens, searched, together) == (
        Decimal("14.9591330778"),
        Decimal("0.14"),
        Decimal("15.0991330778"),
    )
    assert together == Decimal(truths["genai_dev"]["sum_total"])


def test_every_response_comes_to_the_price_that_upstream_expects(published, shared):
    found = dict(published.rows(f"select {CASE}, sum(amount_exact) {USED} group by 1"))
    requests = genai.requests(shared).select("case_id", "expected_total_usd").rows()
    assert len(requests) == 1_730
    assert {case: found.get(case, Decimal(0)) for case, _ in requests} == {
        case: Decimal(total) for case, total in requests
    }
