"""Nine months of a real shop, credit notes among them: every penny of 320,705 rows, with and without the repeated ones."""

from decimal import ROUND_HALF_UP, Decimal

import pytest

from tests.real_data import uci
from tests.real_data.nights import assert_all_accepted, assert_everything_ties_out, run_night

ROWS, REPEATED = 320_705, 2_483
TOTAL, WITHOUT_REPEATED = Decimal("5761931.3820"), Decimal("5750195.1820")
MONTHS = (
    "select strftime(service_date, '%Y-%m'), sum(amount_exact) from marts.fct_line_item "
    "where quantity <> 0 or amount_exact <> 0 group by 1 order by 1"
)


@pytest.fixture(scope="module")
def file_rows(shared):
    return uci.rows(shared)


@pytest.fixture(scope="module")
def by_row(shared, tmp_path_factory):
    """The id of an event is the number of its row: all rows count."""
    home = tmp_path_factory.mktemp("uci")
    uci.land(shared, home, "uci")
    return run_night(home, uci.DELIVERY)


@pytest.fixture(scope="module")
def by_content(shared, tmp_path_factory):
    """The id of an event is the hash of its row: a row that stands there twice is one event."""
    home = tmp_path_factory.mktemp("uci_by_content")
    uci.land(shared, home, "uci_by_content")
    return run_night(home, uci.DELIVERY)


def test_every_row_counts_when_its_number_is_its_id(by_row):
    assert_everything_ties_out(by_row)
    assert_all_accepted(by_row, ROWS)
    assert by_row.row("select sum(amount_exact) from marts.fct_line_item") == (TOTAL,)
    assert by_row.rows("select distinct outcome from audit.aud_usage_outcome where kind = 'revenue' order by 1") == [
        ("priced",),
        ("zero_rated",),
    ]


def test_rows_that_stand_there_twice_are_duplicates_when_their_hash_is_their_id(by_content):
    assert_everything_ties_out(by_content)
    assert by_content.rows("select outcome, sum(row_count) from audit.aud_usage_intake group by 1 order by 1") == [
        ("accepted", ROWS - REPEATED),
        ("duplicate", REPEATED),
    ]
    assert by_content.row("select sum(amount_exact) from marts.fct_line_item") == (WITHOUT_REPEATED,)


def test_each_month_is_the_sum_of_its_rows(by_row, by_content, file_rows, truths):
    in_file = uci.by_month(file_rows)
    assert {month: str(amount) for month, amount in in_file.items()} == truths["uci_dev"]["by_month"]
    assert dict(by_row.rows(MONTHS)) == in_file
    assert dict(by_content.rows(MONTHS)) == uci.by_month(uci.distinct(file_rows))


def test_credit_notes_are_usage_below_zero_and_a_customer_may_be_owed(by_row, file_rows):
    credited = sum(
        (Decimal(row["Quantity"]) * row["UnitPrice"] for row in file_rows if row["Quantity"] < 0), Decimal(0)
    )
    assert credited < -500_000
    owed = by_row.row("select count(*) from marts.fct_invoice where total_amount < 0")[0]
    assert owed > 0


def test_each_customer_is_billed_what_the_rows_say_rounded_once_a_month(by_row, file_rows):
    exact: dict[tuple[str, str], Decimal] = {}
    for row in file_rows:
        key = (row["CustomerID"] or uci.GUEST, f"{row['InvoiceDate']:%Y-%m}")
        exact[key] = exact.get(key, Decimal(0)) + Decimal(row["Quantity"]) * row["UnitPrice"]
    found = by_row.rows(
        "select account_id, strftime(service_date, '%Y-%m'), sum(amount_exact), sum(amount) from marts.fct_line_item "
        "group by 1, 2 having bool_or(quantity <> 0 or amount_exact <> 0)"
    )
    billed = {(account, month): (total, amount) for account, month, total, amount in found}
    assert {key: (total, total.quantize(Decimal("0.01"), ROUND_HALF_UP)) for key, total in exact.items()} == {
        **dict.fromkeys(exact, (0, 0)),
        **billed,
    }
