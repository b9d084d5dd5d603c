"""The same requests at prices that begin later: everything waits, nothing is billed, nothing is lost."""

from decimal import Decimal

import pytest

from tests.real_data import azure
from tests.real_data.nights import assert_all_accepted, assert_everything_ties_out, run_night

MODELS = {"azure_code": "azure/gpt-35-turbo", "azure_conv": "azure/gpt-4"}


@pytest.fixture(scope="module")
def published(shared, tmp_path_factory):
    home = tmp_path_factory.mktemp("azure_without_prices")
    azure.land(shared, home / "landing", MODELS)
    return run_night(home, azure.DELIVERY)


def test_the_night_ties_out(published):
    assert_everything_ties_out(published)
    assert_all_accepted(published, 2 * (8_819 + 19_366))


def test_the_history_has_versions_and_none_of_them_was_in_force(published, truths):
    assert set(truths["azure_missing_price"].values()) == {"None"}
    versions, first = published.row("select count(*), min(valid_from) from marts.dim_price")
    assert versions == 6
    assert str(first) == "2023-11-23 21:50:09"


def test_all_usage_waits_for_a_price(published, truths):
    found = published.rows(
        "select left(account_id, 10), meter, rule, sum(event_count), sum(quantity) "
        "from audit.aud_suspense where kind = 'revenue' group by all order by all"
    )
    assert found == [
        (trace, meter, "no_price", truths[trace]["rows"], Decimal(truths[trace][counted]))
        for trace in azure.TRACES
        for meter, counted in (("input_tokens", "context_tokens"), ("output_tokens", "generated_tokens"))
    ]


def test_nothing_is_billed(published):
    assert published.row(
        "select coalesce(sum(amount_exact), 0), coalesce(sum(amount), 0) from marts.fct_line_item"
    ) == (
        0,
        0,
    )
    assert published.row("select coalesce(sum(total_amount), 0) from marts.fct_invoice") == (0,)
