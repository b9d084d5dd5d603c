"""Rules of `usage_slots`: a day's usage is kept apart only where a price changes inside it."""

from tests.tables import texts
from tests.transforms.chain import made
from tests.transforms.worlds import accounts, meter, on_plan, versions

SLOT = ["rate_set_id", "slot_at"]


def slots(prices, zones=("UTC",)):
    text = "account_id | time_zone\n" + "\n".join(f"a{number} | {zone}" for number, zone in enumerate(zones))
    found = made(
        "usage_slots",
        as_of="2026-08-31",
        account_rows=accounts(text),
        meters=meter(),
        plan_prices=on_plan("p"),
        price_versions=versions(prices),
    )
    return texts(found["usage_slots"], SLOT)


def test_a_book_of_dates_has_no_slots():
    zones = ("UTC", "Asia/Tokyo", "America/New_York", "Africa/Cairo")
    found = slots(
        """
        price_version_id | price_id | model    | effective_from_date
        p@1              | p        | per_unit | 2026-08-01
        p@2              | p        | per_unit | 2026-08-10
        """,
        zones,
    )
    assert found == []


def test_a_change_at_an_instant_is_a_slot_where_it_is_not_the_start_of_a_day():
    """15:00Z is midnight in Tokyo, and the middle of the day in UTC and in New York."""
    found = slots(
        """
        price_version_id | price_id | model    | effective_from_date | effective_from_at
        p@1              | p        | per_unit | 2026-08-01          | null
        p@2              | p        | per_unit | null                | 2026-08-10T15:00
        """,
        ("UTC", "Asia/Tokyo", "America/New_York"),
    )
    assert found == [
        ("payg|USD|America/New_York", "2026-08-10T15:00:00"),
        ("payg|USD|UTC", "2026-08-10T15:00:00"),
    ]


def test_a_tariff_of_half_hours_makes_one_slot_for_each_change_but_the_one_at_midnight():
    """48 changes in a day of UTC: 47 slots."""
    starts = [f"2026-08-10T{half // 2:02}:{half % 2 * 30:02}" for half in range(48)]
    text = "price_version_id | price_id | model | effective_from_at\n" + "\n".join(
        f"p@{number} | p | per_unit | {start}" for number, start in enumerate(starts)
    )
    assert [start for _, start in slots("\n" + text)] == [f"{start}:00" for start in starts[1:]]


def test_changes_outside_of_the_calendar_are_no_slots():
    found = slots("""
        price_version_id | price_id | model    | effective_from_at
        p@1              | p        | per_unit | 2020-01-01T12:00
        p@2              | p        | per_unit | 2030-01-01T12:00
    """)
    assert found == []
