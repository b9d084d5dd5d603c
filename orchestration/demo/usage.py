"""What the accounts really used: well-formed events, each once, before anything goes wrong on the way.

Every frame here has the columns of `EVENT`: integers only, so that the truth can be summed exactly. Instants are
milliseconds after 0:00 UTC of the first delivery.
"""

import polars as pl

from orchestration.demo.accounts import accounts
from orchestration.demo.calendar import DAY_COUNT, DAY_MS, HOUR_MS, local_day
from orchestration.demo.draws import below, draw, small_often

EVENT = {
    "number": pl.Int64,  # account number; 0 for an account that we do not know
    "account_id": pl.String,
    "source": pl.String,
    "event_id": pl.String,
    "meter": pl.String,
    "at_ms": pl.Int64,
    "delivery_day": pl.Int64,
    "quantity_micro": pl.Int64,  # millionths of the meter's unit; null: the feed leaves the quantity out (it is 1)
    "amount_minor": pl.Int64,  # value of a transaction, in minor units; null: the event has none
    "currency": pl.String,
    "model": pl.String,
    "card_region": pl.String,
}
MICRO = 1_000_000

# Thousandths of a day's calls by local hour: quiet nights, a busy morning and a busier afternoon.
_CALLS_BY_HOUR = (10, 8, 6, 6, 8, 14, 24, 38, 56, 70, 76, 72, 62, 68, 76, 76, 68, 56, 46, 40, 36, 32, 30, 22)
_HOUR_OF = [hour for hour, share in enumerate(_CALLS_BY_HOUR) for _ in range(share)]


def usage() -> pl.DataFrame:
    """Return every event of the quarter, in the order in which the company's systems number them."""
    known = accounts().select("number", "account_id", "currency", "time_zone", "summer_offset", "joined_day", "rank")
    calls = _api_calls(known)
    events = pl.concat(
        [
            _input_tokens(calls),
            _output_tokens(calls),
            _api_requests(calls),
            _payments(known),
            _storage(known),
            _gpu_seconds(known),
        ]
    )
    return _within_open_days(events, known).select(*EVENT).sort("source", "event_id")


def _api_calls(known: pl.DataFrame) -> pl.DataFrame:
    """One row per batch of API calls: model, token counts. Three in four accounts use the API."""
    callers = known.filter(pl.col("number") % 4 != 0)
    per_thousand_days = 110_000 // (pl.col("rank") + 2)
    calls = _spread(callers, "calls", per_thousand_days)
    kind = below(100, "calls.model", pl.col("number"), pl.col("at_ms"))
    model = pl.when(kind < 45).then(pl.lit("large")).when(kind < 85).then(pl.lit("small")).otherwise(pl.lit("embed"))
    seed = (pl.col("number"), pl.col("at_ms"))
    return calls.with_columns(
        ("halden-" + model).alias("model"),
        (2_000 + small_often(4_000_000, "calls.input", *seed)).alias("input_tokens"),
        (50 + below(350, "calls.output", *seed)).alias("output_per_thousand"),
    ).with_columns(_numbered("call", "calls").alias("call_id"))


def _input_tokens(calls: pl.DataFrame) -> pl.DataFrame:
    return _events(
        calls,
        source="gateway",
        event_id=pl.col("call_id") + "-in",
        meter="input_tokens",
        quantity_micro=pl.col("input_tokens") * MICRO,
        model=pl.col("model"),
    )


def _output_tokens(calls: pl.DataFrame) -> pl.DataFrame:
    """Embeddings give vectors back, not tokens: they have no output event."""
    answers = calls.filter(pl.col("model") != "halden-embed")
    return _events(
        answers,
        source="gateway",
        event_id=pl.col("call_id") + "-out",
        meter="output_tokens",
        quantity_micro=pl.col("input_tokens") * pl.col("output_per_thousand") // 1_000 * MICRO,
        model=pl.col("model"),
    )


def _api_requests(calls: pl.DataFrame) -> pl.DataFrame:
    """The meter counts events, so the feed leaves the quantity out."""
    return _events(calls, source="gateway", event_id=pl.col("call_id") + "-req", meter="api_requests")


