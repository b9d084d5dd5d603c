"""Rows of a foreign file as records of a dataset: text in, text out, before any rule of the dataset is looked at.

What the feed itself cannot read (a time that never was, a factor that is no number) is a fault of the record, named by
the file's own column; everything else is judged later, exactly as if the records had come in our format.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256

import polars as pl

from data_contracts.vocabulary import EXACT
from orchestration.intake import values
from orchestration.intake.feeds import times
from orchestration.intake.feeds.schema import TARGETS, FeedDocument, Part, RowMeter, Value
from orchestration.intake.judged import EXPLANATION, TOLD, judge
from orchestration.intake.landing import USAGE
from orchestration.intake.records import Layout
from orchestration.intake.usage import canonical_json
from orchestration.intake.values import Check, Fault, holds, is_blank

# A product is exact in DECIMAL(38,24) while both factors together have no more digits than this before their points.
PRODUCT_DIGITS = 13
ROW, ROW_HASH = "row", "row_hash"
WHOLE_SECONDS, MICROSECONDS = "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%.6fZ"


def foreign_layout(feed: FeedDocument) -> Layout:
    """Return what is read of a file of the feed: the columns that it maps, all of which must be there."""
    named = [column for value in _values(feed).values() for column in value.columns()]
    named += [meter.quantity for meter in feed.meters]
    return Layout(
        required=tuple(dict.fromkeys(named)),
        optional=(),
        keeps_unknown=_reads_whole_row(feed),
        is_foreign=True,
        delimiter=feed.delimiter,
    )


def own_names(feed: FeedDocument) -> list[dict[str, str]]:
    """Return, for each record of a row, what the file calls the columns of the dataset: it is told what is wrong."""
    names = {
        name: (" + " if value.product is None else " × ").join(value.columns())
        for name, value in _values(feed).items()
        if value.columns()
    }
    return [{**names, "quantity": meter.quantity} for meter in feed.meters] or [names]


def mapped_records(batches: Iterable[pl.DataFrame], name: str, feed: FeedDocument) -> Iterator[pl.DataFrame]:
    """Yield each batch of a file's rows as records of the dataset, all of its known columns among them.

    Grain: one record per row and meter, numbered by `part`.
    """
    rows_before = 0
    for batch in batches:
        rows = _with_products(_with_times(_with_nulls(_with_row(batch, feed, rows_before), feed), feed), feed)
        rows_before += batch.height
        meters: list[RowMeter | None] = [*feed.meters] or [None]
        yield pl.concat([_records(rows, name, feed, meter, part) for part, meter in enumerate(meters, start=1)])


def _records(rows: pl.DataFrame, name: str, feed: FeedDocument, meter: RowMeter | None, part: int) -> pl.DataFrame:
    """Map the rows to records of one meter; None: of the meter that the columns say."""
    good, bad = judge(rows, _checks(feed, meter))
    columns = [text.alias(f"raw:{target}") for target, text in _targets(rows, name, feed, meter).items()]
    told = dict(zip(("fault", *TOLD, "found"), (*EXPLANATION, "found"), strict=True))
    number = pl.lit(part, pl.Int64).alias("part")
    return pl.concat(
        [
            good.select("line", *(pl.lit(None, pl.String).alias(fault) for fault in told), number, *columns),
            bad.select("line", *(pl.col(found).alias(fault) for fault, found in told.items()), number, *columns),
        ]
    )


def _targets(rows: pl.DataFrame, name: str, feed: FeedDocument, meter: RowMeter | None) -> dict[str, pl.Expr]:
    """Return the text of each column of the dataset."""
    layout = TARGETS[feed.dataset].layout
    texts = dict.fromkeys(layout.known, pl.lit(None, pl.String))
    if feed.dataset == USAGE:
        # Without it, ids that two feeds number from 1 would meet.
        texts["source"] = pl.lit(name)
    texts |= {target: _text(rows, target, value) for target, value in _values(feed).items()}
    if meter is not None:
        texts["meter"] = pl.lit(meter.meter)
        texts["quantity"] = _raw(meter.quantity)
        texts["event_id"] = pl.concat_str(texts["event_id"], pl.lit(meter.event_id_suffix))
    return texts


def _text(rows: pl.DataFrame, target: str, value: Value) -> pl.Expr:
    if f"at:{target}" in rows.columns:
        return _time_text(rows, target, value)
    if value.product is not None:
        return pl.col(f"product:{target}").cast(pl.String)
    if value.parts is not None:
        return pl.concat_str(_piece(part) for part in value.parts)
    return _piece(value) if value.column is None else _given(value)


def _piece(part: Part) -> pl.Expr:
    if part.column is not None:
        return _raw(part.column)
    if part.constant is not None:
        return pl.lit(part.constant)
    if part.row is not None:
        return (pl.col(ROW) + int(part.row)).cast(pl.String)
    return pl.col(ROW_HASH)


def _given(value: Value) -> pl.Expr:
    """The text of the value's one column, or what a blank one stands for."""
    text = _raw(str(value.column))
    return text if value.otherwise is None else text.fill_null(value.otherwise)


