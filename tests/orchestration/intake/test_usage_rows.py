"""Which usage rows are accepted, what they become, and by which rule the others are rejected."""

from datetime import datetime
from decimal import Decimal

import polars as pl
import pytest

from data_contracts import LandedFiles, RejectedRows, UsageEvents
from tests.orchestration.intake.landing_zone import HEADER, Landing, event


def accepted(landing: Landing, *rows: str, header: str = HEADER) -> list[dict]:
    landing.usage(*rows, header=header)
    landing.take()
    return landing.table(UsageEvents).sort("event_id").to_dicts()


def rejected_rule(landing: Landing, row: str, header: str = HEADER) -> tuple[str, str | None]:
    landing.usage(row, header=header)
    landing.take()
    assert landing.table(UsageEvents).is_empty()
    return landing.table(RejectedRows).select("rule", "column_name").rows()[0]


def test_an_accepted_row_keeps_its_delivery_file_and_line(landing: Landing) -> None:
    (row,) = accepted(landing, event("e1", quantity="1.10"))
    assert (str(row["delivery_date"]), row["source_file"], row["source_line"]) == (
        "2026-08-01",
        "usage_events/2026-08-01/a.csv",
        2,
    )
    assert (row["quantity"], row["occurred_at"]) == (Decimal("1.10"), datetime(2026, 8, 1, 10))


def test_the_account_bucket_is_the_first_two_bytes_of_sha256(landing: Landing) -> None:
    (row,) = accepted(landing, event(account_id="acme"))
    assert row["account_bucket"] == 0x822B  # printf acme | sha256sum: 822b33ad...


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("", "1", id="nothing given counts one"),
        pytest.param("0", "0", id="zero is a quantity"),
        pytest.param("-0", "0", id="F27 minus zero is zero"),
        pytest.param("-0.00", "0", id="F27 minus zero with decimals is zero"),
        pytest.param("007.50", "7.5", id="leading zeros of a number say nothing"),
        pytest.param("0.000000000001", "0.000000000001", id="F30 twelve decimals"),
        pytest.param("1.1000000000000000", "1.1", id="F30 zeros beyond twelve decimals are no decimals"),
        pytest.param("999999999999999999.999999999999", "999999999999999999.999999999999", id="F29 just below 10^18"),
    ],
)
def test_a_quantity_is_read_exactly(landing: Landing, text: str, value: str) -> None:
    (row,) = accepted(landing, event(quantity=text))
    assert row["quantity"] == Decimal(value)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        *(
            pytest.param(text, "quantity_not_a_plain_decimal", id=f"F27 {text!r}")
            for text in (
                "NaN",
                "Inf",
                "1e400",
                "0x10",
                "١٢",
                "N/A",
                "NULL",
                " ",
                "1 ",
                "+1",
                ".5",
                "5.",
                "1_000",
                "--1",
            )
        ),
        pytest.param("1.0000000000001", "quantity_has_too_many_decimals", id="F30 the thirteenth decimal"),
        pytest.param("1000000000000000000", "quantity_too_large", id="F29 10^18"),
        pytest.param("-0.01", "quantity_negative", id="F28 below zero"),
    ],
)
def test_a_quantity_that_is_no_plain_decimal_is_rejected_and_never_rounded(
    landing: Landing, text: str, rule: str
) -> None:
    landing.put("price_book/2026-08-01/book.yaml", "tokens:\n")
    assert rejected_rule(landing, event(quantity=text)) == (rule, "quantity")


