"""Local days, billing periods with their anchors, and the periods over which tiers count."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from tests.oracle.reference.world import Contract

MICROSECOND = timedelta(microseconds=1)
MONTHS = {"month": 1, "quarter": 3, "year": 12}
SOME_JANUARY = date(2000, 1, 1)  # from which calendar quarters and years are counted


def local_day(instant: datetime, zone: str) -> date:
    """The calendar day that a clock on the wall there shows."""
    return instant.astimezone(ZoneInfo(zone)).date()


@cache
def day_start(day: date, zone: str) -> datetime:
    """The first instant whose local day is `day`: also where midnight is skipped (Cairo) or comes twice."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    low, high = midnight - timedelta(hours=40), midnight + timedelta(hours=40)  # the day before, the day after
    while high - low > MICROSECOND:
        middle = low + (high - low) // 2
        if local_day(middle, zone) >= day:
            high = middle
        else:
            low = middle
    return high


def start_instant(start: date | datetime, zone: str) -> datetime:
    """A date is that local day's start, an instant is an instant."""
    if isinstance(start, datetime):
        return start.astimezone(UTC)
    return day_start(start, zone)


def next_month(month: date) -> date:
    """First day of the month after."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def anchored(first: date, months: int, anchor: int) -> date:
    """The day `months` after the month of `first` on which the anchor falls, the month's last where it has no such."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, min(anchor, monthrange(year, month + 1)[1]))


@cache
def period_of(day: date, interval: str, anchor: int, first: date) -> tuple[date, date]:
    """The period that a day lies in, half-open: every `interval` from the month of `first` on, at the anchor (C51)."""
    if interval == "week":
        start = day - timedelta(days=(day.isoweekday() - anchor) % 7)
        return start, start + timedelta(days=7)
    step = MONTHS[interval]
    number = ((day.year - first.year) * 12 + day.month - first.month) // step * step
    while anchored(first, number, anchor) > day:
        number -= step
    while anchored(first, number + step, anchor) <= day:
        number += step
    return anchored(first, number, anchor), anchored(first, number + step, anchor)


def billing_period(contract: Contract | None, day: date) -> tuple[date, date]:
    """The billing period of a day: that of the contract, the calendar month on the default plan."""
    if contract is None:
        return period_of(day, "month", 1, SOME_JANUARY)
    if isinstance(contract.anchor, date):  # a day on which one starts
        return period_of(day, contract.interval, day_of(contract.interval, contract.anchor), contract.anchor)
    return period_of(day, contract.interval, contract.anchor, SOME_JANUARY)


def day_of(interval: str, start: date) -> int:
    """The anchor that a start stands for: its weekday, or its day of the month."""
    return start.isoweekday() if interval == "week" else start.day


def tier_period_start(tier_period: str, contract: Contract | None, day: date) -> date:
    """When the counter of a day began: billing period, calendar month, quarter or year, or the whole term (C52)."""
    if tier_period == "billing":
        return billing_period(contract, day)[0]
    if tier_period == "term":
        return date.min if contract is None else contract.starts_on
    return period_of(day, tier_period, 1, SOME_JANUARY)[0]


def written(start: date | datetime) -> str:
    """How a start stands in a version id."""
    if isinstance(start, datetime):
        return start.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return start.isoformat()
