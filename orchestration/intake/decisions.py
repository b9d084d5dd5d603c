"""Accepted, duplicate or conflict: decided once for ever for every well-formed event of a delivery."""

import polars as pl

from orchestration.intake.usage import KEY, PAYLOAD

PLACE = ("source_file", "source_line")
STANDING = {
    "standing_delivery_date": pl.Date(),
    "standing_file": pl.String(),
    "standing_line": pl.Int64(),
}


def decide(newcomers: pl.DataFrame, standing: pl.DataFrame, held: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the accepted events, and the repeated ones with `outcome` and the event that stands.

    Grain: each newcomer is in exactly one of the two. `newcomers` carry `delivery_date`, `source_file`, `source_line`;
    `standing` are accepted events of earlier deliveries, `held` the keys of earlier conflicts.
    Rule: same content as the standing event is a duplicate, other content a conflict. Two contents within one delivery
    are both held, and a key that is held stays held until somebody names the winner. Earlier means (delivery date,
    file, line), so the order in which files are read decides nothing.
    """
    known = _against_standing(newcomers, standing)
    unknown = newcomers.join(standing.select(KEY).unique(), on=KEY, how="anti")
    held_again = unknown.join(held.select(KEY).unique(), on=KEY, how="semi")
    fresh = unknown.join(held.select(KEY).unique(), on=KEY, how="anti")
    accepted, repeated = _among_themselves(fresh)
    return accepted, pl.concat([known, _unsettled(held_again), repeated], how="vertical")


def _against_standing(newcomers: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    earlier = standing.rename(
        {"delivery_date": "standing_delivery_date", "source_file": "standing_file", "source_line": "standing_line"}
    )
    pairs = newcomers.join(earlier, on=KEY, how="inner", suffix="_standing", validate="m:m")
    return (
        pairs.with_columns(_is_same_content().alias("is_same"))
        # An id can have been reused on a far day, beyond the look-back of its time; any of its events may be repeated.
        .sort([*PLACE, "is_same", *STANDING], descending=[False, False, True, False, False, False])
        .unique(subset=PLACE, keep="first", maintain_order=True)
        .with_columns(pl.when("is_same").then(pl.lit("duplicate")).otherwise(pl.lit("conflict")).alias("outcome"))
        .select(*newcomers.columns, "outcome", *STANDING)
    )


def _is_same_content() -> pl.Expr:
    same = [pl.col(name).eq_missing(pl.col(f"{name}_standing")) for name in PAYLOAD if name != "dimensions"]
    # An event that stood before its meter was known kept all its columns; its repetition may know better by now.
    dimensions = pl.col("dimensions_standing").is_in(pl.concat_list("dimensions", "all_dimensions"))
    return pl.all_horizontal(*same, dimensions)


def _among_themselves(fresh: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    many = fresh.group_by(KEY).agg(pl.len().alias("rows")).filter(pl.col("rows") > 1).select(KEY)
    single = fresh.join(many, on=KEY, how="anti")
    repeated = fresh.join(many, on=KEY, how="semi").sort([*KEY, *PLACE])
    contents = repeated.group_by(KEY).agg(pl.struct(PAYLOAD).n_unique().alias("contents"))
    counted = repeated.join(contents, on=KEY, how="left", validate="m:1", maintain_order="left")
    agreed = counted.filter(pl.col("contents") == 1).drop("contents")
    first = agreed.unique(subset=KEY, keep="first", maintain_order=True)
    again = agreed.join(
        first.select(
            *KEY,
            pl.col("delivery_date").alias("standing_delivery_date"),
            pl.col("source_file").alias("standing_file"),
            pl.col("source_line").alias("standing_line"),
        ),
        on=KEY,
        how="left",
        validate="m:1",
    ).filter((pl.col("source_file") != pl.col("standing_file")) | (pl.col("source_line") != pl.col("standing_line")))
    duplicates = again.with_columns(pl.lit("duplicate").alias("outcome")).select(*fresh.columns, "outcome", *STANDING)
    torn = _unsettled(counted.filter(pl.col("contents") > 1).drop("contents"))
    return pl.concat([single, first], how="vertical"), pl.concat([duplicates, torn], how="vertical")


def _unsettled(events: pl.DataFrame) -> pl.DataFrame:
    return events.with_columns(
        pl.lit("conflict").alias("outcome"), *(pl.lit(None, dtype).alias(name) for name, dtype in STANDING.items())
    ).select(*events.columns, "outcome", *STANDING)
