"""One night's tables as of D: where they lie, how they are made once, and when they may be reused.

A build is a folder named by D and a fingerprint of everything that its tables are a function of: the deliveries up
to D, the code of contracts, rules and book, the bucket count. Same fingerprint, same tables, so a table that is
there is never made again, and a killed run goes on where it stopped.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from data_contracts import (
    AccountRows,
    Accounts,
    Companies,
    Contracts,
    CostConditions,
    CostMappings,
    CostMeters,
    CostRows,
    Currencies,
    Documents,
    Exclusions,
    LandedFiles,
    LegalEntities,
    LineInputs,
    Meters,
    PlanPrices,
    PriceCells,
    PriceConditions,
    PriceTiers,
    PriceVersions,
    Products,
    RateCurves,
    UsageEvents,
    UsageStates,
)
from data_contracts.validation import ContractError
from data_contracts.vocabulary import Kind, Layout, Table
from orchestration import book, intake, issued, kept_states, seals, settled
from orchestration.chain import ChainEntry
from orchestration.errors import RefusedInput, UsageError
from orchestration.settings import Settings
from orchestration.storage import atomic_directory, scan, write_parquet
from orchestration.tables import Builder, Made, builder_of, made_by

ROOT = Path(__file__).parents[1]
# Code that decides what the tables say. The rest (commands, Dagster, publishing) moves rows without changing them.
RULES = ("data_contracts", "transforms", "orchestration/book")
# An event that is priced by itself takes about this much of a bucket at the widest point of the night: at 400, four
# buckets of 10 M payments, it was 3.6 GB (metered usage 1.5 GB) where 1 GB was set.
BYTES_PER_EVENT = 900
# A charge of a provider's bill with its product and account (measured at 300,000: 630 MB).
BYTES_PER_CHARGE = 2100
# Settings that the tables are a function of: builders name them as keywords.
BUILDER_SETTINGS = ("adjustment_account_bound", "adjustment_month_bound")
# As many values as `account_bucket` has.
ACCOUNT_BUCKETS = 1 << 16
# What is put into the name of a folder; the whole fingerprint is in the run's record.
NAME_DIGITS = 12
CELLS_ADDED_UP = "cells_added_up"


@dataclass(frozen=True)
class Build:
    """The tables as of one delivery date, made on demand and kept."""

    settings: Settings
    as_of: date
    deliveries: tuple[date, ...]
    folder_name: str | None = None  # of an earlier run, whose code may have been another
    issues_all: bool = False  # whether everything that is due is issued, as a person has asked for
    other_book: book.BookState | None = None  # what a simulation rates by, instead of what was delivered

    @cached_property
    def fingerprint(self) -> str:
        """Return the hash of everything that the tables are a function of."""
        logs = [seal.sha256 for seal in self.seals] + [entry.sha256 for entry in self.issued]
        options = [f"{name}={self._option(name)}" for name in ("issues_all", *BUILDER_SETTINGS)]
        return _digest([self.as_of.isoformat(), self.lake_hash, code_hash(), str(self.bucket_count), *options, *logs])

    @cached_property
    def seals(self) -> tuple[seals.Seal, ...]:
        """Return the seals of the months that D sees closed."""
        return tuple(seals.in_force(self.settings, self.as_of))

    @cached_property
    def issued(self) -> tuple[ChainEntry, ...]:
        """Return the entries of the issue log that D sees."""
        return tuple(issued.entries(self.settings, self.as_of))

    @cached_property
    def lake_hash(self) -> str:
        """Return the hash of the deliveries up to D: of their manifests, which hold the hashes of their files."""
        return _digest(self._delivery_hash(day) for day in self.deliveries)

    @property
    def path(self) -> Path:
        """Return the build's folder."""
        name = self.folder_name or f"{self.as_of.isoformat()}-{self.fingerprint[:NAME_DIGITS]}"
        return self.settings.build / name

    @property
    def warehouse(self) -> Path:
        """Return the private file in which dbt makes the marts."""
        return self.path / "warehouse.duckdb"

    @property
    def dbt_folder(self) -> Path:
        """Return the folder of dbt's own output."""
        return self.path / "dbt"

    def compiled_sql(self, model: str) -> str:
        """Return the SQL that dbt compiled for a model of this build."""
        (path,) = self.dbt_folder.rglob(f"compiled/**/{model}.sql")
        return path.read_text()

    @cached_property
    def book_hash(self) -> str:
        """Return the hash of the documents of price book and contracts known on D."""
        return _digest(self.delivered(Documents).sort("delivery_date", "dataset", "path").collect()["sha256"].to_list())

    @cached_property
    def bucket_count(self) -> int:
        """Return how many buckets of payers keep one bucket's events within the memory setting."""
        events = sum(
            intake.read_manifest(self.settings, day)["tables"][UsageEvents.table_name]["rows"]
            for day in self.deliveries
        )
        return max(1, -(-events * BYTES_PER_EVENT // (self.settings.memory_mb * 2**20)))

    @cached_property
    def book_state(self) -> book.BookState:
        """Return the price book and the contracts as they stand on D."""
        if self.other_book is not None:
            return self.other_book
        rows = self.delivered(Documents).collect().sort("delivery_date", "dataset", "path")
        names = ("delivery_date", "dataset", "path", "content")
        return book.load_state([book.Document(*row) for row in rows.select(names).iter_rows()])

    def delivered(self, table: type[Table], deliveries: Sequence[date] | None = None) -> pl.LazyFrame:
        """Return the rows of the given deliveries, by default of all up to D."""
        days = self.deliveries if deliveries is None else deliveries
        return scan(table, [self.settings.snapshot(day) / f"{table.table_name}.parquet" for day in days])

    def files(self, table: type[Table]) -> list[Path]:
        """Return the Parquet files that hold a table as of D."""
        if table.table_kind is Kind.DELIVERED:
            return [self.settings.snapshot(day) / f"{table.table_name}.parquet" for day in self.deliveries]
        if table.table_kind is Kind.SEALED:
            return seals.files_in_force(self.seals, table)
        if table.table_kind is Kind.ISSUED:
            return [entry.file(table) for entry in self.issued]
        if not self.has(table):
            if table in settled.TABLES:
                settled.make(self)
            elif table in ON_DEMAND:
                self.require(table)
        if not self.has(table):
            raise LookupError(f"{table.table_name} is not made yet in {self.path}: make it first, it is not empty.")
        return sorted((self.path / table.table_name).glob("*.parquet"))

    def frame(self, table: type[Table]) -> pl.LazyFrame:
        """Return a table as of D."""
        return scan(table, self.files(table))

    def has(self, table: type[Table]) -> bool:
        """Say whether a table is made already."""
        if table.table_kind is not Kind.AS_OF:
            return True
        return (self.path / table.table_name).is_dir()

    def require(self, table: type[Table]) -> None:
        """Make a table as of D, and before it what it is made of, unless it is there."""
        if self.has(table) or table in settled.TABLES:  # those are made when they are read
            return
        if table in BOOK_TABLES:
            self.make_book()
            return
        builder = builder_of(table)
        for read in made_by(builder).inputs.values():
            self.require(read)
        self.make(builder)

    def make_book(self) -> None:
        """Compile price book and contracts to their tables.

        Refuses: a day on which no price book is known; there is no company, no meter, no price then.
        """
        compiled = None
        for table in BOOK_TABLES:
            if self.has(table):
                continue
            compiled = compiled or book.compile_tables(
                self.book_state, billing_starts_on=self.deliveries[0].replace(day=1)
            )
            if compiled[Companies.table_name].is_empty():
                raise RefusedInput(self._why_no_book())
            with atomic_directory(self.path / table.table_name) as folder:
                write_parquet(table, compiled[table.table_name], folder / "whole.parquet")

    def _why_no_book(self) -> str:
        refused = self.delivered(LandedFiles).filter(pl.col("message").is_not_null(), pl.col("dataset") == "price_book")
        reasons = refused.sort("delivery_date", "source_file").select("source_file", "message").collect().rows()
        told = "".join(f"\n  {source_file}: {message}" for source_file, message in reasons)
        return (
            f"No price book is known on {self.as_of}: {'every one was refused' if told else 'none was delivered'}, and "
            f"without one nothing has a price. Land one under landing/price_book/<a new date>/.{told}"
        )

    def make(self, builder: Builder) -> int:
        """Make the table of a builder, part by part, unless it is there; return its rows.

        Each part is collected, checked against its contract, and written; the folder appears whole or not at all.
        """
        made = made_by(builder)
        if not self.has(made.table):
            with atomic_directory(self.path / made.table.table_name) as folder:
                if made.table is UsageStates and self.other_book is None:
                    self._bring_states_up_to_date(made, folder)
                else:
                    for name, rows in self._made(made):
                        write_parquet(made.table, rows, folder / f"{name}.parquet")
                _refuse_keys_in_two_parts(made.table, folder)
        row_count: int = self.frame(made.table).select(pl.len()).collect().item()
        return row_count

    def _bring_states_up_to_date(self, made: Made, folder: Path) -> None:
        def name_of(days: Sequence[date]) -> str:
            digest = _digest([pl.__version__, code_hash(), *(self._delivery_hash(day) for day in days)])
            return f"{days[0]}--{days[-1]}-{digest[:NAME_DIGITS]}"

        def add_up(days: Sequence[date], accounts: pl.Series | None) -> pl.DataFrame:
            inputs = self._of_batch(made, days)
            if accounts is not None:
                inputs = {name: _about(table, accounts) for name, table in inputs.items()}
            return made.builder(**inputs).collect()

        cells = kept_states.bring_up_to_date(self, name_of, lambda days: self._batches(made, days), add_up, folder)
        (self.path / CELLS_ADDED_UP).write_text(str(cells))

    @property
    def cells_added_up(self) -> int:
        """Return how many cells of usage were added up for this build; the others were kept from earlier nights."""
        path = self.path / CELLS_ADDED_UP
        return int(path.read_text()) if path.exists() else 0

    def _delivery_hash(self, day: date) -> str:
        return hashlib.sha256((self.settings.snapshot(day) / "manifest.json").read_bytes()).hexdigest()

    def _of_batch(self, made: Made, days: Sequence[date]) -> dict[str, pl.LazyFrame]:
        return {
            name: self.delivered(table, days) if table.table_kind is Kind.DELIVERED else self.frame(table)
            for name, table in made.inputs.items()
        }

    def _made(self, made: Made) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield the name and the rows of each part."""
        # Without a closed month nothing is compared, and what it would be compared by is not made.
        if made.table.is_of_closed_months and not self.seals:
            yield "whole", made.table.empty()
            return
        options = {option: self._option(option) for option in made.options}
        for name, inputs in self._parts(made):
            yield name, made.builder(**inputs, **options).collect()

    def _option(self, name: str) -> Any:
        if name in ("as_of", "issues_all"):
            return getattr(self, name)
        if name not in BUILDER_SETTINGS:
            raise TypeError(f"{name}: a setting that a builder reads stands in BUILDER_SETTINGS, for the fingerprint.")
        return getattr(self.settings, name)

    def _parts(self, made: Made) -> Iterator[tuple[str, dict[str, pl.LazyFrame]]]:
        """Yield the name of each part with its inputs: the whole, one per bucket of payers, batches of deliveries."""
        if made.table.layout is Layout.PER_PAYER:
            for bucket in range(self.bucket_count):
                yield (
                    f"bucket-{bucket:03}",
                    {name: self._of_bucket(table, bucket) for name, table in made.inputs.items()},
                )
        elif made.table.layout is Layout.PER_DELIVERY:
            for batch in self._batches(made, self.deliveries):
                yield f"{batch[0]}--{batch[-1]}", self._of_batch(made, batch)
        else:
            yield "whole", {name: self.frame(table) for name, table in made.inputs.items()}

    def _batches(self, made: Made, deliveries: Sequence[date]) -> Iterator[list[date]]:
        """Group deliveries, ascending, so that what a table reads of a group fits the memory setting."""
        limit = self.settings.memory_mb * 2**20
        sizes = ((UsageEvents, BYTES_PER_EVENT), (CostRows, BYTES_PER_CHARGE))
        row_bytes = {table.table_name: size for table, size in sizes if table in made.inputs.values()}
        batch: list[date] = []
        held = 0
        for day in deliveries:
            tables = intake.read_manifest(self.settings, day)["tables"]
            size = sum(tables[name]["rows"] * each for name, each in row_bytes.items())
            if batch and held + size > limit:
                yield batch
                batch, held = [], 0
            batch.append(day)
            held += size
        if batch:
            yield batch

    def _of_bucket(self, table: type[Table], bucket: int) -> pl.LazyFrame:
        """Return a bucket's share of a table: its own file, or the rows of the bucket's accounts."""
        if table.layout is Layout.PER_PAYER:
            (path,) = (path for path in self.files(table) if path.stem == f"bucket-{bucket:03}")
            return scan(table, [path])
        frame = self.frame(table)
        if table is UsageEvents and self.bucket_count > 1:
            return frame.filter(self._is_of_bucket(bucket))
        account = table.columns.get("account_id")
        # A rule for every account (null) belongs to all buckets; with one bucket there is nothing to choose.
        if account is None or account.null_means is not None or self.bucket_count == 1:
            return frame
        mine = self._account_buckets.lazy().filter(pl.col("bucket") == bucket).select("account_id")
        return frame.join(mine, on="account_id", how="semi")

    def _is_of_bucket(self, bucket: int) -> pl.Expr:
        """Whether an event is of a bucket: a range of `account_bucket`, by which the files are sorted.

        So a bucket reads its own stretch of each file. Only accounts that somebody else pays for are elsewhere.
        """
        first, last = (-(-number * ACCOUNT_BUCKETS // self.bucket_count) for number in (bucket, bucket + 1))
        is_in_range = pl.col("account_bucket").is_between(first, last - 1)
        paid_for = self._payers.filter(pl.col("payer_id") != pl.col("account_id"))
        if paid_for.is_empty():
            return is_in_range
        mine = [self._number(payer) == bucket for payer in paid_for["payer_id"]]
        account = pl.col("account_id")
        is_elsewhere = account.is_in(paid_for["account_id"].implode())
        is_here = account.is_in(paid_for.filter(pl.Series(mine, dtype=pl.Boolean))["account_id"].implode())
        return (is_in_range & ~is_elsewhere) | is_here

    def _number(self, payer_id: str) -> int:
        """The bucket of a payer: equal ranges of what `account_bucket` says of an account."""
        return int.from_bytes(hashlib.sha256(payer_id.encode()).digest()[:2]) * self.bucket_count // ACCOUNT_BUCKETS

    @cached_property
    def _payers(self) -> pl.DataFrame:
        """The payer of each account that was delivered, the last one of several."""
        states = self.frame(Accounts).sort("valid_from").group_by("account_id").agg(pl.col("payer_id").last())
        return states.collect()

    @cached_property
    def _account_buckets(self) -> pl.DataFrame:
        """The bucket of each account: by its payer, so that a payer is never split; unknown accounts by themselves."""
        named = self.delivered(UsageEvents).select("account_id").unique()
        known = self.delivered(AccountRows).select("account_id").unique()
        ids = (
            pl.concat([named, known])
            .unique()
            .join(self._payers.lazy(), on="account_id", how="left", validate="1:1")
            .with_columns(pl.coalesce("payer_id", "account_id").alias("payer_id"))
            .collect()
        )
        distinct = ids["payer_id"].unique()
        numbers = [self._number(each) for each in distinct]
        buckets = pl.DataFrame({"payer_id": distinct, "bucket": numbers}, schema_overrides={"bucket": pl.Int64})
        return ids.join(buckets, on="payer_id", how="left", validate="m:1").select("account_id", "bucket")


# Fingerprints are asked for by a close, and when a month is closed.
ON_DEMAND: tuple[type[Table], ...] = (LineInputs,)
# What the book makes, in the order in which data flows.
BOOK_TABLES: tuple[type[Table], ...] = (
    Companies,
    LegalEntities,
    Currencies,
    Products,
    Meters,
    PlanPrices,
    PriceVersions,
    PriceTiers,
    PriceCells,
    RateCurves,
    PriceConditions,
    Exclusions,
    CostMappings,
    CostConditions,
    CostMeters,
    Contracts,
)


def open_build(settings: Settings, as_of: date, *, issues_all: bool = False) -> Build:
    """Return the build of everything delivered up to `as_of`; nothing is made yet.

    Refuses: a day before the first delivery.
    """
    deliveries = tuple(intake.snapshot_dates(settings, as_of))
    if not deliveries:
        raise UsageError(f"Nothing was delivered on or before {as_of}; the first delivery is later. Take a later date.")
    return Build(settings, as_of, deliveries, issues_all=issues_all)


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Return the hash of the code that decides what the tables say."""
    files = sorted(path for folder in RULES for path in (ROOT / folder).rglob("*.py"))
    return _digest(f"{path.relative_to(ROOT)}:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files)


def _refuse_keys_in_two_parts(table: type[Table], folder: Path) -> None:
    """Count rows and distinct keys over all parts: each part was checked by itself when it was written."""
    files = sorted(folder.glob("*.parquet"))
    if len(files) < 2:
        return
    keys = scan(table, files).select(table.keys)
    # Different hashes mean different keys, and eight bytes a row fit where the keys of a month do not.
    hashes = keys.select(pl.struct(pl.all()).hash().alias("hash"))
    rows, distinct = hashes.select(pl.len(), pl.col("hash").n_unique().alias("distinct")).collect().row(0)
    if rows == distinct:
        return
    distinct = keys.unique().select(pl.len()).collect().item()
    if rows != distinct:
        raise ContractError(
            f"{table.table_name}: {rows - distinct:,} keys ({', '.join(table.keys)}) stand in two parts."
        )


def _about(table: pl.LazyFrame, accounts: pl.Series) -> pl.LazyFrame:
    """Leave of events, duplicates and corrections those that change cells of some accounts."""
    names = set(table.collect_schema()) & {"account_id", "reversed_account_id"}
    if "occurred_at" not in table.collect_schema():
        return table
    return table.filter(pl.any_horizontal(pl.col(name).is_in(accounts.implode()) for name in sorted(names)))


def _digest(parts: Iterator[str] | Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()
