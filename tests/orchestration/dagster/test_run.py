"""A night run by Dagster in this process: the same publish, the same log line, the same refusal as by command."""

import dagster as dg
import pytest

from orchestration import publish
from orchestration.definitions import night_definitions
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
    assert shown["published"]["run_number"].value == 1
    checks = {each.check_name: each.passed for each in result.get_asset_check_evaluations()}
    assert [name for name, passed in checks.items() if not passed] == ["latest_delivery_is_published"]
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
    assert tie_out["difference"].value.rstrip("0").rstrip(".") == "-1"
    assert tie_out["tolerance"].value == "0"
    assert tie_out["drill_sql"].value.startswith("```sql\n")
    assert 1 <= len(tie_out["rows"].value.records) <= 5
    (step,) = [event for event in result.all_events if event.is_step_failure]
    failure = step.step_failure_data.user_failure_data
    assert "gates held the publish" in failure.description
    assert {"gate", "difference", "drill_sql", "message"} <= set(failure.metadata)


def test_one_table_alone_makes_what_it_stands_on_and_is_no_night(company):
    result = launch(company, ONE_DAY, asset_selection=[dg.AssetKey("priced_usage")])
    assert result.success
    assert [each.materialization.asset_key.to_user_string() for each in result.get_asset_materialization_events()] == ["priced_usage"]
    assert not (company.log / "runs.jsonl").exists()
