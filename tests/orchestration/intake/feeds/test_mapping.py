"""Rows of foreign files as records: which columns, which times, which ids, which amounts, and what is rejected how."""

from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256

import polars as pl
import pytest

from data_contracts import AccountRows, LandedFiles, RejectedRows, RepeatedEvents, UsageEvents
from tests.orchestration.intake.landing_zone import Landing

COLUMNS = {
    "event_id": "Id",
    "account_id": "Customer",
    "meter": "{constant: kwh}",
    "occurred_at": "{column: Time, zone: UTC}",
    "quantity": '"kWh "',
}
HEADER = "Id,Customer,Time,kWh ,Region"
ROW = "e1,acme,2026-07-01 10:00:00,1.5,north"


def feed(further: str = "", **columns: str) -> str:
    lines = [f"  {name}: {value}" for name, value in {**COLUMNS, **columns}.items()]
    return "\n".join(["dataset: usage_events", "columns:", *lines, further, ""])


def take(landing: Landing, *lines: str, text: str | None = None, name: str = "a.csv") -> None:
    landing.feed("grid", text or feed())
    landing.put(f"grid/2026-08-01/{name}", "\n".join((*lines, "")))
    landing.take()


def event(landing: Landing) -> dict:
    (row,) = landing.table(UsageEvents).to_dicts()
    return row


def rejected(landing: Landing) -> list[tuple]:
    table = landing.table(RejectedRows).sort("source_line", "source_part")
    return table.select("source_line", "column_name", "rule", "found").rows()


def messages(landing: Landing) -> list[str]:
    return landing.table(RejectedRows).sort("source_line", "source_part")["message"].to_list()


def test_each_column_comes_from_where_the_feed_says(landing: Landing) -> None:
    take(landing, HEADER, ROW, text=feed("dimensions: {region: Region}"))
    landing.put("price_book/2026-08-01/book.yaml", "kwh: region")
    assert event(landing) == event(landing) | {
        "event_id": "e1",
        "account_id": "acme",
        "meter": "kwh",
        "occurred_at": datetime(2026, 7, 1, 10),
        "quantity": Decimal("1.5"),
        "dimensions": '{"region":"north"}',
        "source": "grid",
        "source_file": "grid/2026-08-01/a.csv",
        "source_line": 2,
    }


def test_a_column_that_is_not_mapped_is_nothing_to_us(landing: Landing) -> None:
    take(landing, f"{HEADER},,Region,\x20", f"{ROW},x,y,z")
    assert event(landing)["dimensions"] == "{}"


def test_the_source_is_the_feed_unless_it_maps_one(landing: Landing) -> None:
    take(landing, HEADER, ROW, text=feed(source="Region"))
    assert event(landing)["source"] == "north"


def test_a_column_that_is_missing_refuses_the_file_and_shows_the_nearest(landing: Landing) -> None:
    take(landing, HEADER.replace("kWh ", "kWh"), ROW)
    assert landing.refusals() == [("grid/2026-08-01/a.csv", "columns")]
    assert "`kWh ` is missing (nearest: `kWh`)" in landing.table(LandedFiles)["message"][0]


def test_a_mapped_column_that_stands_twice_refuses_the_file(landing: Landing) -> None:
    take(landing, f"{HEADER},kWh ", f"{ROW},7")
    assert landing.refusals() == [("grid/2026-08-01/a.csv", "columns")]


def test_an_empty_last_header_is_no_column(landing: Landing) -> None:
    take(landing, f"{HEADER},", f"{ROW},")
    assert event(landing)["quantity"] == Decimal("1.5")


@pytest.mark.parametrize("delimiter", [";", "|", "\t"])
def test_the_delimiter_is_declared_and_quotes_hold_it(landing: Landing, delimiter: str) -> None:
    text = feed().replace("columns:", f'delimiter: "{delimiter}"\ncolumns:'.replace("\t", r"\t"))
    account = f"a{delimiter}b, c"
    row = delimiter.join(["e1", f'"{account}"', "2026-07-01 10:00:00", "1.5", "north"])
    take(landing, HEADER.replace(",", delimiter), row, text=text)
    assert [row[:3] for row in rejected(landing)] == (
        [(2, "Customer", "hidden_character")] if delimiter == "\t" else []
    )
    assert landing.table(UsageEvents)["account_id"].to_list() == ([] if delimiter == "\t" else [account])


