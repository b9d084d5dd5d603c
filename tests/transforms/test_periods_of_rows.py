"""Which billing period, due period and local day a row is in, from small tables written out by hand."""

from datetime import date, datetime

import polars as pl
import pytest

from data_contracts.vocabulary import BEGINNING_AT, FOREVER_AT
from transforms import billing_periods, periods

CONTRACTS = pl.LazyFrame(
    [
        ("calendar", "month", date(2000, 1, 1)),
        ("calendar", "month", date(2000, 1, 1)),  # a contract has a row per term
        ("clamped", "month", date(2000, 1, 31)),
        ("clamped", "month", date(2000, 1, 31)),
        ("quarterly", "quarter", date(2026, 2, 1)),
        ("weekly", "week", date(2001, 1, 1)),  # a Monday
    ],
    schema={"contract_id": pl.String, "billing_interval": pl.String, "billing_anchor_date": pl.Date},
    orient="row",
)
PERIODS = [
    pytest.param("calendar", date(2026, 2, 28), date(2026, 2, 1), date(2026, 3, 1), id="the calendar month"),
    pytest.param("calendar", date(2026, 12, 1), date(2026, 12, 1), date(2027, 1, 1), id="December ends with the year"),
    pytest.param("clamped", date(2026, 2, 27), date(2026, 1, 31), date(2026, 2, 28), id="a day before the clamped day"),
    pytest.param("clamped", date(2026, 2, 28), date(2026, 2, 28), date(2026, 3, 31), id="the clamped day begins one"),
    pytest.param(
        "quarterly", date(2026, 4, 30), date(2026, 2, 1), date(2026, 5, 1), id="a quarter that begins on a 1st"
    ),
    pytest.param("weekly", date(2026, 8, 2), date(2026, 7, 27), date(2026, 8, 3), id="Sunday is the week's last day"),
]


@pytest.mark.parametrize(("contract", "day", "start", "end"), PERIODS)
@pytest.mark.parametrize("others", [True, False], ids=["beside other rhythms", "among its like"])
def test_a_day_is_in_the_billing_period_of_its_contract(contract, day, start, end, others):
    known = CONTRACTS if others else CONTRACTS.filter(pl.col("contract_id") == contract)
    frame = pl.LazyFrame({"contract_id": [contract], "service_date": [day], "kept": [7]})
    found = billing_periods.with_billing_period(frame, known).collect()
    assert found.rows(named=True) == [
        {
            "contract_id": contract,
            "service_date": day,
            "kept": 7,
            "billing_period_start": start,
            "billing_period_end": end,
        }
    ]


def test_only_the_month_from_a_first_day_is_the_calendar_month():
    found = CONTRACTS.filter(billing_periods.CALENDAR_MONTH).collect()["contract_id"]
    assert found.to_list() == ["calendar", "calendar"]


def test_the_columns_that_are_added_are_the_ones_that_others_group_by():
    frame = pl.LazyFrame({"contract_id": ["clamped"], "service_date": [date(2026, 8, 1)]})
    found = billing_periods.with_billing_period(frame, CONTRACTS).collect_schema().names()
    assert found == ["contract_id", "service_date", *billing_periods.BILLING_PERIOD]


def test_a_contract_with_two_rhythms_at_once_is_refused():
    two = pl.LazyFrame({"contract_id": ["c", "c"], "billing_interval": ["week", "year"]}).with_columns(
        billing_anchor_date=pl.lit(date(2026, 1, 5))
    )
    frame = pl.LazyFrame({"contract_id": ["c"], "service_date": [date(2026, 8, 1)]})
    with pytest.raises(pl.exceptions.ComputeError):
        billing_periods.with_billing_period(frame, two).collect()


VERSIONS = pl.LazyFrame(
    {
        "price_id": ["support", "seats", "seats", "licence", "api"],
        "due_interval": ["week", "quarter", "quarter", "day", None],
    }
)


def due(price, day, versions=VERSIONS):
    frame = pl.LazyFrame(
        {
            "contract_id": ["clamped"],
            "price_id": [price],
            "service_date": [day],
            "billing_period_start": [date(2026, 7, 31)],
        }
    )
    return billing_periods.with_due_period(frame, versions, CONTRACTS).collect()


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        # 31 January 2000 was a Monday, and so was 10 August 2026.
        pytest.param("support", date(2026, 8, 10), id="week from the anchor"),
        pytest.param("seats", date(2026, 7, 31), id="quarter from the anchor: January, April, July"),
        pytest.param("licence", date(2026, 8, 12), id="day"),
        pytest.param("api", date(2026, 7, 31), id="none of its own: the billing period"),
        pytest.param("unknown", date(2026, 7, 31), id="no version: the billing period"),
    ],
)
def test_a_price_is_due_by_its_own_interval_from_the_contracts_anchor(price, expected):
    found = due(price, date(2026, 8, 12))
    assert found["due_from"].to_list() == [expected]
    assert found.columns == ["contract_id", "price_id", "service_date", "billing_period_start", "due_from"]


