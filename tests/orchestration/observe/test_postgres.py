"""Deliveries fetched from a real PostgreSQL: landed once, exact, repeatable without it, and never with the password."""

import json
import shutil
import sys
from datetime import date, timedelta

import polars as pl
import pytest

from data_contracts import AccountRows, LandedFiles, RejectedRows, UsageEvents
from orchestration import cli, doctor, intake, night, postgres, records, run_log, sources
from orchestration.build import open_build
from orchestration.errors import RefusedInput, UsageError
from orchestration.settings import Settings
from tests.orchestration import tiny
from tests.orchestration.observe.server import PASSWORD, running

FIRST, SECOND = date(2026, 9, 1), date(2026, 9, 2)
USAGE = {"table": "billing.usage", "date_column": "delivered_on", "columns": {"event_id": "id", "account_id": "who",
         "meter": "meter", "occurred_at": "happened", "quantity": "n"}}  # fmt: skip


@pytest.fixture(scope="module")
def server():
    """A server that knows the tiny world's accounts and some usage of two days."""
    with running() as started:
        started.do(
            "create schema billing",
            "create table billing.usage (id text, who text, meter varchar(20), happened timestamptz, n numeric, "
            "delivered_on date)",
            "insert into billing.usage values "
            "('e1', 'ant', 'tokens', '2026-09-01 12:00:00.123456+02', 12345678901.123456789, '2026-09-01'), "
            "('e2', 'cat', 'tokens', '2026-09-01 23:30:00-05', null, '2026-09-01'), "
            "('e3', 'bee', 'tokens', '2026-09-02 00:00:00+00', 1e-12, '2026-09-02'), "
            "('e4', 'bee', 'tokens', '2026-09-02 00:00:00+00', 'NaN', '2026-09-02'), "
            "('e5', 'bee', 'tokens', '2026-09-02 00:00:00+00', 'Infinity', '2026-09-02'), "
            "('e6', 'bee', 'tokens', '2026-09-02 00:00:00+00', 1e-13, '2026-09-02'), "
            "('e7', 'bee', 'tokens', 'infinity', 1, '2026-09-02'), "
            "('e8', 'bee', 'tokens', '0044-03-15 BC', 1, '2026-09-02'), "
            "(null, 'bee', 'tokens', '2026-09-02 00:00:00+00', 1, '2026-09-02'), "
            "('e9', 'bee', 'tokens', null, 1, '2026-09-02'), "
            "(E'e\\n10', 'bee', 'tokens', '2026-09-02 00:00:00+00', 1, '2026-09-02'), "
            "('Straße-ß', 'bee', 'tokens', '2026-09-02 00:00:00+00', -0.0, '2026-09-02')",
        )
        yield started


def home(tmp_path, server, **queries):
    """A home with the tiny world's book and accounts, whose rows come from the server as asked."""
    tiny.put(tmp_path, f"price_book/{FIRST}/book.yaml", tiny.BOOK)
    tiny.put(tmp_path, f"accounts/{FIRST}/accounts.csv", tiny.ACCOUNTS)
    return Settings(home=tmp_path, postgres_url=server.url(), postgres_queries=queries)


def snapshots(settings, as_of=SECOND):
    record = records.Record(1, as_of, records._now())
    night.take_snapshots(settings, record, lambda _: None)
    return open_build(settings, as_of)


def rows(build, table):
    return build.delivered(table).collect()


# --- what comes out ----------------------------------------------------------------------------------------------------


def test_each_day_of_a_range_is_a_delivery_of_its_own_exact_to_the_last_digit(tmp_path, server):
    build = snapshots(home(tmp_path, server, usage_events=USAGE))
    events = rows(build, UsageEvents).sort("event_id")
    found = events.select("event_id", "delivery_date", pl.col("occurred_at", "quantity").cast(pl.String)).rows()
    assert found == [
        ("Straße-ß", SECOND, "2026-09-02 00:00:00.000000", "0.000000000000"),
        ("e1", FIRST, "2026-09-01 10:00:00.123456", "12345678901.123456789000"),
        ("e2", FIRST, "2026-09-02 04:30:00.000000", "1.000000000000"),  # no quantity is one
        ("e3", SECOND, "2026-09-02 00:00:00.000000", "0.000000000001"),
    ]


