"""The marts as Dagster assets: every dbt model, its tests as checks, in one graph with the tables that feed it."""

import json
import re
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
from dagster_dbt import DagsterDbtTranslator

from data_contracts import TABLES
from data_contracts.marts import MARTS
from data_contracts.render import STAGED, model_name
from data_contracts.runs import RUN_TABLES
from data_contracts.vocabulary import Kind, Table
from orchestration import defs_metadata as shown
from orchestration import settled
from orchestration.build import ON_DEMAND
from orchestration.defs_run import NIGHT_RUN, NightRun, materialized, refused
from orchestration.defs_tables import SINGLE_RUN, Results
from orchestration.errors import RatebookError

CLOSED = "2_closed_months"
STAGING, MART, REPORT, AUDIT = "4_staging", "5_marts", "6_reports", "7_audit"
LAYERS = {
    "staging": STAGING,
    "intermediate": STAGING,
    "marts": MART,
    "reports": REPORT,
    "audit": AUDIT,
    "meta": AUDIT,
}
WRITER = "duckdb_writer"
CONTRACTS: dict[str, type[Table]] = {f"stg_{table.table_name}": table for table in STAGED} | {
    model_name(mart): mart for mart in MARTS
}
FAILING_ROWS = 5

Manifest = Mapping[str, Any]


class MartsTranslator(DagsterDbtTranslator):
    """Names and describes dbt models as the contracts do. A source is the asset of the same name."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """One table, one name."""
        return dg.AssetKey(dbt_resource_props["name"])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The layer, numbered in the order of the flow."""
        return LAYERS.get(dbt_resource_props["fqn"][1])

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The contract's sentence; of a model without one, the comment that it opens with."""
        return dbt_resource_props["description"] or opening_comment(dbt_resource_props.get("raw_code", ""))

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        """Column schema from the contract, and the name in the build file."""
        place = f"{dbt_resource_props['schema']}.{dbt_resource_props.get('alias') or dbt_resource_props['name']}"
        contract = CONTRACTS.get(dbt_resource_props["name"])
        if contract is not None:
            schema = shown.column_schema(contract)
        else:
            declared = dbt_resource_props["columns"].values()
            schema = dg.TableSchema([dg.TableColumn(each["name"], each["data_type"] or "?") for each in declared])
        return {"dagster/table_name": place, "dagster/column_schema": schema}

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:  # noqa: ARG002 - one team
        """Everything has an owner."""
        return ["team:billing"]


def opening_comment(sql: str) -> str:
    """Return the comment lines that a model or test opens with, as one paragraph."""
    lines = []
    for line in sql.strip().splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    text = " ".join(lines)
    return re.sub(r"^grain: ([^.]*?)(?= [A-Z]|$)(.*)$", r"\2 Grain: \1.", text).strip()


def run_tables() -> list[dg.AssetSpec]:
    """Return what the orchestration tells about the run itself and of closed months: never materialized by hand."""
    logs = (Kind.SEALED, Kind.ISSUED)
    closed = [table for table in TABLES if table.table_kind in logs or table in (*settled.TABLES, *ON_DEMAND)]
    return [
        *[shown.table_spec(table, group_name=STAGING) for table in RUN_TABLES],
        *[shown.table_spec(table, group_name=CLOSED) for table in closed],
    ]


