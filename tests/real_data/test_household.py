"""A file with the faults of real files: each row is accounted for, and what is good is billed to the last digit."""

from decimal import Decimal

import pytest

from orchestration.check import check_landing
from orchestration.settings import Settings
from tests.real_data import household
from tests.real_data.nights import assert_everything_ties_out, run_night

FILE = "household/2013-10-17/lcl_household_MAC003718.csv.gz"
KWH = Decimal("3645.7140001")


@pytest.fixture(scope="module")
def home(shared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("household")
    household.land(shared, folder)
    return folder


@pytest.fixture(scope="module")
def checked(home):
    return check_landing(Settings(home=home))


@pytest.fixture(scope="module")
def published(home, checked):
    return run_night(home, household.DELIVERY)


def test_the_night_ties_out(published):
    assert_everything_ties_out(published)


def test_every_row_is_accepted_duplicate_or_rejected(published, truths):
    truth = truths["lcl_household"]
    found = published.row(
        "select dataset, landed_rows, accepted_rows, duplicate_rows, conflict_rows, rejected_rows, "
        f"landed_quantity, accepted_quantity from audit.aud_input_file where source_file = '{FILE}'"
    )
    assert found == ("usage_events", 17_458, 17_445, 12, 0, 1, Decimal("3648.6310001"), KWH)
    assert (truth["rows"], truth["duplicate_rows"], truth["null_values"]) == (17_458, 12, 1)
    assert (Decimal(truth["kwh_naive"]), Decimal(truth["kwh_dedup"])) == found[-2:]


def test_the_literal_null_is_rejected_in_the_words_of_the_file(published):
    assert published.rows(
        "select source_file, source_line, column_name, rule, found, message, quantity from audit.aud_rejected_row"
    ) == [
        (
            FILE,
            2984,
            "KWH/hh (per half hour) ",
            "quantity_not_a_plain_decimal",
            "Null",
            "`KWH/hh (per half hour) ` is not a plain decimal number.",
            None,
        )
    ]


def test_check_names_it_before_the_night(checked):
    (finding,) = checked
    assert str(finding) == (
        f"{FILE}:2984: KWH/hh (per half hour) : quantity_not_a_plain_decimal: `KWH/hh (per half hour) ` is not a plain "
        "decimal number. Found: Null Write digits with a point: no exponent, no grouping, no sign but a minus."
    )


def test_what_was_accepted_is_billed(published):
    found = published.row("select sum(quantity), sum(amount_exact) from marts.fct_line_item")
    assert found == (KWH, KWH * Decimal("0.14228"))