def test_what_is_no_number_or_no_time_is_rejected_by_the_rules_that_every_file_meets(tmp_path, server):
    build = snapshots(home(tmp_path, server, usage_events=USAGE))
    rejected = rows(build, RejectedRows)
    assert sorted(rejected["rule"].to_list()) == [
        "hidden_character",
        "occurred_at_not_rfc_3339",
        "occurred_at_out_of_range",
        "quantity_has_too_many_decimals",
        "quantity_not_a_plain_decimal",
        "quantity_not_a_plain_decimal",
        "required_value_missing",
        "required_value_missing",
    ]
    assert {"NaN", "Infinity", "infinity"} <= set(rejected["found"].to_list())
    landed = rows(build, LandedFiles).filter(pl.col("dataset") == "usage_events")
    assert landed["landed_rows"].to_list() == [2, 10]
    assert landed["status"].to_list() == ["loaded", "loaded"]


def test_numeric_38_9_keeps_every_digit(tmp_path, server):
    server.do(
        "create table wide (event_id text, account_id text, meter text, occurred_at timestamptz, quantity numeric(38,9))",
        "insert into wide values ('w', 'ant', 'tokens', '2026-09-01T00:00Z', 99999999999999999.123456789), "
        "('x', 'ant', 'tokens', '2026-09-01T00:00Z', 12345678901234567890123456789.123456789)",
    )
    build = snapshots(home(tmp_path, server, usage_events={"table": "wide"}), FIRST)
    assert rows(build, UsageEvents)["quantity"].cast(pl.String).to_list() == ["99999999999999999.123456789000"]
    (refused,) = rows(build, RejectedRows).to_dicts()
    assert (refused["rule"], refused["found"]) == (
        "quantity_too_large",
        "12345678901234567890123456789.123456789",
    )


def test_a_query_gets_the_day_as_its_parameter_and_a_table_without_a_date_is_taken_whole_each_day(tmp_path, server):
    server.do(
        "create table customers (account_id text, name text, currency char(3), net_terms_days int, tax_exempt boolean)",
        "insert into customers values ('dog', 'Hündchen', 'EUR', 14, true)",
    )
    settings = home(
        tmp_path, server,
        usage_events={"query": "select 'q' as event_id, 'dog' as account_id, 'tokens' as meter, "
                      "$1::timestamp at time zone 'UTC' as occurred_at, extract(day from $1::date)::int as quantity -- day"},
        accounts={"table": "customers"},
    )  # fmt: skip
    tiny.put(tmp_path, f"accounts/{FIRST}/accounts.csv", tiny.ACCOUNTS)
    build = snapshots(settings)
    # The same id again with other content is what it always is.
    assert rows(build, UsageEvents)["occurred_at"].cast(pl.String).to_list() == ["2026-09-01 00:00:00.000000"]
    dogs = rows(build, AccountRows).filter(pl.col("account_id") == "dog")
    assert dogs["delivery_date"].to_list() == [FIRST]
    assert dogs.select("account_name", "net_terms_days", "is_tax_exempt").row(0) == ("Hündchen", 14, True)


def test_a_day_without_rows_is_a_delivery_without_rows(tmp_path, server):
    settings = home(tmp_path, server, usage_events=USAGE)
    build = snapshots(settings, date(2026, 9, 3))
    (third,) = rows(build, LandedFiles).filter(pl.col("delivery_date") == date(2026, 9, 3)).to_dicts()
    assert (third["status"], third["landed_rows"]) == ("loaded", 0)


def test_a_database_in_another_encoding_gives_the_same_text(tmp_path, server):
    server.do("create database latin encoding 'LATIN1' template template0")
    server.do(
        "create table usage (event_id text, account_id text, meter text, occurred_at timestamptz, quantity int)",
        "insert into usage values ('é-ü', 'ant', 'tokens', '2026-09-01T00:00Z', 3)",
        database="latin",
    )
    settings = home(tmp_path, server, usage_events={"table": "usage"})
    settings = settings.model_copy(update={"postgres_url": Settings(postgres_url=server.url("latin")).postgres_url})
    assert rows(snapshots(settings, FIRST), UsageEvents)["event_id"].to_list() == ["é-ü"]


