"""The helper that tests lean on: what it types, what it fills, what it refuses."""

from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest

from data_contracts import TABLES, LineItems, PlanPrices, Rates, UsageEvents
from data_contracts.validation import ContractError
from data_contracts.vocabulary import BEGINNING, FOREVER_AT, Table
from tests.tables import rows, texts


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.table_name)
def test_every_contract_has_a_filled_row_that_keeps_it(table: type[Table]):
    key = next(name for name, declared in table.columns.items())
    filled = rows(table, f"{key}\n" + _some(table, key)).collect()
    assert filled.schema == pl.Schema(table.schema())
    assert filled.height == 1


def _some(table: type[Table], name: str) -> str:
    declared = table.columns[name]
    samples = {pl.Date(): "2026-08-01", pl.Datetime("us"): "2026-08-01", pl.String(): "a", pl.Boolean(): "true"}
    return declared.example or (declared.one_of or [samples.get(declared.type.polars, "1")])[0]


def test_a_cell_is_read_by_the_type_of_its_column():
    read = rows(
        UsageEvents,
        """
        event_id | account_id | occurred_at               | quantity       | source_line
        e1       | acme       | 2026-08-01T23:30:00+02:00 | 0.000000000001 | 7
        """,
    ).collect()
    assert read.select("event_id", "account_id", "occurred_at", "quantity", "source_line").row(0) == (
        "e1", "acme", datetime(2026, 8, 1, 21, 30), Decimal("0.000000000001"), 7,
    )  # fmt: skip


def test_a_decimal_arrives_to_its_last_digit():
    amount = "12345678901234.123456789012345678901234"
    read = rows(LineItems, "line_item_id | amount_exact\na | " + amount).collect()
    assert str(read["amount_exact"][0]) == amount


def test_columns_that_the_rule_is_not_about_are_filled_by_the_contract():
    (usage,) = rows(UsageEvents, "account_id\nacme").collect().rows(named=True)
    assert (usage["contract_id"], usage["value_currency"]) == (None, None), "nullable means null"
    assert usage["meter"] == UsageEvents.columns["meter"].example, "the declared example"
    assert usage["quantity"] == 0, "zero where nothing is declared"
    assert rows(PlanPrices, "plan_id\npayg").collect()["effective_from"].to_list() == [BEGINNING]
    assert rows(Rates, "price_id\np").collect()["valid_to_at"].to_list() == [FOREVER_AT]


def test_keys_that_are_not_given_stay_apart():
    assert rows(UsageEvents, "quantity\n1\n2").collect()["event_id"].to_list() == ["event_id-1", "event_id-2"]


def test_null_and_empty_text_are_two_things():
    read = rows(UsageEvents, "event_id | contract_id\na | null\nb |").collect()
    assert read["contract_id"].to_list() == [None, ""]


def test_constants_stand_in_every_row():
    read = rows(UsageEvents, "event_id\na\nb", account_id="acme", delivery_date="2026-08-02").collect()
    assert read["account_id"].to_list() == ["acme", "acme"]
    assert read["delivery_date"].unique().to_list() == [date(2026, 8, 2)]


def test_no_rows_are_the_empty_table():
    assert rows(UsageEvents).collect().equals(UsageEvents.empty())


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param("colour\nred", KeyError, id="a column that the contract does not have"),
        pytest.param("event_id | quantity\na | 0.0000000000001", ValueError, id="more decimals than the type holds"),
        pytest.param("event_id | quantity\na", ValueError, id="a line with a cell too few"),
        pytest.param("event_id | source_line\na | -1", ContractError, id="a value out of the declared range"),
        pytest.param("event_id | source\na | x\na | x", ContractError, id="the same key twice"),
        pytest.param("event_id | quantity\na | null", ContractError, id="null without a meaning"),
    ],
)
def test_rows_that_no_contract_would_let_pass_are_refused(text: str, error: type[Exception]):
    with pytest.raises(error):
        rows(UsageEvents, text)


def test_texts_shows_values_as_a_person_writes_them():
    frame = rows(UsageEvents, "event_id | quantity | occurred_at\na | 1.50 | 2026-08-01T00:00:00\nb | 100 | 2026-08-02")
    assert texts(frame, ["event_id", "quantity", "occurred_at"]) == [
        ("a", "1.5", "2026-08-01T00:00:00"),
        ("b", "100", "2026-08-02T00:00:00"),
    ]
