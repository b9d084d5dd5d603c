"""The builders of the night on tables in memory: what storage does with files, done with frames."""

import importlib
from datetime import date

import polars as pl

from data_contracts import TABLES
from data_contracts.validation import validate
from orchestration.tables import made_by
from tests.tables import rows

ORDER = (
    "accounts",
    "zone_days",
    "account_contracts",
    "rates",
    "usage_slots",
    "usage_states",
    "usage_days",
    "priced_usage",
    "rated_events",
    "line_items",
    "usage_outcomes",
)
CONTRACTS = {table.table_name: table for table in TABLES}
CURRENCIES = """
    currency | minor_units
    EUR      | 2
    USD      | 2
    GBP      | 2
    JPY      | 0
    KWD      | 3
"""


def made(until: str, *, as_of: str, engine: str = "auto", **given: pl.LazyFrame) -> dict[str, pl.DataFrame]:
    """Run the builders up to `until` on the given tables and return every table made, each checked.

    A table that is not given and not made is empty; currencies and one company have defaults.
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
            arguments = {"as_of": date.fromisoformat(as_of)} if builder.wants_as_of else {}
            inputs = {each: known[each] for each in builder.inputs}
            results[name] = validate(builder.table, builder.builder(**inputs, **arguments).collect(engine=engine))
            known[name] = results[name].lazy()
        if name == until:
            break
    return results
