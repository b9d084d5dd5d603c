"""Newline-delimited JSON as records of text, numbers digit by digit as they stand in the file.

Polars and DuckDB both read numbers into binary floats and drop zeros, so they give structure and strings only; the
text of a bare number is taken from the line itself. That is safe, because a key cannot match inside a JSON string:
quotes are escaped there.
"""

import io
import re

import polars as pl
from polars.exceptions import ComputeError

from orchestration.intake.blocks import FIELD_BYTES, Block
from orchestration.intake.findings import FileRefused

STRING = r'"(?:[^"\\]|\\.)*"'
# An escape counts in pairs, so that a quoted key inside a string is not taken for one.
ESCAPED_KEY = r'"(?:[^"\\]|\\.)*\\.(?:[^"\\]|\\.)*"\s*:'
# Behind a text value such a key would look like a key named by the comma between the two.
COLON_KEY = r'"\s*,\s*"\s*:'
MOST_COLUMNS = 256


def lines_of(block: Block) -> pl.DataFrame:
    """Return the block's lines that are not blank: `line`, its number in the file, and `text`."""
    lines = pl.read_lines(io.BytesIO(block.text.encode()), name="text")
    if lines.height != block.line_count:
        raise AssertionError(f"{block.line_count:,} line ends in the bytes, {lines.height:,} lines read")
    number = pl.int_range(block.first_line, block.first_line + block.line_count, dtype=pl.Int64)
    return lines.select(number.alias("line"), pl.col("text").str.strip_chars(" \t\r")).filter(pl.col("text") != "")


def flat_records(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the lines' records: `line`, `fault`, `found` and one text column `raw:<key>` per key of the lines.

    Grain: one row per line. Nested values are held back by name.
    """
    judged = lines.with_columns(_fault().alias("fault"))
    good = judged.filter(pl.col("fault").is_null())
    keys = _keys(good["text"])
    read = _values(good, keys)
    bad = judged.filter(pl.col("fault").is_not_null())
    return pl.concat([read, bad.select("line", "fault", _shown().alias("found"))], how="diagonal").sort("line")


def _shown() -> pl.Expr:
    return pl.col("text").str.head(200)


def _fault() -> pl.Expr:
    text = pl.col("text")
    bare = text.str.replace_all(STRING, '""')
    return (
        pl.when(text.str.len_bytes() > FIELD_BYTES)
        .then(pl.lit("field_too_long"))
        .when(text.str.json_path_match("$").is_null() | ~text.str.starts_with("{"))
        .then(pl.lit("not_a_json_object"))
        .when(bare.str.contains(r"[\[{].*[\[{]"))
        .then(pl.lit("nested_value"))
        .when(text.str.contains(ESCAPED_KEY) | text.str.contains(COLON_KEY))
        .then(pl.lit("unusable_key"))
    )


def _keys(texts: pl.Series) -> list[str]:
    """Return the keys of the objects, in the order of their first appearance."""
    found = texts.str.extract_all(STRING + r"\s*:").explode().drop_nulls().unique(maintain_order=True)
    keys = list(dict.fromkeys(match[: match.rindex('"')].removeprefix('"') for match in found.to_list()))
    if len(keys) > MOST_COLUMNS:
        raise FileRefused(
            "too_many_columns",
            f"The records have more than {MOST_COLUMNS} different keys.",
            "Use a fixed set of keys and put what varies into their values.",
        )
    return keys


def _decoded(records: pl.DataFrame, structure: pl.Struct) -> pl.DataFrame:
    """Add `object`; null for a line that the decoder cannot take, like a number of a hundred digits.

    The decoder fails for all lines if it fails for one, so the one is searched for by halving.
    """
    try:
        return records.with_columns(pl.col("text").str.json_decode(structure).alias("object"))
    except ComputeError:
        if records.height == 1:
            return records.with_columns(pl.lit(None, structure).alias("object"))
    half = records.height // 2
    return pl.concat([_decoded(records.head(half), structure), _decoded(records.slice(half), structure)])


def _values(records: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    if records.is_empty() or not keys:
        return records.select("line", "fault", pl.lit(None, pl.String).alias("found"))
    read = _decoded(records, pl.Struct(dict.fromkeys(keys, pl.String)))
    text = pl.col("text")
    columns, twice, unclear = [], [], []
    for key in keys:
        lead = rf'"{re.escape(key)}"\s*:\s*'
        decoded = pl.col("object").struct.field(key)
        token = text.str.extract(lead + r'("|[^",}\s]+)', 1)
        columns.append(
            pl.when(token == '"').then(decoded).when(token != "null").then(token).replace("", None).alias(f"raw:{key}")
        )
        twice.append(text.str.count_matches(lead) > 1)
        unclear.append(decoded.is_not_null() & token.is_null())
    fault = (
        pl.when(pl.col("object").is_null())
        .then(pl.lit("not_a_json_object"))
        .when(pl.any_horizontal(twice))
        .then(pl.lit("duplicate_key"))
        .when(pl.any_horizontal(unclear))
        .then(pl.lit("unusable_key"))
    )
    named = read.with_columns(columns).with_columns(fault.alias("fault"))
    good = pl.col("fault").is_null()
    return named.select(
        "line",
        "fault",
        pl.when(~good).then(_shown()).alias("found"),
        *(pl.when(good).then(f"raw:{key}").alias(f"raw:{key}") for key in keys),
    )