def test_bytes_that_are_no_text_are_refused_by_the_server_and_nothing_is_landed(tmp_path, server):
    server.do("create database bytes encoding 'SQL_ASCII' template template0")
    server.do(
        "create table usage (event_id text, account_id text, meter text, occurred_at timestamptz, quantity int)",
        "insert into usage values (convert_from('\\xff'::bytea, 'SQL_ASCII'), 'a', 'm', '2026-09-01T00:00Z', 3)",
        database="bytes",
    )
    settings = home(tmp_path, server, usage_events={"table": "usage"})
    settings = settings.model_copy(update={"postgres_url": Settings(postgres_url=server.url("bytes")).postgres_url})
    with pytest.raises(RefusedInput, match="invalid byte sequence"):
        snapshots(settings, FIRST)
    assert not list((tmp_path / "landing" / "usage_events").rglob("*.parquet"))


# --- once, and without the database ------------------------------------------------------------------------------------


def test_a_day_is_fetched_once_whatever_changes_in_the_database_and_its_snapshot_can_be_made_again(tmp_path, server):
    server.do("create table moving as select * from billing.usage where id in ('e1', 'e3')")
    settings = home(tmp_path, server, usage_events=USAGE | {"table": "moving"})
    build = snapshots(settings)
    before = [intake.read_manifest(settings, day) for day in (FIRST, SECOND)]
    server.do("update moving set n = n + 1")
    assert sources.fetch_through(settings, SECOND) == 0
    again = tiny.copied(settings, tmp_path / "elsewhere").model_copy(update={"postgres_url": None})
    for folder in (again.delivered, again.build):
        if folder.exists():
            shutil.rmtree(folder)
    assert rows(snapshots(again), UsageEvents).equals(rows(build, UsageEvents))
    assert [intake.read_manifest(again, day) for day in (FIRST, SECOND)] == before


def test_files_that_were_landed_by_hand_stand_beside_what_is_fetched(tmp_path, server):
    settings = home(tmp_path, server, usage_events=USAGE)
    tiny.put(tmp_path, f"usage_events/{FIRST}/hand.csv", f"{tiny.HEADER}\nh1,ant,tokens,2026-09-01T12:00:00Z,80,,\n")
    events = rows(snapshots(settings, FIRST), UsageEvents)
    assert sorted(events["event_id"].to_list()) == ["e1", "e2", "h1"]


def test_only_days_without_a_snapshot_are_asked_for_from_the_first_delivery_on(tmp_path, server):
    settings = home(tmp_path, server, usage_events=USAGE)
    settings = settings.model_copy(update={"first_delivery": SECOND})
    for file in list((tmp_path / "landing").rglob("*.*")):
        target = tmp_path / "landing" / file.parent.parent.name / SECOND.isoformat() / file.name
        target.parent.mkdir(parents=True)
        file.rename(target)
        file.parent.rmdir()
    assert sorted(rows(snapshots(settings), UsageEvents)["event_id"].to_list()) == ["Straße-ß", "e3"]


def test_a_large_result_comes_in_parts_that_are_all_taken(tmp_path, server, monkeypatch):
    monkeypatch.setattr(postgres, "BATCH_BYTES", 1 << 20)
    monkeypatch.setattr(sources, "PART_BYTES", 4 << 20)
    query = (
        "select 'event-' || i as event_id, 'ant' as account_id, 'tokens' as meter, "
        "timestamptz '2026-09-01T00:00Z' + i * interval '1 ms' as occurred_at, i * 0.001 as quantity "
        "from generate_series(1, 100000) as i"
    )
    sizes = []

    def seen(frames):
        for frame in frames:
            sizes.append(frame.estimated_size())
            yield frame

    parts = sources._parts
    monkeypatch.setattr(sources, "_parts", lambda batches: parts(seen(batches)))
    settings = home(tmp_path, server, usage_events={"query": query})
    build = snapshots(settings, FIRST)
    assert max(sizes) < 2 << 20
    landed = rows(build, LandedFiles).filter(pl.col("dataset") == "usage_events")
    assert landed.height > 1
    assert landed["accepted_rows"].sum() == 100_000
    # One thousandth of the sum of 1 to 100,000.
    assert str(rows(build, UsageEvents)["quantity"].sum()) == "5000050.000000000000"


