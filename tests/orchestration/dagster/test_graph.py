"""The graph: what depends on what, and what every page of it says."""

import dagster as dg
import pytest

from data_contracts import TABLES, Kind
from data_contracts.marts import MARTS, MetaTables
from data_contracts.render import model_name
from orchestration import settled
from orchestration.build import ON_DEMAND
from orchestration.definitions import night_definitions
from orchestration.defs_publish import GATE_CHECKS
from orchestration.gates import CHECKS, GATES
from orchestration.night import NIGHTLY
from orchestration.settings import Settings
from tests.orchestration.dagster.graph import SNAPSHOT, drawn


def test_the_graph_is_the_reviewed_one(graph):
    assert drawn(graph) == SNAPSHOT.read_text(encoding="utf-8"), (
        "the graph has changed; look at the difference, then: python -m tests.orchestration.dagster.graph"
    )


def test_every_table_and_every_mart_is_an_asset_of_its_name(graph):
    keys = {spec.key.to_user_string() for spec in graph.resolve_all_asset_specs()}
    assert {table.table_name for table in TABLES} <= keys
    assert {model_name(mart) for mart in MARTS if mart is not MetaTables} <= keys


def test_every_asset_says_what_it_is_and_whose(graph):
    for spec in graph.resolve_all_asset_specs():
        assert spec.description, spec.key
        assert spec.owners == ["team:billing"], spec.key
        assert spec.kinds, spec.key
        assert spec.group_name != "default", spec.key


def test_every_asset_shows_its_columns_with_meaning(graph):
    for spec in graph.resolve_all_asset_specs():
        if spec.key.to_user_string().startswith("int_"):
            continue  # reshaping between two layers has no contract; its columns are shown once it is made
        schema = spec.metadata["dagster/column_schema"]
        columns = getattr(schema, "value", schema).columns
        assert columns, spec.key
        assert all(column.description and column.type for column in columns), spec.key


def test_every_asset_is_made_by_delivery_date_and_a_range_in_one_run(graph):
    made = [assets for assets in graph.resolve_asset_graph().assets_defs if assets.keys and assets.is_executable]
    assert len(made) > len(NIGHTLY)
    for assets in made:
        assert isinstance(assets.partitions_def, dg.DailyPartitionsDefinition), assets.keys
        assert assets.backfill_policy == dg.BackfillPolicy.single_run(), assets.keys


def test_every_table_has_a_blocking_check_of_its_contract(graph):
    checks = {spec.key: spec for assets in graph.resolve_asset_graph().assets_defs for spec in assets.check_specs}
    # What is sealed or issued was checked then, and what is settled is made on the way to the corrections.
    logs = (Kind.SEALED, Kind.ISSUED)
    for table in (
        table for table in TABLES if table.table_kind not in logs and table not in (*settled.TABLES, *ON_DEMAND)
    ):
        assert checks[dg.AssetCheckKey(dg.AssetKey(table.table_name), "contract")].blocking


def test_every_gate_and_every_tie_out_is_a_blocking_check_of_the_publish(graph):
    published = graph.resolve_assets_def("published")
    assert {spec.name for spec in published.check_specs} == set(GATE_CHECKS)
    assert {gate.__name__ for gate in GATES} | set(CHECKS) <= set(GATE_CHECKS)
    assert all(spec.blocking and spec.description for spec in published.check_specs)


def test_every_dbt_test_of_a_model_is_a_check_with_a_sentence(graph):
    checks = graph.resolve_assets_def("fct_line_item").check_specs
    names = {spec.name: spec.description for spec in checks}
    assert names["fct_line_item_has_one_row_per_key"] == "One row per line_item_id."
    assert all(names.values()), [name for name, sentence in names.items() if not sentence]


def test_the_writer_of_the_build_file_has_one_slot(graph):
    assert {graph.resolve_assets_def(key).op.pool for key in ("fct_line_item", "published")} == {"duckdb_writer"}


def test_the_night_runs_at_two_and_its_deadline_is_four(graph):
    schedule = graph.resolve_schedule_def("nightly_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * *", "UTC")
    policy = graph.resolve_assets_def("published").specs_by_key[dg.AssetKey("published")].freshness_policy
    assert policy.deadline_cron == "0 4 * * *"


@pytest.mark.parametrize(
    ("landed", "wanted", "first"),
    [
        pytest.param([], None, "2026-08-01", id="nothing has landed yet"),
        pytest.param(["2026-09-03", "2026-09-01"], None, "2026-09-01", id="the first landed date"),
        pytest.param(["2026-09-03"], "2026-07-01", "2026-07-01", id="the setting, where there is one"),
    ],
)
def test_the_calendar_begins_with_the_first_delivery(tmp_path, landed, wanted, first, graph, monkeypatch):
    from orchestration import definitions

    for day in landed:
        (tmp_path / "landing" / "accounts" / day).mkdir(parents=True)
    monkeypatch.setattr(definitions, "load_manifest", lambda settings: {"nodes": {}})
    made = night_definitions(Settings(home=tmp_path, first_delivery=wanted))
    assert made.resolve_assets_def("accounts").partitions_def.get_first_partition_key() == first
