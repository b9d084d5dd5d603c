"""What was expected of each feed and day, what has arrived, and what an absence does."""

import json
from datetime import timedelta

import duckdb
import polars as pl
import pytest

from data_contracts.runs import FeedDays
from data_contracts.validation import validate
from orchestration import cli, completeness, intake, publish, run_log
from orchestration.build import open_build
from orchestration.settings import ExpectedFeed, Settings
from tests.orchestration import tiny
from tests.orchestration.observe.receivers import webhook
from tests.tables import texts

FIRST, SECOND, THIRD, LAST = tiny.DAYS
FIFTH, SIXTH = LAST + timedelta(days=1), LAST + timedelta(days=2)


def days(settings, as_of=LAST, **expected):
    """What is known of the expected feeds as of a day, after everything up to it was snapshotted."""
    settings = settings.model_copy(
        update={"expected_feeds": {name: ExpectedFeed(**feed) for name, feed in expected.items()}}
    )
    intake.snapshot_through(settings, as_of)
    return validate(FeedDays, completeness.feed_days(open_build(settings, as_of)))


def told(found, *columns):
    return texts(found.sort("feed", "delivery_date"), ["delivery_date", *columns])


@pytest.fixture
def landed(tmp_path):
    """The tiny world; of its second day no file has come, of the third only part."""
    settings = tiny.land(tmp_path, rows={day: lines for day, lines in tiny.USAGE.items() if day != SECOND})
    (tmp_path / "landing" / "usage_events" / str(LAST) / "usage.csv").write_text("no such header\n1\n")
    return settings


def late(settings, lines=tiny.USAGE[SECOND], name="usage.csv"):
    tiny.put(settings.home, f"usage_events/{SECOND}/{name}", "\n".join((tiny.HEADER, *lines)) + "\n")


def test_a_day_without_a_file_is_incomplete_and_a_refused_file_has_not_arrived(landed):
    found = days(landed, usage_events={})
    assert told(found, "status", "arrived_files", "refused_files", "completed_on", "last_seen_on") == [
        ("2026-09-01", "complete", "1", "0", "2026-09-01", "2026-09-03"),
        ("2026-09-02", "incomplete", "0", "0", None, "2026-09-03"),
        ("2026-09-03", "complete", "1", "0", "2026-09-03", "2026-09-03"),
        ("2026-09-04", "incomplete", "0", "1", None, "2026-09-03"),
    ]


def test_what_comes_after_the_night_of_its_due_date_is_late_and_the_day_is_then_complete(landed):
    before = days(landed, usage_events={})
    late(landed)
    found = days(landed, FIFTH, usage_events={"since": SECOND})
    assert told(found.head(1), "status", "late_files", "completed_on", "message") == [
        ("2026-09-02", "late", "1", "2026-09-05",
         "usage_events of 2026-09-02 was due with the night of 2026-09-02, complete with that of 2026-09-05."),
    ]  # fmt: skip
    again = days(landed, LAST, usage_events={})
    assert again.equals(before), "as of an older day it is what it was then"


@pytest.mark.parametrize(
    ("expected", "status", "message"),
    [
        pytest.param({"due_days": 2}, "pending", "due with the night of 2026-09-05: 0 of 1 files", id="not yet due"),
        pytest.param({"files": 2}, "incomplete", "1 of 2 files", id="too few files"),
        pytest.param({"rows": 3}, "incomplete", "2 of 3 rows", id="too few rows"),
        pytest.param({"rows": 2}, "complete", None, id="just enough rows"),
        pytest.param({"files": 0}, "complete", None, id="nothing is expected"),
        pytest.param({"sources": ["pos", "web"]}, "incomplete", "nothing from pos, web", id="a source that is silent"),
        pytest.param({"files_like": "gateway-*"}, "incomplete", "0 of 1 files", id="only files of another kind"),
        pytest.param({"files_like": "us*.csv"}, "complete", None, id="a file of the kind"),
    ],
)
def test_what_makes_a_day_complete(landed, expected, status, message):
    if "due_days" in expected:
        (landed.landing / "usage_events" / str(THIRD) / "usage.csv").unlink()
    found = days(landed, usage_events={"since": THIRD, **expected}).head(1)
    assert found["status"].to_list() == [status]
    assert message is None or message in found["message"].item()


def test_of_each_source_that_is_expected_some_usage_has_to_be_accepted(landed):
    header = f"{tiny.HEADER},source\n"
    tiny.put(landed.home, f"usage_events/{SECOND}/a.csv", f"{header}s1,ant,tokens,2026-09-02T12:00:00Z,1,,,web\n")
    tiny.put(landed.home, f"usage_events/{SECOND}/b.csv", f"{header}s2,ant,tokens,2026-09-02T12:00:00Z,many,,,pos\n")
    found = days(landed, SECOND, usage_events={"since": SECOND, "sources": ["web", "pos"]})
    assert told(found, "status", "missing_sources", "arrived_files") == [("2026-09-02", "incomplete", "pos", "2")]


def test_days_off_are_no_days_of_the_feed(landed):
    # 2026-09-01 is a Tuesday.
    found = days(landed, usage_events={"weekdays": [2, 3, 4], "except_on": [SECOND]})
    assert found["delivery_date"].to_list() == [FIRST, THIRD]


def test_a_feed_of_other_data_marks_no_usage(landed):
    found = days(landed, accounts={"since": SECOND}, usage_events={"since": SECOND, "days_before": 0})
    assert told(found.filter(delivery_date=SECOND), "feed", "status", "service_from", "service_to") == [
        ("2026-09-02", "accounts", "incomplete", None, None),
        ("2026-09-02", "usage_events", "incomplete", "2026-09-02", "2026-09-03"),
    ]


