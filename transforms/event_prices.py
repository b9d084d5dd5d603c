"""The prices of events: found without the detour over usage cells, except where a cell may say something else.

A month of payments has nearly as many cells as events. But who is asked (account, contract, meter), what is asked
(dimensions, currency) and when (between which changes of prices) are few: each is answered once, by the rules that
answer for cells, and found again for each event by codes and numbers.
"""

from collections.abc import Callable
from decimal import Decimal
from inspect import signature

import polars as pl

from data_contracts import RepeatedEvents, Reversals, UsageSlots
from data_contracts.vocabulary import BEGINNING_AT
from transforms import exchange, periods
from transforms.charge_models import EVENT_MODELS
from transforms.codes import coded, spelled
from transforms.priced_usage import OFFER, offers, priced_usage
from transforms.reversed_usage import is_negative
from transforms.usage_cells import (
    ASKS,
    CELL,
    NAMES,
    OF_WHICH_MOMENT,
    contract_spans,
    what_counts,
    with_cell,
    with_moment,
)
from transforms.usage_days import usage_days
from transforms.usage_states import usage_states

OF_THE_PRICE = [
    "price_id",
    "price_version_id",
    "list_price_version_id",
    "line_dimensions",
    "currency",
    "billing_currency",
]
PRICED_EVENT = [
    "delivery_date",
    "source",
    "event_id",
    "account_id",
    "occurred_at",
    "source_file",
    "source_line",
    "service_date",
    "contract_id",
    "quantity",
    *OF_THE_PRICE,
]
WHAT = ["meter", "dimensions", "value_currency"]
OF_CONTRACTS = ("accounts", "account_contracts", "meters", "plan_prices", "price_versions")
OF_CELLS = (*OF_CONTRACTS, "price_conditions", "usage_slots", "zone_days")
OF_OFFERS = ("rates", "price_conditions", "price_cells", "account_contracts", "rate_curves")
ADDITIVE = ["sum", "count"]
# What is proven to stay below half of a bound need not be added up per counter to know that none reaches it.
MARGIN = 2
LARGEST_QUANTITY = Decimal(10) ** 20
# Rates times changes of prices: more than that (rate curves of thousands of customers) would not fit a table.
MOST_EPOCHS = 10_000_000

Tables = dict[str, pl.LazyFrame]


def with_price(events: pl.DataFrame, tables: Tables) -> pl.LazyFrame:
    """Add to each event the prices of event models that rate it, as `priced_usage` gives them to its cell.

    Grain:   one row per event and price; events that wait or are excluded are left out.
    Shape:   `PRICED_EVENT`: `contract_id` is the one that covers, `quantity` what the meter counts; names are coded.
    """
    held = _accounts_of_doubt(events, tables)
    is_doubtful = events["account_id"].is_in(held.implode())
    if not is_doubtful.any():
        return _priced_alone(events, tables).select(PRICED_EVENT)
    parts = [_priced_by_cell(events.filter(is_doubtful), tables)]
    if not is_doubtful.all():
        parts.append(_priced_alone(events.filter(~is_doubtful), tables))
    return pl.concat([part.select(PRICED_EVENT) for part in parts])


def _accounts_of_doubt(events: pl.DataFrame, tables: Tables) -> pl.Series:
    """Return the accounts of which some cell may be held, excluded or cut otherwise than by its prices.

    All, where a price converts, counts or ranks what is used, where a rule speaks about everybody, or an amount may
    reach its bound; else those with a rule of their own, several zones, or an event below 0 that its meter refuses.
    """
    used = events.lazy().select("meter").unique()
    versions = tables["price_versions"].join(used, on="meter", how="semi")
    meters = tables["meters"].join(used, on="meter", how="semi")
    is_other = ~pl.col("model").is_in(list(EVENT_MODELS)) | pl.col("group_limit").is_not_null()
    rates = tables["rates"].join(used, on="meter", how="semi").select("rate_set_id", "meter", "valid_from_at").collect()
    epochs = rates.select("rate_set_id", "meter").n_unique() * rates["valid_from_at"].n_unique()
    doubts = (
        versions.filter(is_other),
        meters.filter(~pl.col("aggregation").is_in(ADDITIVE)),
        tables["exclusions"].filter(pl.col("account_id").is_null()),
    )
    is_large = _size(events) * MARGIN > min(LARGEST_QUANTITY, *versions.collect()["quantity_limit"].drop_nulls())
    if (
        is_large
        or epochs > MOST_EPOCHS
        or exchange.has_conversions(versions)
        or any(not each.head(1).collect().is_empty() for each in doubts)
    ):
        return events["account_id"].unique()
    moving = (
        tables["accounts"].group_by("account_id").agg(pl.col("time_zone").n_unique()).filter(pl.col("time_zone") > 1)
    )
    unsigned = meters.filter(pl.col("negative") == "reject").select("meter")
    negative = events.lazy().filter(is_negative()).join(unsigned, on="meter", how="semi")
    named = [each.select("account_id") for each in (moving, tables["exclusions"], negative)]
    return pl.concat(named).unique().collect().to_series()