def _payments(known: pl.DataFrame) -> pl.DataFrame:
    """Card payments of two accounts in five; yen have no minor unit."""
    shops = known.filter(pl.col("number") % 5 < 2)
    payments = _spread(shops, "payments", 73_000 // (pl.col("rank") // 2 + 3))
    seed = (pl.col("number"), pl.col("at_ms"))
    cents = 150 + small_often(120_000, "payments.amount", *seed)
    is_domestic = below(100, "payments.region", *seed) < 78
    return _events(
        payments.with_columns(_numbered("pay", "payments").alias("payment_id")),
        source="cards",
        event_id=pl.col("payment_id"),
        meter="payments",
        amount_minor=cents,
        currency=pl.col("currency"),
        card_region=pl.when(is_domestic).then(pl.lit("domestic")).otherwise(pl.lit("international")),
    )


def _storage(known: pl.DataFrame) -> pl.DataFrame:
    """One measurement a day for every second account: GB-hours with six decimals, growing over the quarter."""
    measured = known.filter(pl.col("number") % 2 == 0).join(_days(), how="cross")
    base = (2_000_000 // (pl.col("rank") + 8)) * MICRO
    grown = base * (900 + pl.col("day") * 4) // 1_000
    noise = draw("storage.noise", pl.col("number"), pl.col("day")) * 997 % (400 * MICRO)
    return _events(
        measured.with_columns((pl.col("day") * DAY_MS + 23 * HOUR_MS - pl.col("number") * 4_001).alias("at_ms")),
        source="storage",
        event_id=pl.format("gbh-{}-{}", pl.col("day").cast(pl.String).str.zfill(3), pl.col("account_id")),
        meter="storage_gb_hours",
        quantity_micro=grown + noise,
    )


def _gpu_seconds(known: pl.DataFrame) -> pl.DataFrame:
    """Seconds of our own graphics processors: a cost of ours that no customer is billed for."""
    served = known.filter(pl.col("number") % 10 == 1).join(_days(), how="cross")
    return _events(
        served.with_columns((pl.col("day") * DAY_MS + 22 * HOUR_MS - pl.col("number") * 5_003).alias("at_ms")),
        source="cluster",
        event_id=pl.format("gpu-{}-{}", pl.col("day").cast(pl.String).str.zfill(3), pl.col("account_id")),
        meter="gpu_seconds",
        quantity_micro=(600 + below(7_200, "gpu", pl.col("number"), pl.col("day"))) * MICRO,
    )


def _spread(users: pl.DataFrame, stream: str, per_thousand_days: pl.Expr) -> pl.DataFrame:
    """Spread a growing, weekday-heavy number of happenings of each account over days and hours.

    The expected number has thousandths; a draw decides whether the fraction becomes one more.
    """
    growth = 820 + pl.col("day") * 4
    # 1 August 2026 is a Saturday, so days 0 and 1 of every seven are the weekend.
    weekday = pl.when(pl.col("day") % 7 < 2).then(550).otherwise(1_150)
    expected = per_thousand_days * growth // 1_000 * weekday // 1_000
    chance = below(1_000, f"{stream}.count", pl.col("number"), pl.col("day"))
    happenings = (
        users.join(_days(), how="cross")
        .with_columns(((expected + chance) // 1_000).alias("count"))
        .filter(pl.col("count") > 0)
        .with_columns(pl.int_ranges(0, pl.col("count")).alias("nth"))
        .explode("nth")
    )
    seed = (pl.col("number"), pl.col("day"), pl.col("nth"))
    local_hour = pl.lit(pl.Series(_HOUR_OF, dtype=pl.Int64)).gather(below(len(_HOUR_OF), f"{stream}.hour", *seed))
    utc_hour = (local_hour - pl.col("summer_offset") + 24) % 24
    at_ms = pl.col("day") * DAY_MS + utc_hour * HOUR_MS + below(HOUR_MS, f"{stream}.ms", *seed)
    # Two happenings of one account in one millisecond would share every later draw.
    return (
        happenings.with_columns(at_ms.alias("at_ms"))
        .unique(["number", "at_ms"], keep="first", maintain_order=True)
        .sort("at_ms", "number")
    )


def _numbered(prefix: str, stream: str) -> pl.Expr:
    """Ids in the order of time, with three digits behind, like a checksum."""
    checksum = below(900, f"{stream}.id", pl.int_range(pl.len())) + 100
    return pl.format("{}-{}-{}", pl.lit(prefix), pl.int_range(pl.len()).cast(pl.String).str.zfill(6), checksum)


def _days() -> pl.DataFrame:
    return pl.DataFrame({"day": range(DAY_COUNT)}, schema={"day": pl.Int64})


def _events(rows: pl.DataFrame, *, source: str, event_id: pl.Expr, meter: str, **values: pl.Expr) -> pl.DataFrame:
    """Give happenings the columns of `EVENT`; what a meter does not bring is null."""
    given = {"source": pl.lit(source), "event_id": event_id, "meter": pl.lit(meter), **values}
    given["delivery_day"] = pl.col("at_ms") // DAY_MS
    own = ("number", "account_id", "at_ms")
    return rows.select(
        (pl.col(name) if name in own else given.get(name, pl.lit(None))).cast(dtype).alias(name)
        for name, dtype in EVENT.items()
    )


def _within_open_days(events: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Keep what falls on a local day on which the account was open: the company opened on 1 August, everywhere.

    So the demo has three whole billing months in every zone, and not a fourth with a few hours.
    """
    clocks = known.select("number", "time_zone", "summer_offset", "joined_day")
    service_day = local_day(pl.col("at_ms"), pl.col("time_zone"), pl.col("summer_offset"))
    return events.join(clocks, on="number", how="left", validate="m:1").filter(
        service_day >= pl.col("joined_day"), service_day < DAY_COUNT
    )
