"""Landing files: as they were downloaded, for a feed; or in our own format, CSV of text and documents of JSON."""

import json
import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

# The landing rules of the data: every account is known since then, whenever it was delivered.
KNOWN_SINCE = "2009-01-01"
# RFC 3339 in UTC, always six decimals of a second.
INSTANT = "%Y-%m-%dT%H:%M:%S%.6fZ"


FEEDS = Path(__file__).parent / "feeds"


def land_for_feed(source: Path, home: Path, feed: str, delivery: date) -> None:
    """Land a file as it was downloaded, and the feed that reads it."""
    (home / "feeds").mkdir(exist_ok=True)
    shutil.copyfile(FEEDS / f"{feed}.yaml", home / "feeds" / f"{feed}.yaml")
    shutil.copyfile(source, _place(home / "landing", feed, delivery, source.name))


def land_csv(frame: pl.DataFrame, landing: Path, dataset: str, delivery: date, name: str) -> None:
    """Write a file of a delivery. Every column must be text by now: no number is printed by a CSV writer."""
    not_text = [column for column, dtype in frame.schema.items() if dtype != pl.String]
    assert not not_text, f"{dataset}/{name}: {not_text} are no text"
    frame.write_csv(_place(landing, dataset, delivery, name))


def land_json(document: dict[str, Any], landing: Path, dataset: str, delivery: date, name: str) -> None:
    """Write a price book or contracts as strict JSON."""
    text = json.dumps(document, indent=1, allow_nan=False)
    land_text(text, landing, dataset, delivery, name)


def land_text(text: str, landing: Path, dataset: str, delivery: date, name: str) -> None:
    """Write a file of a delivery as it stands."""
    _place(landing, dataset, delivery, name).write_text(text, encoding="utf-8", newline="\n")


def land_accounts(
    account_ids: Sequence[str],
    landing: Path,
    delivery: date,
    *,
    currency: str,
    time_zone: str = "UTC",
    name: str = "accounts.csv",
) -> None:
    """Write the accounts of a data set."""
    accounts = pl.DataFrame({"account_id": sorted(account_ids)}).select(
        "account_id",
        pl.col("account_id").alias("name"),
        pl.lit(currency).alias("currency"),
        pl.lit(time_zone).alias("time_zone"),
        pl.lit(KNOWN_SINCE).alias("valid_from"),
    )
    land_csv(accounts, landing, "accounts", delivery, name)


def read_text_csv(path: Path) -> pl.DataFrame:
    """Read a CSV of the data, compressed or not, with every field as the text that it is."""
    return pl.read_csv(path, infer_schema=False)


def _place(landing: Path, dataset: str, delivery: date, name: str) -> Path:
    folder = landing / dataset / delivery.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name
