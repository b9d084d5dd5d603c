"""Which usage files are read, with equal rows whatever the format, and which are refused whole."""

import gzip
import io
import json
import re
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest
import zstandard

from data_contracts import LandedFiles, RejectedRows, UsageEvents
from tests.orchestration.intake.landing_zone import HEADER, Landing, event

ROWS = [event("e1", quantity="1.10"), event("e2", quantity="123456789012345678.000000000001"), event("00123")]
TEXT = "\n".join([HEADER, *ROWS]) + "\n"
NUMBERS = ["1.10", "123456789012345678.000000000001", "1"]
NDJSON = "".join(
    f'{{"event_id": "{row.split(",")[0]}", "account_id": "acme", "meter": "tokens", '
    f'"occurred_at": "2026-08-01T10:00:00Z", "quantity": {number}}}\n'
    for row, number in zip(ROWS, NUMBERS, strict=True)
)


def parquet(**columns: object) -> bytes:
    frame = {
        "event_id": ["e1", "e2", "00123"],
        "account_id": pl.Series(["acme"] * 3, dtype=pl.Categorical),
        "meter": ["tokens"] * 3,
        "occurred_at": [datetime(2026, 8, 1, 10, tzinfo=UTC)] * 3,
        "quantity": pl.Series([Decimal(number) for number in NUMBERS], dtype=pl.Decimal(38, 12)),
    }
    buffer = io.BytesIO()
    pl.DataFrame({**frame, **columns}).write_parquet(buffer)
    return buffer.getvalue()


def content(landing: Landing) -> list[tuple]:
    events = landing.table(UsageEvents).sort("event_id")
    return events.select("event_id", "account_id", "meter", "occurred_at", "quantity", "dimensions").rows()


FORMATS = [
    pytest.param("a.csv", TEXT.encode(), id="CSV"),
    pytest.param("a.csv.gz", gzip.compress(TEXT.encode()), id="CSV.gz"),
    pytest.param("a.csv.zst", zstandard.compress(TEXT.encode()), id="CSV.zst"),
    pytest.param("a.ndjson", NDJSON.encode(), id="NDJSON"),
    pytest.param("a.jsonl", NDJSON.encode(), id="JSON lines"),
    pytest.param("a.ndjson.gz", gzip.compress(NDJSON.encode()), id="NDJSON.gz"),
    pytest.param("a.parquet", parquet(), id="Parquet"),
    pytest.param("a.csv", b"\xef\xbb\xbf" + TEXT.encode(), id="F17 byte order mark"),
    pytest.param("a.csv", TEXT.replace("\n", "\r\n").encode(), id="F17 CRLF"),
    pytest.param("a.csv", TEXT.replace("\n", "\r").encode(), id="F17 CR only"),
    pytest.param("a.csv", TEXT.replace("\n", "\n\n").encode(), id="F17 blank lines"),
    pytest.param("a.csv", re.sub("[^,\n]+", r'"\g<0>"', TEXT).encode(), id="every field quoted"),
    pytest.param(
        "a.csv",
        "\n".join(",".join(reversed(line.split(","))) for line in TEXT.splitlines()).encode() + b"\n",
        id="F13 columns in another order",
    ),
]


@pytest.mark.parametrize(("name", "data"), FORMATS)
def test_every_format_gives_equal_rows(landing: Landing, name: str, data: bytes) -> None:
    landing.put(f"usage_events/2026-08-01/{name}", data)
    landing.take()
    at = datetime(2026, 8, 1, 10)
    assert content(landing) == [
        ("00123", "acme", "tokens", at, Decimal(1), "{}"),
        ("e1", "acme", "tokens", at, Decimal("1.10"), "{}"),
        ("e2", "acme", "tokens", at, Decimal("123456789012345678.000000000001"), "{}"),
    ]


