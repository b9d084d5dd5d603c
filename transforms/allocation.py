"""One amount over several parts, by largest remainder: the parts always sum to the amount, to the last digit."""

from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from functools import partial

import polars as pl

# Python's own context would round at 28 digits; amounts have 38.
EXACT = Context(prec=76)


def largest_remainder(total: int, weights: Sequence[int]) -> list[int]:
    """Split a whole number of units over weights; equals in the fraction are settled by the order they stand in.

    Rule:    every part gets the whole units of total · weight / sum; the units left over go one each to the largest
             fractions. Example: 100 over 1, 1, 1 gives 34, 33, 33; -100 gives -34, -33, -33.
    Refuses: negative weights, and weights that are all zero: there is nothing to go by.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError(f"{len(weights)} weights from {min(weights)} to {max(weights)}: no share can be told.")
    sign = -1 if total < 0 else 1
    products = [abs(total) * weight for weight in weights]
    parts = [product // whole for product in products]
    left_over = abs(total) - sum(parts)
    # `sorted` is stable, so that of equal fractions the earlier part comes first.
    for place in sorted(range(len(parts)), key=lambda place: -(products[place] % whole))[:left_over]:
        parts[place] += 1
    return [sign * part for part in parts]


def with_shares(
    parts: pl.LazyFrame, *, pool: Sequence[str], key: Sequence[str], weight: str, amounts: Mapping[str, str]
) -> pl.LazyFrame:
    """Add each part's share of its pool's amounts: `amounts` says from which column of the pool into which.

    Grain:   one row per part, none added, none dropped; sorted by pool and key, which decides between equals.
    Shape:   a share has the scale of its amount; an amount that is null is null for every part.
    Refuses: a pool whose weights are negative or all zero.
    """
    by_pool = parts.sort(*pool, *key).group_by(pool, maintain_order=True).agg(pl.all().exclude(pool))
    schema = parts.collect_schema()
    shares = [
        pl.struct(pl.col(source).list.first().alias("amount"), pl.col(weight).alias("weights"))
        .map_batches(partial(_shares, dtype=schema[source]), return_dtype=pl.List(schema[source]))
        .alias(target)
        for source, target in amounts.items()
    ]
    others = [name for name in schema.names() if name not in pool]
    return by_pool.with_columns(shares).explode(*others, *amounts.values())


def _shares(pools: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Whole numbers of the smallest unit are exact whatever their size; no decimal type holds the products."""
    if not isinstance(dtype, pl.Decimal):
        raise TypeError(f"{dtype} cannot be split exactly: amounts are decimals.")
    amounts, weights = pools.struct.field("amount").to_list(), pools.struct.field("weights").to_list()
    found = [_split(amount, by, dtype.scale) for amount, by in zip(amounts, weights, strict=True)]
    return pl.Series(found, dtype=pl.List(dtype))


def _split(amount: Decimal | None, weights: Sequence[Decimal], scale: int) -> Sequence[Decimal | None]:
    if amount is None:
        return [None] * len(weights)
    # The smallest unit of every weight is the same, so their common scale cancels out of the shares.
    places = max(-int(weight.as_tuple().exponent) for weight in weights)
    units = [int(weight.scaleb(places, EXACT)) for weight in weights]
    return [Decimal(part).scaleb(-scale, EXACT) for part in largest_remainder(int(amount.scaleb(scale, EXACT)), units)]
