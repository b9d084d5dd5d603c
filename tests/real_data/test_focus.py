"""A real bill from its file to the margin: every digit by provider and by sub-account, as upstream has it."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from tests.real_data import focus
from tests.real_data.nights import assert_everything_ties_out, run_night

COST = "marts.fct_cost_daily where cost_source = 'actual'"


@pytest.fixture(scope="module")
def published(shared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("focus")
    focus.land(shared, folder)
    return run_night(folder, focus.DELIVERY)


def test_the_night_ties_out(published):
    assert_everything_ties_out(published)


def test_all_rows_and_all_that_was_billed_are_accepted(published, truths):
    billed = Decimal(truths["focus"]["totals"]["BilledCost"])
    assert billed == Decimal("20.52022672899")
    assert published.row(
        "select landed_rows, accepted_rows, rejected_rows, landed_quantity, accepted_quantity from audit.aud_input_file"
        " where dataset = 'costs'"
    ) == (1000, 1000, 0, billed, billed)


def test_the_bill_comes_to_the_known_totals_exactly(published, truths):
    totals = truths["focus"]["totals"]
    found = published.row(f"select sum(billed_cost), sum(list_cost), sum(effective_cost) from {COST}")
    assert found == tuple(Decimal(totals[name]) for name in ("BilledCost", "ListCost", "EffectiveCost"))
    assert found[:2] == (Decimal("20.52022672899"), Decimal("20.39090575119"))


def test_each_provider_comes_to_its_known_total(published, truths):
    found = published.rows(f"select provider_name, sum(billed_cost), sum(list_cost) from {COST} group by 1 order by 1")
    known = truths["focus"]["by_provider"]
    assert found == [
        (name, Decimal(known[name]["BilledCost"]), Decimal(known[name]["ListCost"])) for name in focus.PROVIDERS
    ]


def test_each_of_the_73_sub_accounts_comes_to_its_known_total(published, truths):
    found = published.rows(
        f"select provider_name || '|' || account_id, sum(billed_cost), sum(list_cost) from {COST} group by 1"
    )
    known = truths["focus"]["by_subaccount"]
    assert len(known) == 73
    assert {key: (billed, listed) for key, billed, listed in found} == {
        key: (Decimal(truth["billed"]), Decimal(truth["list"])) for key, truth in known.items()
    }
    rows = published.rows("select provider_name || '|' || sub_account_id, count(*) from audit.aud_cost_row group by 1")
    assert dict(rows) == {key: truth["rows"] for key, truth in known.items()}


def test_quantities_and_prices_are_kept_so_that_upstreams_own_identity_holds(published, truths):
    """Quantity times list price is the list cost, within upstream's rounding, on every row that has a price."""
    rows = pl.read_parquet(published.settings.snapshot(focus.DELIVERY) / "cost_rows.parquet").filter(
        pl.col("list_unit_price").is_not_null()
    )
    priced = rows.select("consumed_quantity", "list_unit_price", "list_cost").rows()
    assert sum(abs(quantity * price - cost) < Decimal("1e-9") for quantity, price, cost in priced) == len(priced) == 999
    assert truths["focus"]["rule"].startswith("ConsumedQuantity*ListUnitPrice=ListCost within 1e-9 for 999/999 rows")


def test_a_charge_is_found_again_in_its_file(published):
    """The one credit: upstream's row 2555992 of -2.6137."""
    assert published.rows(
        "select source_file, source_line, billed_cost, account_id, mapping_id from audit.aud_cost_row"
        " where charge_category = 'Credit'"
    ) == [("focus/2024-10-02/focus_1_0_sample_1000.csv.gz", 458, Decimal("-2.6137"), "11353890204", "AWS")]


def test_the_margin_of_a_product_without_revenue_is_what_it_cost(published, truths):
    found = published.rows(
        "select date_month, product_id, sum(revenue), sum(gross_margin) from reports.rpt_gross_margin group by all order by all"
    )
    known = truths["focus"]["by_provider"]
    assert {product: margin for _, product, _, margin in found} == {
        name.lower(): -Decimal(known[name]["BilledCost"]) for name in focus.PROVIDERS
    }
    assert {(month, revenue) for month, _, revenue, _ in found} == {(date(2024, 9, 1), Decimal(0))}