REFUSED = [
    pytest.param("a.csv", b"", "empty_file", id="F02 no bytes"),
    pytest.param("a.csv", HEADER.encode() + b"\n", "empty_file", id="F02 header only"),
    pytest.param("a.ndjson", b"\n", "empty_file", id="F02 NDJSON without a line"),
    pytest.param("a.csv", TEXT[:-1].encode(), "last_line_incomplete", id="F03 no line end at the end"),
    pytest.param("a.csv", TEXT[:-9].encode(), "last_line_incomplete", id="F03 cut inside a row"),
    pytest.param("a.csv.gz", gzip.compress(TEXT.encode())[:-9], "compressed_file_broken", id="F04 truncated gzip"),
    pytest.param("a.csv.gz", TEXT.encode(), "compressed_file_broken", id="F04 no gzip at all"),
    pytest.param(
        "a.csv.zst", zstandard.compress(TEXT.encode())[:-5], "compressed_file_broken", id="F04 truncated zstd"
    ),
    pytest.param("a.parquet", parquet()[:-20], "parquet_broken", id="F04 truncated Parquet"),
    pytest.param("a.parquet", TEXT.encode(), "parquet_broken", id="F04 no Parquet at all"),
    pytest.param("a.csv", TEXT.replace("meter", "colour").encode(), "columns", id="F11 a required column is missing"),
    pytest.param("a.csv", TEXT.replace("meter", "Meter", 1).encode(), "columns", id="F14 case changed"),
    pytest.param(
        "a.csv", TEXT.replace("quantity", "Quantity").encode(), "columns", id="F14 case of an optional column"
    ),
    pytest.param(
        "a.csv", TEXT.replace("quantity", "quantitiy").encode(), "columns", id="F14 an optional column renamed"
    ),
    pytest.param("a.csv", TEXT.replace("quantity", "meter").encode(), "columns", id="F14 a header twice"),
    pytest.param("a.ndjson", NDJSON.replace("meter", "Meter").encode(), "columns", id="F14 case changed in NDJSON"),
    pytest.param("a.csv", TEXT.replace(",", ";").encode(), "dialect", id="F16 semicolons"),
    pytest.param("a.csv", TEXT.replace(",", "\t").encode(), "dialect", id="F16 tabs"),
    pytest.param("a.csv", TEXT.replace("acme", "münchen", 1).encode("latin-1"), "not_utf8", id="F18 Latin-1"),
    pytest.param("a.csv", TEXT.encode("utf-16"), "not_utf8", id="F18 UTF-16"),
    pytest.param("a.parquet", parquet(quantity=[1.5, 2.5, 3.5]), "parquet_type", id="F40 floats"),
    pytest.param("a.parquet", parquet(occurred_at=[datetime(2026, 8, 1)] * 3), "parquet_type", id="F40 no time zone"),
    pytest.param("a.parquet", parquet(model=[["x"]] * 3), "parquet_type", id="F40 nested"),
    pytest.param("a.parquet", parquet(model=[b"x"] * 3), "parquet_type", id="F40 logical type missing"),
    pytest.param("a.xlsx", TEXT.encode(), "unknown_format", id="an ending that nobody reads"),
]


@pytest.mark.parametrize(("name", "data", "rule"), REFUSED)
def test_a_file_that_cannot_be_whole_is_refused_and_nothing_of_it_is_loaded(
    landing: Landing, name: str, data: bytes, rule: str
) -> None:
    landing.put(f"usage_events/2026-08-01/{name}", data)
    landing.usage(event("good"), name="other.csv")
    landing.take()
    assert landing.refusals() == [(f"usage_events/2026-08-01/{name}", rule)]
    assert landing.table(UsageEvents)["event_id"].to_list() == ["good"]


def test_f11_the_message_names_the_missing_column_and_the_nearest_one(landing: Landing) -> None:
    landing.put("usage_events/2026-08-01/a.csv", TEXT.replace("account_id", "acount_id"))
    landing.take()
    assert "`account_id` is missing (nearest: `acount_id`)" in landing.table(LandedFiles)["message"][0]


def test_f18_the_message_names_the_byte_offset(landing: Landing) -> None:
    landing.put("usage_events/2026-08-01/a.csv", TEXT.encode() + b"\xff\n")
    landing.take()
    assert f"byte offset {len(TEXT.encode())} " in landing.table(LandedFiles)["message"][0]


def test_f40_the_message_names_column_and_type(landing: Landing) -> None:
    landing.put("usage_events/2026-08-01/a.parquet", parquet(quantity=[1.5, 2.5, 3.5]))
    landing.take()
    assert "Column `quantity` has the type Float64" in landing.table(LandedFiles)["message"][0]


