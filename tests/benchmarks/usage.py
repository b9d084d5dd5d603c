"""A month of usage of the benchmark's company: metered events and card payments, skewed as real accounts are.

An account of rank r has a share of 1 / (r + 10) ** 1.05; 1 % of the events arrive twice, a fifth of those days late.
"""

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from itertools import accumulate
from statistics import NormalDist

import polars as pl

from orchestration.demo.draws import below, draw
from tests.benchmarks import company

FIRST_DAY = date(2026, 9, 1)
DAY_COUNT = 30
DAY_MS = 24 * 3_600_000
SLOTS = 1 << 22
MICRO = 1_000_000
FRACTIONAL = 6  # meters of the last numbers measure millionths

Frames = Iterator[tuple[date, pl.DataFrame]]


def metered_events(count: int) -> Frames:
    """Yield (delivery date, events): `count` events over the month, and their repetitions."""
    users = company.accounts().select("rank", "account_id", "plan").sort("rank")
    yield from _with_repetitions(_metered_day(count, day, users) for day in range(DAY_COUNT))


def payments(count: int) -> Frames:
    """Yield (delivery date, transactions): `count` card payments over the month, and their repetitions."""
    users = company.accounts().select("rank", "account_id", "currency").sort("rank")
    yield from _with_repetitions(_payment_day(count, day, users) for day in range(DAY_COUNT))


