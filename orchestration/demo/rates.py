"""The exchange rates of the demo company: made figures in the layout of the European Central Bank's history.

Each delivery is the whole history so far, so most of it is known already. Planted in it, and counted: a gap, a rate
that the next delivery corrects, and one that is the wrong way round until the next delivery brings it right.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from orchestration.demo.calendar import DAY_COUNT, FIRST_DELIVERY, day, day_number
from orchestration.demo.truth import DatasetTruth

RATES_FILE = "eurofxref-hist.csv"
FIRST_RATE = FIRST_DELIVERY - timedelta(days=5)
TUESDAY, FRIDAY, SATURDAY = 1, 4, 5
# Units for a euro around which the rate of each day lies, in the last of so many decimals.
LEVELS = {"USD": (11650, 4), "JPY": (17320, 2), "GBP": (86740, 5)}
NO_RATE = "N/A"
GAP = ("GBP", date(2026, 8, 20))
CORRECTED = ("JPY", date(2026, 9, 15), "171.30")
INVERTED = ("USD", date(2026, 9, 25), "0.8584")


def rate_deliveries() -> list[date]:
    """The first day, and then each Tuesday and Friday: no rate is more than four days old before the next one comes."""
    later = (day(number) for number in range(1, DAY_COUNT))
    return [FIRST_DELIVERY, *(each for each in later if each.weekday() in (TUESDAY, FRIDAY))]


def rates_file(delivery: date) -> bytes:
    """Return the history as it stood on a delivery date, newest first, as the bank writes it."""
    lines = [["Date", *LEVELS]]
    lines += [[each.isoformat(), *(_cell(name, each, delivery) for name in LEVELS)] for each in _rate_days(delivery)]
    return "".join(",".join([*line, ""]) + "\n" for line in lines).encode()


def rates_truth() -> DatasetTruth:
    """Count what becomes of every rate: new once, and a duplicate in each later delivery."""
    deliveries = rate_deliveries()
    rates = [(name, each, delivery) for delivery in deliveries for each in _rate_days(delivery) for name in LEVELS]
    landed = [(name, each, _cell(name, each, delivery)) for name, each, delivery in rates]
    given = [rate for rate in landed if rate[2] != NO_RATE]
    rejected = sum(rate == INVERTED for rate in given)
    accepted = len(set(given) - {INVERTED})
    return DatasetTruth(
        files=len(deliveries),
        landed_rows=len(given),
        accepted_rows=accepted,
        duplicate_rows=len(given) - accepted - rejected,
        rejected_rows=rejected,
    )


def _rate_days(delivery: date) -> Iterator[date]:
    """Working days up to the delivery, newest first."""
    each = delivery
    while each >= FIRST_RATE:
        if each.weekday() < SATURDAY:
            yield each
        each -= timedelta(days=1)


def _cell(name: str, each: date, delivery: date) -> str:
    if (name, each) == GAP:
        return NO_RATE
    for planted_name, planted_day, text in (CORRECTED, INVERTED):
        if (name, each, delivery) == (planted_name, planted_day, planted_day):
            return text
    level, decimals = LEVELS[name]
    # Up to 0.6 % around the level, from one multiplication: the same on every machine.
    swing = (day_number(each) * 7919 + level) % 121 - 60
    digits = level + level * swing // 10_000
    return f"{digits // 10**decimals}.{digits % 10**decimals:0{decimals}}"