def test_f12_an_added_column_changes_nothing_for_a_known_meter(landing: Landing) -> None:
    landing.put("price_book/2026-08-01/book.yaml", "tokens:\n")
    landing.put("usage_events/2026-08-01/a.csv", TEXT.replace("\n", ",x\n"))
    landing.take()
    assert [row[-1] for row in content(landing)] == ["{}", "{}", "{}"]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        pytest.param("e9,acme,tokens,2026-08-01T10:00:00Z", "ragged_record", id="F22 short"),
        pytest.param(f"{event('e9')},7", "ragged_record", id="F22 long"),
        pytest.param('e9,"acme,tokens,2026-08-01T10:00:00Z,1', "quote_not_closed", id="F21 quote not closed"),
        pytest.param('e9,ac"me,tokens,2026-08-01T10:00:00Z,1', "quote_not_closed", id="F21 a quote inside a field"),
        pytest.param('e9,ac"m"e,tokens,2026-08-01T10:00:00Z,1', "quote_inside_field", id="F21 quotes inside a field"),
        pytest.param(f"e9,{'x' * 70_000},tokens,2026-08-01T10:00:00Z,1", "field_too_long", id="F21 a field of 70 kB"),
    ],
)
def test_a_broken_record_is_rejected_alone_with_its_line(landing: Landing, row: str, rule: str) -> None:
    landing.usage(
        event("e1"),
        '"e2","a,b","tokens","2026-08-01T10:00:00Z","1"',
        row,
        event("e3"),
        '"e4",acme,"tokens",2026-08-01T10:00:00Z,1',
    )
    landing.take()
    assert landing.table(RejectedRows).select("source_line", "rule").rows() == [(4, rule)]
    assert landing.table(UsageEvents)["event_id"].sort().to_list() == ["e1", "e2", "e3", "e4"]


def test_f21_a_quoted_line_end_is_part_of_the_field(landing: Landing) -> None:
    landing.put("price_book/2026-08-01/book.yaml", "tokens:\n")
    landing.usage(f'{event("e1")},"two\nlines"', f"{event('e2')},one", header=f"{HEADER},note")
    landing.take()
    assert landing.table(UsageEvents).sort("event_id")["source_line"].to_list() == [2, 4]


def line(**values: str) -> str:
    members = {
        "event_id": '"e1"',
        "account_id": '"acme"',
        "meter": '"tokens"',
        "occurred_at": '"2026-08-01T10:00:00Z"',
        **values,
    }
    return "{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param("nonsense", "not_a_json_object", id="no JSON"),
        pytest.param("[1]", "not_a_json_object", id="a list"),
        pytest.param("5", "not_a_json_object", id="a number"),
        pytest.param(line() + line(), "not_a_json_object", id="two objects in a line"),
        pytest.param(line(quantity="NaN"), "not_a_json_object", id="F27 NaN is no JSON"),
        pytest.param(line(quantity="1e2"), "quantity_not_a_plain_decimal", id="F90 an exponent"),
        pytest.param(line(quantity="1.00000000000000000001"), "quantity_has_too_many_decimals", id="F30 20 decimals"),
        pytest.param(line(quantity="true"), "quantity_not_a_plain_decimal", id="a boolean is no quantity"),
        pytest.param(line(data='{"x":1}'), "nested_value", id="an object inside"),
        pytest.param(line(data="[1]"), "nested_value", id="a list inside"),
        pytest.param(line()[:-1] + ',"event_id":"e2"}', "duplicate_key", id="F49 a key twice"),
        pytest.param(line()[:-1] + ',"quantit\\u0079":5}', "unusable_key", id="a key in escapes"),
        pytest.param(line(note='"x",":y":1'), "unusable_key", id="a key that begins with a colon"),
        pytest.param(line(quantity="9" * 100), "not_a_json_object", id="F29 a number of a hundred digits"),
        pytest.param(line(quantity="9" * 30), "quantity_too_large", id="F29 a number of thirty digits"),
        pytest.param(line(account_id="null"), "required_value_missing", id="F25 null is nothing"),
        pytest.param(line(account_id='"ac\\u0000me"'), "hidden_character", id="F19 an escaped NUL"),
        pytest.param(line(account_id='"\\ud800"'), "not_a_json_object", id="F18 half a character"),
    ],
)
def test_a_bad_line_of_ndjson_is_rejected_alone(landing: Landing, text: str, rule: str) -> None:
    landing.put("usage_events/2026-08-01/a.ndjson", f"{line(event_id='7')}\n{text}\n")
    landing.take()
    assert landing.table(RejectedRows).select("source_line", "rule").rows() == [(2, rule)]
    assert landing.table(UsageEvents)["event_id"].to_list() == ["7"]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        pytest.param('"say \\"quantity\\": 5"', '{"note":"say \\"quantity\\": 5"}', id="a key inside a string"),
        pytest.param('"a\\\\"', '{"note":"a\\\\"}', id="a backslash at the end"),
        pytest.param('"\\u00e9{["', '{"note":"é{["}', id="brackets inside a string"),
        pytest.param("12.50", '{"note":"12.50"}', id="a number digit by digit"),
        pytest.param("9007199254740993", '{"note":"9007199254740993"}', id="F26 beyond 2^53"),
        pytest.param("true", '{"note":"true"}', id="a boolean"),
        pytest.param("null", "{}", id="null is nothing"),
        pytest.param('""', "{}", id="blank is nothing"),
    ],
)
def test_json_text_arrives_unchanged(landing: Landing, value: str, found: str) -> None:
    landing.put("usage_events/2026-08-01/a.ndjson", line(note=value, quantity="2") + "\n")
    landing.take()
    assert landing.table(UsageEvents).select("dimensions", "quantity").rows() == [(found, Decimal(2))]


