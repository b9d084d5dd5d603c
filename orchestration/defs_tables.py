"""The tables of the night as Dagster assets: deliveries, the compiled book, and one asset per builder."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from data_contracts.render import table_comment
from data_contracts.validation import ContractError
from data_contracts.vocabulary import Table
from orchestration import defs_metadata as shown
from orchestration import intake
from orchestration.build import BOOK_TABLES
from orchestration.defs_run import NIGHT_RUN, NightRun, deliveries_in, materialized, refused
from orchestration.errors import RatebookError
from orchestration.intake.snapshots import TABLES as DELIVERED_TABLES
from orchestration.night import NIGHTLY
from orchestration.storage import scan
from orchestration.tables import Builder, Made, made_by
from transforms.line_items import RULE_VERSION

INTAKE, REFERENCE, RATING = "1_intake", "2_reference", "3_rating"
# What is known before any usage is looked at; the rest of the night rates usage.
REFERENCE_BUILDERS = frozenset({"accounts", "zone_days", "account_contracts", "exchange_rates", "rates"})
# One run makes a whole range: deliveries day by day, everything else once, as of the last day. The same policy on
# every asset, or Dagster falls back to one run per day.
SINGLE_RUN = dg.BackfillPolicy.single_run()

Results = Iterator[dg.MaterializeResult | dg.AssetCheckResult]


def delivered_tables(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """Return the asset that takes the deliveries of its days, decided once for ever."""

    @dg.multi_asset(
        name="snapshots",
        description="Read what was delivered and keep it: one immutable snapshot per delivery date, ascending.",
        specs=[_spec(table, INTAKE, skippable=True) for table in DELIVERED_TABLES],
        check_specs=[shown.contract_check(table, _key(table)) for table in DELIVERED_TABLES],
        partitions_def=partitions,
        backfill_policy=SINGLE_RUN,
        can_subset=True,
        required_resource_keys={NIGHT_RUN},
    )
    def snapshots(context: dg.AssetExecutionContext) -> Results:
        run: NightRun = getattr(context.resources, NIGHT_RUN)
        try:
            build = run.do(lambda: run.build)
        except RatebookError as error:
            raise refused(error) from error
        days = deliveries_in(run, date.fromisoformat(context.partition_key_range.start))
        for table in _selected(DELIVERED_TABLES, context):
            rows = 0
            for day in days:
                about = _of_one_delivery(run, table, day)
                rows += about["dagster/row_count"]
                context.add_asset_metadata(about, _key(table), day.isoformat())
            yield dg.MaterializeResult(asset_key=_key(table), metadata={"lake_hash": build.lake_hash})
            yield shown.kept_contract(table, _key(table), rows)

    return snapshots


def _of_one_delivery(run: NightRun, table: type[Table], day: date) -> Mapping[str, Any]:
    written = intake.read_manifest(run.settings, day)["tables"][table.table_name]
    path = run.settings.snapshot(day) / f"{table.table_name}.parquet"
    if not written["rows"]:
        return {"dagster/row_count": 0, "path": dg.MetadataValue.path(str(path)), "fingerprint": written["sha256"]}
    return shown.facts(table, scan(table, [path]), path, written["sha256"])


def book_tables(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """Return the asset that compiles price book and contracts to tables."""

    @dg.multi_asset(
        name="price_book",
        description="Compile price book and contracts, as they stand on the day, to tables.",
        specs=[_spec(table, REFERENCE, deps=["documents"], skippable=True) for table in BOOK_TABLES],
        check_specs=[shown.contract_check(table, _key(table)) for table in BOOK_TABLES],
        partitions_def=partitions,
        backfill_policy=SINGLE_RUN,
        can_subset=True,
        required_resource_keys={NIGHT_RUN},
    )
    def price_book(context: dg.AssetExecutionContext) -> Results:
        run: NightRun = getattr(context.resources, NIGHT_RUN)
        try:
            run.do(run.make_book)
        except RatebookError as error:
            raise refused(error) from error
        for table in _selected(BOOK_TABLES, context):
            yield from _as_of(context, run, table)

    return price_book


def built_table(builder: Builder, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """Return the asset of one builder; name, inputs and columns are read off its signature."""
    made = made_by(builder)

    @dg.multi_asset(
        name=made.table.table_name,
        description=table_comment(made.table),
        specs=[_spec(made.table, _group(made), deps=list(made.inputs))],
        check_specs=[shown.contract_check(made.table, _key(made.table))],
        partitions_def=partitions,
        backfill_policy=SINGLE_RUN,
        required_resource_keys={NIGHT_RUN},
    )
    def table(context: dg.AssetExecutionContext) -> Results:
        run: NightRun = getattr(context.resources, NIGHT_RUN)
        try:
            run.do(lambda: run.make_table(made.table))
        except RatebookError as error:
            if isinstance(error.__cause__, ContractError):
                yield shown.broken_contract(_key(made.table), error.__cause__)
            raise refused(error) from error
        yield from _as_of(context, run, made.table)

    return table


def all_tables(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Return the assets of every table that is made before dbt starts, in the order of the night."""
    built = [built_table(builder, partitions) for builder in NIGHTLY]
    return [delivered_tables(partitions), book_tables(partitions), *built]


def _as_of(context: dg.AssetExecutionContext, run: NightRun, table: type[Table]) -> Results:
    build = run.build
    about = shown.facts(table, build.frame(table), build.path / table.table_name, build.fingerprint)
    yield materialized(context, run, _key(table), about)
    yield shown.kept_contract(table, _key(table), about["dagster/row_count"])


def _spec(table: type[Table], group: str, **attributes: Any) -> dg.AssetSpec:
    return shown.table_spec(table, group_name=group, code_version=RULE_VERSION, **attributes)


def _group(made: Made) -> str:
    return REFERENCE if made.table.table_name in REFERENCE_BUILDERS else RATING


def _key(table: type[Table]) -> dg.AssetKey:
    return dg.AssetKey(table.table_name)


def _selected(tables: Sequence[type[Table]], context: dg.AssetExecutionContext) -> list[type[Table]]:
    return [table for table in tables if _key(table) in context.selected_asset_keys]
