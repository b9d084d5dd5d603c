"""`ratebook simulate`: stored usage rated again with a changed book by the night's own builders; nothing is published.

What was delivered is read where it lies; the tables are made in a folder that is thrown away.
"""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from data_contracts import Contracts, Documents, LineItems, UsageOutcomes
from orchestration import book
from orchestration.build import Build, open_build
from orchestration.desk import book_files, refuse_problems
from orchestration.errors import UsageError
from orchestration.explain import published_build
from orchestration.night import NIGHTLY
from orchestration.settings import Settings

UNFIT = "this book cannot be simulated with the contracts that are known."
MONEY = ("revenue_before", "revenue_after", "cost_before", "cost_after")
BY_PRODUCT, BY_ACCOUNT = ["product_id", "currency"], ["account_id", "currency"]


@dataclass(frozen=True)
class Simulation:
    """Revenue and cost of a span of service dates, as published and as the changed book would have it.

    Every frame has `currency` and revenue and cost before and after, DECIMAL(38,4): `products` one row per product,
    `accounts` one per account, `locked` one per account of the contracts with prices of their own, which a change of
    list prices does not reach (they are in the other two as well). `suspense` lists usage that only one book prices.
    """

    first: date
    last: date
    products: pl.DataFrame
    accounts: pl.DataFrame
    locked: pl.DataFrame
    suspense: pl.DataFrame

    @property
    def totals(self) -> pl.DataFrame:
        """Return one row per currency."""
        return _summed(self.products.lazy(), ["currency"])

    @property
    def changes_nothing(self) -> bool:
        """Whether every account, product and waiting usage comes to the same with both books."""
        same = (pl.col("revenue_before") == pl.col("revenue_after")) & (pl.col("cost_before") == pl.col("cost_after"))
        alike = [frame.select(same.all()).item() for frame in (self.products, self.accounts)]
        return all(alike) and self.suspense.is_empty()

    def movers(self, most: int) -> pl.DataFrame:
        """Return the accounts that change most, per currency, dearer and cheaper ones: `most` of each."""
        change = pl.col("revenue_after") - pl.col("revenue_before")
        moved = self.accounts.with_columns(change.alias("change")).filter(pl.col("change") != 0)
        by_size = moved.sort("currency", "change", "account_id", descending=[False, True, False])
        dearer = by_size.filter(pl.col("change") > 0).group_by("currency", maintain_order=True).head(most)
        cheaper = by_size.filter(pl.col("change") < 0).group_by("currency", maintain_order=True).tail(most)
        return pl.concat([dearer.select(by_size.columns), cheaper.select(by_size.columns)]).sort(
            "currency", "change", "account_id", descending=[False, True, False]
        )

    def as_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {
            "from": self.first,
            "to": self.last,
            "totals": self.totals.to_dicts(),
            "products": self.products.to_dicts(),
            "accounts": self.accounts.to_dicts(),
            "locked": self.locked.to_dicts(),
            "suspense": self.suspense.to_dicts(),
        }


def simulate(
    settings: Settings, folder: Path, first: date, last: date, *, progress: Callable[[str], None] = lambda _: None
) -> Simulation:
    """Rate what the served run rated once more, with the book in `folder`, and compare service dates first to last.

    Rule:    the changed book holds as if it had been the book from the beginning; the contracts stay as they are.
    Refuses: a book that no first delivery could bring, contracts that it does not fit, and a home without a run.
    """
    before = published_build(settings, None)
    if first > last:
        raise UsageError(f"--from {first} is after --to {last}.")
    home = Path(tempfile.mkdtemp(prefix="ratebook-simulation-"))
    try:
        (home / "lake").symlink_to(settings.delivered.parent)
        scratch = settings.model_copy(update={"home": home})
        after = replace(open_build(scratch, before.as_of), other_book=_changed_book(before, folder))
        after.make_book()
        for builder in NIGHTLY:
            progress(f"rating with {folder}: {builder.__name__}")
            after.make(builder)
        return _compared(before, after, first, last)
    finally:
        shutil.rmtree(home)


def _changed_book(before: Build, folder: Path) -> book.BookState:
    accepted = book.accept_delivery(book.EMPTY, before.deliveries[0], book_files(folder), {})
    refuse_problems(folder, accepted, UNFIT)
    state = accepted.state
    signed = (
        before.delivered(Documents).filter(pl.col("dataset") == "contracts").sort("delivery_date", "path").collect()
    )
    for (day,), documents in signed.group_by("delivery_date", maintain_order=True):
        texts = dict(documents.select("path", "content").iter_rows())
        accepted = book.accept_delivery(state, day, {}, texts)
        refuse_problems(folder, accepted, UNFIT)
        state = accepted.state
    return state


def _compared(before: Build, after: Build, first: date, last: date) -> Simulation:
    own = before.frame(Contracts).filter("has_overrides").select("contract_id").unique()
    both = pl.concat(
        [
            _lines(build, first, last).with_columns(
                [
                    pl.when(pl.col("kind") == kind, pl.lit(side == now))
                    .then("amount")
                    .otherwise(0)
                    .alias(f"{kind}_{side}")
                    for kind in ("revenue", "cost")
                    for side in ("before", "after")
                ]
            )
            for build, now in ((before, "before"), (after, "after"))
        ]
    )
    return Simulation(
        first,
        last,
        _summed(both, BY_PRODUCT),
        _summed(both, BY_ACCOUNT),
        _summed(both.join(own, on="contract_id", how="semi"), BY_ACCOUNT),
        _suspense(before, after, first, last),
    )


def _lines(build: Build, first: date, last: date) -> pl.LazyFrame:
    named = ("account_id", "contract_id", "product_id", "currency", "kind", "amount")
    return build.frame(LineItems).filter(pl.col("service_date").is_between(first, last)).select(named)


def _summed(lines: pl.LazyFrame, by: Sequence[str]) -> pl.DataFrame:
    sums = [pl.col(name).cast(LineItems.schema()["amount"]).sum() for name in MONEY]
    return lines.group_by(by).agg(sums).sort(by).collect()


def _suspense(before: Build, after: Build, first: date, last: date) -> pl.DataFrame:
    """Usage that waits under one of the two books and not under the other."""
    by = ["meter", "dimensions", "rule"]
    counted = [
        build.frame(UsageOutcomes)
        .filter(
            pl.col("outcome") == "suspense", pl.col("kind") == "revenue", pl.col("service_date").is_between(first, last)
        )
        .group_by(by)
        .agg(pl.col("event_count").sum().alias(f"events_{name}"))
        for build, name in ((before, "before"), (after, "after"))
    ]
    joined = counted[0].join(counted[1], on=by, how="full", coalesce=True, validate="1:1")
    # No row on one side means that nothing of it waits there.
    filled = joined.with_columns(pl.col("events_before", "events_after").fill_null(0))
    return filled.filter(pl.col("events_before") != pl.col("events_after")).sort(by).collect()


def percent(change: Decimal, of: Decimal) -> Decimal | None:
    """Return a change in percent, to a tenth, for reading; None of nothing."""
    return None if of == 0 else (change * 100 / of).quantize(Decimal("0.1"))