def test_f04_an_exploding_file_is_refused(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.intake.blocks.UNPACKED_FREE_BYTES", 100_000)
    landing.put("usage_events/2026-08-01/a.csv.gz", gzip.compress(b"x" * 10_000_000))
    landing.put("usage_events/2026-08-01/b.csv.zst", zstandard.compress(b"x" * 10_000_000))
    landing.take()
    assert [rule for _, rule in landing.refusals()] == ["unpacks_too_large"] * 2


def manifest(**entry: object) -> str:
    return json.dumps({"files": [{"name": "a.csv", **entry}]})


def test_f02_an_empty_file_is_fine_if_its_manifest_says_so(landing: Landing) -> None:
    landing.put("usage_events/2026-08-01/a.csv", HEADER + "\n")
    landing.put("usage_events/2026-08-01/_manifest.json", manifest(rows=0))
    landing.take()
    assert landing.table(LandedFiles).select("status", "landed_rows").rows() == [("loaded", 0)]


def test_f03_a_manifest_vouches_for_a_last_line_without_line_end(landing: Landing) -> None:
    landing.put("usage_events/2026-08-01/a.csv", TEXT[:-1])
    landing.put("usage_events/2026-08-01/_manifest.json", manifest(rows=3))
    landing.take()
    assert landing.table(LandedFiles).select("status", "accepted_rows").rows() == [("loaded", 3)]


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        pytest.param({"rows": 4}, "row_count", id="F03 rows"),
        pytest.param({"sha256": "0" * 64}, "sha256", id="F03 sha256"),
        pytest.param({"control_totals": {"quantity": "1.10"}}, "control_total", id="F03 control total"),
        pytest.param({"control_totals": {"colour": "1"}}, "control_total_unknown", id="a total of nothing known"),
        pytest.param({"rows": "3"}, "manifest_unreadable", id="a manifest of another shape"),
        pytest.param({"name": "b.csv"}, "manifest_names_missing_files", id="I2 a file that is not there"),
    ],
)
def test_a_file_that_is_not_what_its_manifest_says_is_refused(landing: Landing, entry: dict, rule: str) -> None:
    landing.put("usage_events/2026-08-01/a.csv", TEXT)
    landing.put("usage_events/2026-08-01/_manifest.json", manifest(**entry))
    landing.take()
    assert landing.refusals() == [("usage_events/2026-08-01/a.csv", rule)]
    assert landing.table(UsageEvents).is_empty()


def test_i2_a_file_that_its_manifest_does_not_name_is_refused(landing: Landing) -> None:
    landing.put("usage_events/2026-08-01/a.csv", TEXT)
    landing.usage(event("extra"), name="b.csv")
    total = "123456789012345680.100000000001"  # 1.10 + 123456789012345678.000000000001 + 1, beyond 28 digits
    landing.put("usage_events/2026-08-01/_manifest.json", manifest(rows=3, control_totals={"quantity": total}))
    landing.take()
    assert landing.refusals() == [("usage_events/2026-08-01/b.csv", "not_in_the_manifest")]
    assert landing.table(UsageEvents).height == 3


