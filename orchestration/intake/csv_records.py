"""Comma-separated text as records of text, with our own explicit dialect and no sniffer (K7).

Dialect: comma (a feed may say another delimiter), double quotes doubled inside quotes, quotes only around a whole
field, line ends inside quotes allowed, empty lines skipped. A record that breaks it is named with its line and never
padded, cut or merged with another.
"""

import io
import re
from collections.abc import Sequence

import polars as pl

from orchestration.intake.blocks import FIELD_BYTES, Block
from orchestration.intake.findings import FileRefused, printable

COMMA = ","
# Each round takes one wrong quote out of every torn stretch of lines; real files need one or two rounds.
ROUNDS = 50
OTHER_DELIMITERS = {";": "a semicolon", "\t": "a tab", "|": "a vertical bar"}


def header_of(block: Block, delimiter: str | None = None) -> tuple[list[str], Block | None]:
    """Return the column names of the file's first block, and the block without the header (None if nothing is left).

    Refuses: another delimiter than the comma in the header, unless a delimiter is declared.
    """
    lines = block.text.split("\n")
    at = next((number for number, line in enumerate(lines) if line.strip("\r")), None)
    if at is None:
        return [], None
    header = lines[at].removesuffix("\r")
    for other, name in OTHER_DELIMITERS.items():
        if delimiter is None and other in header:
            raise FileRefused(
                "dialect",
                f"The header holds {name}: {printable(header)}",
                "Separate fields by commas; decimals have a point.",
                line=block.first_line + at,
            )
    split = _fields if '"' in header else _plain_fields
    fields = split(pl.DataFrame({"text": [header]}), delimiter or COMMA)["fields"].to_list()[0]
    if fields is None:
        raise FileRefused(
            "dialect",
            f"The header cannot be split into fields: {printable(header)}",
            "Quote a whole field or nothing.",
            line=block.first_line + at,
        )
    rest = "\n".join(lines[at + 1 :])
    if not rest:
        return fields, None
    return fields, Block(rest, block.first_line + at + 1, block.line_count - at - 1, '"' in rest)


def csv_records(block: Block, columns: Sequence[str | None], delimiter: str = COMMA) -> pl.DataFrame:
    """Return the block's records: `line`, `fault`, `found` and one text column `raw:<name>` per column.

    Grain: one row per record, in the order of the file; an empty field is null. A column that is None is left out.
    """
    lines = _lines(block)
    records = _merged(lines, delimiter) if block.has_quotes else lines.filter(pl.col("text") != "")
    if block.has_quotes:
        quoted = pl.col("text").str.contains('"', literal=True)
        split = pl.concat(
            [_fields(records.filter(quoted), delimiter), _plain_fields(records.filter(~quoted), delimiter)],
            how="vertical",
        ).sort("line")
    else:
        split = _plain_fields(records, delimiter)
    return _named(split, columns)


def _lines(block: Block) -> pl.DataFrame:
    lines = pl.read_lines(io.BytesIO(block.text.encode()), name="text")
    if lines.height != block.line_count:
        raise AssertionError(f"{block.line_count:,} line ends in the bytes, {lines.height:,} lines read")
    number = pl.int_range(block.first_line, block.first_line + block.line_count, dtype=pl.Int64)
    return lines.select(number.alias("line"), "text", pl.lit(None, pl.String).alias("fault"))


def _field(delimiter: str) -> str:
    """The pattern of a field with the delimiter before it."""
    mark = re.escape(delimiter)
    return rf'{mark}(?:"(?:[^"]|"")*"|[^"{mark}]*)'


def _with_leading(delimiter: str) -> pl.Expr:
    """The text of a record with a delimiter before its first field, too: every field starts with one."""
    return pl.concat_str(pl.lit(delimiter), "text")


