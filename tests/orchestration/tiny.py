"""A world small enough to add up by hand: three accounts in three zones, four deliveries, one of each fault."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from data_contracts import TABLES, Kind
from data_contracts.vocabulary import Table
from orchestration import night, records, settled
from orchestration.build import BOOK_TABLES, ON_DEMAND, Build, open_build
from orchestration.publish import published_run
from orchestration.settings import Settings

DAYS = tuple(date(2026, 9, day) for day in (1, 2, 3, 4))
LAST = DAYS[-1]

BOOK = """\
company:
  name: Tiny
  time_zone: UTC
  reporting_currency: USD
  default_plan: payg
  legal_entities: [{id: tiny, name: Tiny Inc., country: US, currency: USD, invoice_prefix: T}]
products: [{id: api, name: API, revenue_account: "4000"}]
meters:
  - {id: tokens, unit: token, aggregation: sum}
  - {id: payments, unit: currency, aggregation: sum, value: amount}
prices:
  - id: tokens
    product: api
    meter: tokens
    model: graduated
    versions:
      - effective_from: 2026-01-01
        currencies:
          USD: {tiers: [{up_to: "100", unit_amount: "0.03"}, {up_to: null, unit_amount: "0.01"}]}
          EUR: {tiers: [{up_to: "100", unit_amount: "0.03"}, {up_to: null, unit_amount: "0.01"}]}
          JPY: {tiers: [{up_to: "100", unit_amount: "3"}, {up_to: null, unit_amount: "1"}]}
  - id: cards
    product: api
    meter: payments
    model: percentage
    versions:
      - effective_from: 2026-01-01
        currencies:
          USD: {percentage: {rate: "0.029", fixed: "0.30"}}
          EUR: {percentage: {rate: "0.024", fixed: "0.25"}}
          JPY: {percentage: {rate: "0.032", fixed: "0"}}
  - id: compute
    product: api
    meter: tokens
    model: per_unit
    kind: cost
    currency: USD
    versions: [{effective_from: 2026-01-01, unit_amount: "0.002"}]
plans: [{id: payg, prices: [tokens, cards, compute]}]
"""
ACCOUNTS = """\
account_id,name,currency,country,time_zone,legal_entity_id,valid_from
ant,=Ant Ltd.,USD,US,America/New_York,tiny,2026-08-01
bee,Bee KK,JPY,JP,Asia/Tokyo,tiny,2026-08-01
cat,Straßenkatze GmbH,EUR,DE,Europe/Berlin,tiny,2026-08-01
"""
HEADER = "event_id,account_id,meter,occurred_at,quantity,amount,currency"
USAGE = {
    DAYS[0]: (
        "e1,ant,tokens,2026-09-01T12:00:00Z,80,,",
        "e2,bee,tokens,2026-09-01T16:00:00Z,70,,",  # already the second of September in Tokyo
        "e3,cat,payments,2026-09-01T09:00:00Z,,100,EUR",
    ),
    DAYS[1]: (
        "e4,ant,tokens,2026-09-02T12:00:00Z,50,,",
        "e1,ant,tokens,2026-09-01T12:00:00Z,80,,",  # delivered again
        "e2,bee,tokens,2026-09-01T16:00:00Z,71,,",  # other content under a known id
        "e5,cat,tokens,2026-09-02T12:00:00Z,many,,",  # no number
    ),
    DAYS[2]: (
        "e6,nobody,tokens,2026-09-03T12:00:00Z,5,,",  # an account that nobody has delivered
        "e7,bee,payments,2026-09-03T03:00:00Z,,1000,JPY",
    ),
    DAYS[3]: (
        "e8,cat,tokens,2026-09-01T08:00:00Z,10,,",  # three days late
        "e9,ant,payments,2026-09-04T12:00:00Z,,20,USD",
    ),
}
BUCKETS = {"accepted": 8, "duplicate": 1, "conflict": 1, "rejected": 1}
# ant: 100 * 0.03 + 30 * 0.01 + 20 * 0.029 + 0.30, bee: 70 * 3 + 1000 * 0.032, cat: 100 * 0.024 + 0.25 + 10 * 0.03
INVOICES = {("ant", "USD"): "4.1800", ("bee", "JPY"): "242.0000", ("cat", "EUR"): "2.9500"}
# (130 + 70 + 10) * 0.002, whatever currency the account pays in
COST = "0.4200"

# What closed months hold is made by the close, what is issued is a log; what settles closed months is made after one.
LOGS = (Kind.SEALED, Kind.ISSUED)
OF_A_NIGHT = tuple(
    table for table in TABLES if table.table_kind not in LOGS and table not in (*settled.TABLES, *ON_DEMAND)
)
MADE = (*BOOK_TABLES, *(table for table in TABLES if table.table_kind is Kind.AS_OF and table not in BOOK_TABLES))


def land(home: Path, *, rows: Mapping[date, tuple[str, ...]] = USAGE) -> Settings:
    """Write what the tiny world delivers into the landing zone of a home and return the home's settings."""
    put(home, f"price_book/{DAYS[0]}/book.yaml", BOOK)
    put(home, f"accounts/{DAYS[0]}/accounts.csv", ACCOUNTS)
    for day, lines in rows.items():
        put(home, f"usage_events/{day}/usage.csv", "\n".join((HEADER, *lines)) + "\n")
    return Settings(home=home)


