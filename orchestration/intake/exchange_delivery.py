"""The exchange-rate files of one delivery: known rates are duplicates, changed ones corrections, unlikely ones held."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

import polars as pl

from data_contracts import FxRates, RejectedRows
from orchestration.intake.control_totals import ControlTotals, exact_sum
from orchestration.intake.exchange import RATE, fx_rates, rate_records
from orchestration.intake.feeds import landed_records
from orchestration.intake.findings import FileRefused
from orchestration.intake.judged import rejected_rows
from orchestration.intake.lake import RATE_KEY, Lake
from orchestration.intake.landing import FX_RATES as DATASET
from orchestration.intake.outcomes import EXACT, FileOutcome, count_into
from orchestration.intake.parts import block_bytes
from orchestration.intake.records import CSV, csv_columns
from orchestration.intake.usage_delivery import check_size
from orchestration.settings import Settings

PAIR = [name for name in RATE_KEY if name != "rate_date"]
PLACE = ["source_file", "source_line", "source_part"]
LANDED = pl.DataFrame(schema={**FxRates.schema(), "source_part": pl.Int64(), "landed_on": pl.Date()})
# The rate before says little about one that comes later than this: currencies are suspended, and return elsewhere.
LOOK_BACK = timedelta(days=31)


def take_fx_rates(
    outcomes: Sequence[FileOutcome], *, settings: Settings, lake: Lake, delivery_date: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the new and the changed rates of the delivery, and its rejected records. The quantity of one is its rate.

    Rule: a rate that stands already is a duplicate and no row, however often a whole history is delivered; another one
    is a correction and wins. What contradicts itself within the delivery, and what is far from the rate before, is
    rejected: it is kept, and the rate before stands.
    """
    landed, rejected = [LANDED], [RejectedRows.empty()]
    for outcome in outcomes:
        if outcome.is_loaded:
            try:
                rates, bad = _read_file(outcome, settings, delivery_date)
                landed.append(rates)
                rejected.append(bad)
            except FileRefused as refused:
                outcome.refuse_for(refused)
    agreed, repeated, contradicting = _among_themselves(pl.concat(landed))
    new, known = _against_standing(agreed, FxRates.empty() if agreed.is_empty() else lake.standing_rates())
    likely, unlikely = new, RejectedRows.empty()
    if not new.is_empty():
        likely, unlikely = _against_the_rate_before(new, lake.standing_rates(), settings)
    all_rejected = pl.concat([*rejected, contradicting, unlikely])
    by_file = {outcome.file.source_file: outcome for outcome in outcomes}
    count_into(by_file, likely, "accepted", "rate")
    count_into(by_file, pl.concat([repeated, known]), "duplicate", "rate")
    count_into(by_file, all_rejected, "rejected", "quantity")
    return likely.select(FxRates.schema().keys()).sort(RATE_KEY), all_rejected


