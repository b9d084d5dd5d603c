"""The end of the night as a Dagster asset: the publish with its gates, and the watch over what is served."""

import inspect
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from data_contracts.marts import MARTS, MetaTables
from data_contracts.render import model_name
from orchestration import defs_metadata as shown
from orchestration import publish
from orchestration.defs_marts import WRITER
from orchestration.defs_run import NIGHT_RUN, PUBLISHED, NightRun, materialized, refused
from orchestration.defs_tables import SINGLE_RUN, Results
from orchestration.errors import RatebookError
from orchestration.gates import CHECKS, GATES, GateResult, no_write_ahead_log, reconciliation
from orchestration.settings import Settings
from transforms.line_items import RULE_VERSION

PUBLISH = "8_publish"
SHOWN_RESULTS = 5
# The gates by name, and the tie-outs that one of them asks one by one.
GATE_CHECKS = {gate.__name__: inspect.getdoc(gate) or "" for gate in (no_write_ahead_log, *GATES)} | {
    name: f"Tie-out, computed again on the publish file: {name.replace('_', ' ')}." for name in CHECKS
}
# The night starts at 02:00 UTC and is to be served two hours later.
DUE = dg.FreshnessPolicy.cron(deadline_cron="0 4 * * *", lower_bound_delta=timedelta(hours=2), timezone="UTC")


def published(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """Return the asset that writes the publish file, lets every gate judge it, and switches or holds.

    The gates run inside the step and decide there; the checks show what they found.
    """

    @dg.multi_asset(
        name="published",
        specs=[
            dg.AssetSpec(
                PUBLISHED,
                deps=[model_name(mart) for mart in MARTS if mart is not MetaTables],
                description="What readers see: one directory per run with `ratebook.duckdb`, Parquet copies and a "
                "manifest; `published/latest` points to the last good one. Lists its tables with rows and hashes. "
                "Grain: one row per published table. A gate that fails holds it, and the last good run stays served.",
                metadata={"dagster/column_schema": shown.column_schema(MetaTables)},
                group_name=PUBLISH,
                owners=["team:billing"],
                kinds={"duckdb", "parquet"},
                code_version=RULE_VERSION,
                freshness_policy=DUE,
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(name, asset=PUBLISHED, blocking=True, description=description)
            for name, description in GATE_CHECKS.items()
        ],
        partitions_def=partitions,
        backfill_policy=SINGLE_RUN,
        pool=WRITER,
        required_resource_keys={NIGHT_RUN},
    )
    def published(context: dg.AssetExecutionContext) -> Results:
        run: NightRun = getattr(context.resources, NIGHT_RUN)
        judged: list[GateResult] = []
        try:
            run.do(lambda: run.publish(judged.extend))
        except RatebookError as error:
            yield from gate_checks(judged)
            raise refused(error, _first_failure(judged)) from error
        yield materialized(context, run, PUBLISHED, _facts(run))
        yield from gate_checks(judged)

    return published


def gate_checks(results: Sequence[GateResult]) -> Iterator[dg.AssetCheckResult]:
    """Yield one check per gate that was asked: how much it compared, by how much it failed, how to see the rows."""
    for name in GATE_CHECKS:
        names = {name, *CHECKS} if name == reconciliation.__name__ else {name}
        found = [result for result in results if result.name in names]
        if not found:
            continue
        failed = [result for result in found if not result.passed]
        first = (failed or found)[0]
        about: dict[str, Any] = {
            "compared": len(found),
            "failed": len(failed),
            "difference": (shown.plain(failed[0].difference) or "see message") if failed else "0",
            "tolerance": "0",
            "drill_sql": dg.MetadataValue.text(first.drill_sql or ""),
            "rows": shown.text_table(
                ["scope", "left", "right", "difference", "message"],
                [
                    (result.scope, *map(shown.plain, (result.left, result.right, result.difference)), result.message)
                    for result in (failed or found)[:SHOWN_RESULTS]
                ],
            ),
        }
        yield dg.AssetCheckResult(
            asset_key=PUBLISHED,
            check_name=name,
            passed=not failed,
            description=_sentence(first) if failed else f"{len(found)} compared, none differs.",
            metadata=about,
        )


def _sentence(result: GateResult) -> str:
    left, right, difference = map(shown.plain, (result.left, result.right, result.difference))
    compared = f": {left} is not {right}, difference {difference}" if left else ""
    return f"{result.scope}{compared}. {result.message}".strip()


def _first_failure(results: Sequence[GateResult]) -> dict[str, dg.MetadataValue]:
    failed = next((result for result in results if not result.passed), None)
    if failed is None:
        return {}
    return {
        "gate": dg.MetadataValue.text(f"{failed.name} [{failed.scope}]"),
        "difference": dg.MetadataValue.text(shown.plain(failed.difference) or "see message"),
        "drill_sql": dg.MetadataValue.text(failed.drill_sql or ""),
    }


def _facts(run: NightRun) -> dict[str, Any]:
    done = publish.published_run(run.settings, run.record.number)
    if done is None:
        raise LookupError(f"run {run.record.number} has ended and is not in {run.settings.published}")
    manifest = done.manifest()
    tables = [(name, table["rows"], table["canonical_hash"]) for name, table in manifest["tables"].items()]
    return {
        "dagster/row_count": len(tables),
        "run_number": run.record.number,
        "is_served": run.record.is_latest,
        "gates_passed": run.record.gates_passed,
        "incomplete_feeds": len(run.record.incomplete_feeds),
        "path": dg.MetadataValue.path(str(done.path)),
        "fingerprint": run.build.fingerprint,
        "code_hash": manifest["code_hash"],
        "tables": shown.text_table(["table", "rows", "canonical hash"], tables),
        "open": f"attach '{run.settings.published / publish.LATEST / publish.DATABASE}' as ratebook (read_only)",
    }


def latest_delivery_is_published(
    settings: Settings, partitions: dg.TimeWindowPartitionsDefinition
) -> dg.AssetChecksDefinition:
    """Return the check that the newest delivery date that is over is served.

    Dagster's freshness looks at the asset as a whole: the backfill of an old day makes it look fresh. This does not.
    """

    @dg.asset_check(
        asset=PUBLISHED,
        name="latest_delivery_is_published",
        description="What is served stands for the newest delivery date that is over. Warns, holds nothing.",
    )
    def latest_delivery_is_published() -> dg.AssetCheckResult:
        served = publish.published_run(settings)
        expected = partitions.get_last_partition_key() or "none"
        seen = served.as_of.isoformat() if served is not None else "nothing"
        return dg.AssetCheckResult(
            passed=seen >= expected if served is not None else expected == "none",
            severity=dg.AssetCheckSeverity.WARN,
            description=f"Served is {seen}; the newest delivery date that is over is {expected}.",
            metadata={"served": seen, "expected": expected},
        )

    return latest_delivery_is_published
