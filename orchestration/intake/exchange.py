"""Exchange rates as records: our own columns, or the European Central Bank's file as it is; and the rules of a rate.

That file is wide: a line per day, a column per currency, `N/A` where there is no rate, and a comma at the end of every
line. Each of its rates is a record, in the line of its day and the part that is the place of its column.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date

import polars as pl

from data_contracts import FxRates
from data_contracts.fx_rates import REFERENCE
from orchestration.intake import values
from orchestration.intake.judged import TOLD, judge
from orchestration.intake.records import Layout
from orchestration.intake.values import Check, Fault

LAYOUT = Layout(required=("rate_date", "base_currency", "quote_currency", "rate"), optional=("rate_type",))
WIDE_DATE, WIDE_BASE, NO_RATE = "Date", "EUR", "N/A"
# Currencies that the bank's history quotes and ISO 4217 has withdrawn since: nobody is billed in them any more.
WITHDRAWN = ("BGN", "CYP", "EEK", "HRK", "LTL", "LVL", "MTL", "ROL", "SIT", "SKK", "TRL")
# A booked amount times a rate has to fit into 22 digits before the point. The largest rate in 26 years was 1,836,200.
LARGEST_RATE = 10**7
RATE = pl.col("value:rate")
RECORD = [f"raw:{name}" for name in LAYOUT.known]


def rate_records(
    read: Callable[[Layout], Iterator[pl.DataFrame]], columns: Sequence[str]
) -> Iterator[tuple[pl.DataFrame, int]]:
    """Yield batches of records, one per rate, with `part` and `value:rate`; and how many lines they were.

    `columns` are those of the file, if it is CSV that no feed maps. `value:rate` is null where the text is no plain
    decimal; the text stays, so that it can be named.
    """
    currencies = [name for name in columns[1:] if name]
    is_wide = list(columns[:1]) == [WIDE_DATE]
    layout = Layout((WIDE_DATE,), tuple(currencies), may_end_empty=True) if is_wide else LAYOUT
    for batch in read(layout):
        records = _long(batch, currencies) if is_wide else batch.with_columns(pl.lit(1).alias("part"))
        value = values.decimal_value(pl.col("raw:rate")).alias("value:rate")
        told = [name for name in TOLD if name in records.columns]
        yield records.select("line", "part", "fault", "found", *told, *RECORD).with_columns(value), batch.height


def _long(lines: pl.DataFrame, currencies: list[str]) -> pl.DataFrame:
    """Make a record of each rate of the lines; a line that is none of the file stays one record, with its fault."""
    nameless = pl.col("raw:") if "raw:" in lines.columns else pl.lit(None, pl.String)
    is_ragged = pl.col("fault").is_null() & nameless.is_not_null()
    judged = lines.select(
        "line",
        pl.when(is_ragged).then(pl.lit("ragged_record")).otherwise("fault").alias("fault"),
        pl.when(is_ragged).then(nameless).otherwise("found").alias("found"),
        pl.col(f"raw:{WIDE_DATE}").alias("raw:rate_date"),
        *(pl.col(f"raw:{name}").alias(name) for name in currencies),
    )
    is_whole = pl.col("fault").is_null()
    rates = judged.filter(is_whole).unpivot(
        currencies,
        index=["line", "fault", "found", "raw:rate_date"],
        variable_name="raw:quote_currency",
        value_name="raw:rate",
    )
    torn = judged.filter(~is_whole).select("line", "fault", "found")
    places = {name: place for place, name in enumerate(currencies, 1)}
    return pl.concat([rates.filter(pl.col("raw:rate").ne_missing(NO_RATE)), torn], how="diagonal").with_columns(
        pl.lit(WIDE_BASE).alias("raw:base_currency"),
        pl.lit(None, pl.String).alias("raw:rate_type"),
        pl.col("raw:quote_currency").replace_strict(places, default=1, return_dtype=pl.Int64).alias("part"),
    )


def fx_rates(records: pl.DataFrame, *, delivery_date: date, source_file: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the well-formed rates of a batch, with `source_part`, and the records that break a rule.

    Grain: each record is in exactly one of the two. Nothing is known here of other records and earlier deliveries.
    """
    good, bad = judge(records, _checks(delivery_date))
    places = {
        "delivery_date": pl.lit(delivery_date),
        "rate_date": values.day_value(pl.col("raw:rate_date")),
        "rate": RATE,
        "rate_type": pl.col("raw:rate_type").fill_null(REFERENCE),
        "source_file": pl.lit(source_file),
        "source_line": pl.col("line"),
    }
    columns = FxRates.schema().items()
    rates = good.select(
        *(places.get(name, pl.col(f"raw:{name}")).cast(dtype).alias(name) for name, dtype in columns),
        pl.col("part").cast(pl.Int64).alias("source_part"),
    )
    return rates, bad


def _checks(delivery_date: date) -> list[Check]:
    raw = {name: pl.col(f"raw:{name}") for name in LAYOUT.known}
    known = (*values.currencies(), *WITHDRAWN)
    return [
        values.holds(values.missing(raw["rate_date"], "rate_date")),
        values.day_check(raw["rate_date"], "rate_date"),
        values.holds(
            Fault(
                "rate_date_after_the_delivery",
                "rate_date",
                values.day_value(raw["rate_date"]) > delivery_date,
                f"`rate_date` lies after {delivery_date}, the day of the delivery.",
                "A rate is known on its day; look for a wrong year or a forward rate.",
            )
        ),
        *(_currency_check(raw[name], name, known) for name in ("base_currency", "quote_currency")),
        values.holds(
            Fault(
                "rate_into_itself",
                "quote_currency",
                raw["base_currency"] == raw["quote_currency"],
                "Both currencies are the same.",
                "Leave it out: a currency is always worth itself.",
            )
        ),
        values.name_check(raw["rate_type"], "rate_type"),
        values.holds(values.missing(raw["rate"], "rate")),
        values.decimal_check(raw["rate"], RATE, "rate"),
        values.holds(
            Fault("rate_zero", "rate", RATE == 0, "`rate` is zero.", "Leave the day out where there is no rate.")
        ),
        values.holds(
            Fault("rate_negative", "rate", RATE < 0, "`rate` is negative.", "Look for a spread delivered as a rate.")
        ),
        values.holds(
            Fault(
                "rate_too_large",
                "rate",
                RATE >= LARGEST_RATE,
                f"`rate` reaches {LARGEST_RATE:,}.",
                "Deliver the pair the other way round.",
            )
        ),
    ]


def _currency_check(text: pl.Expr, column: str, known: tuple[str, ...]) -> Check:
    unknown = Fault(
        "currency_unknown",
        column,
        ~text.is_in(known),
        f"`{column}` is not an ISO 4217 currency code.",
        "Use the three upper-case letters of the standard, like EUR.",
    )
    return Check(text.is_in(known), (values.missing(text, column), unknown))
