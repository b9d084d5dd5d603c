"""Worlds in which the engine once differed from the oracle, as small as they became, so that it never does again."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tests.oracle import small_worlds as small
from tests.oracle.engine import ENGINES, differences
from tests.oracle.reference import Meter, Percentage, PerUnit, Price, Version

D = Decimal


def hourly(*hours: int, aggregation: str, **more: object):
    """A price that changes within 10 August, and one event after the first of the changes."""
    starts = [date(2026, 1, 1), *(datetime(2026, 8, 10, hour, tzinfo=UTC) for hour in hours)]
    versions = tuple(Version(start, {"USD": PerUnit(D(number))}) for number, start in enumerate(starts, start=1))
    meter = Meter("tokens", aggregation, dimensions=("user",), **more)
    used = small.use("2026-08-10T12:00Z", "5", dimensions={"user": "ann"}, delivery_date=date(2026, 8, 12))
    return small.world([Price("p", "tokens", "per_unit", versions)], [used], meters=(meter,))


def two_groupings():
    """A price whose regions share their tiers, beside one that has a counter for each."""
    meters = tuple(Meter(name, dimensions=("region",)) for name in ("tokens", "calls"))
    only = (Version(date(2026, 1, 1), {"USD": PerUnit(D("0.335"))}),)
    shared = Price("tokens", "tokens", "per_unit", only, shared_tiers=("region",))
    apart = Price("calls", "calls", "per_unit", only, group_by=("region",))
    used = [
        small.use("2026-08-10T12:00Z", "5", id=f"{meter.id} {region}", meter=meter.id, dimensions={"region": region})
        for meter in meters
        for region in ("eu", "us")
    ]
    found = small.world([shared, apart], used, meters=meters)
    return replace(found, events=tuple(replace(each, delivery_date=date(2026, 8, 12)) for each in found.events))


def seats_beside_sums():
    """A meter of a maximum, and one that adds up and is used on several days."""
    meters = (Meter("tokens", "max"), Meter("calls"))
    only = (Version(date(2026, 1, 1), {"USD": PerUnit(D("0.335"))}),)
    sold = [Price(meter.id, meter.id, "per_unit", only) for meter in meters]
    used = [
        small.use(
            f"2026-08-{day}T12:00Z", str(day), id=f"{meter.id} {day}", meter=meter.id, delivery_date=date(2026, 8, 20)
        )
        for meter in meters
        for day in (10, 12, 11)
    ]
    return small.world(sold, used, meters=meters)


def capped_fees():
    """Two fees of 0.427877, charged as 0.43 each, under a maximum of 0.50: 0.36 is taken off."""
    fee = Percentage(rate=D("0.0123"), fixed=D("0.305"))
    used = [
        small.use(f"2026-08-0{day}T10:00Z", amount=D("9.99"), currency="USD", delivery_date=date(2026, 8, 9))
        for day in (3, 4)
    ]
    sold = small.price(fee, kind="cost", version={"maximum": {"USD": D("0.50")}})
    return small.world([sold], used, meters=(Meter("tokens", value="amount"),))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "world",
    [
        pytest.param(
            hourly(6, 18, aggregation="unique_count", carries=True, unique_by="user"),
            id="no value was used yet when a price changed earlier on the day",
        ),
        pytest.param(hourly(6, 18, aggregation="latest", carries=True), id="no level was there yet"),
        pytest.param(hourly(6, 18, aggregation="weighted_sum"), id="nothing was held yet"),
        pytest.param(capped_fees(), id="a maximum over fees that are rounded one by one"),
        pytest.param(two_groupings(), id="groups that share tiers beside groups that do not"),
        pytest.param(seats_beside_sums(), id="a maximum beside a sum of several days"),
    ],
)
def test_the_engine_agrees(world, engine):
    assert differences(world, engine) == []
