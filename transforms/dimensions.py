"""Dimensions as canonical JSON: an object of text values, keys sorted, no blanks.

Only quote and backslash are escaped, because intake lets no control character in.
"""

import polars as pl

from transforms.codes import spelled

PAIR = r'"(?:[^"\\]|\\.)*":"(?:[^"\\]|\\.)*"'
DIMENSION = r'^"((?:[^"\\]|\\.)*)":'
ESCAPED_VALUE = r':("(?:[^"\\]|\\.)*")$'


def exploded(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Turn each row into one row per dimension of its `dimensions`; a row without dimensions disappears.

    Shape: adds `pair` (as it stands in the JSON), `dimension` and `value` (unescaped).
    """
    return (
        frame.with_columns(pl.col("dimensions").cast(pl.String).str.extract_all(PAIR).alias("pair"))
        .explode("pair")
        .filter(pl.col("pair").is_not_null())
        .with_columns(
            pl.col("pair").str.extract(DIMENSION, 1).alias("dimension"),
            # The value keeps its quotes up to here, so that `":"` inside of it cannot be taken for the separator.
            pl.col("pair").str.extract(ESCAPED_VALUE, 1).str.slice(1).str.head(-1).pipe(unescaped).alias("value"),
        )
    )


def canonical(pairs: pl.Expr) -> pl.Expr:
    """Join the pairs of a group to one canonical object (aggregation)."""
    return pl.concat_str(pl.lit("{"), pairs.sort().str.join(","), pl.lit("}"))


def unescaped(text: pl.Expr) -> pl.Expr:
    r"""Undo the JSON escapes of `"` and `\`."""
    return text.str.replace_all(r"\\(.)", "$1")


def projected(frame: pl.LazyFrame, priced: pl.LazyFrame) -> pl.LazyFrame:
    """Reduce `dimensions` to those that some price of the row's meter looks at.

    `priced` has one row per `meter` and `dimension`. Works on the distinct (meter, dimensions), not on the rows, and
    on texts or on codes.
    """
    distinct = frame.select("meter", "dimensions").unique().collect()
    kept = (
        exploded(spelled(distinct.lazy()))
        .join(spelled(priced.select("meter", "dimension")), on=["meter", "dimension"], how="semi")
        .group_by("meter", "dimensions")
        .agg(canonical(pl.col("pair")).alias("_priced"))
        .with_columns(
            pl.col("meter").cast(distinct.schema["meter"]),
            pl.col("dimensions", "_priced").cast(distinct.schema["dimensions"]),
        )
    )
    return (
        frame.join(kept, on=["meter", "dimensions"], how="left", validate="m:1")
        .with_columns(pl.col("_priced").fill_null("{}").alias("dimensions"))
        .drop("_priced")
    )
