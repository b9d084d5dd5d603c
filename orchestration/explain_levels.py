"""What the quantity of a line is when its events do not add up: recomputed from the events of the line's counter.

Plain fractions, event by event; of the table that made the line only its rows are read: which cells, from when to when.
"""

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any

import polars as pl

from data_contracts import LineItems, Meters, PricedUsage, Reversals, UsageEvents, UsageLevels
from orchestration.build import Build
from orchestration.explain_counter import lines_of_counter
from transforms import dimensions
from transforms.charge_models import CELL_MODELS
from transforms.reversed_usage import standing
from transforms.usage_cells import CELL, with_cell

Row = dict[str, Any]
HOLDER = [name for name in CELL if name not in ("service_date", "slot_at")]
OF_A_LINE = ["account_id", "contract_id", "price_version_id", "service_date"]
PLACES = 10**12
MICROSECOND = timedelta(microseconds=1)


def of_levels(build: Build, meter: str) -> Row | None:
    """Return the meter if its events do not add up."""
    mine = build.frame(Meters).filter(pl.col("meter") == meter, ~pl.col("aggregation").is_in(["sum", "count"]))
    found = mine.collect().to_dicts()
    return found[0] if found else None


def counted(
    build: Build, line: Row, meter: Row, model: str, reference: dict[str, pl.LazyFrame]
) -> dict[str, tuple[Fraction, Fraction]]:
    """Return what a line's counter holds before the line and with it, by the dimensions of the counter.

    A price of cells has a counter for each of them; of any other price all cells are one, under the line's dimensions.
    `reference` are the tables by which an event finds its cell, by name.
    """
    rows = _rows(build, line)
    if meter["aggregation"] == "weighted_sum":
        # Levels of accounts that pool are added up, each by the length of its own period.
        rows = [row for row in rows if row["account_id"] == line["account_id"]]
    events = _events(build, rows, line, meter, reference)
    by_cell: dict[str, list[Row]] = {}
    for row in rows:
        by_cell.setdefault(row["dimensions"] if model in CELL_MODELS else line["dimensions"], []).append(row)
    return {cell: _counted(events, of_cell, meter) for cell, of_cell in sorted(by_cell.items())}


def _counted(events: Sequence[Row], rows: Sequence[Row], meter: Row) -> tuple[Fraction, Fraction]:
    """What is held before the line's first row, and with what each of its rows adds to it."""
    places = [place for place, row in enumerate(rows) if row["is_of_line"]]
    if not places:
        return Fraction(0), Fraction(0)
    before = _held(events, rows[: places[0]], meter)
    gained = (_held(events, rows[: place + 1], meter) - _held(events, rows[:place], meter) for place in places)
    return before, before + sum(gained, Fraction(0))


def _rows(build: Build, line: Row) -> list[Row]:
    """Return the rows of usage that the line's counter is made of in its billing period, up to its day, in order."""
    ids = [each for row in lines_of_counter(build, line) for each in row["line_item_ids"]]
    until = pl.col("service_date") <= line["service_date"]
    of_period = pl.col("billing_period_start") == line["billing_period_start"]
    counter = build.frame(LineItems).filter(pl.col("line_item_id").is_in(ids), of_period, until).select(OF_A_LINE)
    cells = build.frame(PricedUsage).filter(
        pl.col("price_id") == line["price_id"], pl.col("line_dimensions") == line["dimensions"]
    )
    is_of_line = pl.all_horizontal([pl.col(name) == line[name] for name in OF_A_LINE])
    mine = cells.join(counter, on=OF_A_LINE, how="semi").select(*CELL, is_of_line.alias("is_of_line"))
    rows = (
        build.frame(UsageLevels)
        .select(*CELL, "slot_end_at", "period_microseconds")
        .unique()
        .join(mine, on=CELL, how="inner", validate="1:1")
        .sort("slot_at", *HOLDER)
    )
    return rows.collect().to_dicts()


def _events(build: Build, rows: Sequence[Row], line: Row, meter: Row, reference: dict[str, pl.LazyFrame]) -> list[Row]:
    accounts = sorted({row["account_id"] for row in rows})
    mine = pl.col("account_id").is_in(accounts) & (pl.col("meter") == meter["meter"])
    events = standing(build.delivered(UsageEvents).filter(mine), build.delivered(Reversals))
    celled = with_cell(events.with_columns(pl.col("dimensions").alias("_named")), **reference)
    found = celled.sort("occurred_at", "event_id", "source").collect()
    named = dimensions.exploded(found.lazy().select("event_id", "source", pl.col("_named").alias("dimensions")))
    values = named.filter(pl.col("dimension") == meter["value"]).select("event_id", "source", "value").collect()
    by_event = {(event_id, source): value for event_id, source, value in values.iter_rows()}
    return [
        {**row, "counted_value": by_event.get((row["event_id"], row["source"]))}
        for row in found.to_dicts()
        if meter["carries_over"] or row["service_date"] >= line["billing_period_start"]
    ]


def _held(events: Sequence[Row], rows: Sequence[Row], meter: Row) -> Fraction:
    """What a counter holds at the end of its rows."""
    if not rows:
        return Fraction(0)
    # What is carried over counts under whatever price holds now, whenever it began.
    names = HOLDER if meter["carries_over"] else CELL
    cells = {tuple(row[name] for name in names) for row in rows}
    end = max(row["slot_at"] for row in rows)
    mine = [event for event in events if tuple(event[name] for name in names) in cells and event["slot_at"] <= end]
    if meter["aggregation"] == "weighted_sum":
        return _weighted_sum(events, rows)
    if meter["aggregation"] == "unique_count":
        return Fraction(len({event["counted_value"] for event in mine}))
    values = [Fraction(event["measured"]) for event in mine]
    if not values:
        return Fraction(0)
    return max(values) if meter["aggregation"] == "max" else values[-1]


def _weighted_sum(events: Sequence[Row], rows: Sequence[Row]) -> Fraction:
    """Add up what each event weighs in each row, from its instant or from the row's start to the row's end."""
    total = Fraction(0)
    for row in rows:
        for event in events:
            if event["slot_at"] <= row["slot_at"] and all(event[name] == row[name] for name in HOLDER):
                since = max(event["occurred_at"], row["slot_at"])
                total += Fraction(event["measured"]) * ((row["slot_end_at"] - since) // MICROSECOND)
    return Fraction(round(total / rows[0]["period_microseconds"] * PLACES), PLACES)