def _merged(lines: pl.DataFrame, delimiter: str) -> pl.DataFrame:
    """Join the lines of quoted fields that hold line ends; a stretch that cannot be right loses its first line only."""
    whole = []
    pending = lines.with_columns(pl.lit(0, pl.Int64).alias("stretch"))
    for _ in range(ROUNDS):
        records = _joined(pending)
        checked = records.with_columns(
            _with_leading(delimiter).str.replace_all(_field(delimiter), "").alias("left")  # what was no field
        )
        is_torn = (pl.col("line_count") > 1) & (pl.col("left") != "")
        whole.append(checked.filter(~is_torn).select("line", "text", "fault"))
        torn = checked.filter(is_torn).select("record", pl.col("line").alias("first_line"))
        if torn.is_empty():
            break
        parts = _numbered(pending).join(torn, on="record", how="inner", validate="m:1")
        is_first = pl.col("line") == pl.col("first_line")
        whole.append(parts.filter(is_first).select("line", "text", pl.lit("quote_not_closed").alias("fault")))
        pending = (
            parts.filter(~is_first).select("line", "text", "fault", pl.col("record").alias("stretch")).sort("line")
        )
    else:
        whole.append(pending.select("line", "text", pl.lit("quote_not_closed").alias("fault")))
    return pl.concat(whole).filter(pl.col("text") != "").sort("line")


def _numbered(lines: pl.DataFrame) -> pl.DataFrame:
    """Number the records: a line continues the one before while an odd number of quotes is open in its stretch."""
    odd = pl.col("text").str.count_matches('"', literal=True) % 2
    is_continued = (odd.cum_sum().over("stretch") - odd) % 2 == 1
    starts = ~is_continued | (pl.col("stretch") != pl.col("stretch").shift(1, fill_value=-1))
    return lines.with_columns(starts.cum_sum().cast(pl.Int64).alias("record"))


def _joined(lines: pl.DataFrame) -> pl.DataFrame:
    return (
        _numbered(lines)
        .group_by("record", maintain_order=True)
        .agg(pl.col("line").first(), pl.col("text").str.join("\n"), pl.col("fault").first(), line_count=pl.len())
    )


def _plain_fields(records: pl.DataFrame, delimiter: str) -> pl.DataFrame:
    return records.with_columns(pl.col("text").str.split(delimiter).alias("fields"))


def _fields(records: pl.DataFrame, delimiter: str) -> pl.DataFrame:
    """Split records with quotes; `fields` is null where the quotes are not around whole fields."""
    pieces = _with_leading(delimiter).str.extract_all(_field(delimiter))
    field = pl.element().str.slice(1)
    is_quoted = field.str.starts_with('"')
    plain = pl.when(is_quoted).then(field.str.slice(1).str.head(-1).str.replace_all('""', '"', literal=True))
    split = records.with_columns(pieces.alias("pieces")).with_columns(
        pl.when(pl.col("pieces").list.join("") == _with_leading(delimiter))
        .then(pl.col("pieces").list.eval(plain.otherwise(field)))
        .alias("fields")
    )
    return split.drop("pieces")


def _named(split: pl.DataFrame, columns: Sequence[str | None]) -> pl.DataFrame:
    width = pl.col("fields").list.len()
    is_long = pl.col("text").str.len_bytes() > FIELD_BYTES
    has_long_field = is_long & (pl.col("fields").list.eval(pl.element().str.len_bytes()).list.max() > FIELD_BYTES)
    # Looking into every list costs more than all the rest, and almost no file has a record that long.
    has_long_record = not split.filter(is_long).is_empty()
    fault = (
        pl.when(pl.col("fault").is_not_null())
        .then("fault")
        .when(pl.col("fields").is_null())
        .then(pl.lit("quote_inside_field"))
        .when(width != len(columns))
        .then(pl.lit("ragged_record"))
        .when(has_long_field if has_long_record else pl.lit(value=False))
        .then(pl.lit("field_too_long"))
    )
    judged = split.with_columns(fault.alias("fault"))
    good = pl.col("fault").is_null()
    return judged.select(
        "line",
        "fault",
        pl.when(~good).then(pl.col("text").str.head(200)).alias("found"),
        *(
            pl.when(good)
            .then(pl.col("fields").list.get(number, null_on_oob=True).replace("", None))
            .alias(f"raw:{name}")
            for number, name in enumerate(columns)
            if name is not None
        ),
    )