def _read_file(outcome: FileOutcome, settings: Settings, delivery_date: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the well-formed rates of a file and its rejected records; its landed rates are counted before."""
    file = outcome.file
    totals = ControlTotals(outcome.claim, {"rate": RATE})
    is_open = outcome.claim is not None
    is_native = file.name.endswith(CSV) and (file.feed is None or not file.feed.is_mapped)
    columns = csv_columns(file.path, may_end_open=is_open) if is_native else []
    read = partial(landed_records, file.path, file.feed, may_end_open=is_open, block_bytes=block_bytes(settings))
    batches = rate_records(read, columns)
    landed, rejected, lines = [LANDED], [RejectedRows.empty()], 0
    for records, line_count in batches:
        lines += line_count
        outcome.landed_rows += records.height
        outcome.landed_quantity = EXACT.add(outcome.landed_quantity, exact_sum(records, RATE))
        totals.add(records)
        rates, bad = fx_rates(records, delivery_date=delivery_date, source_file=file.source_file)
        landed.append(rates.with_columns(pl.lit(file.folder_date).alias("landed_on")))
        rejected.append(
            rejected_rows(
                bad,
                RATE,
                delivery_date=delivery_date,
                source_file=file.source_file,
                dataset=DATASET,
                own_names=outcome.own_names,
            )
        )
    check_size(outcome, lines)
    totals.verify()
    return pl.concat(landed), pl.concat(rejected)


def _among_themselves(landed: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return one record of each key, those that say the same, and as rejected those that say something else.

    The newest folder of a delivery counts. Two rates of a key within it are both rejected: neither is known to be
    right.
    """
    is_newest = pl.col("landed_on") == pl.col("landed_on").max().over(RATE_KEY)
    newest, older = landed.filter(is_newest), landed.filter(~is_newest)
    has_one_rate = pl.col("rate").n_unique().over(RATE_KEY) == 1
    whole, torn = newest.filter(has_one_rate).sort(PLACE), newest.filter(~has_one_rate)
    is_first = pl.struct(RATE_KEY).is_first_distinct()
    agreed = whole.filter(is_first)
    is_same = older.join(agreed, on=[*RATE_KEY, "rate"], how="semi")
    replaced = older.join(agreed, on=[*RATE_KEY, "rate"], how="anti")
    rejected = [
        _rejected(
            torn,
            "rate_twice_in_the_delivery",
            "The delivery brings several rates for this pair and day.",
            "Deliver one; none of them was taken.",
        ),
        _rejected(
            replaced,
            "replaced_by_later_folder",
            "A later folder of the same delivery brings another rate for this pair and day.",
            "Nothing, unless the newer one is wrong.",
        ),
    ]
    return agreed, pl.concat([whole.filter(~is_first), is_same]), pl.concat(rejected)


def _against_standing(agreed: pl.DataFrame, standing: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rates that are new or changed, and those that stand already."""
    same = [*RATE_KEY, "rate"]
    return agreed.join(standing, on=same, how="anti"), agreed.join(standing, on=same, how="semi")


def _against_the_rate_before(
    new: pl.DataFrame, standing: pl.DataFrame, settings: Settings
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the new rates that are near enough to the one before in their pair, and as rejected the others."""
    known = standing.join(new, on=PAIR, how="semi").join(new, on=RATE_KEY, how="anti")
    is_new = pl.lit(value=True).alias("is_new")
    series = pl.concat([known.select(*RATE_KEY, "rate", ~is_new), new.select(*RATE_KEY, "rate", is_new)]).sort(RATE_KEY)
    before = pl.col("rate").shift(1).over(PAIR)
    bound = pl.lit(1 + min(settings.fx_inverted_bound, settings.fx_move_bound)).cast(FxRates.schema()["rate"])
    has_moved = (pl.col("rate") >= before * bound) | (before >= pl.col("rate") * bound)
    # Only pairs with a large move are walked through: of 26 years of 41 currencies, every night, that is none.
    moving = series.join(series.filter(has_moved), on=PAIR, how="semi")
    found = [
        unlikely
        for _, pair in moving.group_by(PAIR, maintain_order=True)
        for unlikely in _unlikely(pair.select(*RATE_KEY, "rate", "is_new").rows(), settings)
    ]
    schema = {name: FxRates.schema()[name] for name in RATE_KEY} | {"rule": pl.String(), "message": pl.String()}
    verdicts = pl.DataFrame(found, schema=schema, orient="row")
    rejected = new.join(verdicts, on=RATE_KEY, how="inner", validate="1:1")
    remedy = (
        "Look at the source. If the rate is right, deliver it again and raise RATEBOOK_FX_INVERTED_BOUND or "
        "RATEBOOK_FX_MOVE_BOUND for that run."
    )
    return new.join(verdicts, on=RATE_KEY, how="anti"), _rejected(rejected, pl.col("rule"), pl.col("message"), remedy)


def _unlikely(
    series: Sequence[tuple[date, str, str, str, Decimal, bool]], settings: Settings
) -> Iterator[tuple[date | str, ...]]:
    """Yield the new rates of a pair that are inverted or far off, with rule and message.

    Rule: a rate that moves by more than the one bound and is that near to the inverse of the one before is inverted;
    one that moves by more than the other bound is far off. What is rejected is no measure for the next one.
    """
    near, far = 1 + settings.fx_inverted_bound, 1 + settings.fx_move_bound
    last: tuple[date, Decimal] | None = None
    for day, *pair, rate, is_new in series:
        rule = None
        if is_new and last is not None and day - last[0] <= LOOK_BACK:
            before = last[1]
            has_moved = rate > before * near or before > rate * near
            if has_moved and rate * before <= near and rate * before * near >= 1:
                rule, what = "rate_inverted", "is far from the one before and near its inverse"
            elif rate > before * far or before > rate * far:
                rule, what = "rate_far_off", "is far from the one before"
        if rule is None or last is None:
            last = (day, rate)
        else:
            message = f"The rate of {' in '.join(pair[:2])} {what}: {last[1].normalize():f} on {last[0]}."
            yield (day, *pair, rule, message)


def _rejected(rates: pl.DataFrame, rule: str | pl.Expr, message: str | pl.Expr, remedy: str) -> pl.DataFrame:
    """Return well-formed rates as rows of `rejected_rows`."""
    known = {
        "dataset": pl.lit(DATASET),
        "rule": pl.lit(rule) if isinstance(rule, str) else rule,
        "column_name": pl.lit("rate"),
        "found": pl.col("rate").cast(pl.String).str.strip_chars_end("0").str.strip_chars_end("."),
        "message": pl.lit(message) if isinstance(message, str) else message,
        "remedy": pl.lit(remedy),
        "quantity": pl.col("rate"),
    }
    return rates.select(
        known.get(name, pl.col(name)).cast(dtype).alias(name) for name, dtype in RejectedRows.schema().items()
    )
