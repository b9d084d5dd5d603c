"""Closing a month, end to end: what is published of it never changes again, and what comes later is posted later."""

import shutil
from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest

from data_contracts.marts import MARTS
from orchestration import cli, close, diff, gates, night, publish, rebuild, seals
from orchestration.build import open_build
from orchestration.errors import Held, UsageError
from tests.orchestration import tiny
from tests.orchestration.closing import DECISION, book, company, use

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
GRADUATED = book("graduated", 'tiers: [{up_to: "100", unit_amount: "0.03"}, {up_to: null, unit_amount: "0.01"}]')
BY_MONTH = """
    select accounting_period, is_period_closed, is_adjustment, sum(amount)::varchar
    from marts.fct_line_item group by all order by all
"""


@pytest.fixture(scope="module")
def published_open(tmp_path_factory):
    """October is published as of 2 November, and open."""
    settings = company(tmp_path_factory.mktemp("open"), "2026-10-01", GRADUATED)
    use(settings, "2026-10-05", "a,ant,calls,2026-10-05T12:00:00Z,90")
    night.run(settings, date(2026, 11, 2))
    return settings


@pytest.fixture(scope="module")
def closed(published_open, tmp_path_factory):
    """October is closed, and 30 units of it come on the fourth."""
    settings = tiny.copied(published_open, tmp_path_factory.mktemp("closed") / "home")
    close.close(settings, OCTOBER, DECISION)
    use(settings, "2026-11-04", "b,ant,calls,2026-10-20T12:00:00Z,30", "c,ant,calls,2026-11-03T12:00:00Z,200")
    night.run(settings, date(2026, 11, 4))
    return settings


def ask(settings, question, number=None):
    with duckdb.connect(str(publish.published_run(settings, number).database), read_only=True) as connection:
        return connection.execute(question).fetchall()


def test_the_month_stays_as_it_was_published_and_the_rest_is_posted_in_the_next(closed):
    assert ask(closed, BY_MONTH, 1) == [("2026-10", False, False, "2.7000"), ("2026-11", False, False, "0.0000")]
    assert ask(closed, BY_MONTH) == [
        ("2026-10", True, False, "2.7000"),  # 90 * 0.03
        ("2026-11", False, False, "4.0000"),  # 100 * 0.03 + 100 * 0.01
        ("2026-11", False, True, "0.5000"),  # 100 * 0.03 + 20 * 0.01 - 2.70
    ]


def test_the_month_says_by_whom_it_was_closed(closed):
    assert ask(
        closed,
        "select accounting_period, is_period_closed, closed_by, approved_by, seal_number, line_count, locked_at "
        "from marts.dim_accounting_period order by 1",
    ) == [
        ("2026-10", True, "ada", "grace", 1, 1, datetime(2026, 11, 5, 9)),
        ("2026-11", False, None, None, None, None, None),
    ]


def test_what_the_closed_month_should_hold_is_sealed_or_posted(closed):
    assert ask(
        closed,
        "select sealed_amount, adjusted_amount, held_amount, drift_amount, desired_amount from audit.aud_closed_month",
    ) == [tuple(map(Decimal, ("2.7", "0.5", "0", "0", "3.2")))]
    assert ask(closed, "select causes, amount::varchar, is_sealed from audit.aud_adjustment") == [
        ("late_usage", "0.5000", False)
    ]


def test_the_decision_is_in_the_log_of_decisions(closed):
    asked = "select action, target, requested_by, approved_by from audit.aud_action"
    assert ask(closed, asked) == [("close", "tiny/2026-10", "ada", "grace")]


def test_a_day_of_before_the_close_is_as_it_was_published_table_by_table(closed):
    """F84, I9: the run of the second of November saw the month open, and does so for ever."""
    again = rebuild.recompute(closed, date(2026, 11, 2))
    assert (again.run, again.differing) == (1, [])
    assert len(again.tables) == len(MARTS) - len(publish.OUTSIDE_HASH)


def test_a_rebuild_from_snapshots_and_seals_is_what_was_published(closed, tmp_path):
    own = tiny.copied(closed, tmp_path / "home")
    before = tiny.published(own)
    for lost in ("landing", "build", "published"):
        shutil.rmtree(own.home / lost)
    rebuild.rebuild(own)
    assert tiny.published(own) == before


def test_two_runs_differ_by_causes_that_sum_to_the_whole(closed):
    found = diff.diff(closed, 1, 2)
    by_cause = {row["cause"]: row["difference"] for row in found.by["cause"]}
    assert by_cause == {"late_usage": Decimal("0.5000"), "later_days": Decimal("4.0000")}
    assert [row["difference"] for row in found.totals] == [sum(by_cause.values())]
    assert all(sum(row["difference"] for row in rows) == Decimal("4.5000") for rows in found.by.values())


# --- the gate ----------------------------------------------------------------------------------------------------------

AS_SEALED = "closed_months_as_sealed"
PLANTED = [
    pytest.param(
        "update marts.fct_line_item set rule_version = 'x' where is_period_closed",
        {AS_SEALED},
        id="one text of one line",
    ),
    pytest.param(
        "update marts.fct_line_item set is_period_closed = false where is_period_closed",
        {AS_SEALED, "closed_lines_as_sealed"},
        id="the flag of the month",
    ),
    pytest.param(
        "update marts.fct_revenue_daily set list_amount = 0 where accounting_period = '2026-10'",
        {AS_SEALED},
        id="an amount that no tie-out compares",
    ),
    pytest.param(
        "update audit.aud_adjustment set amount = 0.49",
        {"adjustments_have_causes"},
        id="an adjustment without its cause",
    ),
    pytest.param(
        "update audit.aud_closed_month set held_amount = 1", {"closed_months_explained"}, id="money that is nowhere"
    ),
    pytest.param(
        "update marts.dim_accounting_period set line_count = 2 where line_count = 1",
        {"closed_lines_as_sealed"},
        id="a line that was sealed is not there",
    ),
]


