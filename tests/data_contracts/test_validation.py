"""A contract can fail: every way in which a frame may break one is planted here and found by name."""

import polars as pl
import pytest

from data_contracts import TABLES, UsageEvents
from data_contracts.marts import MARTS
from data_contracts.validation import ContractError, validate
from tests.tables import rows

GOOD = rows(
    UsageEvents,
    """
    event_id | account_id | meter  | quantity | amount | value_currency
    e1       | acme       | tokens | 3        | null   | null
    e2       | acme       | cards  | 1        | 9.99   | EUR
    """,
    source="gateway",
).collect()


def test_a_good_frame_comes_back_as_it_is():
    assert validate(UsageEvents, GOOD) is GOOD


def test_a_lazy_frame_is_refused_because_its_values_would_not_be_looked_at():
    with pytest.raises(TypeError, match="takes a collected DataFrame, not LazyFrame"):
        validate(UsageEvents, GOOD.lazy())


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        pytest.param(GOOD.with_columns(meter=pl.lit(None, pl.String)), "meter: not_nullable", id="a null says nothing"),
        pytest.param(
            GOOD.with_columns(source_line=pl.lit(-1, pl.Int64)), "source_line: at least 0", id="a value out of range"
        ),
        pytest.param(
            GOOD.with_columns(value_currency=pl.lit("eur")), "value_currency: matches", id="a currency in lower case"
        ),
        pytest.param(GOOD.drop("amount"), "column_in_dataframe", id="a column is missing"),
        pytest.param(GOOD.with_columns(more=pl.lit(1)), "more", id="a column too many"),
        pytest.param(GOOD.select(reversed(GOOD.columns)), "column_ordered", id="columns in another order"),
        pytest.param(
            GOOD.with_columns(pl.col("quantity").cast(pl.Decimal(38, 10))), "quantity: dtype", id="another scale"
        ),
        pytest.param(GOOD.with_columns(pl.col("quantity").cast(pl.Float64)), "quantity: dtype", id="a float"),
        pytest.param(
            GOOD.with_columns(pl.col("occurred_at").dt.cast_time_unit("ms")),
            "occurred_at: dtype",
            id="another time unit",
        ),
        pytest.param(pl.concat([GOOD, GOOD.head(1)]), "appear more than once", id="a key twice"),
    ],
)
def test_a_broken_frame_is_refused_and_says_what_breaks(broken, said):
    with pytest.raises(ContractError, match=said):
        validate(UsageEvents, broken)


def test_the_refusal_shows_up_to_five_keys():
    many = pl.concat(
        [GOOD.head(1).with_columns(event_id=pl.lit(f"e{n}"), source_line=pl.lit(-1, pl.Int64)) for n in range(9)]
    )
    with pytest.raises(ContractError, match="fails 9 times") as refusal:
        validate(UsageEvents, many)
    assert str(refusal.value).count("('gateway', ") == 5


def test_checks_that_are_switched_off_in_the_environment_are_refused(monkeypatch):
    monkeypatch.setenv("PANDERA_VALIDATION_ENABLED", "False")
    with pytest.raises(ContractError, match="unset it, checks must run"):
        validate(UsageEvents, GOOD)


@pytest.mark.parametrize("table", [*TABLES, *MARTS], ids=lambda table: table.table_name)
def test_an_empty_frame_still_needs_the_right_columns(table):
    assert validate(table, table.empty()).is_empty()
    with pytest.raises(ContractError, match="not its columns"):
        validate(table, table.empty().select(pl.all().cast(pl.String)).with_columns(more=pl.lit("x")))


@pytest.mark.parametrize("table", [*TABLES, *MARTS], ids=lambda table: table.table_name)
def test_money_stands_beside_a_currency_and_nothing_is_a_float(table):
    types = [declared.type.polars for declared in table.columns.values()]
    assert not [each for each in types if each.is_float()]
    in_currency = [name for name, declared in table.columns.items() if declared.unit in ("currency", "value_currency")]
    assert not in_currency or any("currency" in name for name in table.columns)
