"""Who looks after the runs is told when one is held or fails, and no receiver changes how a run ends."""

import socket
import time
from datetime import date
from email import message_from_bytes, policy

import pytest

from orchestration import cli, doctor, notify, records, run_log
from orchestration.errors import Difference, Held, RefusedInput
from orchestration.settings import Settings
from tests.orchestration.observe.receivers import certificate, mail_server, webhook

DAY = date(2026, 9, 4)
FOUND = Difference("invoice_lines_on_invoices", "tiny USD", "-0.010000000000", "", "select * from marts.fct_invoice")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(notify, "PAUSES", (0, 0.01, 0.01))
    monkeypatch.setattr(notify, "ATTEMPT_SECONDS", 0.5)


def ended_by(settings, error):
    """End a run by an error as every run ends, and return the line that is written about it."""
    with pytest.raises(type(error)), records.logged(settings, DAY):
        raise error
    return records.run_log(settings).to_dicts()[-1]


def events(settings):
    return [
        (event["event"], event.get("channel"), event.get("attempt"), event["level"])
        for event in run_log.read_events(max(settings.log.glob("run-*.jsonl")))
        if "channel" in event
    ]


def test_a_held_run_is_posted_with_run_gate_difference_and_sql(tmp_path):
    with webhook() as server:
        settings = Settings(home=tmp_path, webhook_url=server.url)
        ended_by(settings, Held("1 gates held the publish", [FOUND]))
    ((path, kind, document),) = server.got
    assert (path, kind) == ("/hook", "application/json")
    assert document == {
        "text": "Ratebook: run 1 of 2026-09-04 is held\n1 gates held the publish",
        "run": 1,
        "as_of": "2026-09-04",
        "status": "held",
        "failed_gates": 1,
        "gates": [
            {
                "gate": "invoice_lines_on_invoices",
                "scope": "tiny USD",
                "difference": "-0.010000000000",
                "message": "",
                "drill_sql": "select * from marts.fct_invoice",
            }
        ],
    }
    assert events(settings) == [("message sent", "webhook", 1, "info")]
    (failed,) = [
        event for event in run_log.read_events(run_log.log_file(settings, 1)) if event["event"] == "gate failed"
    ]
    assert (failed["gate"], failed["difference"]) == ("invoice_lines_on_invoices", "-0.010000000000")
    assert failed["drill_sql"] == "select * from marts.fct_invoice"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param(RefusedInput("no book"), "no book", id="input that was refused"),
        pytest.param(ZeroDivisionError("by zero"), "ZeroDivisionError: by zero", id="a mistake of ours"),
    ],
)
def test_a_failed_run_is_told_with_what_it_failed_of(tmp_path, error, text):
    with webhook() as server:
        ended_by(Settings(home=tmp_path, webhook_url=server.url), error)
    ((_, _, document),) = server.got
    assert (document["status"], document["text"]) == ("failed", f"Ratebook: run 1 of 2026-09-04 has failed\n{text}")


def test_a_killed_run_is_told_by_the_next_one(tmp_path):
    with webhook() as server:
        settings = Settings(home=tmp_path, webhook_url=server.url)
        with run_log.run_log_file(settings, 1, DAY):
            run_log.log.info("run started")
        records.begin(settings, DAY)
    ((_, _, document),) = server.got
    assert document["run"] == 1
    assert "killed" in document["text"]


def test_nothing_is_told_of_a_good_run_unless_asked_nor_to_who_interrupts_one(tmp_path):
    with webhook() as server:
        settings = Settings(home=tmp_path, webhook_url=server.url)
        with records.logged(settings, DAY):
            pass
        ended_by(settings, KeyboardInterrupt())
        assert server.got == []
        asked = settings.model_copy(update={"notify_on": frozenset({"published"})})
        with records.logged(asked, DAY):
            pass
        ended_by(asked, RefusedInput("no book"))
    assert [document["status"] for _, _, document in server.got] == ["published"]


@pytest.mark.parametrize(
    ("answers", "attempts"),
    [
        pytest.param((500, 503), 3, id="a receiver that is down is tried again"),
        pytest.param((429,), 2, id="one that is busy, too"),
        pytest.param((404,) * 3, 1, id="an address that is wrong is not"),
        pytest.param((500,) * 3, 3, id="and there is an end"),
    ],
)
def test_how_often_a_webhook_is_tried(tmp_path, answers, attempts):
    with webhook(*answers) as server:
        settings = Settings(home=tmp_path, webhook_url=server.url)
        line = ended_by(settings, Held("held"))
    assert len(server.got) == attempts
    assert (line["status"], line["message"]) == ("held", "held")


def test_a_redirect_is_no_delivery(tmp_path):
    with webhook(302, location="/elsewhere") as server:
        settings = Settings(home=tmp_path, webhook_url=server.url)
        ended_by(settings, Held("held"))
    assert [path for path, _, _ in server.got] == ["/hook"]
    assert events(settings) == [("message not sent", "webhook", 1, "warning")]


def test_a_receiver_that_never_answers_takes_bounded_time_and_changes_nothing(tmp_path):
    with webhook(delay=60) as server:
        settings = Settings(home=tmp_path, webhook_url=server.url)
        began = time.monotonic()
        line = ended_by(settings, Held("held"))
        assert time.monotonic() - began < 3 * 0.5 + 1.5
    assert (line["status"], line["message"]) == ("held", "held")
    assert [attempt for _, _, attempt, _ in events(settings)] == [1, 2, 3]


