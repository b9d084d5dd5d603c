"""Rules of `zone_days`: a local day as instants, where clocks change too; every instant is in exactly one day."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import Accounts, UsageEvents
from tests.tables import rows, texts
from tests.transforms.chain import made
from tests.transforms.worlds import company

ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe",
    "Pacific/Chatham", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Pacific/Apia", "Africa/Cairo", "Africa/Casablanca",
    "America/Sao_Paulo", "America/Havana", "America/Santiago", "America/St_Johns", "America/Scoresbysund",
    "Asia/Beirut", "Asia/Almaty", "Asia/Tehran", "Asia/Pyongyang", "America/Caracas", "Europe/Istanbul",
)  # fmt: skip
# What has happened is the same in every edition of the time zone database.
FIRST, LAST = date(2010, 1, 1), date(2024, 12, 31)


@cache
def calendar() -> pl.DataFrame:
    return _made(FIRST, LAST)


def _made(first: date, last: date, **tables: pl.LazyFrame) -> pl.DataFrame:
    accounts = rows(Accounts, "time_zone\n" + "\n".join(ZONES), currency="USD")
    starts = company(billing_starts_on=first.isoformat())
    return made("zone_days", as_of=last.isoformat(), accounts=accounts, companies=starts, **tables)["zone_days"]


def day(zone: str, local_date: str) -> tuple[str, str, float]:
    """Start and end of a day in UTC, and how many hours it lasts."""
    one = calendar().filter((pl.col("time_zone") == zone) & (pl.col("local_date") == date.fromisoformat(local_date)))
    ((start, end),) = one.select("day_start_at", "day_end_at").rows()
    return start.isoformat(" ", "minutes"), end.isoformat(" ", "minutes"), (end - start) / timedelta(hours=1)


@pytest.mark.parametrize(
    ("zone", "local_date", "start", "end", "hours"),
    [
        pytest.param("UTC", "2024-03-31", "2024-03-31 00:00", "2024-04-01 00:00", 24, id="UTC knows no summer"),
        pytest.param("Europe/Berlin", "2024-03-30", "2024-03-29 23:00", "2024-03-30 23:00", 24, id="the day before summer time"),
        pytest.param("Europe/Berlin", "2024-03-31", "2024-03-30 23:00", "2024-03-31 22:00", 23, id="summer time begins: 23 hours"),
        pytest.param("Europe/Berlin", "2024-10-27", "2024-10-26 22:00", "2024-10-27 23:00", 25, id="summer time ends: 25 hours"),
        pytest.param("America/New_York", "2024-11-03", "2024-11-03 04:00", "2024-11-04 05:00", 25, id="west of Greenwich"),
        pytest.param("Asia/Kathmandu", "2024-08-01", "2024-07-31 18:15", "2024-08-01 18:15", 24, id="a quarter of an hour off"),
        pytest.param("Australia/Lord_Howe", "2024-10-06", "2024-10-05 13:30", "2024-10-06 13:00", 23.5, id="summer time of half an hour"),
        pytest.param("Africa/Cairo", "2024-04-26", "2024-04-25 22:00", "2024-04-26 21:00", 23, id="midnight is skipped: the day starts at 01:00"),
        pytest.param("Africa/Cairo", "2024-10-31", "2024-10-30 21:00", "2024-10-31 22:00", 25, id="the hour before midnight comes twice"),
        pytest.param("America/Sao_Paulo", "2018-11-04", "2018-11-04 03:00", "2018-11-05 02:00", 23, id="midnight is skipped in the south"),
        pytest.param("America/Sao_Paulo", "2018-02-17", "2018-02-17 02:00", "2018-02-18 03:00", 25, id="Saturday has 23:00 to 24:00 twice"),
        pytest.param("America/Havana", "2024-11-03", "2024-11-03 04:00", "2024-11-04 05:00", 25, id="midnight comes twice: the first one starts the day"),
        pytest.param("Pacific/Kiritimati", "2024-08-01", "2024-07-31 10:00", "2024-08-01 10:00", 24, id="the first to have a day"),
        pytest.param("Pacific/Pago_Pago", "2024-08-01", "2024-08-01 11:00", "2024-08-02 11:00", 24, id="the last to have it"),
    ],
)  # fmt: skip
def test_a_day_lasts_from_its_first_instant_to_that_of_the_next_day(zone, local_date, start, end, hours):
    assert day(zone, local_date) == (start, end, hours)


def test_a_day_that_a_zone_never_had_has_no_row_and_leaves_no_gap():
    """Samoa went from 29 to 31 December 2011 over the date line."""
    assert day("Pacific/Apia", "2011-12-29")[1] == day("Pacific/Apia", "2011-12-31")[0]
    samoa = calendar().filter(pl.col("time_zone") == "Pacific/Apia")
    assert date(2011, 12, 30) not in samoa["local_date"].to_list()


@pytest.mark.parametrize("zone", ZONES)
def test_days_follow_each_other_without_gap_or_overlap(zone):
    days = calendar().filter(pl.col("time_zone") == zone).sort("local_date")
    assert days["day_end_at"].to_list()[:-1] == days["day_start_at"].to_list()[1:]
    assert (days["day_end_at"] > days["day_start_at"]).all()


INSTANTS = st.datetimes(datetime(2010, 1, 2), datetime(2024, 12, 30))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ZONES), INSTANTS)
def test_every_instant_is_in_exactly_one_day_the_one_on_the_wall(zone, instant):
    own = calendar().filter(pl.col("time_zone") == zone)
    holding = own.filter(pl.lit(instant).is_between("day_start_at", "day_end_at", closed="left"))
    assert holding["local_date"].to_list() == [instant.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ZONES), st.dates(FIRST + timedelta(days=2), LAST - timedelta(days=2)))
def test_the_day_has_changed_on_the_wall_at_its_first_instant_and_not_a_microsecond_before(zone, local_date):
    own = calendar().filter((pl.col("time_zone") == zone) & (pl.col("local_date") == local_date))
    for (start,) in own.select("day_start_at").rows():
        on_the_wall = [
            instant.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()
            for instant in (start - timedelta(microseconds=1), start)
        ]
        assert on_the_wall[0] < local_date == on_the_wall[1]


def test_the_calendar_spans_the_usage_the_billing_and_the_night():
    """Billing since 1 August, one late event of 20 July, as of 5 August: from before the one to after the other."""
    used = rows(UsageEvents, "occurred_at\n2026-07-20T00:30")
    days = _made(date(2026, 8, 1), date(2026, 8, 5), usage_events=used)
    kiritimati, pago_pago = (
        days.filter(pl.col("time_zone") == f"Pacific/{name}") for name in ("Kiritimati", "Pago_Pago")
    )
    for zone in (kiritimati, pago_pago):
        assert zone["day_start_at"].min() <= datetime(2026, 7, 20, 0, 30)
        assert zone["day_end_at"].max() >= datetime(2026, 8, 6)


def test_there_is_a_calendar_for_usage_of_accounts_that_nobody_knows():
    found = made("zone_days", as_of="2026-08-01", companies=company())["zone_days"]
    assert set(texts(found, ["time_zone"])) == {("UTC",)}