def put(home: Path, name: str, text: str) -> Path:
    """Land one file at `<dataset>/<date>/<name>`."""
    path = home / "landing" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def copied(settings: Settings, home: Path) -> Settings:
    """Return a home of its own that is where the given one is: a run's state costs a copy, not a run."""
    shutil.copytree(settings.home, home, symlinks=True, dirs_exist_ok=True)
    return settings.model_copy(update={"home": home})


def tables_only(settings: Settings, as_of: date = LAST) -> Build:
    """Run the night up to the tables as of D: all that rates, and nothing of dbt, which takes most of the time."""
    record = records.Record(1, as_of, records._now())
    night.take_snapshots(settings, record, lambda _: None)
    build = open_build(settings, as_of)
    night.make_tables(build, record, lambda _: None)
    return build


def table_hash(frame: pl.DataFrame, table: type[Table]) -> str:
    """Return a hash of the rows of a table, whatever their order."""
    plain = frame.select(pl.all().cast(pl.String)).sort(pl.all(), nulls_last=True)
    return hashlib.sha256(f"{table.table_name}\n{plain.write_csv(null_value='NULL')}".encode()).hexdigest()


def build_hashes(build: Build) -> dict[str, str]:
    """Return the hash of every table that a build holds."""
    return {table.table_name: table_hash(build.frame(table).collect(), table) for table in MADE}


def published(settings: Settings, number: int | None = None) -> dict[str, Any]:
    """Return rows and canonical hash of every published table, without those that tell one run from another."""
    run = published_run(settings, number)
    assert run is not None
    return {name: found for name, found in run.manifest()["tables"].items() if found["canonical_hash"] is not None}


def served(settings: Settings) -> str:
    """Return the name of the run that readers get."""
    return str((settings.published / "latest").readlink())


def log_lines(settings: Settings) -> list[dict[str, Any]]:
    """Return the lines of the run log."""
    return [json.loads(line) for line in (settings.log / records.RUN_LOG).read_text().splitlines()]


def tree(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Return every file, folder and link below a folder with its mode, time of change and content."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.lstat().st_mtime_ns, _content(path))
        for path in sorted(folder.rglob("*"))
    }


def _content(path: Path) -> str:
    if path.is_symlink():
        return str(path.readlink())
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


@cache
def ran(folder: Path) -> Settings:
    """Return a home whose last night has run as one range: made once per session's folder, to look at only."""
    settings = land(folder / "tiny night")
    night.run(settings, LAST)
    return settings
