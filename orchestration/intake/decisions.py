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
    unknown = newcomers.join(standing, on=KEY, how="anti")
    held_again = unknown.join(held, on=KEY, how="semi")
    fresh = unknown.join(held, on=KEY, how="anti")
    accepted, repeated = _among_themselves(fresh)
    return accepted, pl.concat([known, _unsettled(held_again), repeated], how="vertical")


def _against_standing(newcomers: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    earlier = standing.rename(
        {"delivery_date": "standing_delivery_date", "source_file": "standing_file", "source_line": "standing_line"}
    )
    pairs = newcomers.lazy().join(earlier.lazy(), on=KEY, how="inner", suffix="_standing", validate="m:m")
    return (
        pairs.with_columns(_is_same_content().alias("is_same"))
        # An id can have been reused on a far day, beyond the look-back of its time; any of its events may be repeated.
        .sort([*PLACE, "is_same", *STANDING], descending=[False, False, True, False, False, False])
        .unique(subset=(*PLACE, *KEY), keep="first", maintain_order=True)
        .with_columns(pl.when("is_same").then(pl.lit("duplicate")).otherwise(pl.lit("conflict")).alias("outcome"))
        .select(*newcomers.columns, "outcome", *STANDING)
        .collect()
    )


def _is_same_content() -> pl.Expr:
    same = [pl.col(name).eq_missing(pl.col(f"{name}_standing")) for name in PAYLOAD if name != "dimensions"]
    # An event that stood before its meter was known kept all its columns; its repetition may know better by now.
    dimensions = pl.col("dimensions_standing").is_in(pl.concat_list("dimensions", "all_dimensions"))
    return pl.all_horizontal(*same, dimensions)


def _among_themselves(fresh: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    is_repeated = fresh.select(pl.struct(KEY).is_duplicated()).to_series()
    repeated = (
        fresh.filter(is_repeated)
        .sort([*KEY, *PLACE])
        .with_columns(
            pl.struct(PAYLOAD).n_unique().over(KEY).alias("contents"),
            pl.col("delivery_date").first().over(KEY).alias("standing_delivery_date"),
            pl.col("source_file").first().over(KEY).alias("standing_file"),
            pl.col("source_line").first().over(KEY).alias("standing_line"),
            pl.lit("duplicate").alias("outcome"),
        )
    )
    is_agreed, is_first = pl.col("contents") == 1, pl.struct(KEY).is_first_distinct()
    first = repeated.filter(is_agreed & is_first).select(fresh.columns)
    duplicates = repeated.filter(is_agreed & ~is_first).select(*fresh.columns, "outcome", *STANDING)
    torn = _unsettled(repeated.filter(~is_agreed).select(fresh.columns))
    return pl.concat([fresh.filter(~is_repeated), first]), pl.concat([duplicates, torn])


def _unsettled(events: pl.DataFrame) -> pl.DataFrame:
    return events.with_columns(
        pl.lit("conflict").alias("outcome"), *(pl.lit(None, dtype).alias(name) for name, dtype in STANDING.items())
    ).select(*events.columns, "outcome", *STANDING)
