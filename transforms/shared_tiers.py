"""Lines of a price whose groups share tiers: rated as one sum, and given to the groups by what each has used."""

import polars as pl

from data_contracts.vocabulary import AMOUNT, EXACT, QUANTITY
from transforms import running
from transforms.allocation import with_shares
from transforms.money import MINOR_UNITS

# A line without its group: what is shared out among the groups that used something.
SHARED = ["account_id", "contract_id", "price_id", "price_version_id", "service_date"]
# The amounts of a line, with the smallest unit that each is split into.
EXACTS = {"amount_exact": "_exact_share", "list_exact": "_list_exact_share"}
AMOUNTS = {"amount": "_amount_share", "list_amount": "_list_amount_share"}


def with_groups(lines: pl.LazyFrame, used: pl.LazyFrame, price_versions: pl.LazyFrame) -> pl.LazyFrame:
    """Split the lines of prices with shared tiers into their groups.

    Grain: one row per line and group that used something on its day; other lines, and lines without usage, as they are.
    Rule:  amounts are shared out by the quantities of the day, largest remainder, equals by the group's name; the
           exact ones at the 24th place, the rounded ones at the currency's minor unit. Both sum to the line's.
           Example: 10.00 over 1, 1 and 1 gives 3.34, 3.33, 3.33.
    """
    shared = price_versions.filter("shares_tiers").select("price_id").unique()
    groups = (
        used.join(shared, on="price_id", how="semi")
        .group_by(*SHARED, pl.col("line_dimensions").alias("group"))
        .agg(pl.col("quantity").sum().alias("of_group"))
    )
    # Only these have one line a day before they are split: a price grouped in the plain way has one for each group.
    whole = lines.join(shared, on="price_id", how="semi")
    # Collected, because both halves go on from it.
    parts = whole.join(groups, on=SHARED, how="inner", validate="1:m").with_columns(_weight()).collect().lazy()
    split = pl.concat([_split(parts.filter(pl.col("minor_units") == digits), digits) for digits in MINOR_UNITS])
    columns = lines.collect_schema().names()
    return pl.concat([lines.join(groups, on=SHARED, how="anti"), _standing(split).select(columns)])


def _weight() -> pl.Expr:
    """How much a group counts: what it used; where nobody used anything, all alike."""
    used = pl.col("of_group").abs()
    everything = used.sum().over(SHARED)
    return pl.when(everything == 0).then(pl.lit(1).cast(QUANTITY)).otherwise(used).alias("weight")


def _split(parts: pl.LazyFrame, digits: int) -> pl.LazyFrame:
    in_units = parts.with_columns(pl.col(name).cast(pl.Decimal(18, digits)) for name in AMOUNTS)
    shares = with_shares(in_units, pool=SHARED, key=["group"], weight="weight", amounts=EXACTS | AMOUNTS)
    return shares.with_columns(pl.col(name).cast(AMOUNT) for name in (*AMOUNTS, *AMOUNTS.values()))


def _standing(parts: pl.LazyFrame) -> pl.LazyFrame:
    """Let each part say what stood before it: the line's own before, and the parts of the line before it."""
    day = pl.col("service_date").dt.to_string("iso")
    return running.in_order(parts, SHARED, ["group"]).with_columns(
        (pl.col("amount_exact_before") + running.total("_exact_share", EXACT) - pl.col("_exact_share")).alias(
            "amount_exact_before"
        ),
        (pl.col("quantity_before") + running.total("of_group", QUANTITY) - pl.col("of_group")).alias("quantity_before"),
        pl.col("of_group").alias("quantity"),
        pl.col("group").alias("dimensions"),
        pl.concat_str(["contract_id", "price_version_id", "group", "charge_kind", day], separator="/").alias(
            "line_item_id"
        ),
        *[pl.col(share).alias(name) for name, share in (EXACTS | AMOUNTS).items()],
    )
