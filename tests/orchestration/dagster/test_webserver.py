"""Through the GraphQL API of a running webserver: a tick of the schedule, its day, a month; same hashes as by command."""

from datetime import UTC, datetime

import pytest

from tests.orchestration.dagster.conftest import END_OF_MONTH, ONE_DAY, log_lines, tables_of
from tests.orchestration.dagster.webserver import REPOSITORY, CannotStart, running

LAUNCH = """
mutation ($selector: JobOrPipelineSelector!, $tags: [ExecutionTag!]!) {
  launchRun(executionParams: {selector: $selector, executionMetadata: {tags: $tags}}) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
RUN = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
DRY_RUN = """
mutation ($selector: ScheduleSelector!, $timestamp: Float!) {
  scheduleDryRun(selectorData: $selector, timestamp: $timestamp) {
    __typename
    ... on DryRunInstigationTick {
      evaluationResult { error { message } runRequests { jobName tags { key value } } }
    }
    ... on PythonError { message }
  }
}
"""
BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
BACKFILL_STATE = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { status error { message } }
  }
}
"""
RUNS_OF_BACKFILL = """
query ($id: String!) {
  runsOrError(filter: {tags: [{key: "dagster/backfill", value: $id}]}) { ... on Runs { results { status tags { key value } } } }
}
"""
ASSETS = "{ assetNodes { assetKey { path } isExecutable isPartitioned } }"
ENDS = {"SUCCESS", "FAILURE", "CANCELED"}


def launch(server, tags):
    selector = REPOSITORY | {"jobName": "nightly"}
    launched = server.ask(LAUNCH, selector=selector, tags=tags)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]
    return server.wait_for(lambda: server.ask(RUN, id=run_id)["runOrError"]["status"], ENDS)


def test_the_day_of_a_tick_and_a_month_publish_what_the_command_line_publishes(company, by_command_line):
    try:
        with running(company, first_delivery="2026-09-01") as server:
            # The tick of the night that follows the delivery date asks for exactly that date.
            tick = server.ask(
                DRY_RUN,
                selector=REPOSITORY | {"scheduleName": "nightly_schedule"},
                timestamp=datetime(2026, 9, 3, 2, tzinfo=UTC).timestamp(),
            )["scheduleDryRun"]["evaluationResult"]
            assert tick["error"] is None, tick
            (request,) = tick["runRequests"]
            tags = {tag["key"]: tag["value"] for tag in request["tags"]}
            assert tags["dagster/partition"] == ONE_DAY.isoformat()
            assert launch(server, request["tags"]) == "SUCCESS"
            assert tables_of(company, 1) == by_command_line[ONE_DAY]

            month = [f"2026-09-{day:02}" for day in range(1, 31)]
            keys = [node["assetKey"] for node in server.ask(ASSETS)["assetNodes"] if node["isPartitioned"]]
            launched = server.ask(BACKFILL, params={"assetSelection": keys, "partitionNames": month})
            launched = launched["launchPartitionBackfill"]
            assert launched["__typename"] == "LaunchBackfillSuccess", launched
            backfill = launched["backfillId"]

            def state():
                found = server.ask(BACKFILL_STATE, id=backfill)["partitionBackfillOrError"]
                assert found["error"] is None, found["error"]["message"]
                return found["status"]

            assert server.wait_for(state, {"COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"}) == (
                "COMPLETED_SUCCESS"
            )
            (run,) = server.ask(RUNS_OF_BACKFILL, id=backfill)["runsOrError"]["results"]
            assert run["status"] == "SUCCESS", "one run for the whole range"
    except CannotStart as reason:
        pytest.skip(f"dagster-webserver does not start here: {reason}")
    assert tables_of(company, 2) == by_command_line[END_OF_MONTH]
    assert [(line["as_of"], line["status"]) for line in log_lines(company)] == [
        ("2026-09-02", "published"),
        ("2026-09-30", "published"),
    ]
