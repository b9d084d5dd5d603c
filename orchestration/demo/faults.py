"""What goes wrong between the demo company's systems and the landing zone: every fault is planted here, and counted.

A fault is either a row of `EVENT` with another fate, or a row of text that intake cannot take.
"""

import polars as pl

from orchestration.demo.accounts import LATE_SIGNUP, account_id
from orchestration.demo.calendar import DAY_COUNT, DAY_MS, HOUR_MS
from orchestration.demo.draws import below, draw
from orchestration.demo.usage import EVENT, MICRO

UNKNOWN_ACCOUNT = "acct_907"
UNKNOWN_METER = "video_minutes"
UNPRICED_MODEL = "halden-preview"

UNKNOWN_ACCOUNT_EVENTS = 35
LATE_SIGNUP_EVENTS = 25
UNKNOWN_METER_EVENTS = 12
UNPRICED_MODEL_EVENTS = 15

_GOOD_TOKENS = {
    "source": "gateway",
    "account_id": account_id(5),
    "meter": "input_tokens",
    "quantity": "125000",
    "model": "halden-small",
}
_GOOD_PAYMENT = {
    "source": "cards",
    "account_id": account_id(6),
    "meter": "payments",
    "amount": "49.90",
    "currency": "USD",
    "card_region": "domestic",
}
# One row of text per kind of mistake. `None` empties the field.
BAD_ROWS: tuple[dict[str, str | None], ...] = (
    {**_GOOD_TOKENS, "quantity": "12.5e3"},
    {**_GOOD_TOKENS, "quantity": "1,250"},
    {**_GOOD_TOKENS, "quantity": "NaN"},
    {**_GOOD_TOKENS, "quantity": "-40"},
    {**_GOOD_TOKENS, "quantity": "0.1234567890123"},
    {**_GOOD_TOKENS, "occurred_at": "2026-09-03 14:05:00"},
    {**_GOOD_TOKENS, "occurred_at": "2027-01-01T00:00:00Z"},
    {**_GOOD_TOKENS, "occurred_at": "2026-09-31T10:00:00Z"},
    {**_GOOD_TOKENS, "account_id": None},
    {**_GOOD_TOKENS, "event_id": None},
    {**_GOOD_TOKENS, "meter": None},
    {**_GOOD_PAYMENT, "currency": "EURO"},
    {**_GOOD_PAYMENT, "currency": None},
    {**_GOOD_PAYMENT, "amount": "12.50 USD"},
)
BAD_ROW_COUNT = 35
# Lines that are not even rows: too short and too long for the header, and JSON that was cut off.
RAGGED_CSV_LINES = (
    "call-990001-in,gateway,acct_005,input_tokens\n",
    "call-990002-in,gateway,acct_005,input_tokens,2026-09-03T14:05:00Z,1,,,halden-small,,,surplus\n",
)
CUT_JSON_LINE = '{"event_id":"call-990003-in","source":"gateway","account_id":"acct_0\n'


def delayed(events: pl.DataFrame) -> pl.DataFrame:
    """Deliver one event in 350 one to five days late, unless the demo would be over by then."""
    seed = (pl.col("number"), pl.col("at_ms"), pl.col("event_id").str.len_bytes())
    late_day = pl.col("delivery_day") + 1 + below(5, "late.days", *seed)
    is_late = (below(350, "late", *seed) == 0) & (late_day < DAY_COUNT)
    return events.with_columns(pl.when(is_late).then(late_day).otherwise("delivery_day").alias("delivery_day"))


def unpriceable() -> pl.DataFrame:
    """Events that are well-formed and that nothing can price on the day: of unknown account, meter, model, currency."""
    rows = [_token_event(f"ghost-{nth:03d}", 0, UNKNOWN_ACCOUNT, nth * 2 + 3) for nth in range(UNKNOWN_ACCOUNT_EVENTS)]
    signup = account_id(LATE_SIGNUP)
    rows += [_token_event(f"early-{nth:03d}", LATE_SIGNUP, signup, 17 + nth // 2) for nth in range(LATE_SIGNUP_EVENTS)]
    for nth in range(UNPRICED_MODEL_EVENTS):
        preview = _token_event(f"preview-{nth:03d}", 41 + nth, account_id(41 + nth), 60 + nth)
        rows.append({**preview, "model": UNPRICED_MODEL})
    for nth in range(UNKNOWN_METER_EVENTS):
        video = _token_event(f"video-{nth:03d}", 21 + nth, account_id(21 + nth), 30 + nth)
        rows.append({**video, "meter": UNKNOWN_METER, "model": None})
    rows += [_foreign_payment("pay-foreign-1", 6, "EUR", 33), _foreign_payment("pay-foreign-2", 125, "USD", 64)]
    return pl.DataFrame(rows, schema=EVENT, orient="row")


def repeated(events: pl.DataFrame) -> pl.DataFrame:
    """Copies of one event in 200, delivered again on the same day or one to four days later."""
    seed = (pl.col("number"), pl.col("at_ms"), pl.col("event_id").str.len_bytes())
    again = pl.col("delivery_day") + pl.max_horizontal(below(9, "repeat.days", *seed) - 4, 0)
    return events.filter(draw("repeat", *seed) % 200 == 0).with_columns(
        pl.min_horizontal(again, DAY_COUNT - 1).alias("delivery_day")
    )


def contradicted() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Events that came twice with different quantities: (the one that stands, the rows that are held).

    Over two days the first to come stands. Within one delivery nobody can say who was first, so both are held.
    """
    across = _token_event("conflict-days", 8, account_id(8), 20)
    within = _token_event("conflict-delivery", 15, account_id(15), 41)
    held = [
        {**across, "quantity_micro": 450_000 * MICRO, "delivery_day": 23},
        within,
        {**within, "quantity_micro": 450_000 * MICRO},
    ]
    return pl.DataFrame([across], schema=EVENT, orient="row"), pl.DataFrame(held, schema=EVENT, orient="row")


def bad_rows(text_days: list[int]) -> list[dict[str, str | int | None]]:
    """Rows of text that break a rule of intake, spread over the days whose files are text."""
    rows: list[dict[str, str | int | None]] = []
    for nth in range(BAD_ROW_COUNT):
        delivery_day = text_days[(nth * 11 + 4) % len(text_days)]
        at_ms = delivery_day * DAY_MS + 9 * HOUR_MS + nth
        good: dict[str, str | int | None] = {"event_id": f"bad-{nth:03d}", "delivery_day": delivery_day, "at_ms": at_ms}
        rows.append({**good, **BAD_ROWS[nth % len(BAD_ROWS)]})
    return rows


def _token_event(event_id: str, number: int, account: str, delivery_day: int) -> dict[str, str | int | None]:
    return {
        "number": number,
        "account_id": account,
        "source": "gateway",
        "event_id": event_id,
        "meter": "input_tokens",
        "at_ms": delivery_day * DAY_MS + 12 * HOUR_MS,
        "delivery_day": delivery_day,
        "quantity_micro": 400_000 * MICRO,
        "amount_minor": None,
        "currency": None,
        "model": "halden-small",
        "card_region": None,
    }


def _foreign_payment(event_id: str, number: int, currency: str, delivery_day: int) -> dict[str, str | int | None]:
    tokens = _token_event(event_id, number, account_id(number), delivery_day)
    payment = {"source": "cards", "meter": "payments", "quantity_micro": None, "model": None}
    return {**tokens, **payment, "amount_minor": 8_800, "currency": currency, "card_region": "international"}
