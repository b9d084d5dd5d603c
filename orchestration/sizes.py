"""How large the tables of a night are, and how long dbt took over each mart: for the run's record."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from data_contracts.marts import Mart
from data_contracts.render import model_name
from data_contracts.vocabulary import Table
from orchestration import intake, publish
from orchestration.build import Build
from orchestration.records import Size
from orchestration.settings import Settings


def delivered_sizes(settings: Settings, days: Iterable[date]) -> list[Size]:
    """Return what the snapshots of these days hold, table by table; their manifests know."""
    rows: Counter[str] = Counter()
    byte_count: Counter[str] = Counter()
    for day in days:
        for name, facts in intake.read_manifest(settings, day)["tables"].items():
            rows[name] += facts["rows"]
            byte_count[name] += facts["bytes"]
    return [Size(name, rows[name], byte_count[name]) for name in rows]


def built_sizes(build: Build, tables: Sequence[type[Table]]) -> list[Size]:
    """Return what tables of a build hold; footers of Parquet files know."""
    return [
        Size(
            table.table_name,
            build.frame(table).select(pl.len()).collect().item(),
            sum(path.stat().st_size for path in build.files(table)),
        )
        for table in tables
    ]


def mart_sizes(candidate: Path, hashes: publish.Hashes, build: Build, marts: Sequence[type[Mart]]) -> Iterator[Size]:
    """Yield what the published tables hold, as Parquet, and how long dbt took over each."""
    seconds = _model_seconds(build.dbt_folder)
    for mart in marts:
        schema, table = publish.place_of(mart)
        file = candidate / "parquet" / schema / f"{table}.parquet"
        took = seconds.get(model_name(mart))  # none of what the publish step writes itself
        yield Size(f"{schema}.{table}", hashes[schema, table].rows, file.stat().st_size, took)


def _model_seconds(dbt_folder: Path) -> dict[str, float]:
    results = json.loads((dbt_folder / "target" / "run_results.json").read_bytes())["results"]
    models = [result for result in results if result["unique_id"].startswith("model.")]
    return {result["unique_id"].rpartition(".")[2]: round(result["execution_time"], 3) for result in models}