def test_texts_that_mean_nothing_are_nothing(landing: Landing) -> None:
    text = feed('nulls: ["NULL", "-"]', account_id="{column: Customer, otherwise: guest}", contract_id="Region")
    take(landing, HEADER, ROW.replace("acme", "NULL").replace("north", "-"), text=text)
    assert (event(landing)["account_id"], event(landing)["contract_id"]) == ("guest", None)


def test_a_blank_column_can_stand_for_something(landing: Landing) -> None:
    take(landing, HEADER, ROW.replace("acme", ""), text=feed(account_id="{column: Customer, otherwise: guest}"))
    assert event(landing)["account_id"] == "guest"


def test_no_quantity_is_not_one_in_a_foreign_file(landing: Landing) -> None:
    take(landing, HEADER, ROW.replace("1.5", ""))
    assert rejected(landing) == [(2, "kWh ", "required_value_missing", None)]


def test_a_rejection_speaks_of_the_columns_of_the_file(landing: Landing) -> None:
    take(landing, HEADER, ROW.replace("1.5", "Null"), ROW.replace("acme", " acme"))
    assert rejected(landing) == [
        (2, "kWh ", "quantity_not_a_plain_decimal", "Null"),
        (3, "Customer", "blank_at_the_edge", " acme"),
    ]
    assert messages(landing) == [
        "`kWh ` is not a plain decimal number.",
        "`Customer` begins or ends with a blank.",
    ]


def test_a_torn_line_is_named_as_in_our_own_format(landing: Landing) -> None:
    take(landing, HEADER, "e1,acme", ROW)
    assert rejected(landing) == [(2, None, "ragged_record", "e1,acme")]
    assert event(landing)["source_line"] == 3


@pytest.mark.parametrize(
    ("parts", "event_id"),
    [
        pytest.param("Id", "e1", id="a column"),
        pytest.param('{parts: [Customer, {constant: "-"}, Id]}', "acme-e1", id="columns and literals"),
        pytest.param("{row: 0}", "0", id="rows from 0"),
        pytest.param('{parts: [{constant: "r"}, {row: 1}]}', "r1", id="rows from 1"),
        pytest.param(
            "{sha256: row}",
            sha256(
                b'{"Customer":"acme","Id":"e1","Region":"north","Time":"2026-07-01 10:00:00","kWh ":"1.5"}'
            ).hexdigest(),
            id="the hash of all columns",
        ),
    ],
)
def test_an_event_id_is_made_of_parts(landing: Landing, parts: str, event_id: str) -> None:
    take(landing, HEADER, ROW, text=feed(event_id=parts))
    assert event(landing)["event_id"] == event_id


def test_a_part_that_is_blank_leaves_no_id(landing: Landing) -> None:
    take(landing, HEADER, ROW.replace("acme", ""), text=feed(event_id="{parts: [Customer, Id]}"))
    assert rejected(landing) == [(2, "Customer + Id", "required_value_missing", None)]


def test_rows_are_numbered_through_the_whole_file(landing: Landing) -> None:
    landing.settings = landing.settings.model_copy(update={"memory_mb": 64})
    rows = [f"e,acme,2026-07-01 10:00:00,1,{'x' * 100}"] * 12_000
    take(landing, HEADER, *rows, text=feed(event_id="{row: 0}"))
    ids = landing.table(UsageEvents).select(pl.col("event_id").cast(pl.Int64)).to_series()
    assert ids.sort().to_list() == list(range(12_000))