def test_without_any_price_of_an_interval_all_are_due_by_the_billing_period():
    found = due("support", date(2026, 8, 12), VERSIONS.filter(pl.col("due_interval").is_null()))
    assert found["due_from"].to_list() == [date(2026, 7, 31)]


def test_a_price_with_two_intervals_is_refused():
    two = pl.LazyFrame({"price_id": ["p", "p"], "due_interval": ["week", "day"]})
    with pytest.raises(pl.exceptions.ComputeError):
        due("p", date(2026, 8, 12), two)


def test_prices_with_an_interval_of_their_own_are_listed_once_in_order():
    found = billing_periods.due_intervals(VERSIONS)
    assert found.rows() == [("licence", "day"), ("seats", "quarter"), ("support", "week")]


# Berlin is two hours ahead of UTC on 1 and 2 August 2026.
ZONE_DAYS = pl.LazyFrame(
    {
        "time_zone": ["UTC", "UTC", "Europe/Berlin", "Europe/Berlin"],
        "local_date": [date(2026, 8, 2), date(2026, 8, 1), date(2026, 8, 2), date(2026, 8, 1)],
        "day_start_at": [
            datetime(2026, 8, 2),
            datetime(2026, 8, 1),
            datetime(2026, 8, 1, 22),
            datetime(2026, 7, 31, 22),
        ],
    }
)


def test_a_local_day_begins_at_its_first_instant_and_one_beyond_the_calendar_at_the_end_of_time():
    days = [date(2026, 7, 31), date(2026, 8, 1), date(2026, 8, 2), date(2026, 8, 3), None]
    frame = pl.LazyFrame({"time_zone": ["Europe/Berlin"] * 5, "day": days})
    found = periods.with_day_start(frame, ZONE_DAYS, "day", "day_at").collect()
    assert found.columns == ["time_zone", "day", "day_at"]
    assert (
        found["day_at"].to_list()
        == pl.select(
            pl.concat_list(
                BEGINNING_AT,
                pl.lit(datetime(2026, 7, 31, 22), pl.Datetime("us")),
                pl.lit(datetime(2026, 8, 1, 22), pl.Datetime("us")),
                FOREVER_AT,
                pl.lit(None, pl.Datetime("us")),
            )
        )
        .item()
        .to_list()
    )


def test_a_zone_with_two_starts_of_a_day_is_refused():
    frame = pl.LazyFrame({"time_zone": ["UTC"], "day": [date(2026, 8, 1)]})
    with pytest.raises(pl.exceptions.ComputeError):
        periods.with_day_start(frame, pl.concat([ZONE_DAYS, ZONE_DAYS]), "day", "day_at").collect()


@pytest.mark.parametrize(
    ("instant", "expected"),
    [(datetime(2026, 8, 1), True), (datetime(2026, 8, 1, 23), True), (datetime(2026, 8, 2), False)],
    ids=["its start is in", "so is what lies between", "its end is out"],
)
def test_an_interval_is_half_open(instant, expected):
    frame = pl.DataFrame({"at": [instant], "from": [datetime(2026, 8, 1)], "to": [datetime(2026, 8, 2)]})
    by_name = periods.covers(pl.col("at"), "from", "to")
    by_column = periods.covers(pl.col("at"), pl.col("from"), pl.col("to"))
    assert frame.select(name=by_name, column=by_column).row(0) == (expected, expected)


def test_a_state_holds_from_its_place_on_and_none_reaches_into_the_group_before():
    """Two groups of two states at 10, 20 and 110, 120: 15 is in the first, 20 in the second, 105 in none of its own."""
    rows = pl.DataFrame({"place": [5, 10, 15, 20, 105, 110, 130, None], "_first": [0, 0, 0, 0, 2, 2, 2, None]})
    found = periods._states_at(
        rows.to_struct(), pl.Series([10, 20, 110, 120]), pl.DataFrame({"state": ["a", "b", "c", "d"]})
    )
    assert found.struct.field("state").to_list() == [None, "a", "a", "b", None, "c", "d", None]
