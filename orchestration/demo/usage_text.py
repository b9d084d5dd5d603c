"""Events as the demo company's systems write them: text, or the typed columns of a Parquet file."""

import io
from decimal import Decimal

import polars as pl

from orchestration.demo.accounts import accounts
from orchestration.demo.calendar import DAY_MS, FIRST_DELIVERY_EPOCH_DAY, HOUR_MS, utc_offset_hours
from orchestration.demo.usage import MICRO

TEXT = (
    "event_id",
    "source",
    "account_id",
    "meter",
    "occurred_at",
    "quantity",
    "amount",
    "currency",
    "model",
    "card_region",
)
SCHEMA = dict.fromkeys(TEXT, pl.String) | {"delivery_day": pl.Int64, "at_ms": pl.Int64}


def as_text(events: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of `SCHEMA`: what the feed writes, and the two columns that say where it stands.

    The card system writes Berlin shops' times with Berlin's offset; everything else is in UTC.
    """
    clocks = accounts().select("number", "time_zone", "summer_offset")
    is_local = (pl.col("source") == "cards") & (pl.col("time_zone") == "Europe/Berlin")
    offset = utc_offset_hours(pl.col("at_ms"), pl.col("time_zone"), pl.col("summer_offset"))
    hours = pl.when(is_local).then(offset).otherwise(0)
    clock = pl.from_epoch(_epoch_ms() + hours * HOUR_MS, time_unit="ms").dt.strftime("%Y-%m-%dT%H:%M:%S%.3f")
    suffix = pl.when(hours == 0).then(pl.lit("Z")).otherwise(pl.format("+0{}:00", hours))
    return (
        events.join(clocks, on="number", how="left", validate="m:1", maintain_order="left")
        .with_columns((clock + suffix).alias("occurred_at"), _quantity().alias("quantity"), _amount().alias("amount"))
        .select(*SCHEMA)
    )


def bad_as_text(bad: list[dict[str, str | int | None]]) -> pl.DataFrame:
    """Return the bad rows with the columns of `SCHEMA`; a row that names no time gets the one it was planted at."""
    written = pl.from_epoch(_epoch_ms(), time_unit="ms").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
    return pl.DataFrame(bad, schema=SCHEMA, orient="row").with_columns(
        pl.coalesce("occurred_at", written).alias("occurred_at")
    )


def as_columns(part: pl.DataFrame) -> bytes:
    """Return a Parquet file with typed columns, uncompressed: a compressor's bytes change with its version."""
    buffer = io.BytesIO()
    part.select(
        "event_id",
        "source",
        "account_id",
        "meter",
        pl.from_epoch(_epoch_ms() * 1_000, time_unit="us").dt.replace_time_zone("UTC").alias("occurred_at"),
        pl.col("quantity").cast(pl.Decimal(38, 6)),
        pl.col("amount").cast(pl.Decimal(18, 2)),
        "currency",
        "model",
        "card_region",
    ).write_parquet(buffer, compression="uncompressed", statistics=False)
    return buffer.getvalue()


def total_quantity(part: pl.DataFrame) -> Decimal:
    """Sum the quantities that are numbers; the rows that are planted as bad have some that are none."""
    number = pl.when(pl.col("quantity").str.contains(r"^-?[0-9]+(\.[0-9]{1,12})?$")).then("quantity")
    total: Decimal = part.select(number.cast(pl.Decimal(38, 12)).sum()).item()
    return total


def _epoch_ms() -> pl.Expr:
    return pl.col("at_ms") + FIRST_DELIVERY_EPOCH_DAY * DAY_MS


def _quantity() -> pl.Expr:
    """Whole units where the meter has no fractions; storage always shows its six decimals."""
    whole = (pl.col("quantity_micro") // MICRO).cast(pl.String)
    decimals = (pl.col("quantity_micro") % MICRO).cast(pl.String).str.zfill(6)
    return pl.when(pl.col("meter") == "storage_gb_hours").then(whole + "." + decimals).otherwise(whole)


def _amount() -> pl.Expr:
    whole = (pl.col("amount_minor") // 100).cast(pl.String)
    cents = (pl.col("amount_minor") % 100).cast(pl.String).str.zfill(2)
    is_yen = pl.col("currency") == "JPY"
    return pl.when(is_yen).then(pl.col("amount_minor").cast(pl.String)).otherwise(whole + "." + cents)