def test_equal_rows_are_one_event_by_their_hash_and_two_by_their_number(landing: Landing) -> None:
    take(landing, HEADER, ROW, ROW, text=feed(event_id="{sha256: row}"))
    assert landing.table(UsageEvents).height == 1
    assert landing.table(RepeatedEvents)["outcome"].to_list() == ["duplicate"]
    landing.feed("grid", feed(event_id="{row: 1}"))
    landing.put("grid/2026-08-02/b.csv", f"{HEADER}\n{ROW}\n{ROW}\n")
    landing.take(2)
    assert landing.table(UsageEvents).height == 3


# London: clocks went forward on 29 March 2026 at 01:00 UTC and back on 25 October 2026 at 01:00 UTC.
@pytest.mark.parametrize(
    ("written", "how", "at"),
    [
        pytest.param("2026-07-01 10:00:00", "zone: UTC", "2026-07-01T10:00:00", id="UTC"),
        pytest.param("2026-07-01 10:00:00", "zone: Europe/London", "2026-07-01T09:00:00", id="summer"),
        pytest.param("2026-01-01T10:00:00.250000", "zone: Europe/London", "2026-01-01T10:00:00.25", id="winter, fraction"),
        pytest.param("2026-07-01T10:00:00+02:00", "zone: Europe/London", "2026-07-01T08:00:00", id="an offset wins"),
        pytest.param("2026-03-29 00:59:59", "zone: Europe/London", "2026-03-29T00:59:59", id="before the gap"),
        pytest.param("2026-03-29 02:00:00", "zone: Europe/London", "2026-03-29T01:00:00", id="after the gap"),
        pytest.param("2025-10-26 00:59:59", "zone: Europe/London", "2025-10-25T23:59:59", id="before the fold"),
        pytest.param("2025-10-26 02:00:00", "zone: Europe/London", "2025-10-26T02:00:00", id="after the fold"),
        pytest.param(
            "2025-10-26 01:30:00", "zone: Europe/London, fold: earlier", "2025-10-26T00:30:00", id="F35 fold: earlier"
        ),
        pytest.param(
            "2025-10-26 01:30:00", "zone: Europe/London, fold: later", "2025-10-26T01:30:00", id="F35 fold: later"
        ),
        pytest.param("01/07/2026 10:00", "format: dd/mm/yyyy hh:mm, zone: UTC", "2026-07-01T10:00:00", id="minutes"),
        pytest.param("20260701100000", "format: YYYYMMDDhhmmss, zone: UTC", "2026-07-01T10:00:00", id="without marks"),
        pytest.param("2026-07-01", "format: yyyy-mm-dd, zone: Europe/London", "2026-06-30T23:00:00", id="a day begins"),
        pytest.param(
            "01.07.2026 10:00:00.125", "format: 'dd.MM.yyyy HH:mm:ss.fff', zone: UTC", "2026-07-01T10:00:00.125", id="ms"
        ),
    ],
)  # fmt: skip
def test_a_local_time_is_one_instant(landing: Landing, written: str, how: str, at: str) -> None:
    take(
        landing, HEADER, ROW.replace("2026-07-01 10:00:00", written), text=feed(occurred_at=f"{{column: Time, {how}}}")
    )
    assert event(landing)["occurred_at"] == datetime.fromisoformat(at)