def dbt_models(manifest: Manifest, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """Return the asset that lets dbt make and test all marts in one build."""
    translator = MartsTranslator()
    models = _models(manifest)
    tests = {
        check.key: unique_id
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "test" and (check := check_of(manifest, unique_id)) is not None
    }

    @dg.multi_asset(
        name="dbt",
        description="Make the marts in the build's own file and test them: one dbt build.",
        specs=[translator.get_asset_spec(manifest, unique_id, None) for unique_id in models.values()],
        check_specs=[check for unique_id in tests.values() if (check := check_of(manifest, unique_id)) is not None],
        partitions_def=partitions,
        backfill_policy=SINGLE_RUN,
        can_subset=True,
        pool=WRITER,
        required_resource_keys={NIGHT_RUN},
    )
    def dbt(context: dg.AssetExecutionContext) -> Results:
        run: NightRun = getattr(context.resources, NIGHT_RUN)
        results = run.build.dbt_folder / "target" / "run_results.json"
        results.unlink(missing_ok=True)
        wanted = {key: unique_id for key, unique_id in tests.items() if key in context.selected_asset_check_keys}
        try:
            run.do(run.make_marts)
        except RatebookError as error:
            yield from _test_results(run, results, wanted)
            raise refused(error) from error
        with duckdb.connect(run.build.warehouse, read_only=True) as connection:
            for name, unique_id in models.items():
                if dg.AssetKey(name) in context.selected_asset_keys:
                    about = _facts(run, connection, manifest["nodes"][unique_id])
                    yield materialized(context, run, dg.AssetKey(name), about)
        yield from _test_results(run, results, wanted)

    return dbt


def _models(manifest: Manifest) -> dict[str, str]:
    """Return the unique id of every model that becomes a relation, in the order in which data flows."""
    nodes = manifest["nodes"]
    reads = {
        unique_id: [parent for parent in node["depends_on"]["nodes"] if parent in nodes]
        for unique_id, node in sorted(nodes.items())
        if node["resource_type"] == "model"
    }
    ordered = [nodes[unique_id] for unique_id in TopologicalSorter(reads).static_order()]
    return {node["name"]: node["unique_id"] for node in ordered if node["config"]["materialized"] != "ephemeral"}


def check_of(manifest: Manifest, unique_id: str) -> dg.AssetCheckSpec | None:
    """Return a dbt test as a check of the model it is about: of several, the one furthest down the flow."""
    node = manifest["nodes"][unique_id]
    order = [*CONTRACTS]
    parents = [
        manifest["nodes"][parent]["name"] for parent in node["depends_on"]["nodes"] if parent.startswith("model")
    ]
    if not parents:
        return None
    about = max(parents, key=lambda name: order.index(name) if name in order else -1)
    return dg.AssetCheckSpec(
        node["name"],
        asset=about,
        blocking=True,
        description=_test_description(node),
        additional_deps=[parent for parent in parents if parent != about],
        metadata={"dbt_test": unique_id},
    )


def _test_description(node: Mapping[str, Any]) -> str:
    generic = node.get("test_metadata")
    if not generic:
        return opening_comment(node["raw_code"])
    columns = generic["kwargs"].get("columns") or [generic["kwargs"].get("column_name")]
    if generic["name"] == "unique_grain":
        return f"One row per {', '.join(columns)}."
    return f"{generic['name']}: {', '.join(str(column) for column in columns)}"


def _facts(run: NightRun, connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any]) -> dict[str, Any]:
    place = f'"{node["schema"]}"."{node["alias"]}"'
    described = connection.sql(f"select * from {place} limit {shown.PREVIEW_ROWS}")
    about: dict[str, Any] = {
        "dagster/row_count": connection.sql(f"select count(*) from {place}").fetchall()[0][0],
        "path": dg.MetadataValue.path(str(run.build.warehouse)),
        "fingerprint": run.build.fingerprint,
        "preview": shown.text_table(described.columns, described.fetchall()),
    }
    contract = CONTRACTS.get(node["name"])
    if contract is None:
        columns = [dg.TableColumn(*each) for each in zip(described.columns, map(str, described.types), strict=True)]
        about["dagster/column_schema"] = dg.TableSchema(columns)
    elif LAYERS[node["fqn"][1]] != STAGING and shown.totalled(contract):
        sums = pl.DataFrame(connection.sql(shown.totals_sql(contract, place)))
        about |= shown.show_totals(shown.totalled(contract), sums.iter_rows(named=True))
    return about


def _test_results(run: NightRun, results: Path, tests: Mapping[dg.AssetCheckKey, str]) -> Iterator[dg.AssetCheckResult]:
    """Yield what became of each test; of a build that never got to its tests there is nothing to say."""
    if not results.exists():
        return
    by_id = {result["unique_id"]: result for result in json.loads(results.read_bytes())["results"]}
    for key, unique_id in tests.items():
        result = by_id.get(unique_id)
        if result is None:
            continue
        passed = result["status"] == "pass"
        about: dict[str, Any] = {
            "status": result["status"],
            "difference": str(result["failures"] or 0),
            "tolerance": "0",
            "drill_sql": _without_comments(result.get("compiled_code") or ""),
        }
        if not passed:
            about["message"] = str(result["message"])
            about["rows"] = _failing_rows(run, result.get("compiled_code"))
        yield dg.AssetCheckResult(asset_key=key.asset_key, check_name=key.name, passed=passed, metadata=about)


def _without_comments(sql: str) -> str:
    # The page shows it as one line: a comment would swallow the rest of what is copied from there.
    return "\n".join(line for line in sql.strip().splitlines() if not line.lstrip().startswith("--"))


def _failing_rows(run: NightRun, compiled: str | None) -> dg.TableMetadataValue:
    with duckdb.connect(run.build.warehouse, read_only=True) as connection:
        try:
            found = connection.sql(f"from (\n{(compiled or 'select null').strip().rstrip(';')}\n) limit {FAILING_ROWS}")
            return shown.text_table(found.columns, found.fetchall())
        except duckdb.Error as error:
            return shown.text_table(["error"], [(str(error),)])