def _time_text(rows: pl.DataFrame, target: str, value: Value) -> pl.Expr:
    at = rows[f"at:{target}"]
    # Whole seconds are what is parsed in a sixth of the time later.
    written = MICROSECONDS if (at.dt.microsecond() != 0).any() else WHOLE_SECONDS
    text = pl.col(at.name).dt.strftime(written)
    if value.format is not None:
        return text if value.zone is not None else pl.col(at.name).dt.strftime("%Y-%m-%d")
    own = _given(value)
    return pl.when(times.has_offset(own)).then(own.str.replace(" ", "T", literal=True)).otherwise(text)


def _with_row(batch: pl.DataFrame, feed: FeedDocument, rows_before: int) -> pl.DataFrame:
    """Add the number of each row, from 0, and where the feed asks for it the hash of the row."""
    rows = batch.with_columns(pl.int_range(rows_before, rows_before + batch.height, dtype=pl.Int64).alias(ROW))
    if not _reads_whole_row(feed):
        return rows
    names = [name.removeprefix("raw:") for name in batch.columns if name.startswith("raw:")]
    texts = batch.select(canonical_json(names)).to_series()
    # No engine hashes faster: DuckDB took 1.06 s for a million rows of 100 bytes by way of a file, this 0.92 s.
    hashes = [sha256(text.encode()).hexdigest() for text in texts]
    return rows.with_columns(pl.Series(ROW_HASH, hashes, dtype=pl.String))


def _with_nulls(rows: pl.DataFrame, feed: FeedDocument) -> pl.DataFrame:
    mapped = [f"raw:{column}" for column in foreign_layout(feed).required]
    return rows.with_columns(pl.when(~pl.col(name).is_in(feed.nulls)).then(name) for name in mapped if feed.nulls)


def _with_times(rows: pl.DataFrame, feed: FeedDocument) -> pl.DataFrame:
    """Add `local:` and `at:` of every column whose times are declared: as they are written, and in UTC."""
    declared = _times(feed)
    local = rows.with_columns(
        times.local_times(_given(value), value.format).alias(f"local:{target}") for target, value in declared.items()
    )
    return local.with_columns(
        times.instants(pl.col(f"local:{target}"), value.zone or times.UTC, value.fold).alias(f"at:{target}")
        for target, value in declared.items()
    )


def _with_products(rows: pl.DataFrame, feed: FeedDocument) -> pl.DataFrame:
    """Add `product:` of every product, exact; null where a factor is no number, or both are too long together."""
    for target, value in _values(feed).items():
        if value.product is not None:
            first, second = (pl.when(_fits(value.product)).then(_number(column)) for column in value.product)
            rows = rows.with_columns((first * second.cast(EXACT)).alias(f"product:{target}"))
    return rows


def _number(column: str) -> pl.Expr:
    return values.decimal_value(_raw(column))


def _fits(product: tuple[str, str]) -> pl.Expr:
    first, second = (_raw(column).str.extract(r"^-?0*([0-9]*)", 1).str.len_bytes() for column in product)
    return (first + second) <= PRODUCT_DIGITS


def _checks(feed: FeedDocument, meter: RowMeter | None) -> list[Check]:
    checks = [
        times.time_check(
            _given(value),
            str(value.column),
            pl.col(f"local:{target}"),
            pl.col(f"at:{target}"),
            value.zone or times.UTC,
            value.format,
        )
        for target, value in _times(feed).items()
    ]
    counted = _values(feed).get("quantity")
    if meter is not None:
        checks.append(_must_be_given(meter.quantity))
    elif counted is not None and counted.column is not None and counted.otherwise is None:
        checks.append(_must_be_given(counted.column))
    for value in _values(feed).values():
        if value.product is not None:
            checks += _product_checks(value.product)
    return checks


def _must_be_given(column: str) -> Check:
    """Check that there is a number: in our own format none means 1, in a foreign one nobody has said so."""
    return holds(values.missing(_raw(column), column))


def _product_checks(product: tuple[str, str]) -> Iterator[Check]:
    for column in product:
        yield _must_be_given(column)
        yield holds(
            Fault(
                "factor_not_a_plain_decimal",
                column,
                ~is_blank(_raw(column)) & _number(column).is_null(),
                f"`{column}` is not a plain decimal number of at most 18 digits before the point and 12 behind it.",
                "Write digits with a point: no exponent, no grouping, no sign but a minus.",
            )
        )
    yield holds(
        Fault(
            "product_too_large",
            product[0],
            ~_fits(product),
            f"`{product[0]}` times `{product[1]}` could reach 10^{PRODUCT_DIGITS}.",
            "Deliver it in several events.",
        )
    )


def _values(feed: FeedDocument) -> dict[str, Value]:
    return {**feed.columns, **feed.dimensions}


def _times(feed: FeedDocument) -> dict[str, Value]:
    return {target: value for target, value in _values(feed).items() if value.format or value.zone}


def _reads_whole_row(feed: FeedDocument) -> bool:
    return any(value.reads_whole_row() for value in _values(feed).values())


def _raw(column: str) -> pl.Expr:
    return pl.col(f"raw:{column}")
