"""Two hours of real requests at the list prices of their day, to the last digit."""

from decimal import Decimal

import pytest

from tests.real_data import azure
from tests.real_data.nights import assert_all_accepted, assert_everything_ties_out, run_night

MODELS = {"azure_code": "gpt-3.5-turbo", "azure_conv": "gpt-4"}
REQUESTS = {"azure_code": 8_819, "azure_conv": 19_366}
EVENTS = 2 * sum(REQUESTS.values())
LINES = "from marts.fct_line_item where kind = 'revenue'"
TRACE = "left(account_id, 10)"


@pytest.fixture(scope="module")
def home(shared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("azure")
    azure.land(shared, folder / "landing", MODELS)
    return folder


@pytest.fixture(scope="module")
def published(home):
    return run_night(home, azure.DELIVERY)


def test_the_night_ties_out(published):
    assert_everything_ties_out(published)
    assert_all_accepted(published, EVENTS)


def test_both_traces_come_to_the_known_total_exactly(published, truths):
    found = dict(published.rows(f"select {TRACE}, sum(amount_exact) {LINES} group by 1"))
    assert found == {"azure_code": Decimal("27.5817530"), "azure_conv": Decimal("916.17600")}
    assert found == {trace: Decimal(truths[trace]["total_usd"]) for trace in azure.TRACES}


def test_each_of_the_forty_accounts_comes_to_its_known_total(published, truths):
    found = published.rows(f"select account_id, sum(amount_exact) {LINES} group by 1")
    known = {
        f"{trace}_{account}": Decimal(truth["usd"])
        for trace in azure.TRACES
        for account, truth in truths[trace]["per_account"].items()
    }
    assert len(known) == 40
    assert dict(found) == known


def test_each_account_used_the_tokens_that_upstream_counts(published, truths):
    found = published.rows("select account_id, meter, quantity, event_count from marts.fct_usage_daily")
    known = {
        (f"{trace}_{account}", f"{side}_tokens", Decimal(truth[side]), truth["requests"])
        for trace in azure.TRACES
        for account, truth in truths[trace]["per_account"].items()
        for side in ("input", "output")
    }
    assert set(found) == known
    assert len(found) == len(known)


def test_what_is_booked_is_rounded_once_per_account_and_price(published):
    found = dict(published.rows(f"select {TRACE}, sum(amount) {LINES} group by 1"))
    assert found == {"azure_code": Decimal("27.59"), "azure_conv": Decimal("916.18")}


def test_the_same_night_again_publishes_the_same_hashes(home, published):
    again = run_night(home, azure.DELIVERY)
    assert again.record.number == published.record.number + 1
    assert again.hashes() == published.hashes()
    assert len(published.hashes()) > 20


def test_a_line_is_explained_by_its_events(published):
    statement = f"select line_item_id {LINES} and account_id = 'azure_code_acct_007' order by 1 limit 1"
    explained = published.explain(*published.row(statement))
    assert explained.agrees
    assert "996656" in explained.as_text().replace(",", "")
