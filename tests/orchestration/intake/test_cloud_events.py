"""CloudEvents 1.0, one a line, become usage without any mapping; what cannot be one is named by file and line."""

import json
from datetime import datetime
from decimal import Decimal

import pytest

from data_contracts import LandedFiles, RejectedRows, Reversals, UsageEvents
from tests.orchestration.intake.landing_zone import Landing

ENVELOPE = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/gateway/eu",
    "type": "tokens",
    "subject": "acme",
    "time": "2026-08-01T12:00:00.250+02:00",
}


def cloud_event(data: str | None = '{"quantity":2.50,"model":"gpt-4"}', **changes: str | None) -> str:
    """Return a CloudEvent as a line of JSON; `data` as it shall stand, null changes leave an attribute out."""
    envelope = {name: value for name, value in {**ENVELOPE, **changes}.items() if value is not None}
    text = json.dumps(envelope, ensure_ascii=False)
    return text if data is None else f'{text[:-1]}, "data" : {data}}}'


def take(landing: Landing, *lines: str, meters: str = "tokens: model") -> list[dict]:
    landing.put("price_book/2026-08-01/book.yaml", meters)
    landing.put("usage_events/2026-08-01/a.ndjson", "\n".join(lines) + "\n")
    landing.take()
    return landing.table(UsageEvents).sort("event_id").to_dicts()


def rejected(landing: Landing) -> list[tuple]:
    columns = ("source_line", "rule", "column_name", "found")
    return landing.table(RejectedRows).sort("source_line").select(columns).rows()


def test_a_cloud_event_is_usage_without_any_mapping(landing: Landing) -> None:
    (row,) = take(landing, cloud_event())
    assert (row["event_id"], row["source"], row["meter"], row["account_id"]) == ("e1", "/gateway/eu", "tokens", "acme")
    assert (row["occurred_at"], row["quantity"]) == (datetime(2026, 8, 1, 10, 0, 0, 250_000), Decimal("2.5"))
    assert (row["dimensions"], row["source_line"]) == ('{"model":"gpt-4"}', 1)


@pytest.mark.parametrize(
    ("number", "quantity"),
    [
        pytest.param("0.1", "0.1", id="no binary float"),
        pytest.param("123456789012345678.123456789012", "123456789012345678.123456789012", id="thirty digits"),
        pytest.param("1.10", "1.1", id="a trailing zero"),
        pytest.param('"7.25"', "7.25", id="as text"),
    ],
)
def test_a_number_is_read_digit_by_digit(landing: Landing, number: str, quantity: str) -> None:
    (row,) = take(landing, cloud_event(f'{{"quantity":{number}}}'))
    assert row["quantity"] == Decimal(quantity)


def test_an_exponent_is_rejected_like_everywhere(landing: Landing) -> None:
    take(landing, cloud_event('{"quantity":1e3}'))
    assert rejected(landing) == [(1, "quantity_not_a_plain_decimal", "quantity", "1e3")]


def test_data_may_hold_amount_contract_and_what_it_corrects(landing: Landing) -> None:
    first = cloud_event('{"quantity":1,"amount":"9.99","currency":"EUR","contract_id":"c1"}')
    take(landing, first, cloud_event('{"reverses_event_id":"e1"}', id="r1"))
    row = landing.table(UsageEvents).filter(event_id="e1").to_dicts()[0]
    assert (row["amount"], row["value_currency"], row["contract_id"]) == (Decimal("9.99"), "EUR", "c1")
    assert landing.table(Reversals)["outcome"].to_list() == ["applied"]


@pytest.mark.parametrize("data", [None, "null", "{}", " { } "], ids=["absent", "null", "empty", "blank"])
def test_an_event_without_data_counts_one(landing: Landing, data: str | None) -> None:
    (row,) = take(landing, cloud_event(data))
    assert (row["quantity"], row["dimensions"]) == (1, "{}")


def test_extensions_and_the_rest_of_the_envelope_say_nothing_about_usage(landing: Landing) -> None:
    lines = cloud_event(
        datacontenttype="application/json; charset=utf-8",
        dataschema="https://example.com/usage",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        quantity="99",
    )
    (row,) = take(landing, lines, meters="other:")  # an unknown meter keeps all of its data
    assert (row["dimensions"], row["quantity"]) == ('{"model":"gpt-4"}', Decimal("2.5"))


