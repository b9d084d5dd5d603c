"""Lines that several contracts or groups make together: rated as one sum, and given to each by what it has used.

Of `pool: payer` the parts are the contracts of a payer, of `group_by_shared_tiers` the groups of a price.
"""

import polars as pl

from data_contracts.vocabulary import AMOUNT, EXACT, QUANTITY
from transforms import periods, running
from transforms.allocation import with_shares
from transforms.billing_periods import BILLING_PERIOD, DUE
from transforms.charge_models import CUMULATIVE_MODELS
from transforms.money import MINOR_UNITS

# What is rated as one: the units of a counter on a day, at one version. The line has the first contract of its parts.
WHOLE = [
    "counter_owner",
    "counter_version_id",
    "counter_start",
    "price_id",
    "price_version_id",
    "list_price_version_id",
    "dimensions",
    "currency",
    "service_date",
    *BILLING_PERIOD,
    DUE,
    "model",
    "charge_kind",
]
SHARED = ["account_id", "contract_id", "price_id", "price_version_id", "dimensions", "service_date"]
OWNER = ["account_id", "contract_id"]
PART = ["part_account_id", "part_contract_id", "part_dimensions"]
# The amounts of a line, with the column of each part's share.
EXACTS = {"amount_exact": "_exact_share", "list_exact": "_list_exact_share"}
AMOUNTS = {"amount": "_amount_share", "list_amount": "_list_amount_share"}


def is_shared(price_versions: pl.LazyFrame) -> bool:
    """Whether any price is rated for several contracts or groups at once."""
    # Collected, because it decides what is built, and the book is small.
    return not _shared_versions(price_versions).select("price_version_id").head(1).collect().is_empty()


def _shared_versions(price_versions: pl.LazyFrame) -> pl.LazyFrame:
    """Versions with a total that is priced as a whole; prices of cells give each cell what it costs anyway."""
    counts = pl.col("model").is_in([name for name in CUMULATIVE_MODELS if name != "flat"])
    return price_versions.filter(counts & (pl.col("shares_tiers") | (pl.col("pool") == "payer")))


def merged(points: pl.LazyFrame, price_versions: pl.LazyFrame) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Add up the points that are rated as one, and return beside them which parts each of them has.

    Grain: of the parts one row per point that was added up, with the key of its whole.
    """
    terms = _shared_versions(price_versions).select(
        "price_version_id", "currency", pl.when("shares_tiers").then("conditions").alias("_dimensions")
    )
    key = ["price_version_id", "currency"]
    parts = (
        points.join(terms, on=key, how="inner", validate="m:1")
        .with_columns(
            *[pl.col(name.removeprefix("part_")).alias(name) for name in PART],
            pl.coalesce("_dimensions", "dimensions").alias("dimensions"),
        )
        .drop("_dimensions")
        .collect()
        .lazy()
    )
    first = {name: pl.col(f"part_{name}").sort_by("part_account_id", "part_contract_id").first() for name in OWNER}
    summed = parts.group_by(WHOLE).agg(
        *[of_first.alias(name) for name, of_first in first.items()],
        pl.col("started_at").min(),
        *[pl.col(name).sum() for name in ("quantity", "cell_exact", "list_cell_exact")],
        pl.col("counter_owner").first().alias("rounding_owner"),
    )
    columns = [*points.collect_schema().names(), "rounding_owner"]
    others = points.join(terms, on=key, how="anti").with_columns(pl.col("contract_id").alias("rounding_owner"))
    of_parts = (
        parts.drop("account_id", "contract_id")
        .join(summed.select(*WHOLE, "account_id", "contract_id"), on=WHOLE, how="inner", validate="m:1")
        .select(*SHARED, *BILLING_PERIOD, *PART, pl.col("quantity").alias("of_part"))
    )
    return pl.concat([others.select(columns), summed.select(columns)]), of_parts


def split(lines: pl.LazyFrame, parts: pl.LazyFrame, account_contracts: pl.LazyFrame) -> pl.LazyFrame:
    """Give each part its share of the lines that were rated as one.

    Grain: one row per line and part; other lines as they are.
    Rule:  amounts are shared out by the quantities of the day, largest remainder, equals by key, all to the first if
           nothing was used; exact ones at the 24th place, rounded ones at the minor unit. Both sum to the line's.
           Example: 10.00 over 1, 1 and 1 gives 3.34, 3.33, 3.33.
    """
    key = [*SHARED, *BILLING_PERIOD]
    # Collected, because both halves go on from it.
    of_lines = running.in_order(lines.join(parts, on=key, how="inner", validate="1:m"), key, PART)
    weighed = of_lines.with_columns(_weight(key)).drop(running.STARTS).collect().lazy()
    shared = pl.concat([_split(weighed.filter(pl.col("minor_units") == digits), key, digits) for digits in MINOR_UNITS])
    entities = account_contracts.select(
        pl.col("account_id").alias("part_account_id"),
        pl.col("contract_id").alias("part_contract_id"),
        "valid_from",
        "valid_to",
        "legal_entity_id",
    )
    of_parts = (
        _standing(shared, key)
        .drop("legal_entity_id")
        .join(entities, on=["part_account_id", "part_contract_id"], how="inner", validate="m:m")
        .filter(periods.covers(pl.col("service_date"), "valid_from", "valid_to"))
        .with_columns(pl.col(name).alias(name.removeprefix("part_")) for name in PART)
        .with_columns(_named())
    )
    columns = lines.collect_schema().names()
    return pl.concat([lines.join(parts, on=key, how="anti"), of_parts.select(columns)])


def _weight(key: list[str]) -> pl.Expr:
    """How much a part counts: what it used; where nobody used anything, the first by key counts alone."""
    used = pl.col("of_part").abs()
    alone = pl.when(running.STARTS).then(pl.lit(1)).otherwise(pl.lit(0)).cast(QUANTITY)
    return pl.when(used.sum().over(key) == 0).then(alone).otherwise(used).alias("weight")


def _split(parts: pl.LazyFrame, key: list[str], digits: int) -> pl.LazyFrame:
    in_units = parts.with_columns(pl.col(name).cast(pl.Decimal(18, digits)) for name in AMOUNTS)
    shares = with_shares(in_units, pool=key, key=PART, weight="weight", amounts=EXACTS | AMOUNTS)
    return shares.with_columns(pl.col(name).cast(AMOUNT) for name in (*AMOUNTS, *AMOUNTS.values()))


def _standing(parts: pl.LazyFrame, key: list[str]) -> pl.LazyFrame:
    """Let each part say what stood before it: the line's own before, and the parts of the line before it."""
    exact_through = running.total("_exact_share", EXACT) - pl.col("_exact_share")
    quantity_through = running.total("of_part", QUANTITY) - pl.col("of_part")
    return running.in_order(parts, key, PART).with_columns(
        (pl.col("amount_exact_before") + exact_through).alias("amount_exact_before"),
        (pl.col("quantity_before") + quantity_through).alias("quantity_before"),
        pl.col("of_part").alias("quantity"),
        *[pl.col(share).alias(name) for name, share in (EXACTS | AMOUNTS).items()],
    )


def _named() -> pl.Expr:
    day = pl.col("service_date").dt.to_string("iso")
    names = ["contract_id", "price_version_id", "dimensions", "charge_kind", day]
    return pl.concat_str(names, separator="/").alias("line_item_id")
