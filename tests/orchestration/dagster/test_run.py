"""A night run by Dagster in this process: the same publish, the same log line, the same refusal as by command."""

import threading

import dagster as dg

from data_contracts.validation import ContractError
from orchestration import build, publish
from orchestration.definitions import night_definitions
from orchestration.lock import run_lock
from orchestration.run_log import log_file, read_events
from tests.orchestration.dagster.conftest import ONE_DAY, log_lines, tables_of


def launch(settings, day, **arguments):
    job = night_definitions(settings).resolve_job_def("nightly")
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(
            partition_key=day.isoformat(), instance=instance, raise_on_error=False, **arguments
        )


def test_one_partition_publishes_what_the_command_line_publishes(company, by_command_line):
    result = launch(company, ONE_DAY)
    assert result.success
    assert tables_of(company, 1) == by_command_line[ONE_DAY]
    (line,) = log_lines(company)
    assert (line["number"], line["as_of"], line["status"]) == (1, "2026-09-02", "published")
    assert line["rows"]["line_items"] > 0
    # A table that an earlier step stood on is passed over: a second look would overwrite its time with nearly nothing.
    events = read_events(log_file(company, 1))
    steps = [event["step"] for event in events if event["event"] == "step started"]
    assert sorted(steps) == sorted(set(steps))
    shown = {
        each.materialization.asset_key.to_user_string(): each.materialization.metadata
        for each in result.get_asset_materialization_events()
    }
    lines = shown["fct_line_item"]
    assert lines["dagster/row_count"].value == 3
    # 10 and 20 calls at 0.0049; 100 at 0.7 yen.
    assert "| amount | USD | 0.15 |" in lines["control_totals"].value
    assert "| amount_exact | USD | 0.147 |" in lines["control_totals"].value
    assert lines["total/amount/JPY"].value == 70.0
    assert len(lines["preview"].value.records) == 3
    assert shown["line_items"]["control_totals"] == lines["control_totals"]
    assert shown["usage_events"]["dagster/row_count"].value == 1
    assert {name: shown["line_items"][name].value > 0 for name in ("seconds", "bytes", "step_peak_memory_bytes")} == {
        "seconds": True,
        "bytes": True,
        "step_peak_memory_bytes": True,
    }
    assert shown["published"]["run_number"].value == 1
    checks = {each.check_name: each.passed for each in result.get_asset_check_evaluations()}
    assert [name for name, passed in checks.items() if not passed] == []
    assert {"contract", "no_float", "revenue_lines_on_invoice_lines", "fct_line_item_has_one_row_per_key"} <= set(
        checks
    )
    for metadata in shown.values():
        texts = [value.value for value in metadata.values() if isinstance(value, dg.MarkdownMetadataValue)]
        assert all(len(text) < 1000 for text in texts), "the page folds longer ones"


def test_a_failed_gate_holds_the_publish_and_shows_by_how_much(company, spoiled):
    spoiled("update marts.fct_invoice_line set amount = amount + 1 where currency = 'USD'")
    result = launch(company, ONE_DAY)
    assert not result.success
    assert publish.published_run(company) is None
    (line,) = log_lines(company)
    assert (line["number"], line["status"]) == (1, "held")
    assert "revenue_lines_on_invoice_lines" in line["message"]
    failed = {each.check_name: each for each in result.get_asset_check_evaluations() if not each.passed}
    tie_out = failed["revenue_lines_on_invoice_lines"].metadata
    assert tie_out["difference"].value == "-1"
    assert tie_out["tolerance"].value == "0"
    assert tie_out["drill_sql"].value.startswith("select")
    assert 1 <= len(tie_out["rows"].value.records) <= 5
    (step,) = [event for event in result.all_events if event.is_step_failure]
    failure = step.step_failure_data.user_failure_data
    assert "gates held the publish" in failure.description
    assert {"gate", "difference", "drill_sql", "message"} <= set(failure.metadata)


def test_one_table_alone_makes_what_it_stands_on_and_is_no_night(company):
    result = launch(company, ONE_DAY, asset_selection=[dg.AssetKey("priced_usage")])
    assert result.success
    assert [each.materialization.asset_key.to_user_string() for each in result.get_asset_materialization_events()] == [
        "priced_usage"
    ]
    assert not (company.log / "runs.jsonl").exists()


def test_a_broken_contract_stops_the_table_and_shows_the_rows(company, monkeypatch):
    def refuse(table, frame, path):
        if table.table_name == "accounts":
            raise ContractError("accounts: 1 of 2 rows breaks it")
        write(table, frame, path)

    write = build.write_parquet
    monkeypatch.setattr(build, "write_parquet", refuse)
    result = launch(company, ONE_DAY, asset_selection=[dg.AssetKey("accounts"), dg.AssetKey("zone_days")])
    assert not result.success
    assert result.get_asset_materialization_events() == []
    (check,) = result.get_asset_check_evaluations()
    assert (check.asset_key, check.passed) == (dg.AssetKey("accounts"), False)
    assert check.description == "accounts: 1 of 2 rows breaks it"


def test_a_run_waits_for_the_one_that_is_on(company):
    is_held = threading.Event()
    ended = []

    def other_run():
        with run_lock(company):
            is_held.set()
            waiting.wait(timeout=60)
            ended.append("the other run")

    waiting = threading.Event()
    other = threading.Thread(target=other_run)
    other.start()
    is_held.wait(timeout=60)
    threading.Timer(2, waiting.set).start()
    assert launch(company, ONE_DAY, asset_selection=[dg.AssetKey("documents")]).success
    assert ended == ["the other run"]
    other.join()
    with run_lock(company, timeout_seconds=1):
        pass  # and lets go of it at its end
