"""Which cell of a matrix price usage falls in."""

import polars as pl

from data_contracts.price_cells import DEFAULT_CELL
from transforms import dimensions


def with_matrix_price(frame: pl.LazyFrame, price_cells: pl.LazyFrame, *, version: str, into: str) -> pl.LazyFrame:
    """Add `into`: the unit price of the cell in the version that the column `version` names.

    Rule: the cell all of whose values the row's `dimensions` have; a version's cells name the same dimensions, so that
    there is one at most. Else the default. Null: the version is no matrix, or has neither. 1:1, no row added or
    dropped.
    """
    key = [version, "currency"]
    cells = price_cells.rename({"price_version_id": version, "dimensions": "_cell"})
    asked = frame.select(*key, "dimensions").unique().join(cells.select(key).unique(), on=key, how="semi")
    values = dimensions.exploded(cells.select(*key, pl.col("_cell").alias("dimensions"))).rename(
        {"dimensions": "_cell"}
    )
    met = (
        dimensions.exploded(asked)
        .select(*key, "dimensions", "dimension", "value")
        .join(values.select(*key, "_cell", "dimension", "value"), on=[*key, "dimension", "value"], how="inner")
        .group_by(*key, "dimensions", "_cell")
        .len("_met")
    )
    named = values.group_by(*key, "_cell").len("_named")
    exact = (
        met.join(named, on=[*key, "_cell"], how="inner", validate="m:1")
        .filter(pl.col("_met") == pl.col("_named"))
        .join(cells.select(*key, "_cell", pl.col("unit_amount").alias("_exact")), on=[*key, "_cell"], how="inner")
        .drop("_cell", "_met", "_named")
    )
    default = cells.filter(pl.col("_cell") == DEFAULT_CELL).select(*key, pl.col("unit_amount").alias("_default"))
    return (
        frame.join(exact, on=[*key, "dimensions"], how="left", validate="m:1")
        .join(default, on=key, how="left", validate="m:1")
        .with_columns(pl.coalesce("_exact", "_default").alias(into))
        .drop("_exact", "_default")
    )