def _size(events: pl.DataFrame) -> int:
    """More than any counter of these events can hold, in whole units."""
    sums = [events[name].abs().cast(pl.Int128).sum() for name in ("quantity", "amount")]
    return int(max(sums)) + events.height


def _priced_by_cell(events: pl.DataFrame, tables: Tables) -> pl.LazyFrame:
    """Make the cells of these events as the night makes them all, and take their prices."""
    known = {
        **tables,
        "usage_events": events.lazy(),
        # What was taken back is not among the events.
        "reversals": Reversals.empty().lazy(),
        "repeated_events": RepeatedEvents.empty().lazy(),
    }

    def made(builder: Callable[..., pl.LazyFrame]) -> pl.LazyFrame:
        return builder(**{name: known[name] for name in signature(builder).parameters}).collect().lazy()

    known["usage_states"] = made(usage_states)
    known["usage_days"] = made(usage_days)
    cells = made(priced_usage).filter(pl.col("model").is_in(list(EVENT_MODELS)))
    celled = with_cell(events.lazy(), **{name: tables[name] for name in OF_CELLS})
    priced = celled.drop("quantity").join(
        cells.select(*CELL, *OF_THE_PRICE, "contract_id"), on=CELL, how="inner", validate="m:m"
    )
    return coded(priced.rename({"measured": "quantity"}), *NAMES, *OF_THE_PRICE)


def _priced_alone(events: pl.DataFrame, tables: Tables) -> pl.LazyFrame:
    """Answer who, what and when once each, and find the answers of each event.

    What decides is carried through as codes and numbers beside the row; the other columns come back at the end.
    """
    asking, groups, changes = _asking(events, tables)
    answers = _answers(asking.select("_epoch", *WHAT).unique().drop_nulls("_epoch"), groups, changes, tables)
    answered = asking.join(answers, on=["_epoch", *WHAT], how="left", validate="m:m")
    rated = answered.filter(pl.col("price_id").is_not_null())
    rest = events.drop(NAMES)
    # Almost always each event has one price, and every row is where it was.
    same = rated.height == events.height and rated["row"].is_sorted()
    aligned = rest if same else rest.select(pl.all().gather(rated["row"]))
    return (
        pl.concat([aligned, rated.drop("occurred_at")], how="horizontal")
        .lazy()
        .with_columns(what_counts(pl.lit(1)).alias("quantity"))
    )