@pytest.mark.parametrize(
    ("written", "how", "rule", "message"),
    [
        pytest.param(
            "2026-03-29 01:30:00",
            "zone: Europe/London",
            "local_time_never_was",
            "`Time` never was in Europe/London: the clocks went forward over it.",
            id="F35 the gap",
        ),
        pytest.param(
            "2026-03-29 01:30:00",
            "zone: Europe/London, fold: later",
            "local_time_never_was",
            "`Time` never was in Europe/London: the clocks went forward over it.",
            id="F35 a fold does not fill the gap",
        ),
        pytest.param(
            "2025-10-26 01:30:00",
            "zone: Europe/London",
            "local_time_was_twice",
            "`Time` was twice in Europe/London: the clocks went back over it.",
            id="F35 twice",
        ),
        pytest.param(
            "2026-02-30 10:00:00",
            "zone: UTC",
            "time_not_on_the_calendar",
            "`Time` names a day that does not exist.",
            id="30 February",
        ),
        pytest.param(
            "01/07/2026 10:00:00",
            "zone: UTC",
            "time_not_as_declared",
            "`Time` is not written like yyyy-mm-dd hh:mm:ss.",
            id="another format",
        ),
        pytest.param(
            "1/7/2026 10:00:00",
            "format: dd/mm/yyyy hh:mm:ss, zone: UTC",
            "time_not_as_declared",
            "`Time` is not written like dd/mm/yyyy hh:mm:ss.",
            id="digits are not left out",
        ),
        pytest.param(
            "01/07/2026 10:00:60",
            "format: dd/mm/yyyy hh:mm:ss, zone: UTC",
            "time_not_as_declared",
            "`Time` is not written like dd/mm/yyyy hh:mm:ss.",
            id="second 60",
        ),
        pytest.param("", "zone: UTC", "required_value_missing", "`Time` is missing.", id="nothing"),
        pytest.param(
            "1999-07-01 10:00:00",
            "zone: UTC",
            "occurred_at_out_of_range",
            "`Time` is not in the years 2000 to 2199.",
            id="the rules of the dataset follow",
        ),
    ],
)
def test_a_time_that_is_none_is_rejected_by_name(
    landing: Landing, written: str, how: str, rule: str, message: str
) -> None:
    take(
        landing, HEADER, ROW.replace("2026-07-01 10:00:00", written), text=feed(occurred_at=f"{{column: Time, {how}}}")
    )
    assert [row[:3] for row in rejected(landing)] == [(2, "Time", rule)]
    assert messages(landing) == [message]
    # The quantity can be read all the same, and is counted as rejected.
    assert landing.table(LandedFiles).select("landed_quantity", "rejected_quantity").row(0) == (
        Decimal("1.5"),
        Decimal("1.5"),
    )


def product(**columns: str) -> str:
    return feed(amount="product(Pieces, Unit price)", currency="{constant: GBP}", quantity="Pieces", **columns)


def sold(landing: Landing, pieces: str, price: str) -> None:
    take(landing, "Id,Customer,Time,Pieces,Unit price", f"e1,acme,2026-07-01 10:00:00,{pieces},{price}", text=product())


@pytest.mark.parametrize(
    ("pieces", "price", "amount"),
    [
        pytest.param("6", "2.55", "15.30", id="plain"),
        pytest.param("0", "2.55", "0", id="nothing"),
        pytest.param("0.000001", "0.000001", "0.000000000001", id="the twelfth decimal"),
        pytest.param("3", "0.1", "0.3", id="no binary fraction"),
        pytest.param("999999", "9999999.999999", "9999989999999.000001", id="thirteen digits"),
    ],
)
def test_a_product_is_exact(landing: Landing, pieces: str, price: str, amount: str) -> None:
    sold(landing, pieces, price)
    assert event(landing)["amount"] == Decimal(amount) == Decimal(pieces) * Decimal(price)


@pytest.mark.parametrize(
    ("pieces", "price", "column", "rule"),
    [
        pytest.param("6", "", "Unit price", "required_value_missing", id="no price"),
        pytest.param("6", "2,55", "Unit price", "ragged_record", id="a comma splits the field"),
        pytest.param("6", "2.5e0", "Unit price", "factor_not_a_plain_decimal", id="an exponent"),
        pytest.param("x", "2.55", "Pieces", "factor_not_a_plain_decimal", id="no number"),
        pytest.param("10000000", "1000000", "Pieces", "product_too_large", id="fifteen digits"),
        pytest.param(
            "0.0000001", "0.000001", "Pieces × Unit price", "amount_has_too_many_decimals", id="the thirteenth decimal"
        ),
    ],
)
def test_a_product_that_is_not_exact_is_rejected(
    landing: Landing, pieces: str, price: str, column: str, rule: str
) -> None:
    sold(landing, pieces, price)
    assert [row[:3] for row in rejected(landing)] == [(2, None if rule == "ragged_record" else column, rule)]