def test_a_receiver_that_is_not_there_leaves_the_exit_code_as_it_is(tmp_path, monkeypatch, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        monkeypatch.setenv("RATEBOOK_WEBHOOK_URL", f"http://127.0.0.1:{taken.getsockname()[1]}/c4n4ry-in-the-path")
        (tmp_path / "landing" / "accounts" / "2026-09-05").mkdir(parents=True)
        (tmp_path / "landing" / "accounts" / "2026-09-05" / "a.csv").write_text("account_id,name,currency\na,A,USD\n")
        with pytest.raises(SystemExit) as ended:
            cli.main(["run", "--home", str(tmp_path), "--date", "2026-09-05"])
    assert ended.value.code == 3
    said = "".join(capsys.readouterr())
    written = "".join(path.read_text() for path in (tmp_path / "log").iterdir())
    assert written.count("message not sent") == 3
    assert "c4n4ry" not in said + written


# --- mail --------------------------------------------------------------------------------------------------------------


def mailed(settings, server):
    ended_by(settings, Held("1 gates held the publish: Straße\n.\nselect 1", [FOUND]))
    ((login, to, text),) = server.got
    mail = message_from_bytes(text.replace("\n..", "\n.").encode(), policy=policy.default)
    return login, to, mail


def test_a_held_run_is_mailed(tmp_path):
    with mail_server() as server:
        url = f"smtp+plain://127.0.0.1:{server.server_address[1]}"
        settings = Settings(home=tmp_path, smtp_url=url, mail_from="ratebook@example.com", mail_to="a@example.com, b@example.com")  # fmt: skip
        login, to, mail = mailed(settings, server)
    assert (login, to) == (None, ["a@example.com", "b@example.com"])
    assert mail["Subject"] == "Ratebook: run 1 of 2026-09-04 is held"
    assert mail.get_content().strip().splitlines() == ["1 gates held the publish: Straße", ".", "select 1"]


@pytest.mark.parametrize(("scheme", "tls"), [("smtp", "on demand"), ("smtps", "at once")])
def test_a_password_goes_over_tls_to_a_server_that_is_trusted_and_to_no_other(tmp_path, monkeypatch, scheme, tls):
    context, trusted = certificate(tmp_path)
    with mail_server(tls, context) as server:
        url = f"{scheme}://me%40x:p%3Dss@127.0.0.1:{server.server_address[1]}"
        settings = Settings(home=tmp_path / "home", smtp_url=url, mail_from="r@example.com", mail_to="a@example.com")
        ended_by(settings, Held("held"))
        assert server.got == []
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        login, _, _ = mailed(settings, server)
    assert login == ("me@x", "p=ss", True)


def test_a_server_without_tls_gets_no_password(tmp_path):
    with mail_server() as server:
        url = f"smtp://me:secret-word@127.0.0.1:{server.server_address[1]}"
        settings = Settings(home=tmp_path, smtp_url=url, mail_from="r@example.com", mail_to="a@example.com")
        ended_by(settings, Held("held"))
    assert server.got == []
    assert {event for event, *_ in events(settings)} == {"message not sent"}


def test_a_wrong_password_is_tried_once(tmp_path):
    with mail_server() as server:
        url = f"smtp+plain://me:wrong@127.0.0.1:{server.server_address[1]}"
        settings = Settings(home=tmp_path, smtp_url=url, mail_from="r@example.com", mail_to="a@example.com")
        ended_by(settings, Held("held"))
    assert [attempt for _, _, attempt, _ in events(settings)] == [1]


# --- settings and trying it out ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RATEBOOK_WEBHOOK_URL", "ftp://example.com/c4n4ry", "RATEBOOK_WEBHOOK_URL: Value error, it is no address"),
        ("RATEBOOK_WEBHOOK_URL", "file:///c4n4ry", "RATEBOOK_WEBHOOK_URL: Value error, it is no address"),
        ("RATEBOOK_SMTP_URL", "smtp://me:c4n4ry@host:many", "RATEBOOK_SMTP_URL: Value error, it is no address"),
        ("RATEBOOK_SMTP_URL", "smtp://me:c4n4ry@host", "RATEBOOK_SMTP_URL needs RATEBOOK_MAIL_FROM"),
    ],
)
def test_an_address_that_cannot_work_ends_every_command_at_once_and_is_not_shown(
    monkeypatch, capsys, name, value, said
):
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        cli.main(["doctor"])
    assert ended.value.code == 2
    printed = "".join(capsys.readouterr())
    assert said in printed
    assert "c4n4ry" not in printed


def test_the_doctor_sends_a_test_message_by_every_channel_and_says_what_became_of_it(tmp_path):
    with webhook() as server, mail_server() as post_office:
        settings = Settings(
            home=tmp_path, webhook_url=server.url, smtp_url=f"smtp+plain://127.0.0.1:{post_office.server_address[1]}",
            mail_from="r@example.com", mail_to="a@example.com",
        )  # fmt: skip
        found = doctor.test_messages(settings)
        assert [(finding.name, finding.ok) for finding in found] == [
            ("test message by webhook", True),
            ("test message by email", True),
        ]
        assert len(server.got) == len(post_office.got) == 1
    found = doctor.test_messages(settings)
    assert [finding.ok for finding in found] == [False, False]
    assert all("refused" in finding.detail for finding in found)
    (none_set,) = doctor.test_messages(Settings(home=tmp_path))
    assert not none_set.ok
    assert "RATEBOOK_WEBHOOK_URL" in none_set.remedy