@pytest.mark.parametrize(
    "feed", [{"files": -1}, {"weekdays": [0]}, {"if_missing": "ignore"}, {"due": 3}], ids=lambda feed: next(iter(feed))
)
def test_an_expectation_that_means_nothing_is_refused(feed):
    with pytest.raises(ValueError, match="expected_feeds"):
        Settings(expected_feeds={"usage_events": feed})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('{"usage_events": {"files": -1}}', "RATEBOOK_EXPECTED_FEEDS usage_events files: Input should be greater"),
        ("{usage_events}", 'no JSON: error parsing value for field "expected_feeds"'),
    ],
)
def test_a_setting_that_cannot_be_read_ends_every_command_with_its_name(monkeypatch, capsys, value, said):
    monkeypatch.setenv("RATEBOOK_EXPECTED_FEEDS", value)
    with pytest.raises(SystemExit) as ended:
        cli.main(["doctor"])
    assert ended.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())


# --- what it does ------------------------------------------------------------------------------------------------------


def run(monkeypatch, capfd, settings, as_of, **expected):
    monkeypatch.setenv("RATEBOOK_EXPECTED_FEEDS", json.dumps(expected))
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", "--home", str(settings.home), "--date", str(as_of)])
    return ended.value.code, " ".join("".join(capfd.readouterr()).split())


def ask(settings, question):
    with duckdb.connect(publish.published_run(settings).database.resolve(), read_only=True) as connection:
        return connection.execute(question).fetchall()


def test_lines_of_days_that_are_not_complete_are_provisional(landed, monkeypatch, capfd):
    """One day of usage is awaited with `days_before` 0, so that the days beside it are not."""
    expected = {"usage_events": {"since": str(SECOND), "days_before": 0, "except_on": [str(LAST), str(FIFTH)]}}
    code, said = run(monkeypatch, capfd, landed, LAST, **expected)
    assert code == 0, said
    assert "Feed usage_events of 2026-09-02, due with the night of 2026-09-02: 0 of 1 files" in said
    assert "1 days of feeds are incomplete or came late: see audit.aud_feed_day" in said
    provisional = "select distinct service_date from marts.fct_line_item where is_provisional"
    # Tokyo's second of September has usage that was delivered on the first.
    assert ask(landed, provisional) == [(SECOND,)]
    assert ask(landed, "select bool_and(is_provisional) from marts.fct_invoice") == [(True,)]
    assert ask(landed, "select distinct date_day from marts.fct_revenue_daily where is_provisional") == [(SECOND,)]
    assert ask(landed, "select delivery_date, status from audit.aud_feed_day order by 1") == [
        (SECOND, "incomplete"),
        (THIRD, "complete"),
    ]
    events = run_log.read_events(run_log.log_file(landed, 1))
    assert [event["feed"] for event in events if event["event"] == "feed incomplete"] == ["usage_events"]


def test_a_day_that_comes_late_is_told_of_once_by_the_night_that_saw_it(landed):
    days(landed)
    late(landed)
    expected = {"usage_events": ExpectedFeed(since=SECOND, except_on=frozenset({LAST, FIFTH, SIXTH}))}
    settings = landed.model_copy(update={"expected_feeds": expected})
    said = {}
    for day in (FIFTH, SIXTH):
        intake.snapshot_through(settings, day)
        with run_log.run_log_file(settings, 1, day):
            said[day] = completeness.open_or_late(open_build(settings, day))
    assert said == {
        FIFTH: ["usage_events of 2026-09-02 was due with the night of 2026-09-02, complete with that of 2026-09-05."],
        SIXTH: [],
    }
    (event,) = run_log.read_events(run_log.log_file(settings, 1))
    assert (event["event"], event["level"], event["delivery_date"]) == ("feed came late", "warning", "2026-09-02")


def test_a_publish_that_waits_for_a_feed_is_held_with_the_feed_its_due_date_and_when_it_was_seen(
    night_home, tmp_path, monkeypatch, capfd
):
    """F01. Accounts are not in either, and nobody waits for them."""
    settings = tiny.copied(night_home, tmp_path)
    expected = {"usage_events": {"if_missing": "hold"}, "accounts": {"since": str(FIFTH)}}
    with webhook() as receiver:
        monkeypatch.setenv("RATEBOOK_WEBHOOK_URL", receiver.url)
        code, said = run(monkeypatch, capfd, settings, FIFTH, **expected)
    assert code == 1
    assert "1 gates held the publish" in said
    assert "usage_events of 2026-09-05, due with the night of 2026-09-05: 0 of 1 files" in said
    assert "the feed was last seen in the night of 2026-09-04" in said
    assert tiny.served(settings) == "1-2026-09-04"
    assert tiny.log_lines(settings)[-1]["status"] == "held"
    ((_, _, document),) = receiver.got
    (gate,) = document["gates"]
    assert (gate["gate"], gate["scope"], gate["difference"]) == (
        "feeds_are_complete",
        "usage_events 2026-09-05",
        "0 of 1 files, 0 of 0 rows",
    )
    held = settings.published / ".held-2-2026-09-05" / "ratebook.duckdb"
    with duckdb.connect(held, read_only=True) as connection:
        assert len(connection.execute(gate["drill_sql"]).fetchall()) == 1


def test_while_nothing_is_expected_nothing_is_provisional(night_home):
    assert ask(night_home, "select count(*) from audit.aud_feed_day") == [(0,)]
    assert ask(night_home, "select bool_or(is_provisional) from marts.fct_line_item") == [(False,)]
    assert not pl.DataFrame(ask(night_home, "select is_provisional from marts.fct_invoice"), orient="row")[
        "column_0"
    ].any()