def test_f15_a_decimal_late_in_a_column_of_integers_stays_exact(landing: Landing) -> None:
    rows = [event(f"e{number:05d}", quantity=str(number)) for number in range(30_000)]
    found = accepted(landing, *rows, event("f", quantity="1.5"), event("g", quantity="x"))
    assert found[-1]["quantity"] == Decimal("1.5")
    assert landing.table(RejectedRows).select("source_line", "found").rows() == [(30_003, "x")]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        pytest.param("2026-08-01T10:00:00Z", datetime(2026, 8, 1, 10), id="UTC"),
        pytest.param("2026-08-01T12:30:00+02:30", datetime(2026, 8, 1, 10), id="an offset east"),
        pytest.param("2026-08-01T05:00:00-05:00", datetime(2026, 8, 1, 10), id="an offset west"),
        pytest.param("2026-08-01t10:00:00z", datetime(2026, 8, 1, 10), id="small letters are RFC 3339 too"),
        pytest.param("2026-08-01T10:00:00.5Z", datetime(2026, 8, 1, 10, 0, 0, 500_000), id="one digit of a second"),
        pytest.param("2026-08-01T10:00:00.000001Z", datetime(2026, 8, 1, 10, 0, 0, 1), id="a microsecond"),
        pytest.param("2026-08-01T10:00:00.000001000Z", datetime(2026, 8, 1, 10, 0, 0, 1), id="further zeros"),
        pytest.param("2024-02-29T00:00:00Z", datetime(2024, 2, 29), id="F37 a leap day"),
        pytest.param("2000-01-01T00:00:00Z", datetime(2000, 1, 1), id="F34 the first year"),
    ],
)
def test_an_instant_is_read_exactly(landing: Landing, text: str, instant: datetime) -> None:
    (row,) = accepted(landing, event(occurred_at=text))
    assert row["occurred_at"] == instant


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param("", "required_value_missing", id="F25 nothing given"),
        pytest.param("2026-08-01T10:00:00", "occurred_at_not_rfc_3339", id="F34 no offset"),
        pytest.param("2026-08-01 10:00:00Z", "occurred_at_not_rfc_3339", id="a blank for the T"),
        pytest.param("1785578400", "occurred_at_not_rfc_3339", id="F34 seconds since 1970"),
        pytest.param("2026-08-01", "occurred_at_not_rfc_3339", id="a day is no instant"),
        pytest.param("2026-8-1T10:00:00Z", "occurred_at_not_rfc_3339", id="digits left out"),
        pytest.param("2026-08-01T10:00:60Z", "occurred_at_does_not_exist", id="F37 second 60"),
        pytest.param("2026-02-29T10:00:00Z", "occurred_at_does_not_exist", id="F37 no leap year"),
        pytest.param("2026-08-01T24:00:00Z", "occurred_at_does_not_exist", id="hour 24"),
        pytest.param("2026-08-01T10:00:00+24:00", "occurred_at_does_not_exist", id="an offset of a day"),
        pytest.param("2026-08-01T10:00:00.0000001Z", "occurred_at_too_precise", id="finer than a microsecond"),
        pytest.param("1999-12-31T23:59:59Z", "occurred_at_out_of_range", id="F34 before 2000"),
        pytest.param("9999-12-31T00:00:00Z", "occurred_at_out_of_range", id="F34 a placeholder year"),
    ],
)
def test_a_time_that_is_no_instant_is_rejected(landing: Landing, text: str, rule: str) -> None:
    assert rejected_rule(landing, event(occurred_at=text)) == (rule, "occurred_at")


def test_f33_an_event_of_the_delivery_day_in_the_last_zone_of_the_world_is_accepted(landing: Landing) -> None:
    assert accepted(landing, event(occurred_at="2026-08-01T23:59:59.999999-12:00"))


def test_f33_an_event_after_the_delivery_day_in_every_zone_is_rejected(landing: Landing) -> None:
    found = rejected_rule(landing, event(occurred_at="2026-08-02T00:00:00-12:00"))
    assert found == ("occurred_after_the_delivery", "occurred_at")


@pytest.mark.parametrize("column", ["event_id", "account_id", "meter"])
def test_f25_an_event_without_an_id_is_rejected(landing: Landing, column: str) -> None:
    row = event("" if column == "event_id" else "e1", **({} if column == "event_id" else {column: ""}))
    assert rejected_rule(landing, row) == ("required_value_missing", column)


@pytest.mark.parametrize("text", ["00123", "1E5", "9007199254740993", "true", "null", "é", "a b"])
def test_f26_an_id_stays_the_text_that_it_is(landing: Landing, text: str) -> None:
    (row,) = accepted(landing, event(text, account_id=text))
    assert (row["event_id"], row["account_id"]) == (text, text)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param("ac\x00me", "hidden_character", id="F19 NUL"),
        pytest.param("ac\tme", "hidden_character", id="F19 control character"),
        pytest.param("ac\u200bme", "hidden_character", id="F19 zero width"),
        pytest.param("ac\u202eme", "hidden_character", id="F19 right-to-left override"),
        pytest.param("ac\ufffdme", "hidden_character", id="F18 a lost character"),
        pytest.param("e\u0301", "not_in_unicode_nfc", id="F20 decomposed"),
        pytest.param(" acme", "blank_at_the_edge", id="F92 leading blank"),
        pytest.param("acme\u00a0", "blank_at_the_edge", id="F92 no-break space behind"),
    ],
)
def test_an_id_that_cannot_be_told_from_another_is_rejected(landing: Landing, text: str, rule: str) -> None:
    assert rejected_rule(landing, event(account_id=text)) == (rule, "account_id")


def test_what_was_found_is_shown_escaped_and_cut(landing: Landing) -> None:
    landing.usage(event(account_id="\x1b[31m" + "x" * 200))
    landing.take()
    found = landing.table(RejectedRows)["found"][0]
    assert found.startswith("\\u001b[31mxxx")
    assert len(found) == 80


WITH_AMOUNT = f"{HEADER},amount,currency"


@pytest.mark.parametrize(
    ("amount", "currency", "found"),
    [
        pytest.param("10.00", "", ("amount_without_currency", "currency"), id="an amount alone"),
        pytest.param("", "EUR", ("currency_without_amount", "amount"), id="a currency alone"),
        pytest.param("10.00", "eur", ("currency_unknown", "currency"), id="F32 small letters"),
        pytest.param("10.00", "XXX", ("currency_unknown", "currency"), id="F32 no currency involved"),
        pytest.param("10.00", "EURO", ("currency_unknown", "currency"), id="F32 no code"),
        pytest.param("-1", "EUR", ("amount_negative", "amount"), id="F28 below zero"),
        pytest.param("1,0", "EUR", ("ragged_record", None), id="F16 a decimal comma"),
    ],
)
def test_an_amount_needs_its_currency(
    landing: Landing, amount: str, currency: str, found: tuple[str, str | None]
) -> None:
    landing.put("price_book/2026-08-01/book.yaml", "tokens:\n")
    assert rejected_rule(landing, f"{event()},{amount},{currency}", WITH_AMOUNT) == found