@pytest.mark.parametrize(("plant", "caught_by"), PLANTED)
def test_a_closed_month_that_changes_holds_the_publish(closed, tmp_path, plant, caught_by):
    run = publish.published_run(closed)
    candidate = tmp_path / "candidate"
    shutil.copytree(run.path, candidate)
    (candidate / publish.DATABASE).chmod(0o600)
    with duckdb.connect(str(candidate / publish.DATABASE)) as connection:
        connection.execute(plant)
    build = open_build(closed, run.as_of)
    hashes = {
        tuple(name.split(".")): publish.TableHash(stated["rows"], stated["canonical_hash"])
        for name, stated in run.manifest()["tables"].items()
    }
    sql = build.compiled_sql(night.RECONCILIATION)
    results = gates.run_gates(candidate, sql, hashes, MARTS, seals=build.seals)
    failed = {result.name for result in results if not result.passed}
    # The planted change is always another table than was built, and the stored tie-outs are not those of it.
    assert failed - {"hashes_as_built", "reconciliation_as_stored"} == caught_by


# --- the command -------------------------------------------------------------------------------------------------------


def test_closing_twice_is_closing_once(closed, tmp_path):
    own = tiny.copied(closed, tmp_path / "home")
    before = tiny.tree(own.seals)
    again = close.close(own, OCTOBER, DECISION)
    assert (again.months, tiny.tree(own.seals)) == ([], before)
    assert len(list((own.landing / "actions").rglob("*.ndjson"))) == 1


def test_a_dry_run_shows_the_list_and_closes_nothing(published_open):
    before = tiny.tree(published_open.home)
    shown = close.close(published_open, OCTOBER, DECISION, dry_run=True)
    assert shown.months == [("tiny", OCTOBER)]
    assert [check.name for check in shown.checks if not check.is_passed] == []
    assert {name: state for name, state in tiny.tree(published_open.home).items() if "run.lock" not in name} == {
        name: state for name, state in before.items() if "run.lock" not in name
    }


@pytest.mark.parametrize(
    ("month", "at", "said"),
    [
        pytest.param(OCTOBER, datetime(2026, 11, 1, 11, 59), "month_has_ended", id="it goes on in the last zone"),
        pytest.param(NOVEMBER, datetime(2026, 12, 2), "end_is_known", id="the served run has not seen its end"),
    ],
)
def test_a_month_is_not_closed_before_its_end_is_known(published_open, month, at, said):
    decision = close.Decision("done", "ada", "grace", at)
    with pytest.raises(UsageError, match=f"NO   {said}"):
        close.close(published_open, month, decision)
    assert seals.chain(published_open) == []


def test_only_the_last_closed_month_can_be_reopened_and_its_seal_stays(closed, tmp_path):
    own = tiny.copied(closed, tmp_path / "home")
    with pytest.raises(UsageError, match="only that can be reopened"):
        close.reopen(own, NOVEMBER, DECISION)
    close.reopen(own, OCTOBER, DECISION)
    assert [seal.event for seal in seals.chain(own)] == ["close", "reopen"]
    assert list(seals.verify(own)) == []
    # The served run still saw the month closed: what it would seal is not known yet.
    with pytest.raises(UsageError, match="Run a night first"):
        close.close(own, OCTOBER, DECISION)
    night.run(own, date(2026, 11, 5))
    assert ask(own, BY_MONTH) == [("2026-10", False, False, "3.2000"), ("2026-11", False, False, "4.0000")]
    close.close(own, OCTOBER, DECISION)
    assert [seal.event for seal in seals.chain(own)] == ["close", "reopen", "close"]
    # Each date sees the month as it was then.
    assert [len(open_build(own, date(2026, 11, day)).seals) for day in (2, 4)] == [0, 1]
    assert len(seals.in_force(own, date(2026, 11, 6))) == 1


def test_the_commands_say_what_they_did(published_open, tmp_path, capsys):
    own = tiny.copied(published_open, tmp_path / "home")
    flags = ["--home", str(own.home), "--by", "ada", "--approved-by", "grace", "--reason", "done"]
    for arguments, code, said in (
        (["close", "2026-10", *flags], 0, "2026-10 of tiny is closed."),
        (["close", "2026-10", *flags], 0, "nothing was done"),
        (["verify", "--home", str(own.home)], 0, "1 seals. The chain is whole."),
        (["restate", "2026-10", *flags], 0, "has no drift"),
        (["reopen", "2026-10", *flags], 0, "2026-10 of tiny is reopened."),
        (["close", "2026-13", *flags], 2, "not a month"),
        (["close", "2026-10", *flags[:5], "Ada", *flags[6:]], 2, "another person"),
    ):
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        printed = capsys.readouterr()
        assert (ended.value.code, said in printed.out + printed.err) == (code, True), printed
    (own.seals / "00001" / "sealed_inputs.parquet").unlink()
    with pytest.raises(SystemExit) as ended:
        cli.main(["verify", "--home", str(own.home), "--json"])
    assert ended.value.code == 1
    assert "sealed_inputs.parquet is missing" in capsys.readouterr().out


def test_a_night_refuses_a_chain_that_lost_what_was_published(closed, tmp_path):
    own = tiny.copied(closed, tmp_path / "home")
    shutil.rmtree(own.seals)
    with pytest.raises(Exception, match="older backup") as refused:
        night.run(own, date(2026, 11, 5))
    assert not isinstance(refused.value, Held)
