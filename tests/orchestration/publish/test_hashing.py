"""The canonical hash is what its docstring says, recomputed here in plain Python."""

import hashlib
import random
from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest

from orchestration import hashing

COLUMNS = "name varchar, day date, seen_at timestamp, amount decimal(38, 24), n bigint, is_new boolean"
ROWS = [
    ("b", date(2026, 8, 1), datetime(2026, 8, 1, 10, 0, 0, 5), Decimal("1.5"), 3, True),
    ("a\tb\n\\N", date(9999, 12, 31), datetime(9999, 12, 31), Decimal("-0.000000000000000000000001"), -1, False),
    (None, None, None, None, None, None),
    ("\\N", None, None, Decimal(0), None, None),
    ("ä", date(1900, 1, 1), datetime(1900, 1, 1), Decimal(99999999999999), 2**62, True),
    ("Z", None, None, None, 0, None),
    ("b", None, None, None, 0, None),
]


def table(rows, name="t", columns=COLUMNS) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f'create table "{name}" ({columns})')
    connection.executemany(f'insert into "{name}" values (?, ?, ?, ?, ?, ?)', rows)
    return connection


def in_plain_python(rows) -> str:
    def field(value) -> str:
        if value is None:
            return "\\N"
        if isinstance(value, str):
            return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, datetime):
            return value.strftime("%Y-%m-%dT%H:%M:%S.%f")
        if isinstance(value, Decimal):
            return f"{value:.24f}"
        return str(value)

    def nulls_last(value):
        return (value is None, value.encode() if isinstance(value, str) else value or 0)

    # By the key (name, n), then by all columns; no two rows of ROWS are equal in the key and differ elsewhere.
    ordered = sorted(rows, key=lambda row: (nulls_last(row[0]), nulls_last(row[4])))
    lines = [["name", "day", "seen_at", "amount", "n", "is_new"], *([field(value) for value in row] for row in ordered)]
    return hashlib.sha256("".join("\t".join(line) + "\n" for line in lines).encode()).hexdigest()


def test_it_is_the_text_that_the_docstring_describes():
    with table(ROWS) as connection:
        assert hashing.canonical_hash(connection, "main", "t", ("name", "n")) == (7, in_plain_python(ROWS))


@pytest.mark.parametrize("threads", [1, 4])
def test_neither_order_nor_threads_nor_batches_change_it(threads, monkeypatch):
    monkeypatch.setattr(hashing, "BATCH_ROWS", 2)
    shuffled = random.Random(threads).sample(ROWS, len(ROWS))
    with table(shuffled) as connection:
        connection.execute(
            f"set threads = {threads}; set default_null_order = 'nulls_first'; set default_order = 'desc'"
        )
        assert hashing.canonical_hash(connection, "main", "t", ("name", "n"))[1] == in_plain_python(ROWS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(None, "\\N", id="null is not the text that stands for it"),
        pytest.param("a\\tb", "a\tb", id="a tab is not the two characters that stand for it"),
        pytest.param("", None, id="empty is not null"),
        pytest.param("a ", "a", id="a space counts"),
    ],
)
def test_different_content_has_different_hashes(one, other):
    found = set()
    for value in (one, other):
        with table([(value, None, None, None, None, None)]) as connection:
            found.add(hashing.canonical_hash(connection, "main", "t", ())[1])
    assert len(found) == 2


def test_a_field_cannot_pass_for_two_nor_a_column_for_another():
    def of(sql):
        with duckdb.connect() as connection:
            connection.execute(f"create table t as {sql}")
            return hashing.canonical_hash(connection, "main", "t", ("a",))[1]

    assert of("select 'x\ty' as a, 'z' as b") != of("select 'x' as a, 'y\tz' as b")
    assert of("select 1 as a, 2 as b") != of("select 1 as a, 2 as c")
    assert of("select 1::decimal(18, 4) as a") != of("select 1::decimal(18, 2) as a")


def test_an_empty_table_and_a_strange_name_have_a_hash_and_a_missing_one_is_an_error():
    name = 'o"b; drop table t --'
    with duckdb.connect() as connection:
        connection.execute(f"create table {hashing.quoted(name)} (i int)")
        assert hashing.canonical_hash(connection, "main", name, ("i",)) == (0, hashlib.sha256(b"i\n").hexdigest())
        with pytest.raises(duckdb.Error):
            hashing.canonical_hash(connection, "main", "missing", ())