@pytest.mark.parametrize(
    "meter",
    [
        pytest.param("credits", id="a meter with negative: allow"),
        pytest.param("unheard", id="an unknown meter: the book will say what it may"),
    ],
)
def test_what_may_be_negative_is_accepted_with_its_sign(landing: Landing, meter: str) -> None:
    landing.put("price_book/2026-08-01/book.yaml", "tokens:\ncredits: negative\n")
    (row,) = accepted(landing, f"{event(meter=meter, quantity='-2.5')},-0.01,EUR", header=WITH_AMOUNT)
    assert (row["quantity"], row["amount"]) == (Decimal("-2.5"), Decimal("-0.01"))


def test_an_amount_with_currency_is_accepted(landing: Landing) -> None:
    (row,) = accepted(landing, f"{event()},12.50,EUR", header=WITH_AMOUNT)
    assert (row["amount"], row["value_currency"]) == (Decimal("12.50"), "EUR")


@pytest.mark.parametrize(
    ("reverses", "amends", "found"),
    [
        pytest.param("e0", "e0", ("reverses_and_amends", "amends_event_id"), id="both at once"),
        pytest.param("e1", "", ("names_itself", "reverses_event_id"), id="a reversal of itself"),
        pytest.param("", "e1", ("names_itself", "amends_event_id"), id="an amendment of itself"),
        pytest.param(" e0", "", ("blank_at_the_edge", "reverses_event_id"), id="an id that no event can have"),
    ],
)
def test_a_correction_names_one_other_event(
    landing: Landing, reverses: str, amends: str, found: tuple[str, str]
) -> None:
    header = f"{HEADER},reverses_event_id,amends_event_id"
    assert rejected_rule(landing, f"{event()},{reverses},{amends}", header) == found


def test_a_known_meter_keeps_its_declared_dimensions_only(landing: Landing) -> None:
    landing.put("price_book/2026-08-01/book.yaml", "tokens: region model\n")
    rows = accepted(
        landing,
        f"{event('e1')},gpt-4,eu,x",
        f"{event('e2')},,eu,",
        f'{event("e3")},"say ""hi"" \\o/",,x',
        header=f"{HEADER},model,region,note",
    )
    assert [row["dimensions"] for row in rows] == [
        '{"model":"gpt-4","region":"eu"}',
        '{"region":"eu"}',
        '{"model":"say \\"hi\\" \\\\o/"}',
    ]


def test_an_unknown_meter_keeps_every_further_column_that_is_not_empty(landing: Landing) -> None:
    rows = accepted(landing, f"{event('e1')},gpt-4,", f"{event('e2')},gpt-4,7", header=f"{HEADER},zone,note")
    assert [row["dimensions"] for row in rows] == ['{"zone":"gpt-4"}', '{"note":"7","zone":"gpt-4"}']


def test_a_column_that_no_meter_of_the_row_declares_may_hold_anything(landing: Landing) -> None:
    landing.put("price_book/2026-08-01/book.yaml", "tokens: model\n")
    (row,) = accepted(landing, f'{event()},gpt-4,"two\nlines"', header=f"{HEADER},model,note")
    assert row["dimensions"] == '{"model":"gpt-4"}'


def test_every_row_is_in_one_bucket_and_quantities_conserve(landing: Landing) -> None:
    landing.usage(
        event("e1", quantity="1.5"),
        event("e1", quantity="1.5"),
        event("e2", quantity="2"),
        event("e2", quantity="3"),
        event("e3", quantity="-4"),
        event("", quantity="5"),
        event("e4", quantity="x"),
        "ragged,row",
    )
    landing.put("price_book/2026-08-01/book.yaml", "tokens:\n")
    landing.take()
    (row,) = landing.table(LandedFiles).filter(pl.col("dataset") == "usage_events").to_dicts()
    assert [row[f"{name}_rows"] for name in ("landed", "accepted", "duplicate", "conflict", "rejected")] == [
        8,
        1,
        1,
        2,
        4,
    ]
    assert row["landed_quantity"] == Decimal("1.5") + Decimal("1.5") + 2 + 3 - 4 + 5
    assert row["rejected_quantity"] == -4 + 5
    assert row["conflict_quantity"] == 2 + 3


def test_usage_is_sorted_by_account_bucket_and_place(landing: Landing) -> None:
    landing.usage(*(event(f"e{number}", account_id=f"a{number % 7}") for number in range(100)))
    landing.take()
    found = landing.table(UsageEvents).select("account_bucket", "source_file", "source_line")
    assert found.equals(found.sort(pl.all()))