def _metered_day(count: int, day: int, users: pl.DataFrame) -> pl.DataFrame:
    seed = (pl.col("rank"), pl.col("nth"))
    happenings = _happenings(count, day, users)
    # An account uses one meter of its plan or all of them, the first ones most, in one to twelve combinations.
    sold = pl.when(pl.col("plan") == 0).then(company.METERS_OF_FAMILY).otherwise(2 * company.METERS_OF_FAMILY)
    meters_used = 1 + draw("meters", pl.col("rank")) % sold
    place = below(1_000, "meter", *seed) * below(1_000, "meter.2", *seed) * meters_used // MICRO
    family = pl.when(place < company.METERS_OF_FAMILY).then(0).otherwise("plan")
    number = family * company.METERS_OF_FAMILY + place % company.METERS_OF_FAMILY
    combinations = 1 + draw("combinations", pl.col("rank")) % 12
    combination = below(1_000, "combination", *seed) * below(1_000, "combination.2", *seed) * combinations // MICRO
    chosen = (pl.col("rank"), combination)
    micro = _from(_log_normal(4.0, 2.2), below(1 << 16, "quantity", *seed))
    is_fractional = pl.col("_meter") >= company.FAMILIES * company.METERS_OF_FAMILY - FRACTIONAL
    whole = pl.max_horizontal(micro // MICRO, pl.lit(1)) * MICRO
    return happenings.with_columns(number.alias("_meter")).select(
        _event_id("event", pl.lit(day), pl.col("nth")).alias("event_id"),
        "account_id",
        _name(
            pl.col("_meter"), [company.meter_id(n) for n in range(company.FAMILIES * company.METERS_OF_FAMILY)]
        ).alias("meter"),
        "occurred_at",
        _decimal(pl.when(is_fractional).then(micro).otherwise(whole), 6).alias("quantity"),
        _name(below(len(company.MODELS), "model", *chosen), company.MODELS).alias("model"),
        _name(below(len(company.REGIONS), "region", *chosen), company.REGIONS).alias("region"),
        _name(below(len(company.TIERS), "tier", *chosen), company.TIERS).alias("tier"),
    )


def _payment_day(count: int, day: int, users: pl.DataFrame) -> pl.DataFrame:
    seed = (pl.col("rank"), pl.col("nth"))
    cents = _from(_log_normal(8.0, 1.2), below(1 << 16, "amount", *seed)) // MICRO + 1
    # Hundredths of the major unit, thousandths of a dinar, whole yen: three digits hold them all.
    milli = (
        pl.when(pl.col("currency") == "JPY")
        .then(cents * 1_000)
        .when(pl.col("currency") == "KWD")
        .then(cents)
        .otherwise(cents * 10)
    )
    return _happenings(count, day, users).select(
        _event_id("payment", pl.lit(day), pl.col("nth")).alias("event_id"),
        "account_id",
        pl.lit("payments").alias("meter"),
        "occurred_at",
        _decimal(milli, 3).alias("amount"),
        "currency",
        _name(below(len(company.BRANDS), "card", *seed), company.BRANDS).alias("card"),
        _name(below(len(company.CARD_REGIONS), "card.region", *seed), company.CARD_REGIONS).alias("card_region"),
    )


def _happenings(count: int, day: int, users: pl.DataFrame) -> pl.DataFrame:
    """The events of a day with the account of each and its instant, in the order of time."""
    first, last = count * day // DAY_COUNT, count * (day + 1) // DAY_COUNT
    nth = pl.int_range(first, last, eager=True).alias("nth").to_frame()
    seed = (pl.lit(day), pl.col("nth"))
    starts_at = datetime.combine(FIRST_DAY, datetime.min.time()) + timedelta(days=day)
    rank = pl.lit(_ranks(company.ACCOUNT_COUNT, SLOTS)).gather(draw("rank", *seed) % SLOTS)
    # Two draws of half a day each: busy around noon, quiet around midnight.
    at_ms = below(DAY_MS // 2, "at", *seed) + below(DAY_MS // 2, "at.2", *seed)
    return (
        nth.with_columns(rank.alias("rank"), at_ms.alias("_at_ms"))
        .with_columns(pl.lit(users[name]).gather(pl.col("rank")).alias(name) for name in users.columns[1:])
        .with_columns(
            (pl.lit(starts_at) + pl.duration(milliseconds="_at_ms"))
            .dt.cast_time_unit("us")
            .dt.replace_time_zone("UTC")
            .alias("occurred_at")
        )
        .sort("_at_ms", "nth")
    )


def _with_repetitions(days: Iterator[pl.DataFrame]) -> Frames:
    """Repeat one event in a hundred: four of five on the same day, one of five one to five days later."""
    late: dict[int, list[pl.DataFrame]] = defaultdict(list)
    for day, events in enumerate(days):
        place = pl.int_range(pl.len())
        repeated = events.filter(below(100, "repeated", pl.lit(day), place) == 0)
        wait = (
            pl.when(below(5, "late", pl.lit(day), place) == 0)
            .then(1 + below(5, "wait", pl.lit(day), place))
            .otherwise(0)
        )
        for (days_later,), part in repeated.group_by(wait.alias("wait")):
            late[min(day + int(str(days_later)), DAY_COUNT - 1)].append(part)
        delivered = pl.concat([events, *late.pop(day, [])])
        # Repetitions stand at the end of the delivery, those of one event in the order of its id.
        yield FIRST_DAY + timedelta(days=day), delivered


@cache
def _ranks(accounts: int, slots: int) -> pl.Series:
    """The rank that each of the slots stands for."""
    shares = list(accumulate(10**9 / (rank + 10) ** 1.05 for rank in range(accounts)))
    ranks = [min(bisect(shares, shares[-1] * (slot + 0.5) / slots), accounts - 1) for slot in range(slots)]
    return pl.Series(ranks, dtype=pl.Int64)


@cache
def _log_normal(mean: float, deviation: float) -> pl.Series:
    normal = NormalDist(mean, deviation)
    values = [round(2.718281828459045 ** normal.inv_cdf((step + 0.5) / (1 << 16)) * MICRO) for step in range(1 << 16)]
    return pl.Series(values, dtype=pl.Int64)


def _from(table: pl.Series, place: pl.Expr) -> pl.Expr:
    return pl.lit(table).gather(place)


def _name(number: pl.Expr, names: list[str] | tuple[str, ...]) -> pl.Expr:
    return pl.lit(pl.Series(list(names))).gather(number)


def _decimal(scaled: pl.Expr, digits: int) -> pl.Expr:
    """A whole number of the last digit as DECIMAL(18, digits)."""
    return (scaled.cast(pl.Decimal(38, digits)) / pl.lit(10**digits).cast(pl.Decimal(38, digits))).cast(
        pl.Decimal(18, digits)
    )


def _event_id(stream: str, *seed: pl.Expr) -> pl.Expr:
    """A UUID of version 4 as text, as most feeds write them."""
    hexes = pl.Series([f"{number:04x}" for number in range(1 << 16)])
    words = [draw(f"{stream}.id.{part}", *seed) for part in range(4)]
    quads = [_from(hexes, half) for word in words for half in (word // (1 << 16), word % (1 << 16))]
    version = _from(pl.Series([f"4{number:03x}" for number in range(1 << 12)]), words[1] % (1 << 12))
    variant = _from(
        pl.Series([f"{8 + number // 4096:x}{number % 4096:03x}" for number in range(1 << 14)]), words[2] % (1 << 14)
    )
    dash = pl.lit("-")
    return pl.concat_str(
        quads[0], quads[1], dash, quads[2], dash, version, dash, variant, dash, quads[5], quads[6], quads[7]
    )