# --- what is asked -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("double precision", "lost digits"),
        ("real", "lost digits"),
        ("timestamp", "which zone"),
        ("money", "locale"),
        ("bytea", "cast it to text"),
        ("int[]", "cast it to text"),
        ("jsonb", "cast it to text"),
    ],
)
def test_a_type_without_an_exact_text_is_refused_by_the_name_of_the_column(tmp_path, server, kind, said):
    settings = home(tmp_path, server, usage_events={"query": f"select null::{kind} as quantity"})
    with pytest.raises(UsageError, match=f"quantity is .*{said}"):
        snapshots(settings, FIRST)
    assert not (tmp_path / "landing" / "usage_events" / str(FIRST) / "postgres").exists()


def test_names_are_quoted_and_never_run(tmp_path, server):
    server.do(
        "create table victim (a int)",
        'create table "we""ird; drop table victim" ("ev""ent" text, "select" text, m text, "at" timestamptz)',
        """insert into "we""ird; drop table victim" values ('e', 'ant', 'tokens', '2026-09-01T00:00Z')""",
    )
    columns = {"event_id": 'ev"ent', "account_id": "select", "meter": "m", "occurred_at": "at"}
    settings = home(tmp_path, server, usage_events={"table": 'public.we"ird; drop table victim', "columns": columns})
    assert rows(snapshots(settings, FIRST), UsageEvents)["event_id"].to_list() == ["e"]
    server.do("select * from victim")
    columns = {"event_id": '"; drop table victim; --'}
    settings = home(tmp_path / "b", server, usage_events={"table": "victim", "columns": columns})
    with pytest.raises(RefusedInput, match="does not exist"):
        snapshots(settings, FIRST)
    server.do("select * from victim")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        pytest.param("with n as (insert into billing.usage default values returning 1) select * from n",
                     "data-modifying|read-only", id="a query that writes"),
        pytest.param("select nextval('counter')", "read-only", id="a function that writes"),
        pytest.param("select 1 as a, 2 as a", "duplicate name: a", id="a name twice"),
        pytest.param("select 1 as a); drop table victim; --", "must have an alias|syntax error|multiple commands", id="two statements"),
        pytest.param("select * from nowhere", "nowhere", id="a table that is not there"),
        pytest.param("select 1 / (i - 3000) as quantity from generate_series(1, 5000) as i", "division by zero",
                     id="a row that fails after many"),
    ],
)  # fmt: skip
def test_a_question_that_fails_is_a_clear_error_and_lands_nothing(tmp_path, server, query, said):
    server.do("create sequence if not exists counter")
    settings = home(tmp_path, server, usage_events={"query": query})
    with pytest.raises(
        RefusedInput, match=rf"usage_events of 2026-09-01 could not be read from PostgreSQL: .*({said})"
    ):
        snapshots(settings, FIRST)
    folder = tmp_path / "landing" / "usage_events" / str(FIRST)
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "setting",
    [
        pytest.param({"usage_events": {"table": "t", "query": "select 1"}}, id="a table and a query"),
        pytest.param({"usage_events": {}}, id="neither"),
        pytest.param({"usage_events": {"query": "select 1", "date_column": "d"}}, id="a query with a column"),
        pytest.param({"usage_events": {"tabel": "t"}}, id="a word that is not known"),
    ],
)
def test_a_setting_that_says_nothing_clear_is_refused(setting):
    with pytest.raises(ValueError, match="postgres_queries"):
        Settings(postgres_queries=setting)