METERS = """\
dataset: usage_events
columns:
  event_id: Id
  account_id: Customer
  occurred_at: {column: Time, zone: UTC}
meters:
  - {meter: input_tokens, quantity: In, event_id_suffix: "-in"}
  - {meter: output_tokens, quantity: Out, event_id_suffix: "-out"}
"""
WIDE = "Id,Customer,Time,In,Out"


def test_a_row_is_an_event_of_each_meter(landing: Landing) -> None:
    take(landing, WIDE, "e1,acme,2026-07-01 10:00:00,100,20", text=METERS)
    found = landing.table(UsageEvents).sort("event_id").select("event_id", "meter", "quantity", "source_line").rows()
    assert found == [("e1-in", "input_tokens", 100, 2), ("e1-out", "output_tokens", 20, 2)]


def test_one_meter_of_a_row_may_be_wrong_and_each_is_counted(landing: Landing) -> None:
    rows = ["e1,acme,2026-07-01 10:00:00,100,x", "e2,acme,never,1,2", "e3,acme,2026-07-01 10:00:00,,"]
    take(landing, WIDE, *rows, text=METERS)
    table = landing.table(RejectedRows).sort("source_line", "source_part")
    assert table.select("source_line", "source_part", "column_name", "rule", "quantity").rows() == [
        (2, 2, "Out", "quantity_not_a_plain_decimal", None),
        (3, 1, "Time", "time_not_as_declared", 1),
        (3, 2, "Time", "time_not_as_declared", 2),
        (4, 1, "In", "required_value_missing", None),
        (4, 2, "Out", "required_value_missing", None),
    ]
    counted = landing.table(LandedFiles).select("landed_rows", "accepted_rows", "rejected_rows", "landed_quantity")
    assert counted.row(0) == (6, 1, 5, 103)


def test_both_events_of_a_repeated_row_are_duplicates(landing: Landing) -> None:
    row = "e1,acme,2026-07-01 10:00:00,100,20"
    take(landing, WIDE, row, text=METERS)
    landing.put("grid/2026-08-02/b.csv", "\n".join((WIDE, row, row.replace(",100,20", ",101,21"), "")))
    landing.take(2)
    again = landing.table(RepeatedEvents).sort("source_line", "event_id")
    assert again.select("source_line", "event_id", "outcome").rows() == [
        (2, "e1-in", "duplicate"),
        (2, "e1-out", "duplicate"),
        (3, "e1-in", "conflict"),
        (3, "e1-out", "conflict"),
    ]


def test_the_manifest_counts_rows_not_records(landing: Landing) -> None:
    landing.feed("grid", METERS)
    landing.put("grid/2026-08-01/a.csv", f"{WIDE}\ne1,acme,2026-07-01 10:00:00,100,20\n")
    landing.put("grid/2026-08-01/_manifest.json", '{"files": [{"name": "a.csv", "rows": 1}]}')
    landing.take()
    assert landing.table(UsageEvents).height == 2


def test_accounts_can_be_fed(landing: Landing) -> None:
    text = """\
dataset: accounts
delimiter: ";"
columns:
  account_id: Kundennummer
  name: Firma
  currency: {constant: EUR}
  time_zone: {column: Zone, otherwise: Europe/Berlin}
  valid_from: {column: Seit, format: dd.mm.yyyy}
"""
    landing.feed("crm", text)
    rows = ["1;Eins;01.03.2026;", "2;Zwei;;UTC", "3;Drei;2026-03-01;", "4;;01.03.2026;"]
    landing.put("crm/2026-08-01/kunden.csv", "\n".join(("Kundennummer;Firma;Seit;Zone", *rows, "")))
    landing.take()
    assert landing.table(AccountRows).select("account_id", "account_name", "valid_from", "time_zone").rows() == [
        ("1", "Eins", date(2026, 3, 1), "Europe/Berlin"),
        ("2", "Zwei", date(2026, 8, 1), "UTC"),
    ]
    assert rejected(landing) == [
        (4, "Seit", "time_not_as_declared", "2026-03-01"),
        (5, "Firma", "required_value_missing", None),
    ]