def _asking(events: pl.DataFrame, tables: Tables) -> tuple[pl.DataFrame, pl.DataFrame, pl.Series]:
    """Find for each event the contract that covers it and the epoch of its prices; null where it waits.

    Returns the rows with `contract_id`, `service_date`, `_epoch` and `WHAT`, the groups of customers, and all changes.
    """
    moments = (
        with_moment(
            coded(events.select(*NAMES, "occurred_at").with_row_index("row").lazy()),
            # Slots cut days of cells; here every event has its own instant.
            **{name: coded(tables[name]) for name in OF_WHICH_MOMENT if name != "usage_slots"},
            usage_slots=UsageSlots.empty().lazy(),
        )
        .with_columns(pl.col("contract_id").fill_null("").alias("stated_contract_id"))
        .select("row", *ASKS, "dimensions", "value_currency", "occurred_at", "service_date")
        .collect()
    )
    days = moments.select(pl.col("service_date").min().alias("first"), pl.col("service_date").max().alias("last"))
    asked = moments.lazy().select(ASKS).unique().pipe(spelled).collect().lazy()
    dated = [asked.with_columns(pl.lit(day).alias("service_date")) for day in days.row(0)]
    contracts = contract_spans(pl.concat(dated), **{name: tables[name] for name in OF_CONTRACTS})
    clear = contracts.filter(pl.col("suspense_rule").is_null()).select(
        *ASKS, "_span_from", "_span_to", "contract_id", "rate_set_id"
    )
    agreed = clear.collect()
    groups = agreed.select("rate_set_id", "meter").unique().with_row_index("_group")
    changes, epochs = _epochs(groups, tables["rates"])
    spans = coded(
        agreed.lazy().join(groups.lazy(), on=["rate_set_id", "meter"], how="left", validate="m:1").drop("rate_set_id")
    ).collect()
    change = pl.lit(changes).search_sorted(pl.col("occurred_at"), side="right").cast(pl.Int64) - 1
    is_covered = periods.covers(pl.col("service_date"), "_span_from", "_span_to")
    asking = (
        moments.lazy()
        .join(spans.lazy(), on=ASKS, how="left", validate="m:m")
        .filter(pl.col("_group").is_null() | is_covered)
        .with_columns(pl.lit(epochs).gather(pl.col("_group").cast(pl.Int64) * len(changes) + change).alias("_epoch"))
        .select("row", "account_id", *WHAT, "contract_id", "occurred_at", "service_date", "_epoch")
        .collect()
    )
    return asking, groups, changes


def _answers(questions: pl.DataFrame, groups: pl.DataFrame, changes: pl.Series, tables: Tables) -> pl.DataFrame:
    """Name the prices of event models that apply to each question: epoch and `WHAT`. Grain: question and price."""
    asked = (
        spelled(questions.lazy())
        .with_columns(
            pl.lit(changes).gather(pl.col("_epoch") % len(changes)).alias("slot_at"),
            (pl.col("_epoch") // len(changes)).cast(groups.schema["_group"]).alias("_group"),
        )
        .join(groups.lazy().drop("meter"), on="_group", how="left", validate="m:1")
        .join(tables["meters"].select("meter", "value", "aggregation"), on="meter", how="left", validate="m:1")
        # Without an amount in a currency the meter of amounts measures nothing: that waits by name.
        .filter((pl.col("value") != "amount") | (pl.col("value_currency") != ""))
        .collect()
        .lazy()
    )
    found = (
        offers(asked.select(*OFFER, "value"), *[tables[name] for name in OF_OFFERS])
        .filter(pl.col("rule").is_null() & pl.col("model").is_in(list(EVENT_MODELS)))
        .select(*OFFER, *OF_THE_PRICE)
    )
    return coded(
        asked.join(found, on=OFFER, how="inner", validate="1:m").select(
            "_epoch", *WHAT, "value", "aggregation", *OF_THE_PRICE
        )
    ).collect()


def _epochs(groups: pl.DataFrame, rates: pl.LazyFrame) -> tuple[pl.Series, pl.Series]:
    """Return all instants at which a price changes for some group of customers; and what holds for each at each.

    A group's prices stay the same between two changes of its own. The second series has the changes of each group one
    after the other, and says group and latest own change as one number: `group * changes + change`.
    """
    used = rates.join(groups.lazy(), on=["rate_set_id", "meter"], how="inner", validate="m:1")
    own = pl.concat([used.select("_group", pl.col(name).alias("_at")) for name in ("valid_from_at", "valid_to_at")])
    from_the_beginning = groups.lazy().select("_group", pl.lit(BEGINNING_AT, pl.Datetime("us")).alias("_at"))
    own_changes = pl.concat([own, from_the_beginning]).unique().collect()
    changes = own_changes["_at"].unique().sort()
    place = pl.col("_group").cast(pl.Int64) * len(changes) + pl.lit(changes).search_sorted(pl.col("_at")).cast(pl.Int64)
    places = own_changes.select(place).to_series()
    table = pl.Series("_epoch", [None], dtype=pl.Int64).new_from_index(0, groups.height * len(changes))
    return changes, table.scatter(places, places).forward_fill()
