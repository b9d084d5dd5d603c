"""The builders of the night on tables in memory: what storage does with files, done with frames."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

import polars as pl

from data_contracts import TABLES, Table
from data_contracts.validation import validate
from data_contracts.vocabulary import Layout
from orchestration.tables import Made, made_by
from tests.tables import rows

ORDER = (
    "accounts",
    "zone_days",
    "account_contracts",
    "exchange_rates",
    "rates",
    "usage_slots",
    "usage_states",
    "usage_days",
    "usage_levels",
    "priced_usage",
    "rated_events",
    "line_items",
    "usage_outcomes",
    "findings",
    "line_inputs",
    "corrections",
    "adjustments",
    "posted_line_items",
)
# Wide enough that nothing is held, unless a test asks for it.
BOUNDS = {"adjustment_month_bound": Decimal(100), "adjustment_account_bound": Decimal(100)}
CONTRACTS = {table.table_name: table for table in TABLES}
CURRENCIES = """
    currency | minor_units
    EUR      | 2
    USD      | 2
    GBP      | 2
    JPY      | 0
    KWD      | 3
"""


Frames = dict[str, pl.LazyFrame]


def made(
    until: str,
    *,
    as_of: str,
    engine: str = "auto",
    buckets: Sequence[frozenset[str]] = (),
    by_delivery: bool = False,
    bounds: Mapping[str, Decimal] = BOUNDS,
    **given: pl.LazyFrame,
) -> dict[str, pl.DataFrame]:
    """Run the builders up to `until` on the given tables and return every table made, each checked.

    A table that is not given and not made is empty; currencies and one company have defaults. `buckets` names the
    accounts of each part of the tables per payer, `by_delivery` makes the usage states one delivery at a time: so the
    night does where a table is too large for the memory.
    """
    known = {name: table.empty().lazy() for name, table in CONTRACTS.items()}
    known["currencies"] = rows(CONTRACTS["currencies"], CURRENCIES)
    known["companies"] = rows(
        CONTRACTS["companies"], default_plan_id="payg", time_zone="UTC", billing_starts_on=f"{as_of[:7]}-01"
    )
    known.update(given)
    results = {}
    for name in ORDER:
        if name not in given:
            builder = made_by(getattr(importlib.import_module(f"transforms.{name}"), name))
            options = {"as_of": date.fromisoformat(as_of), "issues_all": False} | bounds
            arguments = {option: options[option] for option in builder.options}
            inputs = {each: known[each] for each in builder.inputs}
            parts = [
                builder.builder(**part, **arguments).collect(engine=engine)
                for part in _parts(builder, inputs, buckets, by_delivery)
            ]
            results[name] = validate(builder.table, pl.concat(parts).sort(builder.table.keys))
            known[name] = results[name].lazy()
        if name == until:
            break
    return results


def _parts(builder: Made, inputs: Frames, buckets: Sequence[frozenset[str]], by_delivery: bool) -> Iterator[Frames]:
    if builder.table.layout is Layout.PER_PAYER and buckets:
        for bucket in buckets:
            yield {name: _of_accounts(frame, builder.inputs[name], bucket) for name, frame in inputs.items()}
    elif builder.table.layout is Layout.PER_DELIVERY and by_delivery:
        delivered = [name for name, table in builder.inputs.items() if table.layout is Layout.PER_DELIVERY]
        days = pl.concat([inputs[name].select("delivery_date") for name in delivered]).unique().sort("delivery_date")
        for day in days.collect()["delivery_date"]:
            of_day = {name: inputs[name].filter(pl.col("delivery_date") == day) for name in delivered}
            yield inputs | of_day
    else:
        yield inputs


def _of_accounts(frame: pl.LazyFrame, table: type[Table], accounts: frozenset[str]) -> pl.LazyFrame:
    account = table.columns.get("account_id")
    # A rule for every account (null) belongs to each part.
    is_shared = account is None or account.null_means is not None
    return frame if is_shared else frame.filter(pl.col("account_id").is_in(sorted(accounts)))