def test_ndjson_is_mapped_by_its_keys(landing: Landing) -> None:
    line = '{"Id": "e1", "Customer": "acme", "Time": "2026-07-01 10:00:00", "kWh ": 1.50, "Other": [1]}'
    flat = line.replace("[1]", '"x"')
    take(landing, flat, name="a.ndjson")
    assert event(landing)["quantity"] == Decimal("1.5")


def test_a_parquet_file_may_hold_local_times_and_floats_that_are_not_read(landing: Landing) -> None:
    landing.feed("grid", feed(occurred_at="{column: Time, zone: Europe/London}"))
    path = landing.put("grid/2026-08-01/a.parquet", b"")
    pl.DataFrame(
        {
            "Id": ["e1"],
            "Customer": ["acme"],
            "Time": [datetime(2026, 7, 1, 10)],
            "kWh ": [Decimal("1.5")],
            "Score": [0.1],
        }
    ).write_parquet(path)
    landing.take()
    assert event(landing)["occurred_at"] == datetime(2026, 7, 1, 9)


def test_a_float_that_is_mapped_refuses_the_file(landing: Landing) -> None:
    landing.feed("grid", feed())
    path = landing.put("grid/2026-08-01/a.parquet", b"")
    pl.DataFrame({"Id": ["e"], "Customer": ["a"], "Time": ["2026-07-01 10:00:00"], "kWh ": [0.1]}).write_parquet(path)
    landing.take()
    assert landing.refusals() == [("grid/2026-08-01/a.parquet", "parquet_type")]


OURS = ("event_id", "account_id", "meter", "occurred_at", "quantity", "amount", "currency", "contract_id")
SAME = [
    "e1,acme,kwh,2026-07-01T10:00:00Z,1.50,,,",
    "e2,acme,kwh,2026-07-01T12:00:00.123456+02:00,0,9.99,EUR,c-1",
    'e3,"a, ""b""",kwh,2026-07-01T10:00:00Z,1,,,',
    "e1,acme,kwh,2026-07-01T10:00:00Z,1.5,,,",
    "e2,acme,kwh,2026-07-01T10:00:00Z,7,,,",
    "e4,acme,kwh,2026-07-01 10:00:00,1,,,",
    "e5,acme,kwh,2026-07-01T10:00:00Z,1e3,,,",
    "e6,acme,kwh,2026-07-01T10:00:00Z,1,5,,",
    "e7,acme,kwh,2026-07-01T10:00:00Z,1,5,XXX,",
    "e8,acme,,2026-07-01T10:00:00Z,1,,,",
    "e9,acme,kwh,2026-09-01T10:00:00Z,1,,,",
    "e10,acme",
    'e11,ac"me,kwh,2026-07-01T10:00:00Z,1,,,',
]


def test_a_feed_that_maps_each_column_to_itself_changes_nothing(landing: Landing) -> None:
    """Our own format and the same file by a feed: the same events, duplicates, conflicts and rejections."""
    text = "\n".join((",".join(OURS), *SAME, ""))
    landing.put("usage_events/2026-08-01/a.csv", text)
    landing.feed("grid", "dataset: usage_events\ncolumns:\n" + "".join(f"  {name}: {name}\n" for name in OURS))
    landing.put("grid/2026-08-01/a.csv", text)
    landing.take()
    for table, order in ((UsageEvents, "event_id"), (RepeatedEvents, "source_line"), (RejectedRows, "source_line")):
        rows = landing.table(table).drop("source", "standing_file", strict=False).sort(order)
        is_ours = pl.col("source_file").str.starts_with("usage_events")
        ours, by_feed = rows.filter(is_ours).drop("source_file"), rows.filter(~is_ours).drop("source_file")
        assert ours.height > 0
        assert ours.equals(by_feed), table.table_name