def test_a_manifest_within_a_delivery_speaks_for_its_own_folder_and_no_other(landing: Landing) -> None:
    landing.put("usage_events/2026-08-01/a.csv", TEXT)
    landing.put("usage_events/2026-08-01/_manifest.json", manifest(rows=3))
    for name in ("own/a.csv", "own/deeper/b.csv", "plain/c.csv"):
        landing.put(f"usage_events/2026-08-01/{name}", f"{HEADER}\n{event(name)}\n")
    landing.put("usage_events/2026-08-01/own/_manifest.json", manifest(rows=1))
    landing.take()
    assert landing.refusals() == [
        ("usage_events/2026-08-01/own/deeper/b.csv", "not_in_the_manifest"),
        ("usage_events/2026-08-01/plain/c.csv", "not_in_the_manifest"),
    ]
    assert landing.table(UsageEvents).height == 3 + 1


def test_a_link_is_no_manifest_and_takes_no_file_from_the_one_above(landing: Landing) -> None:
    landing.put("usage_events/2026-08-01/a.csv", TEXT)
    landing.put("usage_events/2026-08-01/_manifest.json", manifest(rows=3))
    inner = landing.put("usage_events/2026-08-01/inner/b.csv", f"{HEADER}\n{event('b')}\n")
    (inner.parent / "_manifest.json").symlink_to("../_manifest.json")
    landing.take()
    assert landing.refusals() == [("usage_events/2026-08-01/inner/b.csv", "not_in_the_manifest")]


def test_a_manifest_can_be_required(landing: Landing) -> None:
    landing.settings = landing.settings.model_copy(update={"require_manifest": frozenset({"usage_events"})})
    landing.put("usage_events/2026-08-01/a.csv", TEXT)
    landing.take()
    assert landing.refusals() == [("usage_events/2026-08-01/a.csv", "manifest_required")]


def test_blocks_and_buckets_change_nothing(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f'{event(f"e{n % 900}", account_id=f"a{n % 30}", quantity=str(n % 450))},"x\n{n % 2}"' for n in range(1000)]
    landing.put("price_book/2026-08-01/book.yaml", "tokens:\n")
    landing.usage(*rows, header=f"{HEADER},note")
    landing.take()
    whole = Landing(landing.settings.model_copy(update={"home": landing.settings.home / "other"}))
    monkeypatch.setattr("orchestration.intake.usage_delivery.bucket_count", lambda *_: 7)
    monkeypatch.setattr("orchestration.intake.usage_delivery.block_bytes", lambda _: 4096)
    monkeypatch.setattr("orchestration.intake.blocks.READ_BYTES", 1000)
    whole.put("price_book/2026-08-01/book.yaml", "tokens:\n")
    whole.usage(*rows, header=f"{HEADER},note")
    whole.take()
    for table in (UsageEvents, LandedFiles, RejectedRows):
        assert whole.table(table).equals(landing.table(table))
    assert landing.table(LandedFiles)["duplicate_rows"].sum() == 100
    assert not list(whole.settings.delivered.rglob(".parts"))


def test_typed_parquet_is_decided_as_its_text(landing: Landing) -> None:
    """Times and decimals with a type skip the parsers; what they may be, and what is said of them, is the same."""
    digits = [Decimal("-1.5"), Decimal(0), Decimal("999999999999999999.25"), Decimal(1000000000000000000), None]
    times = [datetime(2026, 8, 1, 9, 30, 0, 250_000), datetime(1999, 12, 31), datetime(2026, 8, 3, 12), None]
    rows = [(quantity, at) for quantity in digits for at in times]
    typed = pl.DataFrame(
        {
            "event_id": [f"e{number}" for number in range(len(rows))],
            "account_id": "a",
            "meter": "tokens",
            "occurred_at": pl.Series([at for _, at in rows], dtype=pl.Datetime("us", "UTC")),
            "quantity": pl.Series([quantity for quantity, _ in rows], dtype=pl.Decimal(30, 2)),
        }
    )
    text = typed.with_columns(
        pl.col("quantity").cast(pl.String), pl.col("occurred_at").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
    )
    other = Landing(landing.settings.model_copy(update={"home": landing.settings.home / "other"}))
    for zone, frame in ((landing, typed), (other, text)):
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        zone.put("price_book/2026-08-01/book.yaml", "tokens:\n")
        zone.put("usage_events/2026-08-01/events.parquet", buffer.getvalue())
        zone.take()
    for table in (UsageEvents, RejectedRows):
        assert landing.table(table).equals(other.table(table))
    assert (landing.table(UsageEvents).height, landing.table(RejectedRows).height) == (3, 17)