def test_only_rows_can_be_fetched(tmp_path, server):
    for name in ("price_book", "../outside", "unknown"):
        with pytest.raises(UsageError, match="rows can be fetched for accounts"):
            snapshots(home(tmp_path, server, **{name: {"table": "t"}}), FIRST)


# --- when it fails, and what is never said -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(night_home, tmp_path_factory):
    """The tiny night, published."""
    return tiny.copied(night_home, tmp_path_factory.mktemp("served"))


@pytest.mark.parametrize("fault", ["password", "server", "address"])
def test_a_database_that_fails_leaves_the_last_good_run_served_and_its_password_nowhere(
    served, server, tmp_path, monkeypatch, capfd, fault
):
    settings = tiny.copied(served, tmp_path / "home")
    other = {
        "password": server.url(password=f"{PASSWORD}-other"),
        "server": server.url().replace(f":{server.port}/", ":1/"),
        "address": server.url().replace("%3D", "%3"),
    }
    monkeypatch.setenv("RATEBOOK_POSTGRES_URL", other[fault])
    monkeypatch.setenv("RATEBOOK_POSTGRES_QUERIES", json.dumps({"usage_events": USAGE}))
    tomorrow = tiny.LAST + timedelta(days=1)
    for arguments in (["run", "--date", str(tomorrow)], ["run", "--date", str(tomorrow), "--json"], ["doctor"]):
        with pytest.raises(SystemExit) as ended:
            cli.main([*arguments, "--home", str(settings.home)])
        assert ended.value.code == (2 if arguments == ["doctor"] else 3)
    said = "".join(capfd.readouterr())
    assert "could not be read from PostgreSQL" in said
    assert "Traceback" not in said
    assert tiny.served(settings) == "1-2026-09-04"
    assert intake.snapshot_dates(settings, tomorrow)[-1] == tiny.LAST
    written = b"".join(path.read_bytes() for path in settings.home.rglob("*") if path.is_file())
    for secret in ("c4n4ry", "p=ss", "p%3Dss"):
        assert secret not in said
        assert secret.encode() not in written


def test_a_night_that_went_well_has_written_no_secret_either(tmp_path, server, capfd, monkeypatch):
    settings = home(tmp_path, server, usage_events=USAGE)
    monkeypatch.setenv("RATEBOOK_POSTGRES_URL", server.url())
    monkeypatch.setenv("RATEBOOK_POSTGRES_QUERIES", json.dumps({"usage_events": USAGE}))
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", "--date", str(SECOND), "--home", str(settings.home)])
    said = "".join(capfd.readouterr())
    assert ended.value.code == 0, said
    written = b"".join(path.read_bytes() for path in settings.home.rglob("*") if path.is_file())
    assert b"c4n4ry" not in written
    assert "c4n4ry" not in said
    (line,) = tiny.log_lines(settings)
    assert line["rows"]["fetched"] == 12
    landed = [event for event in run_log.read_events(run_log.log_file(settings, 1)) if event["event"] == "landed"]
    assert [(event["dataset"], event["delivery_date"], event["rows"]) for event in landed] == [
        ("usage_events", "2026-09-01", 2),
        ("usage_events", "2026-09-02", 10),
    ]


def test_without_an_address_or_a_driver_the_remedy_is_named(tmp_path, server, monkeypatch):
    settings = home(tmp_path, server, usage_events=USAGE)
    with pytest.raises(UsageError, match="RATEBOOK_POSTGRES_URL"):
        snapshots(settings.model_copy(update={"postgres_url": None}), FIRST)
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    with pytest.raises(UsageError, match=r"ratebook\[postgres\]"):
        snapshots(settings, FIRST)


def test_the_doctor_asks_every_question_without_fetching(tmp_path, server):
    settings = home(tmp_path, server, usage_events=USAGE)
    look = doctor.LOOKS["PostgreSQL"]
    assert look(settings) == (True, "usage_events: event_id, account_id, meter, occurred_at, quantity", "")
    assert not list((tmp_path / "landing" / "usage_events").glob("*"))
    assert look(Settings(home=tmp_path)) == (True, "nothing is fetched", "")
