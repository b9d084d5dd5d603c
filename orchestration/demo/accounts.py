"""The 200 accounts, who joined when, and the three snapshots in which the company delivers them."""

from datetime import date

import polars as pl

from orchestration.demo.calendar import FIRST_DELIVERY, SUMMER_OFFSET, day_number

ACCOUNT_COUNT = 200
LAST_IN_USD = 120
LAST_IN_EUR = 180

SECOND_SNAPSHOT = date(2026, 9, 1)
THIRD_SNAPSHOT = date(2026, 10, 1)
SNAPSHOTS = (FIRST_DELIVERY, SECOND_SNAPSHOT, THIRD_SNAPSHOT)

# Account numbers with a part to play in the demo.
INTERNAL_ACCOUNT = 10  # excluded from billing by a rule of the price book
LATE_SIGNUP = 120  # uses the API in August, is delivered in September: its suspense resolves
JOINED_SECOND = frozenset(range(113, LATE_SIGNUP + 1))
JOINED_THIRD = frozenset((177, 178, 179, 180, 199, 200))
LATE_SIGNUP_VALID_FROM = date(2026, 8, 15)
CHILD_OF = {2: 1, 3: 1, 16: 15, 122: 121, 123: 121, 128: 127, 182: 181}
RENAMED_SECOND = 12
MOVED_UP_SECOND = 30
MOVED_UP_THIRD = 150

_FIRST_WORDS = (
    *("Amber", "Birch", "Cedar", "Coral", "Delta", "Ember", "Fjord", "Garnet", "Harbor", "Indigo"),
    *("Juniper", "Lantern", "Maple", "Nimbus", "Opal", "Pioneer", "Quartz", "River", "Summit", "Willow"),
)
_LAST_WORDS = ("Analytics", "Bikes", "Clinics", "Foods", "Games", "Labs", "Logistics", "Media", "Robotics", "Travel")
_SEGMENTS = ("self_serve", "startup", "mid_market")
_COUNTRIES = {"USD": ("US", "US", "CA"), "EUR": ("DE", "FR", "NL"), "JPY": ("JP", "JP", "JP")}
_NET_TERMS = (None, None, 14, 45, 60)


def account_id(number: int) -> str:
    """Id of the account with that number."""
    return f"acct_{number:03d}"


def accounts() -> pl.DataFrame:
    """Return one row per account: the delivered columns, and `number`, `joined_day`, `rank`, `summer_offset` beside.

    `rank` orders accounts by size: the every-seventh accounts that have signed a contract are the large ones.
    """
    by_size = sorted(range(1, ACCOUNT_COUNT + 1), key=lambda number: (not has_contract(number), number * 83 % 211))
    return pl.DataFrame(
        [{**_account(number), "rank": by_size.index(number)} for number in range(1, ACCOUNT_COUNT + 1)],
        infer_schema_length=None,
    )


def has_contract(number: int) -> bool:
    """Whether the account's size is that of an account with a contract."""
    return number % 7 == 1


def snapshot(delivery: date) -> pl.DataFrame:
    """Return the accounts as the company delivers them on one of `SNAPSHOTS`: all that have joined, as text."""
    delivered = accounts().filter(pl.col("joined_day") <= day_number(delivery))
    if delivery >= SECOND_SNAPSHOT:
        delivered = delivered.with_columns(
            _changed("name", {RENAMED_SECOND: "Indigo & Lantern Labs, Ltd."}),
            _changed("segment", {MOVED_UP_SECOND: "mid_market"}),
        )
    if delivery >= THIRD_SNAPSHOT:
        delivered = delivered.with_columns(_changed("segment", {MOVED_UP_THIRD: "enterprise"}))
    return delivered.select(
        "account_id",
        "name",
        "currency",
        "country",
        "time_zone",
        "parent_account_id",
        "legal_entity_id",
        "segment",
        "region",
        "tax_exempt",
        "net_terms_days",
        "valid_from",
    )


def _changed(column: str, new: dict[int, str]) -> pl.Expr:
    return pl.col("number").replace_strict(new, default=pl.col(column), return_dtype=pl.String).alias(column)


def _account(number: int) -> dict[str, object]:
    currency = "USD" if number <= LAST_IN_USD else "EUR" if number <= LAST_IN_EUR else "JPY"
    time_zone = _time_zone(number, currency)
    parent = CHILD_OF.get(number)
    return {
        "number": number,
        "account_id": account_id(number),
        "name": _name(number),
        "currency": currency,
        "country": _COUNTRIES[currency][number % 3],
        "time_zone": time_zone,
        "parent_account_id": account_id(parent) if parent else None,
        "legal_entity_id": "halden_eu" if currency == "EUR" else "halden_us",
        "segment": "enterprise" if has_contract(number) else _SEGMENTS[number * 5 % 7 % 3],
        "region": {"USD": "amer", "EUR": "emea", "JPY": "apac"}[currency],
        "tax_exempt": "true" if number % 50 == 40 else "false",
        "net_terms_days": _NET_TERMS[number % 5],
        "valid_from": LATE_SIGNUP_VALID_FROM.isoformat() if number == LATE_SIGNUP else None,
        "joined_day": _joined_day(number),
        "summer_offset": SUMMER_OFFSET[time_zone],
    }


def _name(number: int) -> str:
    if number == INTERNAL_ACCOUNT:
        return "Halden Compute load test (internal)"
    return f"{_FIRST_WORDS[number % 20]} {_LAST_WORDS[(number - 1) // 20]}"


def _time_zone(number: int, currency: str) -> str:
    """Currency and zone do not always go together: some accounts pay in dollars and live in Berlin or Tokyo."""
    if currency == "USD":
        return "Asia/Tokyo" if number % 20 == 0 else "Europe/Berlin" if number % 15 == 0 else "America/New_York"
    return "Europe/Berlin" if currency == "EUR" else "Asia/Tokyo"


def _joined_day(number: int) -> int:
    if number in JOINED_SECOND:
        return day_number(SECOND_SNAPSHOT)
    return day_number(THIRD_SNAPSHOT) if number in JOINED_THIRD else 0