def test_names_of_the_envelope_are_the_envelopes_whatever_the_data_hold(landing: Landing) -> None:
    data = '{"quantity":1,"id":"x","type":"y","account_id":"other","source":"web","time":"noon"}'
    (row,) = take(landing, cloud_event(data), meters="other:")
    assert (row["event_id"], row["account_id"], row["source"]) == ("e1", "acme", "/gateway/eu")
    assert row["dimensions"] == '{"id":"x","time":"noon","type":"y"}'


def test_braces_quotes_and_keys_inside_strings_are_text(landing: Landing) -> None:
    model = 'a "data":{"quantity":5} } ] \\ ü'
    (row,) = take(landing, cloud_event(json.dumps({"model": model, "quantity": 3}), subject='{"specversion":1}'))
    assert json.loads(row["dimensions"]) == {"model": model}
    assert (row["account_id"], row["quantity"]) == ('{"specversion":1}', 3)


@pytest.mark.parametrize(
    ("line", "rule", "column", "found"),
    [
        *(
            pytest.param(cloud_event(**{name: None}), "cloud_event_attribute_missing", name, None, id=f"no {name}")
            for name in ("id", "source", "type", "subject", "time")
        ),
        pytest.param(cloud_event(specversion="0.3"), "cloud_event_version", "specversion", "0.3", id="an old version"),
        pytest.param(
            cloud_event(None, data_base64="eyJxIjoxfQ=="),
            "cloud_event_binary",
            "data_base64",
            "eyJxIjoxfQ==",
            id="binary data",
        ),
        pytest.param(
            cloud_event(datacontenttype="application/xml"),
            "cloud_event_content_type",
            "datacontenttype",
            "application/xml",
            id="XML",
        ),
        pytest.param(cloud_event('"quantity=1"'), "cloud_event_data", "data", "quantity=1", id="data that is text"),
        pytest.param(cloud_event("7"), "cloud_event_data", "data", "7", id="data that is a number"),
    ],
)
def test_what_is_no_usable_cloud_event_is_rejected_by_name_and_the_others_are_taken(
    landing: Landing, line: str, rule: str, column: str, found: str | None
) -> None:
    good = take(landing, cloud_event(id="before"), line, cloud_event(id="after"))
    assert [row["event_id"] for row in good] == ["after", "before"]
    assert rejected(landing) == [(2, rule, column, found)]
    (message,) = landing.table(RejectedRows)["message"].to_list()
    assert f"`{column}`" in message


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        pytest.param(cloud_event('{"quantity":1,"tags":["a"]}'), "nested_value", id="a list in the data"),
        pytest.param(cloud_event('{"quantity":1,"usage":{"in":1}}'), "nested_value", id="an object in the data"),
        pytest.param(cloud_event("[1]"), "nested_value", id="data that is a list"),
        pytest.param(cloud_event('{"quantity":1,"quantity":2}'), "duplicate_key", id="a key of the data twice"),
        pytest.param(cloud_event()[:-1] + ',"id":"e2"}', "duplicate_key", id="an attribute twice"),
        pytest.param(cloud_event()[:-1] + ',"data":{}}', "nested_value", id="data twice"),
        pytest.param(cloud_event()[:-1], "not_a_json_object", id="no end"),
    ],
)
def test_what_is_no_clean_object_is_rejected_as_in_any_file(landing: Landing, line: str, rule: str) -> None:
    assert take(landing, line) == []
    assert [row[:2] for row in rejected(landing)] == [(1, rule)]
    (file,) = landing.table(LandedFiles).filter(dataset="usage_events").to_dicts()
    assert (file["landed_rows"], file["rejected_rows"]) == (1, 1)


def test_a_file_may_hold_cloud_events_and_our_own_records_line_by_line(landing: Landing) -> None:
    own = '{"event_id":"e2","account_id":"acme","meter":"tokens","occurred_at":"2026-08-01T10:00:00Z","quantity":4}'
    found = take(landing, cloud_event(), own, "", cloud_event(id="e3"))
    assert [(row["event_id"], row["source"], row["source_line"]) for row in found] == [
        ("e1", "/gateway/eu", 1),
        ("e2", "", 2),
        ("e3", "/gateway/eu", 4),
    ]


def test_the_same_cloud_event_again_is_a_duplicate_by_source_and_id(landing: Landing) -> None:
    other = cloud_event(source="/gateway/us")
    assert len(take(landing, cloud_event(), cloud_event(), other)) == 2
    (file,) = landing.table(LandedFiles).filter(dataset="usage_events").to_dicts()
    assert (file["accepted_rows"], file["duplicate_rows"]) == (2, 1)
